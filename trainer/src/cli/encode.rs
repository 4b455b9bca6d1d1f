//! `tempest-train encode`: the very streams that `eval` reads, as files.

use super::codec::{Choices, CodecArgs, recorded};
use super::corpus::DataArgs;
use super::eval::SplitArg;
use crate::data::{Augment, CodecOptions, Reservoir};
use crate::file;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tempest_contract::{Answers, is_name};
use tempest_models::Checkpoint;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tempest-train encode --data fsdd --format fsdd --split test --out fsdd-test-mp3
  tempest-train encode --data mnist --format mnist --like models/zoo/mnist/model.safetensors --out mnist-test-jpeg
  tempest-train encode --data fsdd --format fsdd --codec opus --bitrate 16 --packet-ms 20 --out fsdd-test-opus
  tempest classify -m models/zoo/fsdd/bundle --score fsdd-test-mp3")]
pub(super) struct EncodeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Which split
    #[arg(long, value_enum, default_value = "test")]
    split: SplitArg,
    /// Folder to write to: LABEL/CLIP.mp3, .opus or .jpg; where clips have several labels, CLIP.mp3 and a manifest.csv
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Encode as this checkpoint's record says, and as `eval` does; options of the codec are then without effect
    #[arg(long, value_name = "MODEL.safetensors")]
    like: Option<PathBuf>,
    #[command(flatten)]
    codec: CodecArgs,
    /// MP3: let frames use the bit reservoir
    #[arg(long)]
    reservoir: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &EncodeArgs) -> Result<ExitCode> {
    let dataset = args.data.open(None)?;
    let codec = args.codec()?;
    let prepared = args.data.streams(&dataset, args.split.into(), &codec, 1, Augment::NONE, 0)?;
    let mut written = HashSet::new();
    let mut manifest = csv::Writer::from_writer(Vec::new());
    manifest.write_record(["path", "labels", "split"])?;
    for clip in &prepared.clips {
        let labels: Vec<&str> = clip.truth.labels().iter().map(|&label| dataset.labels[label].as_str()).collect();
        let folder = match dataset.answers {
            Answers::OneOf => args.out.join(folder_name(&labels)?),
            Answers::AnyOf => args.out.clone(),
        };
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        for stream in &clip.streams {
            let path = unused(&mut written, &folder, &clip.id, codec.extension());
            std::fs::write(&path, stream).with_context(|| format!("cannot write {}", path.display()))?;
            let name = path.strip_prefix(&folder).unwrap_or(&path).to_string_lossy();
            manifest.write_record([&name, labels.join(";").as_str(), args.split.name()])?;
        }
    }
    if dataset.answers == Answers::AnyOf {
        file::replace(&args.out.join("manifest.csv"), &manifest.into_inner()?)?;
    }
    let (files, out) = (written.len(), args.out.display());
    let result = serde_json::json!({ "files": files, "out": args.out });
    super::print(&if args.json { format!("{result}\n") } else { format!("{files} files in {out}\n") })?;
    Ok(ExitCode::SUCCESS)
}

/// The folder of the clips of a label.
fn folder_name<'a>(labels: &[&'a str]) -> Result<&'a str> {
    match labels {
        [label] if is_name(label) => Ok(label),
        _ => bail!("label {:?} cannot be the name of a folder; rename it", labels.join(";")),
    }
}

impl EncodeArgs {
    fn codec(&self) -> Result<CodecOptions> {
        let mut codec = match &self.like {
            None => self.codec.options(self.data.format, Choices::default()),
            Some(path) => {
                let checkpoint = Checkpoint::open(path).with_context(|| path.display().to_string())?;
                recorded(&checkpoint.training, &checkpoint.contract.codec)?
            }
        };
        if let CodecOptions::Mp3(mp3) = &mut codec {
            mp3.reservoir = if self.reservoir { Reservoir::On } else { Reservoir::Off };
        }
        Ok(codec)
    }
}

/// A file name for a clip that no other clip of this run has: its path below the data set, flattened.
fn unused(written: &mut HashSet<PathBuf>, folder: &Path, id: &str, extension: &str) -> PathBuf {
    let stem = Path::new(id).with_extension("").to_string_lossy().replace('/', "_");
    let mut path = folder.join(format!("{stem}.{extension}"));
    let mut next = 2;
    while !written.insert(path.clone()) {
        path = folder.join(format!("{stem}-{next}.{extension}"));
        next += 1;
    }
    path
}
