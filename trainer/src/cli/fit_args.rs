//! The options of `tempest-train fit`, and what they resolve to.

use super::choices::{AugmentArg, PolicyArg, ReconPaddingArg, UnitArg, ViewArg};
use super::codec::{ApplicationArg, Choices, CodecArg, CodecArgs, in_units, of_contract};
use super::corpus::DataArgs;
use super::device::SHARDS;
use super::method::MethodArgs;
use super::sizes::{self, SizeArgs};
use crate::data::{Augment, CodecOptions, Dataset, Trivial};
use crate::fit::FitOptions;
use anyhow::{Result, anyhow, bail};
use clap::Args;
use std::path::PathBuf;
use tempest_contract::{Codec, Contract, FORMAT_VERSION, View, ViewKind, Window};
use tempest_models::ModelConfig;
use tempest_transcode::opus::Application;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tempest-train fit --data fsdd --format fsdd --epochs 120 --out runs/fsdd
  tempest-train fit --data clips --format folder --view fields --epochs 40 --out runs/fields
  tempest-train fit --data clips --format folder --view bytes --byte-patch 8 --tokens-per-block 2 --out runs/bytes
  tempest-train fit --data mnist --format mnist --variants 4 --epochs 10 --out runs/mnist
  tempest-train fit --data fsdd --format fsdd --unit adu --view bytes --mode abr --bitrates 20,26,32 --out runs/adu
  tempest-train fit --data fsdd --format fsdd --codec opus --out runs/opus
  tempest-train fit --data esc10 --format esc --test-fold 2 --without noise,speed --out runs/fold2
  tempest-train fit --data esc10 --format esc --augment trivial --out runs/trivial
  tempest-train fit --data fsdd --format fsdd --validation 0.1 --patience 20 --ema 0.99 --out runs/patient
  tempest-train fit --data media --format unlabelled --epochs 20 --out runs/media
  tempest-train fit --data clips --format folder --init runs/media/model.safetensors --out runs/tuned
  tempest-train fit --data fsdd --format fsdd --view bytes --teacher runs/fsdd/model.safetensors --out runs/bytes")]
pub(super) struct FitArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// Folder of the run: model.safetensors, state.safetensors, log.jsonl
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// Name of the model [default: the data set's folder]
    #[arg(long)]
    pub name: Option<String>,
    #[command(flatten)]
    pub sizes: SizeArgs,
    /// What a block is [default: frame for mp3, packet for opus, mcu for jpeg]
    #[arg(long, value_enum)]
    pub unit: Option<UnitArg>,
    /// What the model reads of each block [default: symbols, or bytes where there are none]
    #[arg(long, value_enum)]
    pub view: Option<ViewArg>,
    /// Passes over the training clips
    #[arg(long, default_value_t = 60)]
    pub epochs: usize,
    /// Clips per batch
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
    /// Whether the places behind a block's end count in the reconstruction loss of the view bytes
    #[arg(long, value_enum, value_name = "HOW", default_value = "counted", conflicts_with = "no_recon")]
    pub recon_padding: ReconPaddingArg,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Shards of a batch, one thread each; part of a run's identity
    #[arg(long, default_value_t = SHARDS)]
    pub shards: usize,
    /// Encoded variants of each training clip; the first is the clip as it is
    #[arg(long, default_value_t = 8)]
    pub variants: u32,
    #[command(flatten)]
    pub method: MethodArgs,
    #[command(flatten)]
    pub codec: CodecArgs,
    /// Bit rates of the other variants [default: --bitrate; of mp3 at 32 also 24, and 40 for numeric views; of opus at 29
    /// also 12, 16, 24, 40]
    #[arg(long, value_name = "KBPS,..", value_delimiter = ',')]
    pub bitrates: Vec<u32>,
    /// Opus: what the encoder favours in the other variants [default: each of them]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "APPLICATION,..")]
    pub applications: Vec<ApplicationArg>,
    /// JPEG: qualities of the other variants [default: --quality]
    #[arg(long, value_name = "QUALITY,..", value_delimiter = ',')]
    pub qualities: Vec<u8>,
    /// MP3: bit reservoir of the variants
    #[arg(long, value_enum, default_value = "mixed")]
    pub reservoir: crate::data::Reservoir,
    /// How variants of sounds are drawn
    #[arg(long, value_enum, default_value = "independent")]
    pub augment: PolicyArg,
    /// What variants of sounds or pictures are not to differ in
    #[arg(long, value_enum, value_delimiter = ',', value_name = "OP,..")]
    pub without: Vec<AugmentArg>,
    /// L of the view bytes: bytes of a block that the model is shown [default: what holds 99 % of the blocks]
    #[arg(long, value_name = "BYTES")]
    pub tokens: Option<usize>,
    /// Blocks per window [default: what holds 99 % of the training clips]
    #[arg(long, value_name = "BLOCKS")]
    pub window: Option<usize>,
    /// Write the log for TensorBoard too: events.out.tfevents.N in the run's folder
    #[arg(long)]
    pub tensorboard: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

impl FitArgs {
    pub(super) fn config(&self) -> ModelConfig {
        self.sizes.config(self.view())
    }

    /// Checks what does not depend on the data set.
    pub(super) fn check(&self) -> Result<()> {
        if self.lambda == Some(0.0) {
            bail!("--lambda 0 leaves the labels out of the loss; if that is meant, say --no-labels");
        }
        if self.augment == PolicyArg::Trivial && self.codec.codec(self.data.format) == CodecArg::Jpeg {
            bail!("--augment trivial: it is for sounds; pictures have their own variants");
        }
        let only_trivial = [AugmentArg::Pitch, AugmentArg::Filter, AugmentArg::Mask];
        if self.augment == PolicyArg::Independent
            && let Some(op) = self.without.iter().find(|op| only_trivial.contains(op))
        {
            bail!("--without {}: only `--augment trivial` has it", format!("{op:?}").to_lowercase());
        }
        sizes::check(&self.config())?;
        self.options().check()
    }

    pub(super) fn augment(&self) -> Augment {
        let on = |op| !self.without.contains(&op);
        let trivial =
            Trivial { pitch: on(AugmentArg::Pitch), filter: on(AugmentArg::Filter), mask: on(AugmentArg::Mask) };
        Augment {
            gain: on(AugmentArg::Gain),
            shift: on(AugmentArg::Shift),
            speed: on(AugmentArg::Speed),
            noise: on(AugmentArg::Noise),
            bitrate: on(AugmentArg::Bitrate),
            trivial: (self.augment == PolicyArg::Trivial).then_some(trivial),
        }
    }

    pub(super) fn options(&self) -> FitOptions {
        let default = if self.view() == ViewKind::Bytes { 1.0 } else { 10.0 };
        let lambda = if self.labelled() { self.lambda.unwrap_or(default) } else { 0.0 };
        FitOptions {
            epochs: self.epochs,
            batch: self.batch,
            accumulate: self.method.accumulate,
            learning_rate: self.learning_rate,
            schedule: self.method.schedule,
            warmup: self.warmup,
            weight_decay: self.weight_decay,
            clip: self.clip,
            dropout: self.dropout,
            cutmix: self.cutmix,
            block_drop: self.method.block_drop,
            mask: self.method.mask(self.data.format),
            smoothing: self.smoothing,
            lambda: (!self.no_recon).then_some(lambda),
            recon_padding: self.recon_padding.into(),
            ema: self.method.ema,
            patience: self.method.patience,
            precision: self.method.precision.into(),
            seed: self.seed,
            shards: self.shards,
            tensorboard: self.tensorboard,
        }
    }

    /// Whether the clips' labels are learnt.
    pub(super) fn labelled(&self) -> bool {
        self.method.labelled(self.data.format)
    }

    pub(super) fn view(&self) -> ViewKind {
        let bytes = matches!(self.unit, Some(UnitArg::McuApprox | UnitArg::Restart));
        self.view.map_or(if bytes { ViewKind::Bytes } else { ViewKind::Symbols }, ViewKind::from)
    }

    /// What clips become.
    pub(super) fn codec_options(&self) -> CodecOptions {
        let choices = Choices {
            bitrates_kbps: self.variant_rates(),
            applications: self.variant_applications(),
            qualities: self.qualities.clone(),
            reservoir: self.reservoir,
        };
        self.codec.options(self.data.format, choices)
    }

    /// What the encoder of Opus favours in the variants: as given, else anything, so that a model knows SILK, CELT and both.
    fn variant_applications(&self) -> Vec<Application> {
        match self.applications.as_slice() {
            [] => vec![Application::Audio, Application::Voip, Application::LowDelay],
            given => given.iter().map(|&application| application.into()).collect(),
        }
    }

    /// Bit rates of the variants: as given, else of MP3 24 and 32 kbit/s (40 too for the numeric views) where the test
    /// clips' is 32, and of Opus 12 to 40 where it is 29.
    fn variant_rates(&self) -> Vec<u32> {
        let (codec, bitrate) = (self.codec.codec(self.data.format), self.codec.bitrate(self.data.format));
        match (self.bitrates.as_slice(), codec, bitrate, self.view()) {
            ([], CodecArg::Mp3, 32, ViewKind::Bytes) => vec![24, 32],
            ([], CodecArg::Mp3, 32, _) => vec![24, 32, 40],
            ([], CodecArg::Opus, 29, _) => vec![12, 16, 24, 29, 40],
            ([], _, other, _) => vec![other],
            (given, ..) => given.to_vec(),
        }
    }

    /// The contract, with the sizes that are measured later still at 1.
    pub(super) fn contract(&self, dataset: &Dataset, codec: &CodecOptions) -> Result<Contract> {
        let vary = self.variants > 1 && self.augment().bitrate;
        let codec = of_contract(codec, vary, self.variants, dataset.picture_size());
        let codec = match self.unit {
            Some(unit) => in_units(codec, unit.into())?,
            None => codec,
        };
        let view = View::of(self.view(), &codec, 1).ok_or_else(|| no_view(self.view(), &codec))?;
        Ok(Contract {
            format_version: FORMAT_VERSION,
            name: self.name.clone().unwrap_or_else(|| dataset.name.clone()),
            labels: dataset.labels.clone(),
            answers: dataset.answers,
            codec,
            view,
            window: Window { blocks: 1, hop: 1 },
        })
    }
}

fn no_view(kind: ViewKind, codec: &Codec) -> anyhow::Error {
    let views = ViewKind::ALL.into_iter().filter(|view| view.layout(codec).is_some());
    let views: Vec<&str> = views.map(ViewKind::name).collect();
    let unit = match codec.unit() {
        usual if codec.units().first() == Some(&usual) => String::new(),
        unit => format!(" in units of '{}'", unit.name()),
    };
    anyhow!("{}{unit} has no view '{}'; take --view {}", codec.name(), kind.name(), views.join(" or "))
}
