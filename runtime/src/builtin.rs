//! The model that `tempest` answers with when none is given: `models/zoo/wakewords`, compiled for `edge-tract`.

use tempest_engine::{Bundle, BundleError, GraphName};

const MANIFEST: &str = include_str!("../../models/zoo/wakewords/bundle/bundle.json");
const ENCODER: &[u8] = include_bytes!("../../models/zoo/wakewords/bundle/encoder.onnx");
const CLASSIFIER: &[u8] = include_bytes!("../../models/zoo/wakewords/bundle/classifier.onnx");

/// The built-in bundle: encoder and classifier, hash-checked like any other.
///
/// # Errors
/// Only where the build took a manifest and graphs that do not belong together.
pub fn bundle() -> Result<Bundle, BundleError> {
    Bundle::from_parts(MANIFEST, [(GraphName::Encoder, ENCODER), (GraphName::Classifier, CLASSIFIER)])
}
