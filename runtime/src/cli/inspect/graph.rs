use super::bundle::weights;
use super::{Found, Page};
use anyhow::{Result, bail};
use serde_json::json;
use std::path::Path;
use tempest_engine::{GraphSummary, MAX_GRAPH_BYTES};

/// Longest value of a metadata entry that the page shows whole.
const SHOWN: usize = 100;

/// `bytes` is the size of the file.
pub(super) fn inspect(path: &Path, bytes: u64) -> Result<Found> {
    if bytes > MAX_GRAPH_BYTES {
        bail!("{bytes} bytes, at most {MAX_GRAPH_BYTES} are read");
    }
    let summary = GraphSummary::of(&std::fs::read(path)?)?;
    let mut page = Page::default();
    page.line("graph", format!("{} bytes, SHA-256 {}", summary.bytes, summary.sha256));
    page.line("written by", if summary.producer.is_empty() { "unknown" } else { &summary.producer });
    let opset = |(domain, version): (&String, &i64)| format!("{domain} {version}").trim().to_owned();
    page.line("opset", summary.opsets.iter().map(opset).collect::<Vec<_>>().join(", "));
    summary.inputs.iter().for_each(|input| page.line("input", input));
    summary.outputs.iter().for_each(|output| page.line("output", output));
    page.line("content", content(&summary));
    for (key, value) in &summary.metadata {
        let short: String = value.chars().take(SHOWN).collect();
        let more = if short.len() < value.len() { " ..." } else { "" };
        page.line("metadata", format!("{key} = {short}{more}"));
    }
    let mut json = json!(summary);
    json["kind"] = "graph".into();
    Ok(Found { json, page })
}

/// `90.1 k weights (float 90.1 k), 36 operators: Add 4, MatMul 3`.
pub(super) fn content(summary: &GraphSummary) -> String {
    let mut operators: Vec<(&String, &usize)> = summary.operators.iter().collect();
    operators.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let nodes: usize = summary.operators.values().sum();
    let parts: Vec<String> = operators.iter().map(|(operator, number)| format!("{operator} {number}")).collect();
    format!("{}, {nodes} operators: {}", weights(summary.weights.iter()), parts.join(", "))
}
