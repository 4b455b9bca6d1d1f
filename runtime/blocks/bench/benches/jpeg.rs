//! JPEG MCUs, exact to the bit, beside a full decode by `zune-jpeg`.

#![allow(clippy::expect_used, reason = "a bench that cannot run should panic")]

mod common;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tempest_blocks::jpeg::{Cutter, Fed, Image, MAX_UNITS, symbols};
use tempest_blocks_bench::jpegs;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

use common::ThreadTime;

/// The first sample.
fn zune_decode(bytes: &[u8], samples: &mut Vec<u8>) -> u8 {
    let mut decoder = JpegDecoder::new(ZCursor::new(bytes));
    decoder.decode_headers().expect("a JPEG image");
    samples.resize(decoder.output_buffer_size().expect("known from the headers"), 0);
    decoder.decode_into(samples).expect("a sound image");
    samples[0]
}

/// Bits of the MCUs.
fn walk(bytes: &[u8]) -> u64 {
    let (mut mcus, mut sum) = (Image::parse(bytes).expect("a JPEG image").mcus(), 0);
    while let Some(mcu) = mcus.next() {
        sum += black_box(&mcu.expect("a sound image")).data.bits();
    }
    sum
}

/// As [`walk`], in chunks of 4 KiB.
fn cutter(bytes: &[u8]) -> u64 {
    let (mut cutter, mut sum) = (Cutter::new(), 0);
    for mut input in bytes.chunks(4096) {
        loop {
            input = match cutter.feed(input) {
                Fed::NeedMore => break,
                Fed::Mcu { mcu, rest } => {
                    sum += black_box(&mcu).data.bits();
                    rest
                }
                Fed::Skipped { rest, .. } => rest,
                Fed::Error { error, .. } => panic!("{error}"),
            }
        }
    }
    sum
}

/// As [`walk`], with every row of `symbols`.
fn all_symbols(bytes: &[u8]) -> u64 {
    let (mut mcus, mut sum) = (Image::parse(bytes).expect("a JPEG image").mcus(), 0);
    let mut row = [0; symbols::row_len(MAX_UNITS)];
    while let Some(mcu) = mcus.next() {
        let mcu = mcu.expect("a sound image");
        let len = symbols::row_len(mcu.units().len());
        sum += symbols::write(&mcu, &mut row[..len]).map_or(0, |()| black_box(&row).len() as u64);
    }
    sum
}

fn all(criterion: &mut Criterion<ThreadTime>) {
    for input in &jpegs() {
        let mut samples = Vec::new();
        let mut group = criterion.benchmark_group(format!("jpeg/{}", input.name));
        group.throughput(Throughput::Bytes(input.bytes.len() as u64));
        group.bench_function("walk", |bencher| bencher.iter(|| walk(black_box(input.bytes))));
        group.bench_function("cutter, chunks of 4 KiB", |bencher| bencher.iter(|| cutter(black_box(input.bytes))));
        group.bench_function("walk and symbols", |bencher| bencher.iter(|| all_symbols(black_box(input.bytes))));
        group.bench_function("zune-jpeg decode", |bencher| {
            bencher.iter(|| zune_decode(black_box(input.bytes), &mut samples));
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = all
}
criterion_main!(benches);
