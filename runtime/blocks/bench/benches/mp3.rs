//! MP3 beside Symphonia: framing, `fields`, `symbols`.

#![allow(clippy::expect_used, reason = "a bench that cannot run should panic")]

mod common;

use std::hint::black_box;
use std::io::Cursor;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::default::formats::MpaReader;
use tempest_blocks::mp3::{self, Block, Cutter, Fed, Reservoir, fields, symbols};
use tempest_blocks_bench::{Input, mp3s};

use common::ThreadTime;

fn reader(bytes: &'static [u8]) -> MpaReader<'static> {
    let stream = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
    MpaReader::try_new(stream, FormatOptions::default()).expect("an MP3 stream")
}

/// Bytes of the packets.
fn symphonia_packets(bytes: &'static [u8]) -> usize {
    let (mut reader, mut sum) = (reader(bytes), 0);
    while let Ok(Some(packet)) = reader.next_packet() {
        sum += black_box(&packet).data.len();
    }
    sum
}

/// Samples of one channel.
fn symphonia_decode(bytes: &'static [u8]) -> usize {
    let (mut reader, mut sum) = (reader(bytes), 0);
    let track = reader.default_track(TrackType::Audio).expect("an audio track");
    let params = track.codec_params.as_ref().and_then(|params| params.audio()).expect("audio parameters");
    let codecs = symphonia::default::get_codecs();
    let mut decoder = codecs.make_audio_decoder(params, &AudioDecoderOptions::default()).expect("a decoder");
    while let Ok(Some(packet)) = reader.next_packet() {
        sum += decoder.decode(&packet).map_or(0, |buffer| black_box(buffer).frames());
    }
    sum
}

fn blocks(bytes: &[u8]) -> usize {
    mp3::blocks(bytes).map(|block| black_box(&block).bytes.len()).sum()
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

/// Values of the rows.
fn all_fields(blocks: &[Block<'_>]) -> usize {
    let (mut row, mut sum) = ([0; fields::row_len(2, 2)], 0);
    for block in blocks {
        let len = fields::row_len(block.header.granules(), block.header.channels());
        sum += fields::write(block, &mut row[..len]).map_or(0, |()| black_box(&row).len());
    }
    sum
}

/// Values of the rows, from the bytes of the file on.
fn all_symbols(bytes: &[u8]) -> usize {
    let (mut reservoir, mut row, mut sum) = (Reservoir::new(), [0; symbols::row_len(2, 2)], 0);
    for block in mp3::blocks(bytes) {
        let len = symbols::row_len(block.header.granules(), block.header.channels());
        let main_data = reservoir.push(&block).unwrap_or_default();
        sum += symbols::write(&block, main_data, &mut row[..len]).map_or(0, |()| black_box(&row).len());
    }
    sum
}

fn framing(criterion: &mut Criterion<ThreadTime>, input: &Input) {
    let mut group = criterion.benchmark_group(format!("mp3 framing/{}", input.name));
    group.throughput(Throughput::Bytes(input.bytes.len() as u64));
    group.bench_function("slice", |bencher| bencher.iter(|| blocks(black_box(input.bytes))));
    group.bench_function("cutter, chunks of 4 KiB", |bencher| bencher.iter(|| cutter(black_box(input.bytes))));
    group.bench_function("symphonia packets", |bencher| bencher.iter(|| symphonia_packets(black_box(input.bytes))));
    group.finish();
}

fn views(criterion: &mut Criterion<ThreadTime>, input: &Input) {
    let blocks: Vec<_> = mp3::blocks(input.bytes).collect();
    let mut group = criterion.benchmark_group(format!("mp3 views/{}", input.name));
    group.throughput(Throughput::Elements(blocks.len() as u64));
    group.bench_function("fields", |bencher| bencher.iter(|| all_fields(black_box(&blocks))));
    group.bench_function("symbols", |bencher| bencher.iter(|| all_symbols(black_box(input.bytes))));
    group.bench_function("symphonia decode", |bencher| bencher.iter(|| symphonia_decode(black_box(input.bytes))));
    group.finish();
}

fn all(criterion: &mut Criterion<ThreadTime>) {
    for input in &mp3s() {
        framing(criterion, input);
        views(criterion, input);
    }
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = all
}
criterion_main!(benches);
