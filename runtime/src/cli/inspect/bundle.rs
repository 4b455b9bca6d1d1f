use super::{Found, Page, count, graph};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::Path;
use tempest_contract::Contract;
use tempest_engine::{Bundle, GraphSummary, Manifest, Port};

/// Fields of the manifest that the page shows in words of its own; others, of newer compilers, are shown as JSON.
const SHOWN: [&str; 9] = [
    "format_version",
    "contract",
    "target",
    "opset",
    "precision",
    "compiler",
    "checkpoint_sha256",
    "tolerance",
    "graphs",
];

/// Opening a bundle checks every size and hash.
pub(super) fn inspect(path: &Path) -> Result<Found> {
    let bundle = Bundle::open(path)?;
    let manifest = bundle.manifest();
    let mut json = serde_json::to_value(manifest)?;
    let mut page = Page::default();
    contract(&mut page, "bundle", &manifest.contract);
    written(&mut page, manifest);
    further(&mut page, &json);
    for (&name, entry) in &manifest.graphs {
        let bytes = bundle.graph(name).with_context(|| format!("graph '{name}' is not there"))?;
        let summary = GraphSummary::of(bytes).with_context(|| format!("graph '{name}'"))?;
        let io = &entry.io;
        let inputs: Vec<String> = io.inputs.iter().map(port).collect();
        page.line(name.as_str(), format!("{}, {} bytes, SHA-256 as stated", entry.file, entry.bytes));
        page.line("", format!("{} -> {}", inputs.join(", "), port(&io.output)));
        page.line("", graph::content(&summary));
        let graph = &mut json["graphs"][name.as_str()];
        (graph["operators"], graph["weights"]) = (json!(summary.operators), json!(summary.weights));
    }
    json["kind"] = "bundle".into();
    Ok(Found { json, page })
}

/// What the model reads and answers, in a bundle and in a checkpoint.
pub(super) fn contract(page: &mut Page, kind: &str, contract: &Contract) {
    let (view, window) = (&contract.view, &contract.window);
    page.line(kind, &contract.name);
    page.line("labels", format!("{}: {}", contract.labels.len(), contract.labels.join(", ")));
    page.line("media", contract.media());
    page.line("view", format!("{}, rows of {} (layout {})", view.kind.name(), view.row, view.layout));
    page.line("window", format!("{} blocks, {} apart", window.blocks, window.hop));
}

fn written(page: &mut Page, manifest: &Manifest) {
    let Manifest { target, precision, opset, tolerance, compiler, checkpoint_sha256, .. } = manifest;
    page.line("target", format!("{target}, {precision}, opset {opset}"));
    page.line("written by", format!("{compiler}, logits within {tolerance} of checkpoint {checkpoint_sha256}"));
}

/// Optional parts, such as thresholds.
fn further(page: &mut Page, json: &Value) {
    let fields = json.as_object().into_iter().flatten().filter(|(name, _)| !SHOWN.contains(&name.as_str()));
    fields.for_each(|(name, value)| page.line(name, value.to_string()));
    if json.get("thresholds").is_none() {
        page.line("thresholds", "none");
    }
}

fn port(port: &Port) -> String {
    let dims: Vec<String> = port.shape.iter().map(ToString::to_string).collect();
    format!("{} {} [{}]", port.name, port.dtype, dims.join(", "))
}

/// Total and types of weights: `90.1 k weights (float 90.1 k)`.
pub(super) fn weights<'a>(types: impl Iterator<Item = (&'a String, &'a u64)> + Clone) -> String {
    let total = types.clone().fold(0_u64, |sum, (_, number)| sum.saturating_add(*number));
    let parts: Vec<String> = types.map(|(dtype, number)| format!("{dtype} {}", count(*number))).collect();
    format!("{} weights ({})", count(total), parts.join(", "))
}
