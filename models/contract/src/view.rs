use crate::Codec;
use serde::{Deserialize, Serialize};
use tempest_blocks::mp3::fields::Column;
use tempest_blocks::mp3::{fields, scalefactors, symbols};

/// What the model reads of each block: one row of `row` integers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Which view.
    pub kind: ViewKind,
    /// Length of the row: L tokens for `bytes`, the number of columns for the numeric views.
    pub row: usize,
    /// Version of the view's columns; see [`ViewKind::layout`].
    pub layout: u32,
}

/// The views a model can read. All but `bytes` are *numeric*: their rows have named columns, numbers and categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViewKind {
    /// The block's bytes: tokens 0..=255, PAD = 256.
    Bytes,
    /// Header and side information, bit-aligned.
    Fields,
    /// `fields`, and the scale factors.
    Scalefactors,
    /// `fields`, the gain of each scale factor band, and the Huffman-coded integers pooled by band.
    Symbols,
}

impl ViewKind {
    /// Every view, by what it reads of a block.
    pub const ALL: [ViewKind; 4] = [ViewKind::Bytes, ViewKind::Fields, ViewKind::Scalefactors, ViewKind::Symbols];

    /// Its name, as in the JSON of a contract.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ViewKind::Bytes => "bytes",
            ViewKind::Fields => "fields",
            ViewKind::Scalefactors => "scalefactors",
            ViewKind::Symbols => "symbols",
        }
    }

    /// The version of the columns that this build writes, from `tempest-blocks`.
    #[must_use]
    pub fn layout(self) -> u32 {
        match self {
            ViewKind::Bytes => 1,
            ViewKind::Fields => fields::LAYOUT,
            ViewKind::Scalefactors => scalefactors::LAYOUT,
            ViewKind::Symbols => symbols::LAYOUT,
        }
    }

    /// The columns of its row for these media, in order; `None` for `bytes`, whose row may have any length.
    #[must_use]
    pub fn columns(self, codec: &Codec) -> Option<Vec<Column>> {
        let (granules, channels) = (codec.granules(), codec.channels);
        match self {
            ViewKind::Bytes => None,
            ViewKind::Fields => Some(fields::columns(granules, channels).collect()),
            ViewKind::Scalefactors => Some(scalefactors::columns(granules, channels).collect()),
            ViewKind::Symbols => Some(symbols::columns(granules, channels).collect()),
        }
    }
}
