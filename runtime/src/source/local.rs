//! Standard input and files: read once, to their end.

use super::SourceError;
use super::reader::{Body, Connection, Dial, Halt, Hangup, read_some};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub(super) fn stdin() -> (Box<dyn Dial>, Hangup) {
    (Box::new(Stdin), Hangup::none())
}

/// # Errors
/// Nothing there, or a folder. The file itself is opened by the reader, for a pipe without a writer would block here.
pub(super) fn file(path: &Path) -> Result<(Box<dyn Dial>, Hangup), SourceError> {
    let is_folder = fs::metadata(path).map_err(|cause| error(&path.display(), cause))?.is_dir();
    if is_folder {
        return Err(error(&path.display(), io::Error::new(io::ErrorKind::IsADirectory, "a folder is no stream")));
    }
    Ok((Box::new(Named(path.into())), Hangup::none()))
}

struct Stdin;

impl Dial for Stdin {
    fn dial(&mut self, _: bool) -> Result<Connection, Halt> {
        Ok(Local::connection("-".into(), io::stdin().lock()))
    }
}

struct Named(PathBuf);

impl Dial for Named {
    fn dial(&mut self, _: bool) -> Result<Connection, Halt> {
        let file = File::open(&self.0).map_err(|cause| Halt::Failed(error(&self.0.display(), cause)))?;
        Ok(Local::connection(self.0.display().to_string(), file))
    }
}

struct Local<R> {
    origin: String,
    source: R,
}

impl<R: Read + 'static> Local<R> {
    fn connection(origin: String, source: R) -> Connection {
        Connection { body: Box::new(Self { origin, source }), greeting: None }
    }
}

impl<R: Read> Body for Local<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Halt> {
        match read_some(&mut self.source, buffer) {
            Ok(0) => Err(Halt::Ended),
            Ok(count) => Ok(count),
            Err(cause) => Err(Halt::Failed(error(&self.origin, cause))),
        }
    }
}

fn error(origin: &impl ToString, cause: io::Error) -> SourceError {
    SourceError::Io { origin: origin.to_string(), cause }
}
