use crate::{Codec, Mp3, Unit};
use serde::{Deserialize, Serialize};
use tempest_blocks::mp3::{fields, granule, scalefactors, symbols};
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

    /// The version of the columns that this build writes, from `tempest-blocks`; `None` where the unit has no such view. Of
    /// granules, whose own columns come first, theirs is in the hundreds.
    #[must_use]
    pub fn layout(self, codec: &Codec) -> Option<u32> {
        match (codec, self) {
            (_, ViewKind::Bytes) => Some(1),
            (Codec::Mp3(mp3), ViewKind::Fields) => Some(own_layout(mp3) + fields::LAYOUT),
            (Codec::Mp3(mp3), ViewKind::Scalefactors) => Some(own_layout(mp3) + scalefactors::LAYOUT),
            (Codec::Mp3(mp3), ViewKind::Symbols) => Some(own_layout(mp3) + symbols::LAYOUT),
            (Codec::OggOpus(_), ViewKind::Fields) => Some(opus::fields::LAYOUT),
            (Codec::OggOpus(_), ViewKind::Symbols) => Some(opus::symbols::LAYOUT),
            (Codec::Jpeg(image), ViewKind::Symbols) if image.unit == Unit::Mcu => Some(jpeg::symbols::LAYOUT),
            (Codec::OggOpus(_) | Codec::Jpeg(_), _) => None,
        }
    }

    /// The columns of its row for these media, in order; `None` for `bytes`, whose row may have any length, and where
    /// the unit has no such view.
    #[must_use]
    pub fn columns(self, codec: &Codec) -> Option<Vec<Column>> {
        match (codec, self) {
            (Codec::Mp3(mp3), _) => self.mp3_columns(mp3),
            (Codec::OggOpus(_), ViewKind::Fields) => Some(opus::fields::COLUMNS.to_vec()),
            (Codec::OggOpus(codec), ViewKind::Symbols) => {
                Some(opus::symbols::columns(codec.packet_samples, codec.channels).collect())
            }
            (Codec::Jpeg(image), ViewKind::Symbols) if image.unit == Unit::Mcu => {
                Some(jpeg::symbols::columns(usize::from(image.data_units)).collect())
            }
            _ => None,
        }
    }

    fn mp3_columns(self, mp3: &Mp3) -> Option<Vec<Column>> {
        let is_granule = mp3.unit == Unit::Granule;
        let (granules, channels) = if is_granule { (1, 1) } else { (mp3.granules(), mp3.channels) };
        let mut columns = if is_granule { granule::COLUMNS.to_vec() } else { Vec::new() };
        match self {
            ViewKind::Bytes => return None,
            ViewKind::Fields => columns.extend(fields::columns(granules, channels)),
            ViewKind::Scalefactors => columns.extend(scalefactors::columns(granules, channels)),
            ViewKind::Symbols => columns.extend(symbols::columns(granules, channels)),
        }
        Some(columns)
    }
}

/// What the columns that a granule's row begins with add to the version of a layout.
fn own_layout(mp3: &Mp3) -> u32 {
    if mp3.unit == Unit::Granule { 100 * granule::LAYOUT } else { 0 }
}
