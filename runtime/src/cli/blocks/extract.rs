//! Writes each block into a file of its own.

use crate::cli::file::replace;
use crate::survey::{Block, Content, Survey};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder that blocks are written into: `000000.mp3` and so on. A file appears under its name once it is whole.
pub(super) struct Extract {
    folder: PathBuf,
    extension: &'static str,
    max_files: u64,
}

impl Extract {
    /// Makes the folder if need be.
    pub(super) fn open(folder: &Path, max_files: u64, force: bool) -> Result<Self> {
        let cannot = || format!("cannot write into folder {}", folder.display());
        fs::create_dir_all(folder).with_context(cannot)?;
        if !force && fs::read_dir(folder).with_context(cannot)?.next().is_some() {
            bail!("folder {} is not empty; name another, or write into it with --force", folder.display());
        }
        Ok(Self { folder: folder.into(), extension: "", max_files })
    }

    pub(super) fn begin(&mut self, survey: &Survey) {
        self.extension = survey.unit().extension(survey.format());
    }

    pub(super) fn block(&self, block: &Block, content: &Content<'_>) -> Result<()> {
        if block.number >= self.max_files {
            bail!("more than {0} blocks: {0} files written; allow more with --max-files", self.max_files);
        }
        let name = format!("{:06}.{}", block.number, self.extension);
        replace(&self.folder.join(name), content.bytes)
    }
}
