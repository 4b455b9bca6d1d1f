//! Ogg Opus, checksums included, beside the crate `ogg`.

mod common;

use std::hint::black_box;
use std::io::Cursor;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ogg::PacketReader;
use tempest_blocks::opus::{self, Cutter, Fed, State, symbols};
use tempest_blocks_bench::opuses;

use common::ThreadTime;

/// Bytes of the packets, those of the headers included.
fn ogg_packets(bytes: &[u8]) -> usize {
    let (mut reader, mut sum) = (PacketReader::new(Cursor::new(bytes)), 0);
    while let Ok(Some(packet)) = reader.read_packet() {
        sum += black_box(&packet).data.len();
    }
    sum
}

fn blocks(bytes: &[u8]) -> usize {
    opus::blocks(bytes).map(|block| black_box(&block).bytes.len()).sum()
}

/// As [`blocks`], in chunks of 4 KiB.
fn cutter(bytes: &[u8]) -> usize {
    let (mut cutter, mut sum) = (Cutter::new(), 0);
    for mut input in bytes.chunks(4096) {
        loop {
            input = match cutter.feed(input) {
                Fed::NeedMore => break,
                Fed::Block { block, rest } => {
                    sum += black_box(&block).bytes.len();
                    rest
                }
                Fed::Skipped { rest, .. } => rest,
            }
        }
    }
    sum
}

/// Rows of the packets, for two channels.
fn rows(bytes: &[u8]) -> usize {
    let (mut state, mut row, mut rows) = (State::new(), [0; symbols::row_len(5760, 2)], 0);
    for block in opus::blocks(bytes) {
        let row = &mut row[..symbols::row_len(block.duration, 2)];
        rows += usize::from(symbols::write(&block, 2, &mut state, black_box(row)).is_ok());
    }
    rows
}

fn all(criterion: &mut Criterion<ThreadTime>) {
    for input in &opuses() {
        let mut group = criterion.benchmark_group(format!("opus packets/{}", input.name));
        group.throughput(Throughput::Bytes(input.bytes.len() as u64));
        group.bench_function("slice", |bencher| bencher.iter(|| blocks(black_box(input.bytes))));
        group.bench_function("cutter, chunks of 4 KiB", |bencher| bencher.iter(|| cutter(black_box(input.bytes))));
        group.bench_function("ogg", |bencher| bencher.iter(|| ogg_packets(black_box(input.bytes))));
        group.bench_function("symbols", |bencher| bencher.iter(|| rows(black_box(input.bytes))));
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = all
}
criterion_main!(benches);
