use crate::{ContractError, MAX_SIZE};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How a stream of blocks is cut into windows, each classified on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// T: blocks per window. A shorter clip is one partial window; the classifier masks the rest.
    pub blocks: usize,
    /// Blocks from the start of one window to the start of the next, 1..=`blocks`.
    pub hop: usize,
}

impl Window {
    pub(crate) fn check(&self) -> Result<(), ContractError> {
        let bad = |field, reason| Err(ContractError::Invalid { field, reason });
        if !(1..=MAX_SIZE).contains(&self.blocks) {
            return bad("window.blocks", format!("{} is not in 1..={MAX_SIZE}", self.blocks));
        }
        if !(1..=self.blocks).contains(&self.hop) {
            return bad("window.hop", format!("{} is not in 1..={}", self.hop, self.blocks));
        }
        Ok(())
    }

    /// The windows of a clip of `count` blocks, in order: none for an empty clip, one partial window for a clip
    /// shorter than `blocks`, otherwise full windows every `hop` blocks and a last one that ends at the clip's end.
    ///
    /// ```
    /// # use tempest_contract::Window;
    /// let window = Window { blocks: 10, hop: 5 };
    /// assert_eq!(window.over(7).collect::<Vec<_>>(), [0..7]);
    /// assert_eq!(window.over(17).collect::<Vec<_>>(), [0..10, 5..15, 7..17]);
    /// ```
    #[must_use]
    pub fn over(&self, count: usize) -> Windows {
        Windows { window: *self, count, next: (count > 0).then_some(0) }
    }
}

/// Iterator of [`Window::over`].
#[derive(Clone, Debug)]
pub struct Windows {
    window: Window,
    count: usize,
    next: Option<usize>,
}

impl Iterator for Windows {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.next?;
        let end = (start + self.window.blocks).min(self.count);
        self.next = (end < self.count).then(|| {
            let last = self.count - self.window.blocks;
            (start + self.window.hop.max(1)).min(last)
        });
        Some(start..end)
    }
}
