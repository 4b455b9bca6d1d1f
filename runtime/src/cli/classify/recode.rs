//! Which clips are encoded anew, and how often.

use super::request::Content;
use super::work::{Failure, Streams};
pub(super) use crate::recode::EXTENSIONS;
use crate::recode::{Recording, check};
use crate::{Media, MediaError};
use anyhow::{Result, bail};
use std::io::Read;
use tempest_contract::Contract;

/// Largest recording that is held in memory: an hour of two channels at 48 kHz in float32, and more.
const MAX_BYTES: u64 = 2 << 30;

/// What is done to a clip before it is classified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Recode {
    /// Nothing.
    Never,
    /// Where the model cannot read it, it is encoded anew at this bit rate in kbit/s.
    Unfit(u32),
    /// It is encoded anew at each of these.
    Each(u32, Vec<u32>),
}

impl Recode {
    /// What the options ask for, refused here where no clip could be encoded so.
    pub(super) fn new(transcode: bool, bitrates: &[u32], contract: &Contract) -> Result<Self> {
        if let Some(kbps) = bitrates.iter().find(|&&kbps| !contract.codec.accepts_rate(f64::from(kbps))) {
            bail!("--bitrates {kbps}: the model '{}' reads {}", contract.name, contract.media());
        }
        bitrates.iter().try_for_each(|&kbps| check(contract, kbps))?;
        if let [first, others @ ..] = bitrates {
            return Ok(Recode::Each(*first, others.into()));
        }
        if !transcode {
            return Ok(Recode::Never);
        }
        let trained = contract.codec.bitrates_kbps();
        let middle = trained.get(trained.len() / 2).copied().unwrap_or_default();
        check(contract, middle)?;
        Ok(Recode::Unfit(middle))
    }

    /// Reads a clip: once as it comes, or once for each bit rate.
    pub(super) fn read(&self, content: Content, contract: &Contract) -> Result<Streams, Failure> {
        match self {
            Recode::Never => {
                let source = content.open().map_err(MediaError::from)?;
                Ok(Streams::as_it_comes(Media::read(source, contract)?))
            }
            Recode::Unfit(kbps) => {
                let bytes = bytes(content)?;
                match Media::read(&*bytes, contract) {
                    Err(error) if is_unfit(&error) => again(bytes, *kbps, &[], contract),
                    media => Ok(Streams::as_it_comes(media?)),
                }
            }
            Recode::Each(first, others) => again(bytes(content)?, *first, others, contract),
        }
    }
}

/// Whether it may be a recording of another kind.
fn is_unfit(error: &MediaError) -> bool {
    matches!(error, MediaError::NoBlocks { .. } | MediaError::Unsupported { .. } | MediaError::Mismatch { .. })
}

fn again(bytes: Vec<u8>, first: u32, others: &[u32], contract: &Contract) -> Result<Streams, Failure> {
    let recording = Recording::read(bytes)?;
    let stream =
        |&kbps: &u32| -> Result<Media, Failure> { Ok(Media::read(&*recording.encode(contract, kbps)?, contract)?) };
    let recoded_kbps = [&[first], others].concat();
    Ok(Streams { first: stream(&first)?, others: others.iter().map(stream).collect::<Result<_, _>>()?, recoded_kbps })
}

fn bytes(content: Content) -> Result<Vec<u8>, MediaError> {
    let mut bytes = Vec::new();
    content.open()?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(MediaError::TooLong);
    }
    Ok(bytes)
}
