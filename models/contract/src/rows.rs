use crate::{View, ViewKind};
use tempest_blocks::mp3::{Block, MainData, Reservoir, bytes, fields, scalefactors, symbols};

/// Writes the rows of one stream's blocks: what trainer, compiler and runtime show a model is made here.
///
/// It carries the bit reservoir, so it wants every whole block of a stream, in order. A view that reads no main data
/// does without.
#[derive(Clone, Debug)]
pub struct RowWriter {
    kind: ViewKind,
    row: usize,
    reservoir: Reservoir,
}

/// What a row does not show of its block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// `bytes`: bytes of the block beyond L.
    pub cut_bytes: usize,
    /// The block's main data begins in frames that are not there: its scale factors and sums are 0.
    pub main_data_lost: bool,
}

impl RowWriter {
    /// At the start of a stream.
    #[must_use]
    pub fn new(view: &View) -> Self {
        Self { kind: view.kind, row: view.row, reservoir: Reservoir::new() }
    }

    /// Appends the row of the stream's next block to `rows`. A block too short for its side information, or of media
    /// whose row has another length, has none: `rows` is then as before.
    pub fn push(&mut self, block: &Block<'_>, rows: &mut Vec<i32>) -> Option<Written> {
        let start = rows.len();
        rows.resize(start + self.row, 0);
        let written = self.write(block, rows.get_mut(start..)?);
        if written.is_none() {
            rows.truncate(start);
        }
        written
    }

    fn write(&mut self, block: &Block<'_>, row: &mut [i32]) -> Option<Written> {
        let mut written = Written::default();
        match self.kind {
            ViewKind::Bytes => written.cut_bytes = bytes::write(block, row),
            ViewKind::Fields => fields::write(block, row).ok()?,
            ViewKind::Scalefactors => scalefactors::write(block, self.main_data(block, &mut written), row).ok()?,
            ViewKind::Symbols => symbols::write(block, self.main_data(block, &mut written), row).ok()?,
        }
        Some(written)
    }

    fn main_data(&mut self, block: &Block<'_>, written: &mut Written) -> MainData<'_> {
        let main_data = self.reservoir.push(block);
        written.main_data_lost = main_data.is_err();
        main_data.unwrap_or_default()
    }
}
