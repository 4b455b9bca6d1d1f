//! What a model is trained on is what it is shown: trainer and runtime make the same rows of a stream, in every view.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use std::io::Read;
#[cfg(feature = "lame")]
use tempest_blocks::mp3;
use tempest_contract::ViewKind;
use tempest_runtime::Media;
use tempest_tests::{contract, repo, stream};
use tempest_trainer::rows::{Rows, RowsError};

/// A reader that gives a few bytes at a time: 1, 2, up to `most`, and again.
struct Slow<'a> {
    bytes: &'a [u8],
    next: usize,
    most: usize,
}

impl Read for Slow<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.next = self.next % self.most + 1;
        let count = self.next.min(out.len());
        self.bytes.read(&mut out[..count])
    }
}

fn runtime_rows(bytes: &[u8], kind: ViewKind) -> Media {
    Media::read(bytes, &contract(kind, &["a", "b"])).unwrap()
}

/// Trainer and runtime, whole and in pieces; then what [`Media`] saw.
fn same_rows(bytes: &[u8], kind: ViewKind) -> Media {
    let contract = contract(kind, &["a", "b"]);
    let whole = runtime_rows(bytes, kind);
    let trained = Rows::read(bytes, &contract).unwrap();
    assert_eq!(whole.rows.len(), whole.blocks * contract.view.row, "{kind:?}");
    assert_eq!((whole.blocks, &whole.rows), (trained.len(), &trained.values), "{kind:?}");
    for most in [1, 7, 150, 1500] {
        let pieces = Media::read(Slow { bytes, next: 0, most }, &contract).unwrap();
        assert_eq!(pieces, whole, "{kind:?} in pieces of at most {most} bytes");
    }
    whole
}

#[test]
fn trainer_and_runtime_make_the_same_rows_however_the_bytes_arrive() {
    let sample = std::fs::read(repo("samples/tempest.mp3")).unwrap();
    let noise = stream(30);
    // The reservoir ends at the break: garbage in the middle, half a frame at the end.
    let broken = [&noise[..144 * 9], b"not a frame", &noise[144 * 9..144 * 20 + 50]].concat();
    for kind in ViewKind::ALL {
        assert_eq!(same_rows(&sample, kind).blocks, 68);
        assert_eq!(same_rows(&noise, kind).blocks, 30);
        let media = same_rows(&broken, kind);
        assert!(media.truncated && media.garbage_bytes == 11, "{kind:?}: {media:?}");
    }
}

#[test]
fn numeric_views_begin_with_fields_and_go_on_with_main_data() {
    let sample = std::fs::read(repo("samples/tempest.mp3")).unwrap();
    let fields = runtime_rows(&sample, ViewKind::Fields);
    let width = contract(ViewKind::Fields, &["a"]).view.row;
    for kind in [ViewKind::Scalefactors, ViewKind::Symbols] {
        let media = runtime_rows(&sample, kind);
        let rows: Vec<&[i32]> = media.rows.chunks(contract(kind, &["a"]).view.row).collect();
        for (row, of_fields) in rows.iter().zip(fields.rows.chunks(width)) {
            assert_eq!(&row[..width], of_fields, "{kind:?}");
        }
        let spoken = rows.iter().filter(|row| row[width..].iter().any(|&value| value != 0)).count();
        assert!(spoken > 20, "{kind:?}: main data in {spoken} rows only");
        assert_eq!(media.lost_blocks, 0, "the sample is made without the bit reservoir");
    }
}

#[test]
fn a_media_whose_row_has_another_length_gives_no_row() {
    // MPEG-1, 32 kHz, mono: two granules a frame, 144 * 32000 / 32000 = 144 bytes.
    let frame: Vec<u8> = [0xFF, 0xFB, 0x18, 0xC0].into_iter().chain([0; 140]).collect();
    let stream = frame.repeat(3);
    for kind in ViewKind::ALL {
        let error = Rows::read(&stream, &contract(kind, &["a"])).unwrap_err();
        assert!(matches!(error, RowsError::Media { .. }), "{kind:?}: {error}");
    }
}

/// A stream in which frames begin their main data in earlier ones.
#[cfg(feature = "lame")]
fn reservoir_stream() -> Vec<u8> {
    use tempest_trainer::data::encode::encode;
    let params = tempest_trainer::data::EncodeParams {
        sample_rate: 16_000,
        mode: tempest_trainer::data::encode::RateMode::Cbr,
        bitrate_kbps: 32,
        reservoir: true,
        quality: 5,
    };
    let sound = |i: usize| {
        let t = i as f32 / 16_000.0;
        // Silence saves bits, the bursts spend them.
        if ((t * 4.0) as usize).is_multiple_of(2) {
            0.0
        } else {
            (900.0 * t * t * 6.0).sin() * 0.5 + (i * i % 97) as f32 / 400.0
        }
    };
    encode(&(0..40_000).map(sound).collect::<Vec<f32>>(), &params).unwrap()
}

#[cfg(feature = "lame")]
#[test]
fn the_bit_reservoir_is_carried_and_lost_main_data_is_zero_and_counted() {
    let whole = reservoir_stream();
    let frames: Vec<usize> = mp3::blocks(&whole).map(|block| block.offset as usize).collect();
    for kind in [ViewKind::Scalefactors, ViewKind::Symbols] {
        let width = contract(kind, &["a"]).view.row;
        let media = same_rows(&whole, kind);
        assert_eq!(media.lost_blocks, 0, "{kind:?}");
        let from_earlier = media.rows.chunks(width).filter(|row| row[3] > 0).count();
        assert!(from_earlier > 10, "main_data_begin is above 0 in {from_earlier} frames only");

        // Entered in its middle, where a frame begins its main data before the cut.
        let first = media.rows.chunks(width).position(|row| row[3] > 100).unwrap();
        let cut = same_rows(&whole[frames[first]..], kind);
        assert!((1..=8).contains(&cut.lost_blocks), "{kind:?}: {} blocks lost", cut.lost_blocks);
        assert!(cut.blocks > cut.lost_blocks + 10, "{kind:?}: {} blocks", cut.blocks);
        let (lost, expected) = (&cut.rows[..width], &media.rows[first * width..(first + 1) * width]);
        assert_eq!(lost[..24], expected[..24], "{kind:?}: side information needs no reservoir");
        let of_integers = width - if kind == ViewKind::Symbols { 61 } else { 0 };
        assert!(lost[of_integers..].iter().all(|&value| value == 0), "{kind:?}: {lost:?}");
        let sound_again = cut.lost_blocks * width;
        assert_eq!(cut.rows[sound_again..], media.rows[first * width + sound_again..], "{kind:?}");
    }
}
