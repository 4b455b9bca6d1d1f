//! What an interrupted run needs to go on exactly: weights, moments, step. Random numbers follow from (seed, step), so
//! there is no generator to save.

use crate::optim::AdamW;
use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The counters of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: usize,
    /// Seconds spent training, over all sittings.
    pub seconds: f64,
    /// The run's options as JSON; a run resumes only under the same ones.
    pub options: serde_json::Value,
}

const KEY: &str = "tempest-run";

/// Writes weights, moments and counters under a temporary name, then renames.
///
/// # Errors
/// What writing says, with the path.
pub fn save(path: &Path, optimiser: &AdamW, progress: &Progress) -> Result<()> {
    let mut tensors: Vec<(String, Tensor)> = Vec::new();
    for (name, slot) in &optimiser.slots {
        tensors.push((format!("weight/{name}"), slot.var.as_tensor().to_device(&Device::Cpu)?));
        tensors.push((format!("first/{name}"), slot.first.to_device(&Device::Cpu)?));
        tensors.push((format!("second/{name}"), slot.second.to_device(&Device::Cpu)?));
    }
    let metadata = HashMap::from([(KEY.to_string(), serde_json::to_string(progress)?)]);
    let temporary = path.with_extension("tmp");
    safetensors::serialize_to_file(tensors, Some(metadata), &temporary)
        .with_context(|| format!("cannot write {}", temporary.display()))?;
    std::fs::rename(&temporary, path).with_context(|| format!("cannot write {}", path.display()))
}

/// Restores weights, moments and step; `None` where there is no saved state.
///
/// # Errors
/// A damaged file, another set of variables, or a run with other options: says which option changed.
pub fn restore(path: &Path, optimiser: &mut AdamW, options: &serde_json::Value) -> Result<Option<Progress>> {
    if !path.exists() {
        return Ok(None);
    }
    let advice = "delete the run's folder or choose another --out to start afresh";
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (_, header) = SafeTensors::read_metadata(&bytes).with_context(|| format!("{}: {advice}", path.display()))?;
    let json = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
    let json = json.with_context(|| format!("{}: not the state of a run; {advice}", path.display()))?;
    let progress: Progress = serde_json::from_str(json)?;
    if let Some(difference) = difference(&progress.options, options) {
        bail!("{}: the run was started with {difference}; {advice}", path.display());
    }
    let tensors = tensors(&SafeTensors::deserialize(&bytes)?)?;
    for (name, slot) in &mut optimiser.slots {
        let get = |part: &str| -> Result<Tensor> {
            let tensor = tensors.get(&format!("{part}/{name}"));
            let tensor =
                tensor.with_context(|| format!("{}: {part} of '{name}' is missing; {advice}", path.display()))?;
            Ok(tensor.to_device(slot.var.device())?)
        };
        slot.var.set(&get("weight")?)?;
        (slot.first, slot.second) = (get("first")?, get("second")?);
    }
    optimiser.step = progress.step;
    Ok(Some(progress))
}

fn tensors(file: &SafeTensors) -> Result<BTreeMap<String, Tensor>> {
    file.iter()
        .map(|(name, view)| {
            let tensor = Tensor::from_raw_buffer(view.data(), candle_core::DType::F32, view.shape(), &Device::Cpu)?;
            Ok((name.to_string(), tensor))
        })
        .collect()
}

/// The first option that differs, at any depth: `fit.batch = 64, now 32`.
fn difference(was: &serde_json::Value, now: &serde_json::Value) -> Option<String> {
    if was == now {
        return None;
    }
    let (Some(was_fields), Some(now_fields)) = (was.as_object(), now.as_object()) else {
        return Some(format!(" = {was}, now {now}"));
    };
    let null = serde_json::Value::Null;
    let changed = now_fields.iter().find_map(|(key, value)| {
        let inner = difference(was_fields.get(key).unwrap_or(&null), value)?;
        let dot = if inner.starts_with(' ') { "" } else { "." };
        Some(format!("{key}{dot}{inner}"))
    });
    changed.or_else(|| Some(" with options this version does not have".into()))
}
