use serde::Deserialize;
use tempest_engine::Batches;

/// Largest fixed batch a profile may ask for.
const MAX_BATCH: usize = 1 << 12;

/// Batch of each graph.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchSizes {
    /// Blocks per run of the encoder, by view: for `bytes` one block is already a matrix, for the others it is not.
    pub encoder: EncoderBatches,
    /// Windows per run of the classifier.
    pub classifier: Batch,
    /// Windows per run of the fused graph.
    pub clip: Batch,
}

/// Smallest, best and largest batch of each graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchRanges {
    /// Blocks per run of the encoder.
    pub encoder: Batches,
    /// Windows per run of the classifier.
    pub classifier: Batches,
    /// Windows per run of the fused graph.
    pub clip: Batches,
}

/// Blocks per run of the encoder, by view.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderBatches {
    /// View `bytes`.
    pub bytes: Batch,
    /// The numeric views: `fields`, `scalefactors`, `symbols`.
    pub fields: Batch,
}

/// A batch size: a number, or the text `batch` for a symbol that is chosen when the graph is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum Batch {
    /// Fixed in the graph.
    Fixed(usize),
    /// Chosen when the graph is loaded.
    Symbolic,
}

impl TryFrom<toml::Value> for Batch {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        match &value {
            toml::Value::String(text) if text == "batch" => Ok(Batch::Symbolic),
            toml::Value::Integer(size) => match usize::try_from(*size) {
                Ok(size) if (1..=MAX_BATCH).contains(&size) => Ok(Batch::Fixed(size)),
                _ => Err(format!("batch {size} is not in 1..={MAX_BATCH}")),
            },
            _ => Err(format!("a batch is a number or \"batch\", not {value}")),
        }
    }
}
