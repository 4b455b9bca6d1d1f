//! The model that a command line names.

use crate::builtin;
use anyhow::{Context, Result};
use std::path::Path;
use tempest_engine::Bundle;

/// The bundle in this folder; the built-in one where none is named, or the name is empty.
pub(super) fn open(path: Option<&Path>) -> Result<Bundle> {
    match path {
        Some(path) if !path.as_os_str().is_empty() => {
            Bundle::open(path).with_context(|| format!("model {}", path.display()))
        }
        _ => Ok(builtin::bundle()?),
    }
}
