//! Files that appear under their name once they are whole.

use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

/// A file being written: under another name beside its own until [`NewFile::finish`], and gone if that never comes. What
/// is there and no regular file (a device, a pipe) is written to as it is.
#[derive(Debug)]
pub(super) struct NewFile {
    path: PathBuf,
    /// The name it has until it is whole; `None` where it is written in place.
    partial: Option<PathBuf>,
    out: BufWriter<File>,
}

impl NewFile {
    /// Begins the file; its folder must be there.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot write {}", path.display());
        let in_place = match fs::metadata(path) {
            Ok(found) if found.is_dir() => bail!("{}: it is a folder", cannot()),
            Ok(found) => !found.is_file(),
            Err(_) => false,
        };
        let partial = if in_place { None } else { Some(partial(path)?) };
        let out = File::options()
            .write(true)
            .create(!in_place)
            .truncate(!in_place)
            .open(partial.as_deref().unwrap_or(path))
            .with_context(cannot)?;
        Ok(NewFile { path: path.into(), partial, out: BufWriter::new(out) })
    }

    /// Writes what is left and gives the file its name.
    pub(super) fn finish(mut self) -> Result<()> {
        let named = match &self.partial {
            Some(partial) => self.out.flush().and_then(|()| fs::rename(partial, &self.path)),
            None => self.out.flush(),
        };
        named.with_context(|| self.cannot())?;
        self.partial = None;
        Ok(())
    }

    /// For the errors of its [`Write`]: which file.
    pub(super) fn cannot(&self) -> String {
        format!("cannot write {}", self.path.display())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Seek for NewFile {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.out.seek(to)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(partial) = &self.partial {
            // The error that ends the file early is the one to tell.
            let _ = fs::remove_file(partial);
        }
    }
}

/// Writes a whole file.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = NewFile::create(path)?;
    file.write_all(bytes).with_context(|| file.cannot())?;
    file.finish()
}

fn partial(path: &Path) -> Result<PathBuf> {
    let mut name = path.file_name().map(ToOwned::to_owned).with_context(|| format!("{} is no file", path.display()))?;
    name.push(".part");
    Ok(path.with_file_name(name))
}
