use crate::BundleError;
use crate::manifest::invalid;
use serde::{Deserialize, Serialize};

/// Largest batch that a bundle may speak of.
pub const MAX_BATCH: usize = 1 << 16;

/// The batches a graph of symbolic batch is meant for: what TensorRT calls an optimisation profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batches {
    /// The smallest: 1 or more.
    pub min: usize,
    /// The one to be fast at.
    pub opt: usize,
    /// The largest, at most [`MAX_BATCH`].
    pub max: usize,
}

impl Batches {
    /// Whether `1 <= min <= opt <= max <=` [`MAX_BATCH`].
    #[must_use]
    pub fn are_sound(self) -> bool {
        (1..=self.opt).contains(&self.min) && (self.opt..=MAX_BATCH).contains(&self.max)
    }

    pub(crate) fn check(self, name: &str, symbolic: bool) -> Result<(), BundleError> {
        let Batches { min, opt, max } = self;
        match (self.are_sound(), symbolic) {
            (true, true) => Ok(()),
            (false, _) => {
                let reason = format!("{min}, {opt}, {max} do not ascend from 1 or more to at most {MAX_BATCH}");
                Err(invalid(format!("{name}.batches"), reason))
            }
            (true, false) => Err(invalid(format!("{name}.batches"), "the graph's batch is fixed")),
        }
    }
}
