//! How much of a compressed stream a view reads.

use crate::rows::block_bytes;
use tempest_blocks::mp3::{self, SideInfo};
use tempest_contract::{Codec, Contract, ViewKind};

/// Mean bytes of a block that the contract's view reads, over all blocks of `streams`: of an MP3 frame header and side
/// information for `fields`, the scale factors too for `scalefactors`, and `part2_3_length` of every granule for `symbols`;
/// of `bytes` those that the row shows; all of an Opus packet or an MCU for `symbols`. `None` for views whose reading was
/// not counted, and where there is no block.
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
        (Codec::Jpeg(_) | Codec::OggOpus(_), ViewKind::Symbols) => {
            Some(|stream, contract| block_bytes(stream, contract).into_iter().map(|bytes| bytes as f64).collect())
        }
        (Codec::Mp3(_), ViewKind::Fields) => Some(|stream, _| frames(stream, |_| 0)),
        (Codec::Mp3(_), ViewKind::Scalefactors) => Some(|stream, _| scale_factors(stream)),
        (Codec::Mp3(_), ViewKind::Symbols) => Some(|stream, _| frames(stream, SideInfo::main_data_bits)),
        _ => None,
    }
}

/// Header and side information of every whole frame, and so many bits of its main data.
fn frames(stream: &[u8], main_data: fn(&SideInfo) -> usize) -> Vec<f64> {
    let whole = mp3::blocks(stream).filter(|block| !block.truncated);
    let bytes = whole.filter_map(|block| {
        let side_info = SideInfo::parse(block.header, block.bytes).ok()?;
        Some(block.header.main_data_offset() as f64 + main_data(&side_info) as f64 / 8.0)
    });
    bytes.collect()
}

/// Header, side information and scale factors of every whole frame whose main data is there.
fn scale_factors(stream: &[u8]) -> Vec<f64> {
    let mut reservoir = mp3::Reservoir::new();
    let whole = mp3::blocks(stream).filter(|block| !block.truncated);
    let bytes = whole.filter_map(|block| {
        let side_info = SideInfo::parse(block.header, block.bytes).ok()?;
        let parts = mp3::parts(block.header, &side_info, reservoir.push(&block).ok()?);
        let bits: usize = parts.map(|part| part.scale_factor_bits()).sum();
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
        assert_eq!(mean([&[][..]], &contract(ViewKind::Fields)), None);
    }

    /// Four lengths out of `scalefac_compress` below 400, for 6, 5, 5 and 5 bands of a long block (13818-3, 2.4.3.2).
    #[test]
    fn scale_factors_are_counted_as_their_lengths_say() {
        let stream: &[u8] = include_bytes!("../../samples/tempest.mp3");
        let mut counted = 0;
        for block in mp3::blocks(stream) {
            let coded = SideInfo::parse(block.header, block.bytes).unwrap().granules[0][0];
            let lengths = usize::from(coded.scalefac_compress);
            if lengths < 400 && !coded.window_switching_flag {
                let (high, low) = (lengths >> 4, lengths & 15);
                let bits = 6 * (high / 5) + 5 * (high % 5 + (low >> 2) + (low & 3));
                let read = mean([block.bytes], &contract(ViewKind::Scalefactors)).unwrap();
                assert_eq!(read, 13.0 + bits as f64 / 8.0);
                counted += usize::from(bits > 0);
            }
        }
        assert!(counted > 10, "{counted}");
    }
}
