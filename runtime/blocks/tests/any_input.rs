//! Whatever the stream and however it arrives: the same events, every byte accounted for, no panic.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;
mod damage;

use common::*;
use damage::any_damage;
use proptest::collection::vec;
use proptest::prelude::*;
use tempest_blocks::mp3::{self, Event, bytes, fields};

/// A part of a stream: what an MP3 file is made of, or what gets in between.
fn part() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        MPEG1,
        MPEG1_PADDED,
        MPEG1_MONO,
        MPEG1_CRC,
        MPEG1_48K,
        MPEG2_MONO,
        MPEG25_MONO,
        0xFFFB_EA00,
    ]);
    let near_sync = prop::sample::select(vec![0xFF, 0xFB, 0xF3, 0xE3, 0x90, 0x18, 0xC0, 0x00, b'I', b'D', b'3', b'T']);
    prop_oneof![
        6 => (word.clone(), 1..5_usize).prop_map(|(word, count)| frames(word, count)),
        2 => (word.clone(), 0..1441_usize).prop_map(|(word, bytes)| {
            let frame = frame(word);
            frame[..bytes.min(frame.len())].to_vec()
        }),
        1 => (word, any::<bool>()).prop_map(|(word, vbr)| table_of_contents(word, if vbr { b"VBRI" } else { b"Info" }, 36)),
        1 => (vec(any::<u8>(), 0..200), any::<bool>()).prop_map(|(body, footer)| id3v2(&body, footer)),
        1 => Just(id3v1()),
        1 => "(000009)?LYRICS(END|200)?".prop_map(|end| lyrics3("la la la", &end)),
        1 => (0..100_u32, any::<bool>()).prop_map(|(size, header)| ape(size, header)),
        1 => (1..4_usize).prop_map(|count| foreign(LAYER_II, 417).repeat(count)),
        1 => Just(foreign(FREE_FORMAT, 333)),
        2 => vec(any::<u8>(), 0..300),
        2 => vec(near_sync, 0..300),
    ]
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    vec(part(), 0..8).prop_map(|parts| parts.concat())
}

fn assert_cut_alike(stream: &[u8], sizes: &[usize]) {
    let (pieces, diagnosis) = cut_slice(stream);
    assert_accounted(stream, &pieces);
    assert_eq!(cut_chunks(stream, sizes), (pieces, diagnosis));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_gives_the_same(stream in stream(), sizes in vec(1..2000_usize, 1..8)) {
        assert_cut_alike(&stream, &sizes);
    }

    #[test]
    fn any_damage_is_survived(
        mut stream in stream(),
        damages in vec(any_damage(600), 1..6),
        sizes in vec(1..50_usize, 1..8),
    ) {
        for damage in &damages {
            damage.apply(&mut stream);
        }
        assert_cut_alike(&stream, &sizes);
    }

    #[test]
    fn any_bytes_are_survived(stream in vec(any::<u8>(), 0..5000), sizes in vec(1..2000_usize, 1..8)) {
        assert_cut_alike(&stream, &sizes);
    }

    /// Between two streams that stand on their own, damage costs only what it touches: garbage without a byte that
    /// begins a tag or a header.
    #[test]
    fn damage_does_not_spread(garbage in vec(b'U'..0xFF, 1..3000)) {
        let ahead = frames(MPEG1, 3);
        let behind = frames(MPEG1, 3);
        let whole = [ahead, garbage.clone(), behind].concat();
        let offsets: Vec<_> = mp3::blocks(&whole).map(|block| block.offset).collect();
        let resumed = 3 * 417 + garbage.len() as u64;
        prop_assert_eq!(offsets, [0, 417, 834, resumed, resumed + 417, resumed + 834]);
    }

    #[test]
    fn views_take_any_block(mut stream in stream(), damages in vec(any_damage(600), 0..6)) {
        for damage in &damages {
            damage.apply(&mut stream);
        }
        for event in mp3::events(&stream) {
            let Event::Block(block) = event else { continue };
            let (granules, channels) = (block.header.granules(), block.header.channels());
            let mut row = vec![-1; fields::row_len(granules, channels)];
            match fields::write(&block, &mut row) {
                Ok(()) => {
                    for (column, &value) in fields::columns(granules, channels).zip(&row) {
                        let limit = match column.kind {
                            fields::Kind::Category(cardinality) => i32::from(cardinality),
                            fields::Kind::Number => 4096,
                        };
                        prop_assert!((0..limit).contains(&value), "{column}: {value}");
                    }
                }
                Err(error) => prop_assert!(block.truncated, "{error}"),
            }
            prop_assert_eq!(bytes::write(&block, &mut row), block.bytes.len().saturating_sub(row.len()));
        }
    }
}
