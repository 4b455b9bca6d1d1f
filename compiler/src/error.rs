use crate::build::BuildError;
use crate::bundle::WriteError;
use crate::calibrate::CalibrateError;
use crate::passes::PassError;
use crate::prove::{LabelledError, ProveError};
use crate::target::TargetError;
use crate::verify_ir::VerifyError;
use crate::{GraphId, Precision};
use std::path::{Path, PathBuf};
use tempest_engine::EngineError;
use tempest_models::CheckpointError;
use thiserror::Error;

/// Why no bundle was written. Nothing is on disk that was not there before.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The checkpoint cannot be read or is not usable.
    #[error("{}: {}", path.display(), checkpoint_cause(source))]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<CheckpointError>,
    },
    /// The target is unknown or its profile is wrong.
    #[error(transparent)]
    Profile(#[from] TargetError),
    /// The target does not run this precision.
    #[error("target '{target}' has no {precision}; it has {}", known.iter().map(|known| known.name()).collect::<Vec<_>>().join(", "))]
    Precision {
        /// The target.
        target: String,
        /// What was asked for.
        precision: Precision,
        /// What it runs.
        known: Vec<Precision>,
    },
    /// Media to calibrate on were given and nothing is calibrated.
    #[error("--calibrate: {precision} for target '{target}' takes no scales beforehand; int8 for server-tensorrt does")]
    NoCalibration {
        /// The target.
        target: String,
        /// The precision.
        precision: Precision,
    },
    /// The scales of `int8` cannot be measured.
    #[error("calibrate: {0}")]
    Calibrate(#[from] CalibrateError),
    /// An encoder for blocks as long as the encoder's own, or longer.
    #[error("target '{target}': field 'buckets': {bucket} is not below {row}, the model's row")]
    Bucket {
        /// The target.
        target: String,
        /// The bucket.
        bucket: usize,
        /// Tokens of the model's row.
        row: usize,
    },
    /// Buckets were asked for and the model does not read bytes.
    #[error("buckets: the model reads '{view}'; only rows of the view 'bytes' end in padding")]
    NoBuckets {
        /// The model's view.
        view: &'static str,
    },
    /// A pass of this name does not exist.
    #[error("pass '{name}' is unknown; known: {}", known.join(", "))]
    Pass {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// The checkpoint does not become a graph.
    #[error("{graph}: {source}")]
    Build {
        /// The graph.
        graph: GraphId,
        /// Why not.
        source: Box<BuildError>,
    },
    /// A pass failed or broke a graph.
    #[error(transparent)]
    Passes(#[from] PassError),
    /// A graph holds what the target cannot run.
    #[error("{graph}: {source}")]
    Target {
        /// The graph.
        graph: GraphId,
        /// The node.
        source: Box<VerifyError>,
    },
    /// The contract cannot be written as JSON.
    #[error("contract: {0}")]
    Contract(serde_json::Error),
    /// An engine that the target asks for cannot run here.
    #[error("target '{target}' is verified with {engine}: {source}")]
    Engine {
        /// The target.
        target: String,
        /// The engine.
        engine: String,
        /// What is missing.
        source: Box<EngineError>,
    },
    /// A graph does not compute what the checkpoint computes.
    #[error("{source}{}", pass.map_or_else(String::new, |pass| format!("; without {pass} it holds")))]
    Prove {
        /// What was found.
        source: ProveError,
        /// The one pass without which it would not have been.
        pass: Option<&'static str>,
    },
    /// A labelled set cannot be answered, or is answered worse than in float32.
    #[error("labelled: {0}")]
    Labelled(#[from] LabelledError),
    /// The bundle is written; a graph could not be timed.
    #[error("the bundle is written, but a graph could not be timed: {0}")]
    Time(EngineError),
    /// The bundle cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl CompileError {
    /// Whether the graphs were made and found wrong, as opposed to not made.
    #[must_use]
    pub fn is_verification(&self) -> bool {
        match self {
            CompileError::Prove { source, .. } => source.is_verification(),
            CompileError::Labelled(error) => matches!(error, LabelledError::Accuracy { .. }),
            _ => false,
        }
    }

    /// What the user can do about it, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            CompileError::Checkpoint { path, source } => checkpoint_hint(path, source),
            CompileError::Target { .. } => {
                Some("choose another --target, or add the operator to the profile if the place runs it".into())
            }
            CompileError::Precision { .. } => Some("choose another --precision or --target".into()),
            CompileError::NoCalibration { .. } => Some("leave it out, or choose --target server-tensorrt".into()),
            CompileError::NoBuckets { .. } => Some("leave --buckets out".into()),
            CompileError::Bucket { .. } => Some("give shorter ones: --buckets, or the target's profile".into()),
            CompileError::Engine { .. } => Some("choose another --target, or install the engine".into()),
            CompileError::Prove { source, pass: Some(pass) } if source.is_verification() => {
                Some(format!("nothing was written; `--without {pass}` compiles, `--dump-after {pass}` shows it"))
            }
            CompileError::Prove { source, .. } if source.is_verification() => {
                Some("nothing was written; no single pass is to blame".into())
            }
            CompileError::Labelled(LabelledError::Accuracy { .. }) => {
                Some("nothing was written; choose a wider --precision".into())
            }
            CompileError::Labelled(LabelledError::NoLabels { .. }) => {
                Some("--labelled takes a folder with a folder for each label, as tempest-train encode writes it".into())
            }
            CompileError::Passes(_) => Some("please report it, with the checkpoint's config".into()),
            CompileError::Write(error) => error.hint(),
            _ => None,
        }
    }
}

/// The cause without the path, which the message names already.
fn checkpoint_cause(error: &CheckpointError) -> String {
    match error {
        CheckpointError::Io { action, source, .. } => format!("{action}: {source}"),
        other => other.to_string(),
    }
}

fn checkpoint_hint(path: &Path, error: &CheckpointError) -> Option<String> {
    match error {
        CheckpointError::Io { .. } if path.is_dir() => {
            Some("that is a folder; give the model.safetensors inside it".into())
        }
        CheckpointError::Io { .. } => Some("give the path of the model.safetensors that tempest-train wrote".into()),
        CheckpointError::Foreign | CheckpointError::Format(_) => None,
        _ => Some("train again, or use a checkpoint of this version".into()),
    }
}
