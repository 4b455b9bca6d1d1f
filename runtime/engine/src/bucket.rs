use crate::manifest::{GraphEntry, Manifest, bad_port, invalid};
use crate::{BundleError, Dim, GraphName, Port};
use serde::{Deserialize, Serialize};
use tempest_contract::ViewKind;

/// Most buckets of a bundle; each is a whole encoder in memory.
pub const MAX_BUCKETS: usize = 8;

/// View `bytes`: an encoder of the first `row` tokens of a row. For a block whose other tokens are padding it gives what
/// [`GraphName::Encoder`] gives, sums taken in another order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Tokens that it reads of a block: 1 and more, fewer than the contract's row.
    pub row: usize,
    /// `blocks: i32 [B, row]` -> `embeddings: f32 [B, L', D]`, of the encoder's batch.
    pub graph: GraphEntry,
}

/// Buckets ascend, below the contract's row, and each gives what the encoder gives.
pub(crate) fn check(manifest: &Manifest) -> Result<(), BundleError> {
    let buckets = &manifest.buckets;
    if buckets.is_empty() {
        return Ok(());
    }
    let Some(encoder) = manifest.graphs.get(&GraphName::Encoder) else {
        return Err(invalid("buckets", "the bundle has no encoder that takes the blocks they do not"));
    };
    if manifest.contract.view.kind != ViewKind::Bytes {
        return Err(invalid("buckets", "only rows of the view 'bytes' end in padding"));
    }
    if buckets.len() > MAX_BUCKETS {
        return Err(invalid("buckets", format!("{} of them, at most {MAX_BUCKETS}", buckets.len())));
    }
    let mut rows = vec![0];
    for (at, Bucket { row, graph }) in buckets.iter().enumerate() {
        let last = rows.last().copied().unwrap_or(0);
        if !(last + 1..manifest.contract.view.row).contains(row) {
            let row_limit = manifest.contract.view.row;
            let reason = format!("{row} is not above {last} and below {row_limit}, contract.view.row");
            return Err(invalid(format!("buckets.{at}.row"), reason));
        }
        rows.push(*row);
        let name = format!("buckets.{at}.graph");
        graph.check(&name)?;
        check_port(&name, graph.io.inputs.first(), encoder.io.inputs.first(), Some(*row))?;
        check_port(&name, Some(&graph.io.output), Some(&encoder.io.output), None)?;
    }
    Ok(())
}

/// A port is the encoder's but for the length of the row.
fn check_port(name: &str, found: Option<&Port>, encoder: Option<&Port>, row: Option<usize>) -> Result<(), BundleError> {
    let (Some(found), Some(encoder)) = (found, encoder) else { return Ok(()) };
    let mut expected = encoder.clone();
    if let (Some(row), Some(last)) = (row, expected.shape.last_mut()) {
        *last = Dim::Fixed(row);
    }
    if *found == expected {
        return Ok(());
    }
    Err(bad_port(name, found, format!("is not {} {}", expected.dtype, expected.shape_text())))
}
