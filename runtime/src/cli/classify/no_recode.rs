//! A build without an encoder: clips are classified as they come.

use super::request::Content;
use super::work::{Failure, Streams};
use crate::{Media, MediaError};
use anyhow::{Result, bail};
use tempest_contract::Contract;

/// How files of recordings that can be encoded anew end: there are none.
pub(super) const EXTENSIONS: [&str; 0] = [];

/// What is done to a clip before it is classified: nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recode;

impl Recode {
    /// Refuses what needs an encoder.
    pub(super) fn new(transcode: bool, bitrates: &[u32], _: &Contract) -> Result<Self> {
        if transcode || !bitrates.is_empty() {
            bail!("this build encodes nothing anew: build it with `--features lame`, or fit the files with ffmpeg");
        }
        Ok(Recode)
    }

    pub(super) fn read(&self, content: Content, contract: &Contract) -> Result<Streams, Failure> {
        let source = content.open().map_err(MediaError::from)?;
        Ok(Streams::as_it_comes(Media::read(source, contract)?))
    }
}
