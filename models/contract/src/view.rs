use crate::Codec;
use serde::{Deserialize, Serialize};
use tempest_blocks::mp3::{fields, scalefactors, symbols};
use tempest_blocks::{Column, jpeg, opus};

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

impl View {
    /// The view `kind` of these media as this build writes it; `tokens` is the L of `bytes`. `None` where the format has no
    /// such view.
    #[must_use]
    pub fn of(kind: ViewKind, codec: &Codec, tokens: usize) -> Option<Self> {
        let row = kind.columns(codec).map_or(tokens, |columns| columns.len());
        Some(View { kind, row, layout: kind.layout(codec)? })
    }
}

/// The views a model can read. All but `bytes` are *numeric*: their rows have named columns, numbers and categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViewKind {
    /// The block's bytes: tokens 0..=255, PAD = 256. Every format has them.
    Bytes,
    /// MP3: header and side information, bit-aligned. Ogg Opus: what a packet says of its frames.
    Fields,
    /// MP3: `fields`, and the scale factors.
    Scalefactors,
    /// MP3: `fields`, the gain of each scale factor band, and the Huffman-coded integers pooled by band. Ogg Opus: `fields`,
    /// and energies, gains, spectrum and pitch of each 20 ms. JPEG: the quantised coefficients of an MCU.
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

    /// The version of the columns that this build writes, from `tempest-blocks`; `None` where the format has no such
    /// view.
    #[must_use]
    pub fn layout(self, codec: &Codec) -> Option<u32> {
        match (codec, self) {
            (_, ViewKind::Bytes) => Some(1),
            (Codec::Mp3(_), ViewKind::Fields) => Some(fields::LAYOUT),
            (Codec::Mp3(_), ViewKind::Scalefactors) => Some(scalefactors::LAYOUT),
            (Codec::Mp3(_), ViewKind::Symbols) => Some(symbols::LAYOUT),
            (Codec::OggOpus(_), ViewKind::Fields) => Some(opus::fields::LAYOUT),
            (Codec::OggOpus(_), ViewKind::Symbols) => Some(opus::symbols::LAYOUT),
            (Codec::Jpeg(_), ViewKind::Symbols) => Some(jpeg::symbols::LAYOUT),
            (Codec::OggOpus(_) | Codec::Jpeg(_), _) => None,
        }
    }

    /// The columns of its row for these media, in order; `None` for `bytes`, whose row may have any length, and where
    /// the format has no such view.
    #[must_use]
    pub fn columns(self, codec: &Codec) -> Option<Vec<Column>> {
        match (codec, self) {
            (Codec::Mp3(mp3), _) => {
                let (granules, channels) = (mp3.granules(), mp3.channels);
                match self {
                    ViewKind::Bytes => None,
                    ViewKind::Fields => Some(fields::columns(granules, channels).collect()),
                    ViewKind::Scalefactors => Some(scalefactors::columns(granules, channels).collect()),
                    ViewKind::Symbols => Some(symbols::columns(granules, channels).collect()),
                }
            }
            (Codec::OggOpus(_), ViewKind::Fields) => Some(opus::fields::COLUMNS.to_vec()),
            (Codec::OggOpus(codec), ViewKind::Symbols) => {
                Some(opus::symbols::columns(codec.packet_samples, codec.channels).collect())
            }
            (Codec::Jpeg(image), ViewKind::Symbols) => {
                Some(jpeg::symbols::columns(usize::from(image.data_units)).collect())
            }
            _ => None,
        }
    }
}
