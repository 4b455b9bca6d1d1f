use super::lanes::wide;
use super::{borrow, like, values};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rand::Rng;
use std::sync::Arc;

/// Which activations of a tensor stay, and what they are multiplied by. An empty draw keeps all.
#[derive(Clone)]
pub(in crate::nn) struct Keep {
    draws: Arc<Vec<u16>>,
    /// Draws below it are dropped.
    threshold: u16,
    scale: f32,
}

impl Keep {
    /// Keeps everything.
    pub(in crate::nn) fn all() -> Self {
        Keep { draws: Arc::default(), threshold: 0, scale: 1.0 }
    }

    /// Drops each of `count` activations with probability `p`, to 1/65536.
    pub(in crate::nn) fn draw(count: usize, p: f32, random: &mut impl Rng) -> Self {
        let mut bytes = vec![0; 2 * count];
        random.fill_bytes(&mut bytes);
        let (pairs, _) = bytes.as_chunks();
        let draws = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
        let threshold = (p * 65_536.0) as u16;
        Keep { draws: Arc::new(draws), threshold, scale: 65_536.0 / (65_536.0 - f32::from(threshold)) }
    }

    /// 0 or the scale, for the activation `i`.
    #[inline(always)]
    pub(super) fn factor(&self, draw: u16) -> f32 {
        if draw < self.threshold { 0.0 } else { self.scale }
    }

    /// The draws of activations `start..start + n`, `None` where all stay.
    #[inline(always)]
    pub(super) fn row(&self, start: usize, n: usize) -> Option<&[u16]> {
        self.draws.get(start..start + n)
    }
}

/// x times its factors.
pub(in crate::nn) struct Dropout(pub Keep);

#[inline(always)]
fn apply(keep: &Keep, x: &[f32]) -> Vec<f32> {
    x.iter().zip(keep.draws.iter()).map(|(x, &draw)| x * keep.factor(draw)).collect()
}

impl CustomOp1 for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(x, layout)?;
        let y = wide(|| apply(&self.0, x));
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let dy = dy.contiguous()?;
        let dx = {
            let dy = borrow(&dy)?;
            wide(|| apply(&self.0, &dy))
        };
        like(dx, x)
    }
}
