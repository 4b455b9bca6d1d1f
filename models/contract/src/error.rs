use thiserror::Error;

/// Why a contract cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ContractError {
    /// The text is not the JSON of a contract (a missing field, an unknown one, a wrong type).
    #[error("contract: {0}")]
    Json(#[from] serde_json::Error),
    /// Written by another version of TEMPEST.
    #[error("contract: format version {found}, this build reads version {expected}; use the matching release")]
    Version {
        /// The version in the file.
        found: u32,
        /// The version of this build.
        expected: u32,
    },
    /// A field holds a value no model can have.
    #[error("contract: field '{field}': {reason}")]
    Invalid {
        /// Path of the field in the JSON.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}
