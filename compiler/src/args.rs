use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Compiles a TEMPEST checkpoint into a bundle of verified ONNX graphs.
///
/// The bundle holds encoder.onnx, classifier.onnx, clip.onnx and bundle.json. It is written only after every graph
/// has run on the target's engines and agreed with the checkpoint.
#[derive(Debug, Parser)]
#[command(
    name = "tempest-compile",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    after_help = EXAMPLES
)]
pub struct Args {
    /// The model.safetensors that tempest-train wrote.
    #[arg(required = true, value_name = "CHECKPOINT")]
    pub checkpoint: Option<PathBuf>,

    /// Folder of the bundle; an older bundle there is replaced [default: NAME.tempest beside the checkpoint].
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,

    /// Where it will run: edge-tract (fixed shapes), generic (symbolic batch), or the path of a profile.
    #[arg(short, long, value_name = "NAME|FILE.toml", default_value = tempest_compiler::target::DEFAULT_TARGET)]
    pub target: String,

    /// Print every graph to standard error after each run of this pass ("build": before the first).
    #[arg(long, value_name = "PASS")]
    pub dump_after: Option<String>,

    /// Run only the first N passes of each graph, to find the one that breaks it.
    #[arg(long, value_name = "N")]
    pub stop_after: Option<usize>,

    /// Write into a folder that holds other files, which stay.
    #[arg(long)]
    pub force: bool,

    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,

    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

const EXAMPLES: &str = "\
Examples:
  tempest-compile model.safetensors
  tempest-compile model.safetensors --target generic -o server.tempest
  tempest-compile model.safetensors --target my-board.toml --json
  tempest-compile model.safetensors --dump-after FoldScale 2> graphs.txt

Exit status: 0 written and verified, 1 a graph failed verification (nothing written), 2 any other error.";
