//! Rows of every unit are those of the blocks that `tempest-blocks` cuts, however the bytes arrive.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use tempest_blocks::jpeg::{Division, Image};
#[cfg(feature = "lame")]
use tempest_blocks::mp3::{self, SideInfo, adu, granule};
use tempest_contract::rows::Item;
use tempest_contract::{Answers, Codec, Contract, FORMAT_VERSION, Jpeg, RowStream, Unit, View, ViewKind, Window};
use tempest_runtime::Media;
use tempest_transcode::jpeg;

const TOKENS: usize = 90;

fn contract(codec: Codec, kind: ViewKind) -> Contract {
    let view = View::of(kind, &codec, TOKENS).unwrap();
    let contract = Contract {
        format_version: FORMAT_VERSION,
        name: "test".into(),
        labels: vec!["a".into(), "b".into()],
        answers: Answers::default(),
        codec,
        view,
        window: Window { blocks: 8, hop: 4 },
    };
    contract.check().unwrap();
    contract
}

/// The rows of a stream that comes in pieces of this length.
fn rows(media: &[u8], contract: &Contract, piece: usize) -> Vec<i32> {
    let (mut stream, mut rows) = (RowStream::new(contract), Vec::new());
    let mut keep = |item: Item<'_>| match item {
        Item::Row(row) => {
            rows.extend_from_slice(row.values);
            Ok(())
        }
        other => Err(format!("{other:?}")),
    };
    media.chunks(piece).for_each(|piece| stream.feed(piece, &mut keep).unwrap());
    stream.finish(&mut keep).unwrap();
    rows
}

/// The row of a block in the view `bytes`.
fn tokens(block: &[u8]) -> Vec<i32> {
    let padded = block.iter().map(|&byte| i32::from(byte)).chain(std::iter::repeat(256));
    padded.take(TOKENS).collect()
}

fn same(media: &[u8], contract: &Contract, expected: &[i32]) {
    for piece in [media.len(), 1, 17] {
        assert!(rows(media, contract, piece) == expected, "{} in pieces of {piece}", contract.media());
    }
    let whole = Media::read(media, contract).unwrap();
    assert_eq!((whole.blocks * contract.view.row, whole.lost_blocks), (expected.len(), 0));
}

#[cfg(feature = "lame")]
mod sounds {
    use super::*;
    use tempest_contract::{Mp3, RateMode, Reservoir};
    use tempest_transcode::mp3::{EncodeParams, encode};

    fn codec(unit: Unit, sample_rate: u32) -> Codec {
        let (mode, reservoir, encoder) = (RateMode::Abr, Reservoir::On, "none".into());
        Codec::Mp3(Mp3 { unit, sample_rate, channels: 1, mode, bitrates_kbps: vec![26, 64], reservoir, encoder })
    }

    /// Bursts of noise of an average rate, that reach back into the frames before.
    fn sound(sample_rate: u32) -> Vec<u8> {
        let noise = |i: usize| ((i * 7_919 % 1_013) as f32 / 1_013.0 - 0.5) * (i / 3_000 % 4) as f32 * 0.3;
        let mode = tempest_transcode::mp3::RateMode::Abr;
        let params = EncodeParams { sample_rate, mode, bitrate_kbps: 40, reservoir: true, quality: 5 };
        encode(&(0..sample_rate as usize * 2).map(noise).collect::<Vec<f32>>(), &params).unwrap()
    }

    #[test]
    fn adus_and_granules_are_what_the_cutter_makes_of_frames() {
        for sample_rate in [16_000, 32_000] {
            let media = sound(sample_rate);
            let (mut reservoir, mut buffer, mut part_buffer) =
                (mp3::Reservoir::new(), [0; adu::MAX_ADU_BYTES], [0; granule::MAX_GRANULE_BYTES]);
            let (mut adus, mut granules, mut borrowed) = (Vec::new(), Vec::new(), 0);
            for block in mp3::blocks(&media) {
                let side_info = SideInfo::parse(block.header, block.bytes).unwrap();
                borrowed += usize::from(side_info.main_data_begin > 0);
                let main_data = reservoir.push(&block).unwrap();
                for part in mp3::parts(block.header, &side_info, main_data) {
                    granules.extend(tokens(granule::cut(&block, &part, &mut part_buffer).bytes));
                }
                adus.extend(tokens(adu::join(&block, main_data, &mut buffer).unwrap().bytes));
            }
            assert!(borrowed > 3, "{sample_rate} Hz: {borrowed} frames begin earlier");
            same(&media, &contract(codec(Unit::Adu, sample_rate), ViewKind::Bytes), &adus);
            same(&media, &contract(codec(Unit::Granule, sample_rate), ViewKind::Bytes), &granules);
        }
    }

    #[test]
    fn every_unit_lasts_as_long_and_numeric_views_of_adus_are_those_of_frames() {
        for sample_rate in [16_000, 32_000] {
            let media = sound(sample_rate);
            for kind in [ViewKind::Fields, ViewKind::Scalefactors, ViewKind::Symbols] {
                let read = |unit| Media::read(&media[..], &contract(codec(unit, sample_rate), kind)).unwrap();
                let [frames, adus, granules] = [Unit::Frame, Unit::Adu, Unit::Granule].map(read);
                assert_eq!(granules.blocks, frames.blocks * if sample_rate == 32_000 { 2 } else { 1 });
                assert_eq!((adus.seconds, adus.bitrate_kbps), (frames.seconds, frames.bitrate_kbps));
                assert_eq!((granules.seconds, granules.bitrate_kbps), (frames.seconds, frames.bitrate_kbps));
                assert_eq!(adus.rows, frames.rows, "{kind:?}");
            }
        }
    }

    #[test]
    fn an_adu_without_its_main_data_is_counted() {
        let media = sound(16_000);
        let frames: Vec<mp3::Block<'_>> = mp3::blocks(&media).collect();
        let reaches = |block: &&mp3::Block<'_>| SideInfo::parse(block.header, block.bytes).unwrap().main_data_begin > 0;
        let cut = frames.iter().find(reaches).unwrap().offset as usize;
        for unit in [Unit::Adu, Unit::Granule] {
            let found = Media::read(&media[cut..], &contract(codec(unit, 16_000), ViewKind::Bytes)).unwrap();
            assert!((1..20).contains(&found.lost_blocks), "{unit:?}: {}", found.lost_blocks);
        }
    }
}

#[test]
fn parts_and_restart_intervals_are_those_of_the_whole_image() {
    let samples: Vec<u8> = (0..56 * 40).map(|i: usize| (i * i / 7 % 251) as u8).collect();
    let pixels = jpeg::Pixels { width: 56, height: 40, colour: jpeg::Colour::Grey, samples: &samples };
    for restart_interval in [0, 7] {
        let media = jpeg::encode(&pixels, &jpeg::EncodeParams { restart_interval, ..Default::default() }).unwrap();
        let image = Image::parse(&media).unwrap();
        let parts: Vec<Vec<u8>> =
            image.approx(Division::Mcus).map(|part| part.unwrap().data.aligned().collect()).collect();
        let whole: Vec<Vec<u8>> = image.restarts().map(|interval| interval.unwrap().data.aligned().collect()).collect();
        assert_eq!((parts.len(), whole.len()), (35, if restart_interval == 0 { 1 } else { 5 }));
        for (unit, blocks) in [(Unit::McuApprox, parts), (Unit::Restart, whole)] {
            let (qualities, encoder) = (vec![75], "none".into());
            let codec =
                Codec::Jpeg(Jpeg { unit, components: 1, data_units: 1, size: Some([56, 40]), qualities, encoder });
            let expected: Vec<i32> = blocks.iter().flat_map(|block| tokens(block)).collect();
            same(&media, &contract(codec.clone(), ViewKind::Bytes), &expected);
            assert!(View::of(ViewKind::Symbols, &codec, 1).is_none());
        }
    }
}
