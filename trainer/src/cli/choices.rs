//! What options choose among, in the words of the command line.

use clap::ValueEnum;
use tempest_contract::{Unit, ViewKind};
use tempest_models::{Precision, ReconPadding};

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum UnitArg {
    /// MP3: a frame as the stream has it (the paper)
    Frame,
    /// MP3: a frame with its own main data (RFC 5219)
    Adu,
    /// MP3: one channel of one granule
    Granule,
    /// Opus: a packet
    Packet,
    /// JPEG: an MCU, exact to the bit
    Mcu,
    /// JPEG: a restart interval in as many equal parts as it has MCUs (the paper); view bytes
    McuApprox,
    /// JPEG: a restart interval (`--restart`), or the whole scan; view bytes
    Restart,
}

impl From<UnitArg> for Unit {
    fn from(unit: UnitArg) -> Self {
        match unit {
            UnitArg::Frame => Unit::Frame,
            UnitArg::Adu => Unit::Adu,
            UnitArg::Granule => Unit::Granule,
            UnitArg::Packet => Unit::Packet,
            UnitArg::Mcu => Unit::Mcu,
            UnitArg::McuApprox => Unit::McuApprox,
            UnitArg::Restart => Unit::Restart,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum ViewArg {
    /// The block's bytes (the paper)
    Bytes,
    /// MP3: header and side information, bit-aligned; Opus: what a packet says of its frames
    Fields,
    /// MP3: `fields`, and the scale factors
    Scalefactors,
    /// MP3: `fields`, the gain of each band, and the Huffman-coded integers pooled by band; Opus: `fields`, energies, gains,
    /// spectrum and pitch; JPEG: the coefficients
    Symbols,
}

impl From<ViewArg> for ViewKind {
    fn from(view: ViewArg) -> Self {
        match view {
            ViewArg::Bytes => ViewKind::Bytes,
            ViewArg::Fields => ViewKind::Fields,
            ViewArg::Scalefactors => ViewKind::Scalefactors,
            ViewArg::Symbols => ViewKind::Symbols,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ReconPaddingArg {
    /// Every place of the row counts alike
    Counted,
    /// Only the block's own bytes count
    Masked,
}

impl From<ReconPaddingArg> for ReconPadding {
    fn from(padding: ReconPaddingArg) -> Self {
        match padding {
            ReconPaddingArg::Counted => ReconPadding::Counted,
            ReconPaddingArg::Masked => ReconPadding::Masked,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum PrecisionArg {
    /// float32
    F32,
    /// Operands rounded to bfloat16, sums in float32: on a card (compute capability 8.0 and above) faster, on a CPU slower
    Bf16,
}

impl From<PrecisionArg> for Precision {
    fn from(precision: PrecisionArg) -> Self {
        match precision {
            PrecisionArg::F32 => Precision::F32,
            PrecisionArg::Bf16 => Precision::Bf16,
        }
    }
}

/// How the variants of a sound come to differ; start, bit rate and the encoder's effort vary under both.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum PolicyArg {
    /// Gain, speed and noise, each drawn for every variant
    Independent,
    /// One of gain, speed, pitch, noise, filter, mask in each variant, and stronger
    Trivial,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum AugmentArg {
    Gain,
    Shift,
    Speed,
    Noise,
    Bitrate,
    /// `--augment trivial` only, as the next two
    Pitch,
    Filter,
    Mask,
}
