//! Embeddings as an array that NumPy reads.

use crate::cli::file::NewFile;
use anyhow::{Context, Result};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

/// Bytes before the numbers, room for the longest shape included; a multiple of 64, as the format asks.
const HEADER_BYTES: usize = 128;

/// A two-dimensional array of float32 in NumPy's format 1.0 (`numpy.lib.format`), row after row.
pub(super) struct Npy {
    file: NewFile,
    width: usize,
    rows: usize,
}

impl Npy {
    /// An array with rows of `width` numbers.
    pub(super) fn create(path: &Path, width: usize) -> Result<Self> {
        let mut npy = Npy { file: NewFile::create(path)?, width, rows: 0 };
        npy.header()?;
        Ok(npy)
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Appends whole rows.
    pub(super) fn add(&mut self, rows: &[f32]) -> Result<()> {
        self.rows += rows.len() / self.width;
        let mut written = rows.iter().map(|value| self.file.write_all(&value.to_le_bytes()));
        let written = written.find(Result::is_err).unwrap_or(Ok(()));
        written.with_context(|| self.file.cannot())
    }

    /// Writes the shape, which is known now, and gives the file its name.
    pub(super) fn finish(mut self) -> Result<()> {
        self.file.seek(SeekFrom::Start(0)).with_context(|| self.file.cannot())?;
        self.header()?;
        self.file.finish()
    }

    /// Magic, version, length of the rest (little-endian), and a Python dictionary padded with spaces up to a newline.
    fn header(&mut self) -> Result<()> {
        let (rows, width) = (self.rows, self.width);
        let dictionary = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {width}), }}");
        let mut header = b"\x93NUMPY\x01\x00".to_vec();
        header.extend((HEADER_BYTES as u16 - 10).to_le_bytes());
        header.extend(dictionary.as_bytes());
        header.resize(HEADER_BYTES - 1, b' ');
        header.push(b'\n');
        self.file.write_all(&header).with_context(|| self.file.cannot())
    }
}
