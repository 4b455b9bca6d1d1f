use super::html;
use super::run::RunFiles;
use crate::outcome::Costs;
use serde_json::Value;

/// What a run is: data, media, view, sizes, options, time.
pub(super) fn card(run: &RunFiles) -> String {
    let mut facts = vec![("state", state(run))];
    facts.extend(accuracy(run).map(|text| ("test accuracy", text)));
    let best = run.record["best"]["epoch"].as_u64();
    facts.extend(best.map(|epoch| ("weights", format!("of epoch {epoch}, the best on validation clips"))));
    facts.extend(data(&run.record).map(|text| ("data", text)));
    if let Some(contract) = &run.contract {
        let (view, window) = (&contract.view, &contract.window);
        facts.push(("media", contract.media()));
        facts.push(("view", format!("{}, {} values of a block", view.kind.name(), view.row)));
        facts.push(("window", format!("{} blocks, every {}", window.blocks, window.hop)));
        facts.push(("classes", contract.labels.len().to_string()));
    }
    facts.extend(listed(&run.config).map(|text| ("sizes", text)));
    facts.extend(run.costs.as_ref().map(|found| ("costs", costs(found))));
    facts.extend(listed(&run.options).map(|text| ("options", text)));
    html::facts(&facts)
}

fn state(run: &RunFiles) -> String {
    let last = run.epochs.last().unwrap_or(&Value::Null);
    let seconds = run.outcome.as_ref().map(|outcome| outcome.seconds).or_else(|| last["seconds"].as_f64());
    let of = run.options["epochs"].as_u64().map_or(String::new(), |all| format!(" of {all}"));
    let epoch = match (last["epoch"].as_u64(), run.finished) {
        (Some(epoch), _) => format!(", epoch {epoch}{of}"),
        (None, true) => ", without its log".into(),
        (None, false) => ", before the first epoch".into(),
    };
    let time = seconds.map_or(String::new(), |seconds| format!(", {seconds:.0} s"));
    format!("{}{epoch}{time}", if run.finished { "finished" } else { "not finished" })
}

fn accuracy(run: &RunFiles) -> Option<String> {
    let test = run.test.as_ref()?;
    Some(format!("{:.2} % ({} of {} clips)", 100.0 * test.accuracy(), test.correct, test.clips))
}

/// Of the checkpoint's record.
fn data(record: &Value) -> Option<String> {
    let (data, clips) = (&record["data"], &record["clips"]);
    let fold = data["test_fold"].as_u64().filter(|_| data["format"] == "esc");
    let fold = fold.map_or(String::new(), |fold| format!(", test fold {fold}"));
    let count = |split: &str| clips[split].as_u64().unwrap_or(0);
    Some(format!(
        "{} ({}){fold}; {} training clips x {} variants, {} validation, {} test",
        data["name"].as_str()?,
        data["format"].as_str()?,
        count("train"),
        record["variants"].as_u64().unwrap_or(1),
        count("validation"),
        count("test")
    ))
}

fn costs(costs: &Costs) -> String {
    let mut text = format!("{} parameters, {} of the decoder beside", costs.parameters, costs.decoder_parameters);
    text.push_str(&match costs.macs_per_second {
        Some(macs) => format!("; {:.1} million MACs a second", macs / 1e6),
        None => format!("; {:.1} million MACs a clip", costs.macs_per_clip as f64 / 1e6),
    });
    if let Some(bytes) = costs.bytes_read_per_block {
        text.push_str(&format!("; reads {bytes:.1} bytes of a block"));
    }
    text
}

/// `dim 96, ff 192`: every field of an object.
fn listed(object: &Value) -> Option<String> {
    let fields = object.as_object()?.iter().map(|(name, value)| match value {
        Value::String(text) => format!("{name} {text}"),
        other => format!("{name} {other}"),
    });
    Some(fields.collect::<Vec<_>>().join(", "))
}
