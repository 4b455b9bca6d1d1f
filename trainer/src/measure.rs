//! What is measured on the training clips before training: L, T, and the scale of every number.

use crate::batch::Example;
use crate::fit::Corpus;
use anyhow::Result;
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use tempest_contract::{Contract, Window};
use tempest_models::Columns;

/// Share of the training clips that fit one window.
const WINDOW_QUANTILE: f64 = 0.99;

/// Windows are a multiple of this many blocks, so that shapes stay friendly to engines.
const WINDOW_STEP: usize = 8;

/// T so that nearly every clip is one window, and a hop of half a window for the longer ones.
#[must_use]
pub fn window(lengths: impl IntoIterator<Item = usize>) -> Window {
    let mut lengths: Vec<usize> = lengths.into_iter().collect();
    lengths.sort_unstable();
    let index = (lengths.len() as f64 * WINDOW_QUANTILE) as usize;
    let longest = lengths.get(index.min(lengths.len().saturating_sub(1))).copied().unwrap_or(1);
    let blocks = longest.max(1).next_multiple_of(WINDOW_STEP);
    Window { blocks, hop: blocks / 2 }
}

/// Mean and standard deviation of every number of a numeric view, over all training rows.
/// A column that never changes gets a deviation of 1.
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
    let (mean, std): (Vec<f32>, Vec<f32>) = columns.iter().map(|&column| scale(&corpus.train, column)).unzip();
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

    #[test]
    fn the_window_holds_nearly_every_clip() {
        assert_eq!(window([10; 50]), Window { blocks: 16, hop: 8 });
        assert_eq!(window((1..=1000).map(|n| n % 100)).blocks, 104);
        assert_eq!(window([]).blocks, 8);
    }

    #[test]
    fn scale_is_mean_and_deviation() {
        let rows = |values: Vec<i32>| Rows { width: 2, values, cut_bytes: 0 };
        let examples = [Example { variants: vec![rows(vec![1, 7, 3, 7]), rows(vec![5, 7])], label: 0 }];
        let (mean, std) = scale(&examples, 0);
        assert!((mean - 3.0).abs() < 1e-6 && (std - (8.0f32 / 3.0).sqrt()).abs() < 1e-6);
        assert_eq!(scale(&examples, 1), (7.0, 1.0));
    }
}
