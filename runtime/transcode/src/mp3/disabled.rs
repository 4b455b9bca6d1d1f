//! Stands in for LAME in a build without the feature `lame`.

use super::{EncodeError, EncodeParams};

pub(super) fn encode(_samples: &[f32], _params: &EncodeParams) -> Result<Vec<u8>, EncodeError> {
    Err(EncodeError::NotBuilt)
}

pub(super) fn name() -> String {
    "none".to_owned()
}
