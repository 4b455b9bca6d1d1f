use super::{MAX_BYTES, names};
use std::path::PathBuf;
use thiserror::Error;

/// Why a target cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Neither a built-in name nor a file.
    #[error(
        "target '{name}' is unknown; known: {}, or the path of a .toml file", names().collect::<Vec<_>>().join(", ")
    )]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The profile cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The profile.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The profile is larger than any profile.
    #[error("{}: {bytes} bytes, a profile has at most {MAX_BYTES}", path.display())]
    TooLarge {
        /// The profile.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The profile is no TOML of a profile.
    #[error("{profile}: {}", one_line(source))]
    Toml {
        /// The profile.
        profile: String,
        /// What is wrong with it.
        source: toml::de::Error,
    },
    /// A value that no target has.
    #[error("{profile}: field '{field}': {reason}")]
    Invalid {
        /// The profile.
        profile: String,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// What is wrong, without the picture of the place that TOML errors carry over several lines.
fn one_line(error: &toml::de::Error) -> &str {
    error.message().lines().next().unwrap_or("not a profile")
}
