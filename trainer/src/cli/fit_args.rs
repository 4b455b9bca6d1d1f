//! The options of `tempest-train fit`, and what they resolve to.

use super::corpus::{DataArgs, encoder};
use crate::data::{Augment, Dataset};
use crate::fit::FitOptions;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use tempest_contract::{Codec, Contract, FORMAT_VERSION, Mp3, Reservoir, Unit, View, ViewKind, Window};
use tempest_models::{ModelConfig, Preset};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tempest-train fit --data fsdd --format fsdd --epochs 120 --out runs/fsdd
  tempest-train fit --data clips --format folder --view fields --epochs 40 --out runs/fields
  tempest-train fit --data esc10 --format esc --test-fold 2 --without noise,speed --out runs/fold2")]
pub(super) struct FitArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// Folder of the run: model.safetensors, state.safetensors, log.jsonl
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// Name of the model [default: the data set's folder]
    #[arg(long)]
    pub name: Option<String>,
    /// Sizes of the model
    #[arg(long, value_enum, default_value = "nano")]
    pub preset: PresetArg,
    /// What the model reads of each block
    #[arg(long, value_enum, default_value = "symbols")]
    pub view: ViewArg,
    /// Passes over the training clips
    #[arg(long, default_value_t = 60)]
    pub epochs: usize,
    /// Clips per step
    #[arg(long, default_value_t = 64)]
    pub batch: usize,
    /// Peak learning rate
    #[arg(long, value_name = "RATE", default_value_t = 2e-3)]
    pub learning_rate: f64,
    /// Share of the steps that warm the learning rate up
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub warmup: f64,
    /// Decoupled weight decay of matrices
    #[arg(long, value_name = "DECAY", default_value_t = 0.05)]
    pub weight_decay: f64,
    /// Largest L2 norm of the gradients
    #[arg(long, value_name = "NORM", default_value_t = 1.0)]
    pub clip: f64,
    /// Dropout probability
    #[arg(long, value_name = "P", default_value_t = 0.1)]
    pub dropout: f32,
    /// Share of the batches that block CutMix mixes
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    pub cutmix: f32,
    /// Label smoothing
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub smoothing: f32,
    /// Weight of the class loss beside the reconstruction loss: L_r + lambda L_c [default: 1 for bytes, else 10]
    #[arg(long)]
    pub lambda: Option<f64>,
    /// Train without the reconstruction loss
    #[arg(long, conflicts_with = "lambda")]
    pub no_recon: bool,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Shards of a batch, one thread each; part of a run's identity
    #[arg(long, default_value_t = 2)]
    pub shards: usize,
    /// Encoded variants of each training clip; the first is the clip as it is
    #[arg(long, default_value_t = 8)]
    pub variants: u32,
    /// Bit rate of test clips and of each first variant, in kbit/s
    #[arg(long, value_name = "KBPS", default_value_t = 32)]
    pub bitrate: u32,
    /// Bit rates of the other variants [default: 24,32 and for numeric views 40 where --bitrate is 32, else --bitrate]
    #[arg(long, value_name = "KBPS,..", value_delimiter = ',')]
    pub bitrates: Vec<u32>,
    /// Bit reservoir of the variants
    #[arg(long, value_enum, default_value = "mixed")]
    pub reservoir: crate::data::Reservoir,
    /// Sample rate of the coded clips in Hz
    #[arg(long, value_name = "HZ", default_value_t = 16_000)]
    pub sample_rate: u32,
    /// Waveform variants to leave out
    #[arg(long, value_enum, value_delimiter = ',', value_name = "OP,..")]
    pub without: Vec<AugmentArg>,
    /// Blocks per window [default: what holds 99 % of the training clips]
    #[arg(long, value_name = "BLOCKS")]
    pub window: Option<usize>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum PresetArg {
    /// The paper: 5.8 M parameters with the decoder
    Base,
    /// About a million
    Small,
    /// A few hundred thousand
    Nano,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum ViewArg {
    /// The block's bytes (the paper)
    Bytes,
    /// Header and side information, bit-aligned
    Fields,
    /// `fields`, and the scale factors
    Scalefactors,
    /// `fields`, the gain of each band, and the Huffman-coded integers pooled by band
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

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum AugmentArg {
    Gain,
    Shift,
    Speed,
    Noise,
    Bitrate,
}

impl FitArgs {
    pub(super) fn config(&self) -> ModelConfig {
        match self.preset {
            PresetArg::Base => Preset::Base,
            PresetArg::Small => Preset::Small,
            PresetArg::Nano => Preset::Nano,
        }
        .config()
    }

    pub(super) fn augment(&self) -> Augment {
        let on = |op| !self.without.contains(&op);
        Augment {
            gain: on(AugmentArg::Gain),
            shift: on(AugmentArg::Shift),
            speed: on(AugmentArg::Speed),
            noise: on(AugmentArg::Noise),
            bitrate: on(AugmentArg::Bitrate),
        }
    }

    pub(super) fn options(&self) -> FitOptions {
        let default = if self.view == ViewArg::Bytes { 1.0 } else { 10.0 };
        FitOptions {
            epochs: self.epochs,
            batch: self.batch,
            learning_rate: self.learning_rate,
            warmup: self.warmup,
            weight_decay: self.weight_decay,
            clip: self.clip,
            dropout: self.dropout,
            cutmix: self.cutmix,
            smoothing: self.smoothing,
            lambda: (!self.no_recon).then_some(self.lambda.unwrap_or(default)),
            seed: self.seed,
            shards: self.shards,
        }
    }

    /// Bit rates of the variants: as given, else 24 and 32 kbit/s (40 too for the numeric views) where the test clips' is 32.
    pub(super) fn variant_rates(&self) -> Vec<u32> {
        match (self.bitrates.as_slice(), self.bitrate, self.view) {
            ([], 32, ViewArg::Bytes) => vec![24, 32],
            ([], 32, _) => vec![24, 32, 40],
            ([], other, _) => vec![other],
            (given, ..) => given.to_vec(),
        }
    }

    /// Whether variants differ from the clip's own encoding.
    fn varies(&self) -> bool {
        self.variants > 1 && self.augment().bitrate
    }

    /// Bit rates that training sees, ascending: what the contract promises.
    fn rates(&self) -> Vec<u32> {
        let mut rates = if self.varies() { self.variant_rates() } else { Vec::new() };
        rates.push(self.bitrate);
        rates.sort_unstable();
        rates.dedup();
        rates
    }

    /// Use of the bit reservoir that training sees: a single variant under `mixed` has it off.
    fn seen_reservoir(&self) -> Reservoir {
        match self.reservoir {
            crate::data::Reservoir::On => Reservoir::On,
            crate::data::Reservoir::Mixed if self.variants > 1 => Reservoir::Mixed,
            _ => Reservoir::Off,
        }
    }

    /// The contract, with the sizes that are measured later still at 1.
    pub(super) fn contract(&self, dataset: &Dataset) -> Contract {
        let rates = self.rates();
        let kind = ViewKind::from(self.view);
        let codec = Codec::Mp3(Mp3 {
            unit: Unit::Frame,
            sample_rate: self.sample_rate,
            channels: 1,
            bitrates_kbps: rates,
            reservoir: self.seen_reservoir(),
            encoder: encoder(),
        });
        let view = View::of(kind, &codec, 1).unwrap_or(View { kind, row: 1, layout: 0 });
        Contract {
            format_version: FORMAT_VERSION,
            name: self.name.clone().unwrap_or_else(|| dataset.name.clone()),
            labels: dataset.labels.clone(),
            codec,
            view,
            window: Window { blocks: 1, hop: 1 },
        }
    }
}
