//! `tempest-train fit`.

use super::corpus::{DataArgs, codec_options, encoder, rows};
use crate::batch::Example;
use crate::data::{Augment, Dataset, Prepared, Split};
use crate::eval::evaluate;
use crate::fit::{Corpus, FitOptions, Fitted, fit, state_path};
use crate::measure;
use crate::rows::{Rows, frame_bytes};
use anyhow::{Context, Result, bail};
use candle_core::Device;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;
use tempest_blocks::mp3::fields;
use tempest_contract::{Codec, Contract, FORMAT_VERSION, Format, Reservoir, Unit, View, ViewKind, Window};
use tempest_models::{Checkpoint, Model, Preset};

#[derive(Debug, Args)]
pub(super) struct FitArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Folder of the run: model.safetensors, state.safetensors, log.jsonl
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Name of the model [default: the format]
    #[arg(long)]
    name: Option<String>,
    /// Sizes of the model
    #[arg(long, value_enum, default_value = "nano")]
    preset: PresetArg,
    /// What the model reads of each block
    #[arg(long, value_enum, default_value = "fields")]
    view: ViewArg,
    /// Passes over the training clips
    #[arg(long, default_value_t = 60)]
    epochs: usize,
    /// Clips per step
    #[arg(long, default_value_t = 64)]
    batch: usize,
    /// Peak learning rate
    #[arg(long, value_name = "RATE", default_value_t = 2e-3)]
    learning_rate: f64,
    /// Share of the steps that warm the learning rate up
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    warmup: f64,
    /// Decoupled weight decay of matrices
    #[arg(long, value_name = "DECAY", default_value_t = 0.05)]
    weight_decay: f64,
    /// Largest L2 norm of the gradients
    #[arg(long, value_name = "NORM", default_value_t = 1.0)]
    clip: f64,
    /// Dropout probability
    #[arg(long, value_name = "P", default_value_t = 0.1)]
    dropout: f32,
    /// Share of the batches that block CutMix mixes
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    cutmix: f32,
    /// Label smoothing
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    smoothing: f32,
    /// Weight of the class loss beside the reconstruction loss: L_r + lambda L_c [default: 1 for bytes, 10 for fields]
    #[arg(long)]
    lambda: Option<f64>,
    /// Train without the reconstruction loss
    #[arg(long, conflicts_with = "lambda")]
    no_recon: bool,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Shards of a batch, one thread each; part of a run's identity
    #[arg(long, default_value_t = 2)]
    shards: usize,
    /// Encoded variants of each training clip; the first is the clip as it is
    #[arg(long, default_value_t = 8)]
    variants: u32,
    /// Bit rate of test clips and of each first variant, in kbit/s
    #[arg(long, value_name = "KBPS", default_value_t = 32)]
    bitrate: u32,
    /// Bit rates of the other variants [default: 24,32 for bytes, 24,32,40 for fields]
    #[arg(long, value_name = "KBPS,..", value_delimiter = ',')]
    bitrates: Vec<u32>,
    /// Bit reservoir of the variants
    #[arg(long, value_enum, default_value = "mixed")]
    reservoir: crate::data::Reservoir,
    /// Sample rate of the coded clips in Hz
    #[arg(long, value_name = "HZ", default_value_t = 16_000)]
    sample_rate: u32,
    /// Waveform variants to leave out
    #[arg(long, value_enum, value_delimiter = ',', value_name = "OP,..")]
    without: Vec<AugmentArg>,
    /// Blocks per window [default: what holds 99 % of the training clips]
    #[arg(long, value_name = "BLOCKS")]
    window: Option<usize>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PresetArg {
    /// The paper: 5.8 M parameters with the decoder
    Base,
    /// About a million
    Small,
    /// A few hundred thousand
    Nano,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum ViewArg {
    /// The block's bytes (the paper)
    Bytes,
    /// Header and side information, bit-aligned
    Fields,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum AugmentArg {
    Gain,
    Shift,
    Speed,
    Noise,
    Bitrate,
}

pub(super) fn run(args: &FitArgs) -> Result<ExitCode> {
    let dataset = args.data.open()?;
    let mut contract = args.contract(&dataset);
    let codec = codec_options(&contract.codec, args.bitrate);
    let prepare = |split, variants, augment| args.data.streams(&dataset, split, &codec, variants, augment, args.seed);
    let train = prepare(Split::Train, args.variants, args.augment())?;
    let others = |split| match dataset.split(split).next() {
        Some(_) => prepare(split, 1, Augment::NONE),
        None => Ok(Prepared::default()),
    };
    let (validation, test) = (others(Split::Validation)?, others(Split::Test)?);
    args.measure(&train, &mut contract)?;
    let examples = rows(&train.clips, &contract)?.into_iter();
    let corpus = Corpus {
        train: examples.map(|(variants, label)| Example { variants, label }).collect(),
        validation: single(&validation, &contract)?,
    };
    args.announce(&contract, &corpus);
    let (config, options) = (args.config(), args.options());
    let device = device()?;
    let fitted = fit(&corpus, &contract, &config, &options, &device, &args.out, &super::stop_flag())?;
    if fitted.interrupted {
        eprintln!("stopped at step {}; the same command goes on from there", fitted.steps);
        return Ok(ExitCode::from(super::INTERRUPTED));
    }
    let test = single(&test, &contract)?;
    args.finish(&dataset, contract, &fitted, &corpus, &test)
}

/// Rows and label of clips that have one variant.
fn single(prepared: &Prepared, contract: &Contract) -> Result<Vec<(Rows, usize)>> {
    let rows = rows(&prepared.clips, contract)?.into_iter();
    Ok(rows.filter_map(|(mut variants, label)| Some((variants.pop()?, label))).collect())
}

impl FitArgs {
    fn config(&self) -> tempest_models::ModelConfig {
        match self.preset {
            PresetArg::Base => Preset::Base,
            PresetArg::Small => Preset::Small,
            PresetArg::Nano => Preset::Nano,
        }
        .config()
    }

    fn augment(&self) -> Augment {
        let on = |op| !self.without.contains(&op);
        Augment {
            gain: on(AugmentArg::Gain),
            shift: on(AugmentArg::Shift),
            speed: on(AugmentArg::Speed),
            noise: on(AugmentArg::Noise),
            bitrate: on(AugmentArg::Bitrate),
        }
    }

    fn options(&self) -> FitOptions {
        let default = if self.view == ViewArg::Bytes { 1.0 } else { 10.0 };
        FitOptions {
            epochs: self.epochs,
            batch: self.batch.max(1),
            learning_rate: self.learning_rate,
            warmup: self.warmup,
            weight_decay: self.weight_decay,
            clip: self.clip,
            dropout: self.dropout,
            cutmix: self.cutmix,
            smoothing: self.smoothing,
            lambda: (!self.no_recon).then_some(self.lambda.unwrap_or(default)),
            seed: self.seed,
            shards: self.shards.max(1),
        }
    }

    /// The contract, with the sizes that are measured later still at 1.
    fn contract(&self, dataset: &Dataset) -> Contract {
        let mut rates = self.bitrates.clone();
        if rates.is_empty() {
            rates = if self.view == ViewArg::Bytes { vec![24, 32] } else { vec![24, 32, 40] };
        }
        rates.push(self.bitrate);
        rates.sort_unstable();
        rates.dedup();
        let (kind, layout) = match self.view {
            ViewArg::Bytes => (ViewKind::Bytes, 1),
            ViewArg::Fields => (ViewKind::Fields, fields::LAYOUT),
        };
        Contract {
            format_version: FORMAT_VERSION,
            name: self.name.clone().unwrap_or_else(|| dataset.name.clone()),
            labels: dataset.labels.clone(),
            codec: Codec {
                format: Format::Mp3,
                unit: Unit::Frame,
                sample_rate: self.sample_rate,
                channels: 1,
                bitrates_kbps: rates,
                reservoir: match self.reservoir {
                    crate::data::Reservoir::Off => Reservoir::Off,
                    crate::data::Reservoir::On => Reservoir::On,
                    crate::data::Reservoir::Mixed => Reservoir::Mixed,
                },
                encoder: encoder(),
            },
            view: View { kind, row: 1, layout },
            window: Window { blocks: 1, hop: 1 },
        }
    }

    /// L from the frames of the first variants, T from the lengths of all.
    fn measure(&self, train: &Prepared, contract: &mut Contract) -> Result<()> {
        let first = || train.clips.iter().filter_map(|clip| clip.streams.first());
        let header = first().find_map(|stream| crate::rows::blocks(stream).next().map(|block| block.header));
        let header = header.context("no training clip holds a whole frame")?;
        contract.view.row = match contract.view.kind {
            ViewKind::Bytes => first().flat_map(|stream| frame_bytes(stream)).max().unwrap_or(1),
            ViewKind::Fields => fields::row_len(header.granules(), header.channels()),
        };
        let lengths = train.clips.iter().flat_map(|clip| &clip.streams).map(|stream| frame_bytes(stream).count());
        contract.window = match self.window {
            Some(blocks) => Window { blocks, hop: (blocks / 2).max(1) },
            None => measure::window(lengths),
        };
        Ok(contract.check()?)
    }

    fn announce(&self, contract: &Contract, corpus: &Corpus) {
        let cut: usize = corpus.train.iter().flat_map(|example| &example.variants).map(|rows| rows.cut_bytes).sum();
        eprintln!(
            "{}: {} classes, {} training clips x {} variants, {} validation clips; {}; row {}, window {} blocks",
            contract.name,
            contract.labels.len(),
            corpus.train.len(),
            self.variants,
            corpus.validation.len(),
            contract.media(),
            contract.view.row,
            contract.window.blocks,
        );
        if cut > 0 {
            eprintln!("{cut} bytes of blocks longer than {} are cut off", contract.view.row);
        }
    }

    /// Evaluates on the test split and writes the checkpoint.
    fn finish(
        &self,
        dataset: &Dataset,
        contract: Contract,
        fitted: &Fitted,
        corpus: &Corpus,
        test: &[(Rows, usize)],
    ) -> Result<ExitCode> {
        let model = Model::new(&contract, &self.config(), &fitted.tensors)?;
        let evaluation = evaluate(&model, &contract, test.iter().map(|(rows, label)| (rows, *label)), &Device::Cpu)?;
        let training = serde_json::json!({
            "trainer": concat!("tempest-train ", env!("CARGO_PKG_VERSION")),
            "data": { "name": dataset.name, "format": self.data.format, "test_fold": self.data.test_fold,
                      "validation_share": self.data.validation },
            "clips": { "train": corpus.train.len(), "validation": corpus.validation.len(), "test": test.len() },
            "variants": self.variants,
            "augment": self.augment(),
            "tail_samples": crate::data::encode::TAIL_SAMPLES,
            "options": self.options(),
            "steps": fitted.steps,
            "test": (!test.is_empty()).then_some(&evaluation),
        });
        let checkpoint = Checkpoint { contract, config: self.config(), training, tensors: fitted.tensors.clone() };
        let path = self.out.join("model.safetensors");
        checkpoint.write(&path)?;
        // A finished run has nothing to resume; running it again trains the same model afresh.
        std::fs::remove_file(state_path(&self.out)).with_context(|| "cannot remove the saved state")?;
        if self.json {
            println!("{}", serde_json::json!({ "checkpoint": path, "seconds": fitted.seconds, "test": evaluation }));
        } else {
            let table = if test.is_empty() { "no test clips\n".into() } else { evaluation.table() };
            println!("{table}\n{} trained in {:.0} s", path.display(), fitted.seconds);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The GPU in builds with the feature `cuda`, the CPU otherwise.
fn device() -> Result<Device> {
    if cfg!(feature = "cuda") {
        match Device::new_cuda(0) {
            Ok(device) => return Ok(device),
            Err(error) => bail!("this build trains on CUDA, and no device can be used: {error}"),
        }
    }
    Ok(Device::Cpu)
}
