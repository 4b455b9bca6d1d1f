//! Hides values of the rows from the encoder; the decoder is to predict them all the same (L_r).

use anyhow::{Context, Result};
use candle_core::Tensor;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use tempest_blocks::mp3::bytes::PAD;
use tempest_contract::{Contract, ViewKind};
use tempest_models::Columns;

/// What stands in place of a hidden value: of a number the integer nearest to its mean (z near 0), of a category 0, of a
/// byte PAD, which the encoder does not attend to.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    share: f32,
    blank: Vec<i64>,
}

impl Mask {
    /// A mask that hides this share of the values; `fixed` holds `numeric.mean` for the numeric views.
    ///
    /// # Errors
    /// A view layout of another build, a missing or misshapen mean.
    pub fn new(share: f32, contract: &Contract, fixed: &BTreeMap<String, Tensor>) -> Result<Self> {
        if contract.view.kind == ViewKind::Bytes {
            return Ok(Mask { share, blank: vec![i64::from(PAD); contract.view.row] });
        }
        let mut blank = vec![0; contract.view.row];
        let mean: Vec<f32> = fixed.get("numeric.mean").context("no numeric.mean")?.to_vec1()?;
        for (column, mean) in Columns::of(contract)?.numbers.into_iter().zip(mean) {
            blank[column] = mean.round() as i64;
        }
        Ok(Mask { share, blank })
    }

    /// `rows`, whole rows back to back, with each value hidden with the mask's probability.
    #[must_use]
    pub fn hide(&self, rows: &[i64], random: &mut ChaCha8Rng) -> Vec<i64> {
        let hide = |(&value, &blank)| if random.random::<f32>() < self.share { blank } else { value };
        rows.iter().zip(self.blank.iter().cycle()).map(hide).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::generator;

    #[test]
    fn the_share_of_values_is_hidden_each_behind_its_own_blank() {
        let mask = Mask { share: 0.3, blank: vec![7, 0, 256] };
        let rows = vec![-1; 3 * 4_000];
        let hidden = mask.hide(&rows, &mut generator(1, 0, 0));
        let count = hidden.iter().filter(|&&value| value != -1).count();
        assert!((3_400..3_800).contains(&count), "{count}");
        assert!(hidden.chunks(3).all(|row| row.iter().zip([7, 0, 256]).all(|(&v, blank)| v == -1 || v == blank)));
        assert_eq!(hidden, mask.hide(&rows, &mut generator(1, 0, 0)));
        assert_ne!(hidden, mask.hide(&rows, &mut generator(1, 0, 1)));
    }
}
