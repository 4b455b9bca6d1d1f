use clap::{Parser, Subcommand};
use std::path::PathBuf;
use tempest_compiler::Precision;

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

    /// Where it will run: edge-tract (fixed shapes), server-cpu, server-cuda, server-tensorrt, triton (a model repository),
    /// generic (any engine), or the path of a profile.
    #[arg(short, long, value_name = "NAME|FILE.toml", default_value = tempest_compiler::target::DEFAULT_TARGET)]
    pub target: String,

    /// Arithmetic of matrix products: fp32, fp16, bf16 or int8 [default: the target's].
    #[arg(short, long, value_name = "fp32|fp16|bf16|int8")]
    pub precision: Option<Precision>,

    /// A folder with a folder of media for each label: fails where the precision costs more than half a point.
    #[arg(long, value_name = "DIR")]
    pub labelled: Option<PathBuf>,

    /// View bytes: encoders for blocks of at most so many bytes too; the runtime takes the smallest that holds a block
    /// [default: the target's].
    #[arg(long, value_name = "L,L", value_delimiter = ',')]
    pub buckets: Option<Vec<usize>>,

    /// A folder of media that server-tensorrt's int8 takes its scales from [default: that of --labelled, or blocks that are
    /// built in].
    #[arg(long, value_name = "DIR")]
    pub calibrate: Option<PathBuf>,

    /// Leave out a pass; may be given more than once.
    #[arg(long, value_name = "PASS")]
    pub without: Vec<String>,

    /// Print every graph to standard error after each run of this pass ("build": before the first).
    #[arg(long, value_name = "PASS")]
    pub dump_after: Option<String>,

    /// Run only the first N passes of each graph, to find the one that breaks it.
    #[arg(long, value_name = "N")]
    pub stop_after: Option<usize>,

    /// Write into a folder that holds other files, which stay.
    #[arg(long)]
    pub force: bool,

    /// Report what every pass saved, what the model costs for a block, a second and a clip, and time the graphs.
    #[arg(long)]
    pub report: bool,

    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,

    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print an ONNX graph as text: ports, weights, one line for each node.
    Inspect {
        /// The file.
        #[arg(value_name = "FILE.onnx")]
        file: PathBuf,
    },
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
  tempest-compile model.safetensors --target server-cpu --precision int8 --report
  tempest-compile model.safetensors --buckets 108,144
  tempest-compile model.safetensors --target server-tensorrt --precision int8 --calibrate train --labelled test
  tempest-compile model.safetensors --target triton -o repository
  tempest-compile model.safetensors --dump-after FoldScale 2> graphs.txt
  tempest-compile inspect NAME.tempest/encoder.onnx | less

Exit status: 0 written and verified, 1 a graph failed verification (nothing written), 2 any other error.";
