//! The header of a `.safetensors` file: eight bytes of length (little-endian), then JSON: for each tensor `dtype`, `shape`
//! and `data_offsets` into what follows, and `__metadata__` of strings. The tensors themselves are not read.

use super::bundle::{contract, weights};
use super::{Found, Page, count};
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use tempest_contract::Contract;

/// Longest header that is read; one of ours has some ten thousand bytes.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// The one key of the metadata, `models/README.md`.
const METADATA_KEY: &str = "tempest";

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "__metadata__", default)]
    metadata: BTreeMap<String, String>,
    #[serde(flatten)]
    tensors: BTreeMap<String, Tensor>,
}

#[derive(Deserialize, Serialize)]
struct Tensor {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// The text of the header; `None` for a file that is no checkpoint. `bytes` is the size of the file, `named` whether it is
/// called one.
pub(super) fn header(file: &mut File, bytes: u64, named: bool) -> Result<Option<Vec<u8>>> {
    let mut start = [0; 8];
    let mut text = vec![0];
    if file.read_exact(&mut start).and_then(|()| file.read_exact(&mut text)).is_err() || text != b"{" {
        ensure!(!named, "no checkpoint: it does not begin with a header of safetensors");
        return Ok(None);
    }
    let length = u64::from_le_bytes(start);
    // An ONNX file may have a brace there; its first bytes are then no plausible length.
    if !named && length > bytes.saturating_sub(8) {
        return Ok(None);
    }
    ensure!(length <= MAX_HEADER_BYTES, "the header has {length} bytes, at most {MAX_HEADER_BYTES} are read");
    ensure!(length <= bytes.saturating_sub(8), "the header should have {length} bytes, the file ends before");
    file.take(length.saturating_sub(1)).read_to_end(&mut text)?;
    Ok(Some(text))
}

pub(super) fn inspect(header: &[u8], bytes: u64) -> Result<Found> {
    let parsed: Header = serde_json::from_slice(header).context("the header is no header of safetensors")?;
    let data = bytes.saturating_sub(8 + header.len() as u64);
    parsed
        .tensors
        .iter()
        .try_for_each(|(name, tensor)| tensor.check(data).with_context(|| format!("tensor '{name}'")))?;
    let Some(document) = parsed.metadata.get(METADATA_KEY) else {
        bail!("safetensors without the metadata '{METADATA_KEY}': no checkpoint of tempest-train");
    };
    let document: Value = serde_json::from_str(document).context("the metadata is no JSON")?;
    let promise = Contract::from_json(&document["contract"].to_string()).context("the contract")?;
    let mut types: BTreeMap<String, u64> = BTreeMap::new();
    for tensor in parsed.tensors.values() {
        let counted = types.entry(tensor.dtype.clone()).or_default();
        *counted = counted.saturating_add(tensor.elements().unwrap_or(0));
    }
    let mut page = Page::default();
    contract(&mut page, "checkpoint", &promise);
    page.line("config", fields(&document["config"]));
    page.line("training", fields(&document["training"]));
    page.line("content", format!("{bytes} bytes, {} tensors, {}", parsed.tensors.len(), weights(types.iter())));
    for (name, tensor) in &parsed.tensors {
        page.line(
            "",
            format!("{:<40} {:>9}  {} {:?}", name, count(tensor.elements().unwrap_or(0)), tensor.dtype, tensor.shape),
        );
    }
    let json = json!({
        "kind": "checkpoint", "bytes": bytes, "contract": document["contract"], "config": document["config"],
        "training": document["training"], "weights": types, "tensors": parsed.tensors,
    });
    Ok(Found { json, page })
}

/// `dim 96, ff 192`: the plain fields of an object; nested ones are only in the JSON.
fn fields(value: &Value) -> String {
    let plain = value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_object() && !value.is_array());
    let text = |(name, value): (&String, &Value)| match value.as_str() {
        Some(text) => format!("{name} {text}"),
        None => format!("{name} {value}"),
    };
    plain.map(text).collect::<Vec<_>>().join(", ")
}

impl Tensor {
    fn elements(&self) -> Option<u64> {
        self.shape.iter().try_fold(1_u64, |product, &dim| product.checked_mul(dim))
    }

    /// Whether its place is in the file, and as long as its shape.
    fn check(&self, data: u64) -> Result<()> {
        let [begin, end] = self.data_offsets;
        ensure!(begin <= end && end <= data, "its bytes {begin}..{end} are not in the {data} that the file holds");
        let Some(bits) = bits(&self.dtype) else { return Ok(()) };
        let declared = self.elements().and_then(|elements| elements.checked_mul(bits)).map(|bits| bits.div_ceil(8));
        ensure!(
            declared == Some(end - begin),
            "shape {:?} of {} does not take the {} bytes it has",
            self.shape,
            self.dtype,
            end - begin
        );
        Ok(())
    }
}

/// Of one element; `None` for types that are not known here, whose size is not checked.
fn bits(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "F64" | "I64" | "U64" => 64,
        "F32" | "I32" | "U32" => 32,
        "F16" | "BF16" | "I16" | "U16" => 16,
        "I8" | "U8" | "BOOL" | "F8_E4M3" | "F8_E5M2" => 8,
        _ => return None,
    })
}
