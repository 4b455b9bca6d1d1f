//! What every format's walk does with what it finds: number it, count it, hand it on.

use super::item::{Block, Cause, Content, Fault, Item, Kind, Place, Reason, Skipped};
use super::{Sink, Tally, Unit, View};

/// Hands items on to the caller.
pub(super) struct Emit {
    pub(super) unit: Unit,
    view: Option<View>,
    pub(super) tally: Tally,
    row: Vec<i32>,
}

/// A block that has no number yet.
pub(super) struct Found<'a> {
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
    pub(super) place: Place,
    pub(super) kind: Kind,
    pub(super) truncated: bool,
}

impl Emit {
    pub(super) const fn new(unit: Unit, view: Option<View>, tally: Tally) -> Self {
        Self { unit, view, tally, row: Vec::new() }
    }

    /// A block; `write` fills the row of a view.
    pub(super) fn block<E>(
        &mut self,
        found: &Found<'_>,
        write: impl FnOnce(View, &mut Vec<i32>) -> Result<(), String>,
        sink: Sink<'_, E>,
    ) -> Result<(), E> {
        let &Found { offset, bytes, place, kind, truncated } = found;
        let (number, len) = (self.tally.blocks, bytes.len() as u64);
        let row = self.view.map(|view| write(view, &mut self.row).map(|()| self.row.as_slice()));
        let item = Item::Block(Block { number, offset, bytes: len, place, kind, truncated }, Content { bytes, row });
        self.tally.item(&item);
        sink(&item)
    }

    pub(super) fn skipped<E>(
        &mut self,
        (offset, bytes): (u64, u64),
        reason: Reason,
        truncated: bool,
        sink: Sink<'_, E>,
    ) -> Result<(), E> {
        let item = Item::Skipped(Skipped { offset, bytes, reason, truncated });
        self.tally.item(&item);
        sink(&item)
    }

    pub(super) fn fault<E>(&mut self, offset: u64, cause: Cause, sink: Sink<'_, E>) -> Result<(), E> {
        let item = Item::Fault(Fault { offset, cause });
        self.tally.item(&item);
        sink(&item)
    }
}

/// Gives the row a length and fills it.
pub(super) fn fill<T, Error: ToString>(
    row: &mut Vec<i32>,
    len: usize,
    write: impl FnOnce(&mut [i32]) -> Result<T, Error>,
) -> Result<(), String> {
    row.clear();
    row.resize(len, 0);
    write(row).map(drop).map_err(|error| error.to_string())
}

/// The row of the view `bytes`, as long as the block.
pub(super) fn tokens(row: &mut Vec<i32>, bytes: &[u8]) -> Result<(), String> {
    row.clear();
    row.extend(bytes.iter().copied().map(i32::from));
    Ok(())
}
