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
