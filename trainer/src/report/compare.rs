use super::run::RunFiles;
use super::{charts, html};
use serde_json::Value;

/// Several runs side by side: a table, and their curves over each other.
pub(super) fn section(runs: &[RunFiles]) -> String {
    let heads = [
        "run",
        "view",
        "epochs",
        "seed",
        "test accuracy, %",
        "best validation, %",
        "million MACs",
        "bytes of a block",
        "training, s",
        "parameters",
    ];
    let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
    let table = html::table(&heads, 2, &rows);
    format!("<section>\n{}{table}{}</section>\n", html::heading(2, "Comparison"), charts::of_runs(runs))
}

fn row(run: &RunFiles) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".into());
    let last = run.epochs.last().unwrap_or(&Value::Null);
    let costs = run.costs;
    let second = costs.and_then(|costs| costs.macs_per_second).map(|macs| format!("{:.1} a second", macs / 1e6));
    let clip = costs.map(|costs| format!("{:.1} a clip", costs.macs_per_clip as f64 / 1e6));
    let seconds = run.outcome.as_ref().map(|outcome| outcome.seconds).or_else(|| last["seconds"].as_f64());
    let validation = run.epochs.iter().filter_map(|line| line["validation_accuracy"].as_f64()).reduce(f64::max);
    vec![
        run.name.clone(),
        or_dash(run.contract.as_ref().map(|contract| contract.view.kind.name().into())),
        or_dash(last["epoch"].as_u64().map(|epoch| epoch.to_string())),
        or_dash(run.options["seed"].as_u64().map(|seed| seed.to_string())),
        html::percent(run.test.as_ref().map(|test| test.accuracy())),
        html::percent(validation),
        or_dash(second.or(clip)),
        or_dash(costs.and_then(|costs| costs.bytes_read_per_block).map(|bytes| format!("{bytes:.1}"))),
        or_dash(seconds.map(|seconds| format!("{seconds:.0}"))),
        or_dash(costs.map(|costs| costs.parameters.to_string())),
    ]
}
