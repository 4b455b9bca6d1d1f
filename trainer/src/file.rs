//! Files that appear under their name once they are whole.

use anyhow::{Context, Result};
use std::path::Path;

/// Writes `bytes` under a temporary name beside `path` and renames: the file is never half written.
///
/// # Errors
/// What writing says, with the path.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().map(ToOwned::to_owned).with_context(|| format!("{} is no file", path.display()))?;
    name.push(".part");
    let partial = path.with_file_name(name);
    let written = std::fs::write(&partial, bytes).and_then(|()| std::fs::rename(&partial, path));
    if written.is_err() {
        // The first error is the one to tell; what is left behind is only a temporary file.
        let _ = std::fs::remove_file(&partial);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}
