//! How far damage reaches: what lies further away is cut as if nothing had happened.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;
mod damage;
mod jpeg_common;
mod opus_common;

use std::ops::Range;

use damage::{Damage, Touched, damage};
use jpeg_common::{Spec, cut_slice};
use opus_common::{SERIAL, TOC, Writer};
use proptest::collection::vec;
use proptest::prelude::*;
use tempest_blocks::mp3::{self, FrameHeader};
use tempest_blocks::opus::{self, SkipReason};

/// Bytes that begin neither a header nor a tag, so that streams are found only where they are.
fn plain() -> impl Strategy<Value = Vec<u8>> {
    vec(0..0x40_u8, 1..300)
}

/// Frames of one stream: same version and sample rate, all else changing.
fn frames() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let stream = prop::sample::select(vec![0xFFFB_0000_u32, 0xFFFB_0400, 0xFFFB_0800, 0xFFF3_0000, 0xFFE3_0800]);
    let frame = (1..15_u32, 0..4_u32, 0..16_u32, any::<bool>(), any::<u64>());
    (stream, vec(frame, 1..40)).prop_map(|(stream, frames)| {
        let frame = |(bitrate, padding, mode, crc, seed): (u32, u32, u32, bool, u64)| {
            let word = stream ^ u32::from(crc) << 16 | bitrate << 12 | (padding & 1) << 9 | mode << 4;
            let mut random = jpeg_common::Random(seed | 1);
            let mut frame = word.to_be_bytes().to_vec();
            frame.resize_with(FrameHeader::parse(word).unwrap().frame_bytes(), || random.below(0x40) as u8);
            frame
        };
        frames.into_iter().map(frame).collect()
    })
}

/// The frames, with their offsets, that must outlive the damage: those before it, and those that begin as far behind it
/// as a frame can reach. A stream is entered at a frame that leads to another, so the first frame needs the next header.
fn survivors<'a>(frames: &'a [Vec<u8>], Touched { touched, shift }: &Touched) -> Vec<(usize, &'a [u8])> {
    let mut end = 0;
    let places = frames.iter().map(|frame| {
        end += frame.len();
        (end - frame.len(), &frame[..])
    });
    let survives = |(at, frame): (usize, &'a [u8])| {
        let known = at + frame.len() + if at == 0 { mp3::HEADER_BYTES } else { 0 };
        match () {
            () if known <= touched.start => Some((at, frame)),
            () if at >= touched.end + mp3::MAX_FRAME_BYTES => Some((at.checked_add_signed(*shift)?, frame)),
            () => None,
        }
    };
    places.filter_map(survives).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// MP3: a header may come to say another length, so damage reaches as far as the longest frame from the start of the
    /// frame that it hits: 1441 bytes, at 44.1 kHz 1045.
    #[test]
    fn mp3_frames_are_found_again(frames in frames(), damage in damage(2000, plain())) {
        let mut stream = frames.concat();
        let touched = damage.apply(&mut stream);
        let blocks: Vec<_> = mp3::blocks(&stream).map(|block| (block.offset as usize, block.bytes)).collect();
        for survivor in survivors(&frames, &touched) {
            prop_assert!(blocks.contains(&survivor), "{} of {:?}", survivor.0, touched);
        }
    }

    /// Opus: damage costs the packets of which a part lies on a page that it touches.
    #[test]
    fn opus_packets_are_found_again(
        sizes in vec((0..900_usize, any::<bool>()), 1..60),
        segments in 1..31_usize,
        damage in damage(5000, plain()),
    ) {
        let mut writer = Writer::opus(SERIAL, segments, 20);
        let headers = writer.out.clone();
        for (number, (size, flush)) in (0..).zip(sizes) {
            writer.packet(&[&[TOC, number][..], &vec![number; size]].concat(), 960);
            if flush {
                writer.flush(0);
            }
        }
        let mut stream = writer.finish();
        let packets: Vec<_> = opus::blocks(&stream).map(|block| (bytes(&block), span(&stream, &block))).collect();
        let mut behind_headers = stream.split_off(headers.len());
        let Touched { touched, .. } = damage.apply(&mut behind_headers);
        stream.extend(behind_headers);
        let found: Vec<Vec<u8>> = opus::blocks(&stream).map(|block| bytes(&block)).collect();
        for (packet, span) in packets {
            let before = span.end <= headers.len() + touched.start;
            let behind = span.start >= headers.len() + touched.end;
            prop_assert!(!before && !behind || found.contains(&packet), "{span:?} of {touched:?}");
        }
    }

    /// JPEG: damage costs the restart intervals that it touches, and up to eight behind them if it makes one RSTn into
    /// another. Left out is damage that makes a marker of data, or another one of RSTn: EOI would end the image, and a
    /// made-up RSTn count on from anywhere.
    #[test]
    fn jpeg_intervals_are_found_again(seed in any::<u32>(), restart in 2..5_u16, damage in damage(60, plain())) {
        let spec = Spec { seed: seed.into(), ..Spec::new(200, 80, &[(1, 1)]).restart(restart) };
        let jpeg = jpeg_common::write(&spec);
        let scan = jpeg.scan_data[0].clone();
        let mut data = jpeg.bytes[scan.clone()].to_vec();
        let starts: Vec<usize> = markers(&data).collect();
        let Touched { touched, shift } = damage.apply(&mut data);
        let copied = touched.start..touched.start + if matches!(damage, Damage::Duplicate(..)) { shift as usize } else { 0 };
        let copied = starts.iter().filter(|&&start| copied.contains(&(start - 2)) && start <= copied.end).count();
        prop_assume!(markers(&data).count() <= starts.len() + copied);
        prop_assume!(markers(&data).all(|behind| matches!(data[behind - 1], 0xD0..=0xD7)));
        let damaged = [&jpeg.bytes[..scan.start], &data, &jpeg.bytes[scan.end..]].concat();

        let interval_of = |at: usize| starts.iter().filter(|&&start| start <= at).count() as u32;
        let lost = interval_of(touched.start.saturating_sub(2))..=interval_of(touched.end + 2) + 8;
        let found: Vec<_> = cut_slice(&damaged).into_iter().filter_map(|piece| match piece {
            jpeg_common::Piece::Mcu { mcu, .. } => Some(mcu),
            _ => None,
        }).collect();
        for mcu in jpeg.mcus {
            prop_assert!(lost.contains(&mcu.interval) || found.contains(&mcu), "{} of {lost:?}", mcu.interval);
        }
    }
}

fn bytes(block: &opus::Block<'_>) -> Vec<u8> {
    block.bytes.parts().flatten().copied().collect()
}

/// From the first byte of a packet's first page to the last of its last, which may hold none of it but the lacing value 0
/// of its end.
fn span(stream: &[u8], block: &opus::Block<'_>) -> Range<usize> {
    let last = block.bytes.parts().last().unwrap().as_ptr_range().end as usize - stream.as_ptr() as usize;
    let pages = opus::events(stream).filter_map(|event| match event {
        opus::Event::Skipped(skipped) if skipped.reason == SkipReason::PageHeader => Some(skipped.offset as usize),
        _ => None,
    });
    let pages: Vec<usize> = pages.chain([stream.len()]).collect();
    let from = pages.iter().rfind(|&&page| page <= block.offset as usize).unwrap();
    let last = last + usize::from(block.packet_bytes.is_multiple_of(255));
    *from..*pages.iter().find(|&&page| page >= last).unwrap_or(&stream.len())
}

/// Where data begin behind a marker.
fn markers(data: &[u8]) -> impl Iterator<Item = usize> {
    data.windows(2).zip(2..).filter(|(pair, _)| matches!(pair, [0xFF, 0xC0..=0xFE])).map(|(_, at)| at)
}
