use super::CalibrateError;
use crate::prove::{real_rows, sample_rows};
use serde::Serialize;
use std::path::Path;
use tempest_contract::Contract;
use tempest_models::Checkpoint;
use tempest_runtime::Media;
use tempest_runtime::inputs::{self, Source};

/// Blocks of a folder that are measured, give or take a clip.
const BLOCKS: usize = 2048;

/// Clips of blocks to measure on.
#[derive(Clone, Debug, Serialize)]
pub struct Clips {
    /// The folder that those which are not built in come from.
    pub folder: Option<std::path::PathBuf>,
    /// How many.
    pub clips: usize,
    /// Blocks of all of them.
    pub blocks: usize,
    /// The rows of each, one after the other.
    #[serde(skip)]
    pub(super) rows: Vec<Vec<i32>>,
}

impl Clips {
    /// Blocks that are built in, a real recording where the model reads its kind and random ones: the proof runs their
    /// like, so the scales must hold them. With a folder, the middle window of files spread evenly over it too.
    ///
    /// # Errors
    /// [`CalibrateError`] names the folder, or the first file that the model does not read.
    pub fn of(checkpoint: &Checkpoint, folder: Option<&Path>, seed: u64) -> Result<Self, CalibrateError> {
        let contract = &checkpoint.contract;
        let random = sample_rows(checkpoint, contract.window.blocks, seed)?;
        let mut rows: Vec<Vec<i32>> = vec![real_rows(checkpoint).concat(), random.concat()];
        if let Some(folder) = folder {
            rows.extend(spread(folder, contract)?);
        }
        rows.retain(|clip| !clip.is_empty());
        let blocks = rows.iter().map(|clip| clip.len() / contract.view.row.max(1)).sum();
        Ok(Self { folder: folder.map(Path::to_owned), clips: rows.len(), blocks, rows })
    }
}

/// The middle window of files spread evenly over a folder.
fn spread(folder: &Path, contract: &Contract) -> Result<Vec<Vec<i32>>, CalibrateError> {
    let failed = |source| CalibrateError::Folder { path: folder.to_owned(), source };
    let sources = inputs::expand(folder, contract.codec.extensions()).map_err(failed)?;
    let wanted = (BLOCKS / contract.window.blocks.max(1)).max(1);
    let spread = sources.iter().step_by(sources.len().div_ceil(wanted).max(1));
    spread.map(|source| middle(source, contract)).collect()
}

/// Rows of the window in the middle of a file.
fn middle(source: &Source, contract: &Contract) -> Result<Vec<i32>, CalibrateError> {
    let failed = |reason: String| CalibrateError::File { file: source.to_string(), reason };
    let reader = source.open().map_err(|error| failed(error.to_string()))?;
    let media = Media::read(reader, contract).map_err(|error| failed(error.to_string()))?;
    let windows: Vec<_> = contract.window.over(media.blocks).collect();
    let row = contract.view.row;
    Ok(windows
        .get(windows.len() / 2)
        .map_or_else(Vec::new, |window| media.rows[window.start * row..window.end * row].to_vec()))
}
