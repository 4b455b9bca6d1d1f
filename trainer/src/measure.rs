//! What is measured on the training clips before training: L, T, and the scale of every number.

use crate::batch::Example;
use crate::fit::Corpus;
use anyhow::Result;
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use tempest_contract::{Codec, Contract, Window};
use tempest_models::Columns;

/// Share of the training clips that fit one window.
const WINDOW_QUANTILE: f64 = 0.99;

/// Share of the blocks that fit L whole.
const TOKENS_QUANTILE: f64 = 0.99;

/// Windows are a multiple of this many blocks, so that shapes stay friendly to engines.
const WINDOW_STEP: usize = 8;

/// T so that nearly every clip is one window, and a hop of half a window for the longer ones.
#[must_use]
pub fn window(lengths: impl IntoIterator<Item = usize>) -> Window {
    let longest = quantile(lengths, WINDOW_QUANTILE);
    let blocks = longest.max(1).next_multiple_of(WINDOW_STEP);
    Window { blocks, hop: blocks / 2 }
}

/// L so that nearly every block is shown whole. The blocks of a constant rate all are.
#[must_use]
pub fn tokens(sizes: impl IntoIterator<Item = usize>) -> usize {
    quantile(sizes, TOKENS_QUANTILE).max(1)
}

/// The smallest value that at least this share of the values does not exceed; 1 where there are none.
fn quantile(values: impl IntoIterator<Item = usize>, share: f64) -> usize {
    let mut values: Vec<usize> = values.into_iter().collect();
    values.sort_unstable();
    let index = (values.len() as f64 * share) as usize;
    values.get(index.min(values.len().saturating_sub(1))).copied().unwrap_or(1)
}

/// Adds the lowest and the highest of `rates`, the mean bit rates of all streams in kbit/s, to those of the codec, where
/// they lie outside: a variable rate is what was asked for only on average over all sounds. Images have none.
pub fn widen(codec: &mut Codec, rates: impl IntoIterator<Item = f64>) {
    let seen = match codec {
        Codec::Mp3(mp3) => &mut mp3.bitrates_kbps,
        Codec::OggOpus(opus) => &mut opus.bitrates_kbps,
        Codec::Jpeg(_) => return,
    };
    let mut all = seen.clone();
    all.extend(rates.into_iter().map(|rate| rate.round().max(1.0) as u32));
    seen.extend(all.iter().min());
    seen.extend(all.iter().max());
    seen.sort_unstable();
    seen.dedup();
}

/// Mean and standard deviation of every number of a numeric view, over all training rows.
/// A column that never changes gets a deviation of 1, and a JPEG coefficient at least that.
pub(crate) fn numbers(
    corpus: &Corpus,
    contract: &Contract,
    fixed: &mut BTreeMap<String, Tensor>,
    device: &Device,
) -> Result<()> {
    let columns = Columns::of(contract)?.numbers;
    if columns.is_empty() {
        return Ok(());
    }
    // Coefficients are counted in steps of their quantiser: one that is nearly always 0 is not blown up.
    let least = if matches!(contract.codec, Codec::Jpeg(_)) { 1.0 } else { 0.0 };
    let scales = columns.iter().map(|&column| scale(&corpus.train, column));
    let (mean, std): (Vec<f32>, Vec<f32>) = scales.map(|(mean, std)| (mean, std.max(least))).unzip();
    fixed.insert("numeric.mean".into(), Tensor::from_vec(mean, columns.len(), device)?);
    fixed.insert("numeric.std".into(), Tensor::from_vec(std, columns.len(), device)?);
    Ok(())
}

fn scale(examples: &[Example], column: usize) -> (f32, f32) {
    let (mut count, mut sum, mut squares) = (0.0f64, 0.0f64, 0.0f64);
    for rows in examples.iter().flat_map(|example| &example.variants) {
        for row in rows.values.chunks_exact(rows.width) {
            let value = f64::from(row[column]);
            (count, sum, squares) = (count + 1.0, sum + value, squares + value * value);
        }
    }
    let mean = sum / count.max(1.0);
    let std = (squares / count.max(1.0) - mean * mean).max(0.0).sqrt();
    (mean as f32, if std < 1e-3 { 1.0 } else { std as f32 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Rows;
    use tempest_contract::{Opus, Unit};

    #[test]
    fn the_window_holds_nearly_every_clip() {
        assert_eq!(window([10; 50]), Window { blocks: 16, hop: 8 });
        assert_eq!(window((1..=1000).map(|n| n % 100)).blocks, 104);
        assert_eq!(window([]).blocks, 8);
    }

    #[test]
    fn nearly_every_block_is_shown_whole() {
        assert_eq!(tokens([144; 30]), 144);
        assert_eq!(tokens((0..1000).map(|n| if n < 5 { 900 } else { n % 100 })), 99);
        assert_eq!(tokens([]), 1);
    }

    #[test]
    fn rates_that_vary_hold_every_stream() {
        let opus = |bitrates_kbps| {
            let encoder = "none".into();
            Codec::OggOpus(Opus { unit: Unit::Packet, packet_samples: 1_920, channels: 1, bitrates_kbps, encoder })
        };
        for (asked, rates, expected) in [
            (vec![24, 29], [20.2, 39.8, 25.0], vec![20, 24, 29, 40]),
            (vec![16, 48], [20.0, 40.0, 25.0], vec![16, 48]),
            (vec![29], [0.2, 29.0, 29.0], vec![1, 29]),
        ] {
            let mut codec = opus(asked);
            widen(&mut codec, rates);
            assert_eq!(codec.bitrates_kbps(), expected);
        }
    }

    #[test]
    fn scale_is_mean_and_deviation() {
        let rows = |values: Vec<i32>| Rows { width: 2, values, cut_bytes: 0 };
        let examples = [Example { variants: vec![rows(vec![1, 7, 3, 7]), rows(vec![5, 7])], truth: 0.into() }];
        let (mean, std) = scale(&examples, 0);
        assert!((mean - 3.0).abs() < 1e-6 && (std - (8.0f32 / 3.0).sqrt()).abs() < 1e-6);
        assert_eq!(scale(&examples, 1), (7.0, 1.0));
    }
}
