mod costs;
mod table;
mod tally;
mod timing;

pub use costs::Costs;
use table::{grouped, size, table};
pub use tally::Step;
pub(crate) use tally::Tally;
pub use timing::Timing;
pub(crate) use timing::time;

use crate::GraphId;
use crate::calibrate::Clips;
use crate::graphs::{Artefact, Artefacts, file_name};
use crate::prove::{Check, Labelled};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};
use tempest_engine::{GraphName, Manifest};

/// What was compiled, verified and written. Serialises to the JSON of `--json`; displays as the table for people.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The checkpoint.
    pub checkpoint: PathBuf,
    /// SHA-256 of the checkpoint.
    pub checkpoint_sha256: String,
    /// Name of the model.
    pub model: String,
    /// Media and classes, for people.
    pub about: String,
    /// Name of the target.
    pub target: String,
    /// The bundle's folder.
    pub output: PathBuf,
    /// Largest absolute difference that was allowed.
    pub tolerance: f32,
    /// The graphs, in the order of the pipeline.
    pub graphs: Vec<GraphReport>,
    /// One entry per engine and graph.
    pub checks: Vec<Check>,
    /// Engines that were left out.
    pub skipped: Vec<Skipped>,
    /// What the scales of `int8` were measured on; only where they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<Clips>,
    /// No engine here runs the graphs as written: those that were verified and timed compute the same in other operators.
    pub stand_in: bool,
    /// Answers on a labelled set, one entry per engine; only where one was given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labelled: Vec<Labelled>,
    /// How long the compiler took.
    pub seconds: Seconds,
    /// What it costs; only where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub costs: Option<Costs>,
    /// One entry per engine and graph; only where asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timings: Vec<Timing>,
}

/// How long the compiler took, in seconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Seconds {
    /// From the checkpoint's file to the ONNX bytes.
    pub compiled: f64,
    /// The proof on every engine.
    pub verified: f64,
}

/// One graph of the bundle.
#[derive(Clone, Debug, Serialize)]
pub struct GraphReport {
    /// Its name.
    pub graph: GraphId,
    /// Its file in the bundle.
    pub file: String,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Nodes as built.
    pub nodes_before: usize,
    /// Nodes as emitted.
    pub nodes_after: usize,
    /// Elements of all float constants, positions included.
    pub parameters: usize,
}

/// An engine that did not verify.
#[derive(Clone, Debug, Serialize)]
pub struct Skipped {
    /// Its name.
    pub engine: String,
    /// Why not.
    pub reason: String,
}

impl Report {
    pub(crate) fn new(
        checkpoint: &Path,
        output: PathBuf,
        manifest: &Manifest,
        graphs: &Artefacts,
        checks: Vec<Check>,
        skipped: Vec<(String, String)>,
    ) -> Self {
        let contract = &manifest.contract;
        let graph = |(graph, Artefact { onnx, stats, .. }): (&GraphId, &Artefact)| GraphReport {
            graph: *graph,
            file: file_name(*graph),
            bytes: onnx.len() as u64,
            sha256: tempest_engine::sha256_hex(onnx),
            nodes_before: stats.nodes_before,
            nodes_after: stats.nodes_after,
            parameters: stats.parameters,
        };
        Self {
            checkpoint: checkpoint.to_owned(),
            checkpoint_sha256: manifest.checkpoint_sha256.clone(),
            model: contract.name.clone(),
            about: format!("{} labels, {}", contract.labels.len(), contract.media()),
            target: manifest.target.clone(),
            output,
            tolerance: manifest.tolerance,
            graphs: graphs.iter().map(graph).collect(),
            checks,
            skipped: skipped.into_iter().map(|(engine, reason)| Skipped { engine, reason }).collect(),
            calibrated: None,
            stand_in: false,
            labelled: vec![],
            seconds: Seconds::default(),
            costs: None,
            timings: vec![],
        }
    }

    /// The engines that verified, in the order they ran.
    pub fn engines(&self) -> Vec<&str> {
        let mut engines: Vec<&str> = self.checks.iter().map(|check| check.engine.as_str()).collect();
        engines.dedup();
        engines
    }

    /// The check of a graph on an engine.
    #[must_use]
    pub fn check(&self, graph: impl Into<GraphId>, engine: &str) -> Option<&Check> {
        let graph = graph.into();
        self.checks.iter().find(|check| check.graph == graph && check.engine == engine)
    }

    /// What each pass did, what the model costs, and what was timed.
    fn fmt_costs(&self, f: &mut fmt::Formatter<'_>, costs: &Costs) -> fmt::Result {
        let mut rows =
            vec![["graph, pass", "rewrites", "nodes", "MMAC", "weights", "activations"].map(str::to_owned).to_vec()];
        // The fused graph is both of the others; `--json` has its steps too.
        let parts = [GraphName::Encoder, GraphName::Classifier].map(|graph| graph.to_string());
        let steps = costs.steps.iter().filter(|step| parts.contains(&step.graph));
        rows.extend(steps.map(|step| {
            vec![
                format!("{}, {}", step.graph, step.pass),
                step.rewrites.to_string(),
                step.nodes.to_string(),
                format!("{:.2}", step.cost.macs as f64 / 1e6),
                size(step.cost.weight_bytes),
                size(step.cost.activation_bytes),
            ]
        }));
        table(f, &rows)?;
        write!(f, "{costs}")?;
        let mut rows = vec![["graph, engine", "load ms", "run ms", "products alone"].map(str::to_owned).to_vec()];
        rows.extend(self.timings.iter().map(|timing| {
            let Timing { graph, engine, load_ms, run_ms, estimated_ms } = timing;
            vec![
                format!("{graph}, {engine}"),
                format!("{load_ms:.1}"),
                format!("{run_ms:.2}"),
                format!("{estimated_ms:.2}"),
            ]
        }));
        table(f, &rows)
    }

    fn row(&self, graph: &GraphReport) -> Vec<String> {
        let mut row = vec![
            graph.graph.to_string(),
            format!("{} -> {}", graph.nodes_before, graph.nodes_after),
            grouped(graph.parameters),
            size(graph.bytes),
        ];
        for engine in self.engines() {
            let check = self.check(graph.graph, engine);
            row.push(check.map_or_else(String::new, |check| format!("{:.1e}", check.difference.max_abs)));
        }
        row
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}, for {}", self.model, self.about, self.target)?;
        let mut rows: Vec<Vec<String>> = vec![["graph", "nodes", "parameters", "size"].map(str::to_owned).to_vec()];
        rows[0].extend(self.engines().iter().map(|engine| format!("max diff, {engine}")));
        rows.extend(self.graphs.iter().map(|graph| self.row(graph)));
        table(f, &rows)?;
        for skipped in &self.skipped {
            writeln!(f, "{}: skipped ({})", skipped.engine, first_clause(&skipped.reason))?;
        }
        if let Some(Clips { folder, clips, blocks, .. }) = &self.calibrated {
            let of = folder.as_ref().map_or(String::new(), |folder| format!(" and of {}", folder.display()));
            writeln!(f, "calibrated on {blocks} blocks in {clips} clips, built in{of}")?;
        }
        if self.stand_in {
            writeln!(f, "verified with products of float32 in place of bfloat16: no engine here multiplies bfloat16")?;
        }
        if let Some(costs) = &self.costs {
            self.fmt_costs(f, costs)?;
        }
        let worst = self.checks.iter().filter_map(|check| check.top1_agreement).fold(1.0, f64::min);
        writeln!(
            f,
            "verified against the checkpoint: tolerance {:.0e}, top-1 agreement {:.0} %",
            self.tolerance,
            worst * 100.0
        )?;
        for Labelled { files, engine, accuracy, fp32_accuracy, agreement, .. } in &self.labelled {
            let [accuracy, fp32, agreement] = [accuracy, fp32_accuracy, agreement].map(|share| 100.0 * share);
            writeln!(
                f,
                "labelled, {engine}: {accuracy:.2} % of {files} files, float32 {fp32:.2} %, the same answer on {agreement:.1} %"
            )?;
        }
        let total: u64 = self.graphs.iter().map(|graph| graph.bytes).sum();
        let Seconds { compiled, verified } = self.seconds;
        writeln!(
            f,
            "wrote {} ({}); compiled in {compiled:.1} s, verified in {verified:.1} s",
            self.output.display(),
            size(total)
        )
    }
}

/// What is wrong, without where it was looked for and how to get it: `--json` has the whole of it.
fn first_clause(reason: &str) -> &str {
    let end = [": ", "; "].iter().filter_map(|mark| reason.find(mark)).min();
    &reason[..end.unwrap_or(reason.len())]
}
