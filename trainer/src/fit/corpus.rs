//! The clips of a run.

use crate::batch::Example;
use crate::rows::Rows;
use crate::truth::Truth;
use sha2::{Digest, Sha256};

/// Clips of one training run, as rows.
#[derive(Debug, Default)]
pub struct Corpus {
    /// Training clips in all variants.
    pub train: Vec<Example>,
    /// Validation clips: rows, true labels. May be empty.
    pub validation: Vec<(Rows, Truth)>,
}

impl Corpus {
    /// SHA-256 of every training row and true label: a run goes on only with the clips it was started with.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for example in &self.train {
            add_truth(&mut hash, &example.truth);
            example.variants.iter().for_each(|rows| add(&mut hash, rows));
        }
        hex(hash)
    }

    /// SHA-256 of every validation row and true label, which decide when a run with patience ends.
    #[must_use]
    pub fn validation_fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for (rows, truth) in &self.validation {
            add_truth(&mut hash, truth);
            add(&mut hash, rows);
        }
        hex(hash)
    }
}

fn add_truth(hash: &mut Sha256, truth: &Truth) {
    hash.update((truth.labels().len() as u64).to_le_bytes());
    truth.labels().iter().for_each(|&label| hash.update((label as u64).to_le_bytes()));
}

fn add(hash: &mut Sha256, rows: &Rows) {
    hash.update((rows.values.len() as u64).to_le_bytes());
    rows.values.iter().for_each(|value| hash.update(value.to_le_bytes()));
}

/// SHA-256 of `bytes` in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
