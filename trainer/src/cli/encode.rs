//! `tempest-train encode`: the very MP3 streams that `eval` reads, as files.

use super::corpus::DataArgs;
use super::eval::SplitArg;
use crate::data::{Augment, CodecOptions, Reservoir};
use anyhow::{Context, Result};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct EncodeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Which split
    #[arg(long, value_enum, default_value = "test")]
    split: SplitArg,
    /// Folder to write to: LABEL/CLIP.mp3
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Bit rate in kbit/s
    #[arg(long, value_name = "KBPS", default_value_t = 32)]
    bitrate: u32,
    /// Sample rate in Hz
    #[arg(long, value_name = "HZ", default_value_t = 16_000)]
    sample_rate: u32,
    /// Let frames use the bit reservoir
    #[arg(long)]
    reservoir: bool,
}

pub(super) fn run(args: &EncodeArgs) -> Result<ExitCode> {
    let dataset = args.data.open()?;
    let codec = CodecOptions {
        sample_rate: args.sample_rate,
        bitrate_kbps: args.bitrate,
        bitrates_kbps: vec![args.bitrate],
        reservoir: if args.reservoir { Reservoir::On } else { Reservoir::Off },
    };
    let prepared = args.data.streams(&dataset, args.split.into(), &codec, 1, Augment::NONE, 0)?;
    for clip in &prepared.clips {
        let folder = args.out.join(&dataset.labels[clip.label]);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let flat = Path::new(&clip.id).with_extension("mp3").to_string_lossy().replace('/', "_");
        for stream in &clip.streams {
            let path = folder.join(&flat);
            std::fs::write(&path, stream).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    println!("{} files in {}", prepared.clips.len(), args.out.display());
    Ok(ExitCode::SUCCESS)
}
