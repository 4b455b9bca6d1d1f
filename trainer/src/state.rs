//! What an interrupted run needs to go on exactly: weights, moments, averages, the best epoch, counters. Random numbers
//! follow from (seed, step), so there is no generator to save.

use crate::fit::Score;
use crate::optim::AdamW;
use anyhow::{Context, Result, bail};
use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;

/// The counters of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: usize,
    /// Seconds spent training, over all sittings.
    pub seconds: f64,
    /// Sums and count of what an epoch not yet finished reports as means; the sums as bits, which JSON does not round.
    #[serde(default)]
    pub mean: ([u64; 3], usize),
    /// The best epoch so far and its score; its weights are the part [`BEST`].
    #[serde(default)]
    pub best: Option<(usize, Score)>,
    /// The run's options as JSON; a run resumes only under the same ones.
    pub options: Value,
}

/// Tensors of a run by name.
pub type Tensors = BTreeMap<String, Tensor>;

/// A state as it was read.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The counters.
    pub progress: Progress,
    parts: BTreeMap<String, Tensors>,
}

/// The part that holds the running average of the weights.
pub const AVERAGE: &str = "average";
/// The part that holds the best epoch's weights.
pub const BEST: &str = "best";
/// The part that holds what was measured, not learnt.
pub const FIXED: &str = "fixed";

const WEIGHT: &str = "weight";
const FIRST: &str = "first";
const SECOND: &str = "second";

const KEY: &str = "tempest-run";

const ADVICE: &str = "delete the run's folder or choose another --out to start afresh";

/// Writes weights, moments, further `parts` and counters under a temporary name, then renames: `path` holds all of it or
/// what it held before.
///
/// # Errors
/// What writing says, with the path.
pub fn save(path: &Path, optimiser: &AdamW, parts: &[(&str, &Tensors)], progress: &Progress) -> Result<()> {
    let mut tensors: Vec<(String, Tensor)> = Vec::new();
    let mut add = |part: &str, name: &str, tensor: &Tensor| -> Result<()> {
        tensors.push((format!("{part}/{name}"), tensor.to_device(&Device::Cpu)?));
        Ok(())
    };
    for (name, slot) in &optimiser.slots {
        add(WEIGHT, name, slot.var.as_tensor())?;
        add(FIRST, name, &slot.first)?;
        add(SECOND, name, &slot.second)?;
    }
    for (part, of_part) in parts {
        of_part.iter().try_for_each(|(name, tensor)| add(part, name, tensor))?;
    }
    let metadata = HashMap::from([(KEY.to_string(), serde_json::to_string(progress)?)]);
    write(path, tensors, metadata).with_context(|| format!("cannot write {}; the state before is kept", path.display()))
}

fn write(path: &Path, tensors: Vec<(String, Tensor)>, metadata: HashMap<String, String>) -> Result<()> {
    let temporary = path.with_extension("tmp");
    safetensors::serialize_to_file(tensors, Some(metadata), &temporary)?;
    File::open(&temporary)?.sync_all()?;
    Ok(std::fs::rename(&temporary, path)?)
}

/// Restores weights, moments and step; `None` where there is no saved state.
///
/// # Errors
/// A damaged file, another set of variables, or a run with other options: says which option changed.
pub fn restore(path: &Path, optimiser: &mut AdamW, options: &Value) -> Result<Option<Saved>> {
    if !path.exists() {
        return Ok(None);
    }
    let name = || path.display().to_string();
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", name()))?;
    let saved = parse(&bytes).with_context(|| format!("{}: {ADVICE}", name()))?;
    let saved = saved.with_context(|| format!("{}: not the state of a run; {ADVICE}", name()))?;
    if let Some(difference) = difference(&saved.progress.options, options) {
        bail!("{}: the run was started with {difference}; {ADVICE}", name());
    }
    for (variable, slot) in &mut optimiser.slots {
        let get = |part: &str| -> Result<Tensor> {
            let tensor = saved.part(part).and_then(|tensors| tensors.get(variable));
            let tensor = tensor.with_context(|| format!("{}: {part} of '{variable}' is missing; {ADVICE}", name()))?;
            Ok(tensor.to_device(slot.var.device())?)
        };
        slot.var.set(&get(WEIGHT)?)?;
        (slot.first, slot.second) = (get(FIRST)?, get(SECOND)?);
    }
    optimiser.step = saved.progress.step;
    Ok(Some(saved))
}

/// Reads the bytes of a state; `None` where they are a safetensors file of another kind.
///
/// # Errors
/// No safetensors file, or a damaged one.
pub fn parse(bytes: &[u8]) -> Result<Option<Saved>> {
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    let Some(json) = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY)) else { return Ok(None) };
    let progress = serde_json::from_str(json)?;
    let mut parts: BTreeMap<String, Tensors> = BTreeMap::new();
    for (name, view) in SafeTensors::deserialize(bytes)?.iter() {
        let Some((part, name)) = name.split_once('/') else { continue };
        if view.dtype() != safetensors::Dtype::F32 {
            bail!("'{name}' is {:?}, states are F32", view.dtype());
        }
        let tensor = Tensor::from_raw_buffer(view.data(), DType::F32, view.shape(), &Device::Cpu)?;
        parts.entry(part.into()).or_default().insert(name.into(), tensor);
    }
    Ok(Some(Saved { progress, parts }))
}

impl Saved {
    /// The tensors of a part, where the state has it.
    #[must_use]
    pub fn part(&self, part: &str) -> Option<&Tensors> {
        self.parts.get(part)
    }

    /// What a run would be evaluated with now: the averages where it keeps them, else the weights, and what was measured.
    #[must_use]
    pub fn weights(&self) -> Tensors {
        let learnt = self.part(AVERAGE).or(self.part(WEIGHT)).into_iter().flatten();
        let fixed = self.part(FIXED).into_iter().flatten();
        learnt.chain(fixed).map(|(name, tensor)| (name.clone(), tensor.clone())).collect()
    }
}

/// The first option that differs, at any depth: `fit.batch = 64, now 32`.
fn difference(was: &Value, now: &Value) -> Option<String> {
    if was == now {
        return None;
    }
    let (Some(was_fields), Some(now_fields)) = (was.as_object(), now.as_object()) else {
        let shown = |value: &Value| if value.is_null() { "unset".to_string() } else { value.to_string() };
        return Some(format!(" = {}, now {}", shown(was), shown(now)));
    };
    let null = Value::Null;
    let keys = now_fields.keys().chain(was_fields.keys());
    keys.into_iter().find_map(|key| {
        let inner = difference(was_fields.get(key).unwrap_or(&null), now_fields.get(key).unwrap_or(&null))?;
        let dot = if inner.starts_with(' ') { "" } else { "." };
        Some(format!("{key}{dot}{inner}"))
    })
}
