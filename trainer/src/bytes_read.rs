//! How much of a compressed stream a view reads.

use crate::rows::block_bytes;
use tempest_blocks::mp3::{self, SideInfo};
use tempest_contract::{Codec, Contract, ViewKind};

/// Mean bytes of a block that the contract's view reads, over all blocks of `streams`: of an MP3 frame header and side
/// information for `fields`, and `part2_3_length` of every granule for `symbols`; of `bytes` those that the row shows.
/// `None` for views whose reading was not counted, and where there is no block.
#[must_use]
pub fn mean<'a>(streams: impl IntoIterator<Item = &'a [u8]>, contract: &Contract) -> Option<f64> {
    let read = reader(contract)?;
    let counts: Vec<f64> = streams.into_iter().flat_map(|stream| read(stream, contract)).collect();
    (!counts.is_empty()).then(|| counts.iter().sum::<f64>() / counts.len() as f64)
}

/// Bytes read of every block of a stream.
type Reader = fn(&[u8], &Contract) -> Vec<f64>;

fn reader(contract: &Contract) -> Option<Reader> {
    match (&contract.codec, contract.view.kind) {
        (_, ViewKind::Bytes) => Some(|stream, contract| {
            block_bytes(stream, contract).into_iter().map(|bytes| bytes.min(contract.view.row) as f64).collect()
        }),
        (Codec::Jpeg(_), ViewKind::Symbols) => {
            Some(|stream, contract| block_bytes(stream, contract).into_iter().map(|bytes| bytes as f64).collect())
        }
        (Codec::Mp3(_), ViewKind::Fields) => Some(|stream, _| frames(stream, false)),
        (Codec::Mp3(_), ViewKind::Symbols) => Some(|stream, _| frames(stream, true)),
        _ => None,
    }
}

/// Header and side information of every whole frame, and its main data where that is read.
fn frames(stream: &[u8], main_data: bool) -> Vec<f64> {
    let whole = mp3::blocks(stream).filter(|block| !block.truncated);
    let bytes = whole.filter_map(|block| {
        let side_info = SideInfo::parse(block.header, block.bytes).ok()?;
        let bits = if main_data { side_info.main_data_bits() } else { 0 };
        Some(block.header.main_data_offset() as f64 + bits as f64 / 8.0)
    });
    bytes.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test should panic")]

    use super::*;
    use tempest_contract::{Answers, FORMAT_VERSION, Mp3, RateMode, Reservoir, Unit, View, Window};

    fn contract(kind: ViewKind) -> Contract {
        let codec = Codec::Mp3(Mp3 {
            unit: Unit::Frame,
            sample_rate: 16_000,
            channels: 1,
            mode: RateMode::Cbr,
            bitrates_kbps: vec![32],
            reservoir: Reservoir::Off,
            encoder: "none".into(),
        });
        let view = View::of(kind, &codec, 100).unwrap();
        let window = Window { blocks: 8, hop: 4 };
        Contract {
            format_version: FORMAT_VERSION,
            name: "test".into(),
            labels: vec![],
            answers: Answers::OneOf,
            codec,
            view,
            window,
        }
    }

    /// MPEG-2 mono without CRC: `part2_3_length` is 12 bits behind `main_data_begin` and one private bit
    /// (ISO/IEC 13818-3, 2.4.1.7).
    #[test]
    fn counts_of_a_sample_are_those_read_by_hand() {
        let stream: &[u8] = include_bytes!("../../samples/tempest.mp3");
        let frames: Vec<&[u8]> = mp3::blocks(stream).map(|block| block.bytes).collect();
        let of = |kind| mean([stream], &contract(kind)).unwrap();
        assert!(frames.iter().all(|frame| frame.len() == 144 && frame[..2] == [0xff, 0xf3]));
        assert_eq!((of(ViewKind::Bytes), of(ViewKind::Fields)), (100.0, 13.0));
        let bits = |frame: &[u8]| u32::from(frame[5] & 0x7f) << 5 | u32::from(frame[6] >> 3);
        let main_data: u32 = frames.iter().map(|frame| bits(frame)).sum();
        let expected = 13.0 + f64::from(main_data) / 8.0 / frames.len() as f64;
        assert!((of(ViewKind::Symbols) - expected).abs() < 1e-9 && expected > 50.0, "{expected}");
        assert_eq!(mean([stream], &contract(ViewKind::Scalefactors)), None);
        assert_eq!(mean([&[][..]], &contract(ViewKind::Fields)), None);
    }
}
