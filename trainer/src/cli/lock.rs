//! One training at a time writes a run.

use anyhow::{Context, Result, bail};
use std::fs::{File, TryLockError};
use std::path::Path;

/// The file that is locked; it stays, empty.
const LOCK: &str = ".lock";

/// Makes the folder of a run this process's own until the file is dropped, or the process ends however it does.
pub(super) fn lock(out: &Path) -> Result<File> {
    let failed = || format!("cannot write to {}", out.display());
    std::fs::create_dir_all(out).with_context(failed)?;
    let file = File::create(out.join(LOCK)).with_context(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another training writes {}; wait for it, or choose another --out", out.display())
        }
        // A file system without locks is no reason not to train.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}
