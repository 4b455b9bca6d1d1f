//! Whatever the stream and however it arrives: the same events, every byte accounted for, no panic.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod damage;
mod opus_common;

use damage::any_damage;
use opus_common::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tempest_blocks::opus::{Packet, PacketError, fields};

/// A logical stream of packets of many sizes, on pages of any size, with pages of other streams in between.
fn logical() -> impl Strategy<Value = Vec<u8>> {
    let size = prop_oneof![6 => 0..400_usize, 1 => 400..2000_usize, 1 => 7000..20_000_usize];
    let segments = prop_oneof![1..6_usize, 20..256_usize];
    let packets = vec((any::<u8>(), size, prop::bool::weighted(0.2), prop::bool::weighted(0.1)), 0..12);
    (0..3_u32, segments, 0..3000_usize, packets, any::<bool>()).prop_map(|(serial, segments, tags, packets, ended)| {
        let mut writer = Writer::opus(serial, segments, tags);
        for (toc, size, flush, other) in packets {
            let mut packet = packet(size);
            if let Some(first) = packet.first_mut() {
                *first = toc;
            }
            writer.packet(&packet, 960);
            if flush {
                writer.flush(0);
            }
            if other && flush {
                writer.out.extend(raw_page(99, 3, 0, 5, &[3], b"abc"));
            }
        }
        writer.flush(if ended { LAST } else { 0 });
        writer.out
    })
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        6 => logical(),
        1 => vec(any::<u8>(), 0..300),
        1 => vec(prop::sample::select(b"OggS\0\x01\x02\x05\xff".to_vec()), 0..300),
        1 => Just(raw_page(5, 0, FIRST, 0, &[7], b"\x01vorbis")),
    ];
    vec(part, 0..3).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_gives_the_same(stream in stream(), sizes in vec(1..9000_usize, 1..8)) {
        cut_alike(&stream, &sizes);
    }

    #[test]
    fn any_damage_is_survived(
        mut stream in stream(),
        damages in vec(any_damage(9000), 1..6),
        sizes in vec(1..50_usize, 1..8),
    ) {
        for damage in &damages {
            damage.apply(&mut stream);
        }
        cut_alike(&stream, &sizes);
    }

    #[test]
    fn any_bytes_are_survived(stream in vec(any::<u8>(), 0..3000), sizes in vec(1..2000_usize, 1..8)) {
        cut_alike(&stream, &sizes);
    }

    /// What was written comes back, whatever the pages.
    #[test]
    fn packets_come_back(sizes in vec(1..3000_usize, 0..20), segments in 1..256_usize, tags in 0..5000_usize) {
        let mut writer = Writer::opus(SERIAL, segments, tags);
        let packets: Vec<Vec<u8>> = sizes.iter().map(|&size| packet(size)).collect();
        for packet in &packets {
            writer.packet(packet, 960);
        }
        let pieces = cut_alike(&writer.finish(), &[1000, 7]);
        let blocks: Vec<(Vec<u8>, Option<i64>)> = pieces.into_iter().filter_map(|piece| match piece {
            Piece::Block { bytes, position, .. } => Some((bytes, position)),
            Piece::Skipped(_) => None,
        }).collect();
        let expected: Vec<_> =
            packets.into_iter().enumerate().map(|(at, packet)| (packet, Some(at as i64 * 960 - 312))).collect();
        prop_assert_eq!(blocks, expected);
    }

    /// One damaged page costs its packets and those that reach into it, and no others.
    #[test]
    fn damage_does_not_spread(pages in 2..8_usize, hit in any::<Index>(), at in any::<Index>(), bit in 0..8_u8) {
        let mut stream = headers();
        let hit = hit.index(pages);
        for number in 0..pages {
            let mut page = page(2 + number as u32, 0, 960 * (number as u64 + 1), &[packet(100 + number)]);
            if number == hit {
                let at = at.index(page.len());
                page[at] ^= 1 << bit;
            }
            stream.extend(page);
        }
        let sizes: Vec<u64> = cut_alike(&stream, &[999]).iter().filter_map(|piece| match piece {
            Piece::Block { packet_bytes, .. } => Some(*packet_bytes),
            Piece::Skipped(_) => None,
        }).collect();
        let expected: Vec<u64> = (0..pages).filter(|&number| number != hit).map(|number| 100 + number as u64).collect();
        prop_assert_eq!(sizes, expected);
    }

    /// Frames, lengths and padding of a packet make up the packet; every value of a row lies in its range.
    #[test]
    fn a_packet_is_its_parts(toc in any::<u8>(), second in any::<u8>(), rest in vec(any::<u8>(), 0..600)) {
        let bytes = [vec![toc, second], rest].concat();
        if let Ok(packet) = Packet::parse(&bytes) {
            let frames: Vec<_> = packet.frames().collect();
            prop_assert_eq!(frames.len(), usize::from(packet.frame_count()));
            prop_assert!(packet.samples() <= 5760);
            let mut at = frames[0].start;
            for frame in &frames {
                prop_assert_eq!(frame.start, at);
                at += frame.bytes.len();
            }
            prop_assert_eq!(at as u64 + packet.padding(), bytes.len() as u64);
        }
        let stream = [headers(), page(2, 0, 960, &[bytes])].concat();
        for piece in cut_slice(&stream) {
            let Piece::Block { row: Some(row), frames: Ok(_), .. } = piece else { continue };
            for (column, value) in fields::COLUMNS.iter().zip(row) {
                let limit = match column.kind {
                    tempest_blocks::Kind::Category(cardinality) => i32::from(cardinality),
                    tempest_blocks::Kind::Number => 2000,
                };
                prop_assert!((0..limit).contains(&value), "{}: {value}", column.name);
            }
        }
    }

    #[test]
    fn a_rule_is_named_only_under_its_code(bytes in vec(any::<u8>(), 0..20)) {
        let codes: &[u8] = match Packet::parse(&bytes) {
            Ok(_) | Err(PacketError::R2) => &[0, 1, 2, 3],
            Err(PacketError::R1) => { prop_assert!(bytes.is_empty()); return Ok(()) },
            Err(PacketError::R3) => &[1],
            Err(PacketError::R4) => &[2],
            _ => &[3],
        };
        prop_assert!(codes.contains(&(bytes[0] & 3)));
    }
}
