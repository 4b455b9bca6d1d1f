//! Times training steps of a checkpoint's model on made-up rows: the half of `speed.py` that is ours.
//!
//! ```sh
//! cargo run --release -p tempest-trainer --example speed -- models/zoo/fsdd/model.safetensors 64 30
//! ```
//! Prints one line of JSON: the loss of the first batch without dropout, and the milliseconds of every step.

use candle_core::{Device, Var};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;
use tempest_models::{Checkpoint, Columns, Model, Precision, ReconPadding, Regime};
use tempest_trainer::batch::{Batch, Example, Mix, Pick, Targets};
use tempest_trainer::loss::{Objective, losses};
use tempest_trainer::optim::{AdamW, clip};
use tempest_trainer::rows::Rows;
use tempest_trainer::step::{Clips, StepOptions, Workers};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    // As in `tempest-train`: a batch is sharded over threads, products stay on one.
    #[allow(unsafe_code, reason = "the first statement of the process, before any thread")]
    unsafe {
        std::env::set_var("RAYON_NUM_THREADS", "1");
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, batch, steps] = &*arguments else { anyhow::bail!("usage: speed MODEL.safetensors BATCH STEPS") };
    let (batch, steps): (usize, usize) = (batch.parse()?, steps.parse()?);
    let checkpoint = Checkpoint::open(Path::new(path))?;
    let contract = &checkpoint.contract;
    let classes = contract.labels.len();
    let (width, window) = (contract.view.row, contract.window.blocks);
    let examples: Vec<Example> = (0..batch).map(|clip| example(clip, width, window, classes)).collect();
    let picks: Vec<Pick> =
        (0..batch).map(|example| Pick { example, variant: 0, rows: 0..examples[example].variants[0].len() }).collect();

    let vars: BTreeMap<String, Var> = checkpoint
        .tensors
        .iter()
        .filter(|(name, _)| !name.starts_with("numeric.mean") && !name.starts_with("numeric.std"))
        .map(|(name, tensor)| Ok((name.clone(), Var::from_tensor(tensor)?)))
        .collect::<anyhow::Result<_>>()?;
    let mut tensors = checkpoint.tensors.clone();
    tensors.extend(vars.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())));
    let model = Model::new(contract, &checkpoint.config, &tensors)?;
    let options = StepOptions {
        seed: 1,
        shards: 2,
        dropout: 0.1,
        precision: Precision::F32,
        cutmix: 0.0,
        block_drop: 0.0,
        mask: None,
        tutor: None,
        lambda: Some(10.0),
        recon_padding: ReconPadding::Counted,
        targets: Targets { labels: classes, answers: contract.answers, smoothing: 0.0 },
    };
    let whole = Batch::gather(&examples, &picks, 0..batch, &Mix::plain(&picks), options.targets);
    let first = losses(
        &model,
        &whole,
        &Regime::Infer,
        Objective { lambda: options.lambda, ..Objective::default() },
        &Device::Cpu,
    )?;
    let class = first.class.to_scalar::<f32>()?;
    let recon = first.recon.map(|recon| recon.to_scalar::<f32>()).transpose()?;

    let workers = Workers::start(&model, &vars, options)?;
    let clips = Clips { examples: &examples, taught: None };
    let mut optimiser = AdamW::new(&vars, 0.05)?;
    let mut times = Vec::new();
    for step in 0..steps {
        let started = Instant::now();
        let mut gradients = workers.gradients(&clips, &picks, step)?;
        clip(&mut gradients.by_name, 1.0)?;
        optimiser.update(&gradients.by_name, 1e-4)?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let Columns { numbers, squared, categories, offsets, cardinalities } = Columns::of(contract)?;
    let line = serde_json::json!({
        "class_loss": class, "recon_loss": recon, "ms": times, "numbers": numbers, "squared": squared,
        "categories": categories, "offsets": offsets, "cardinalities": cardinalities,
    });
    println!("{line}");
    Ok(())
}

/// The same integers as in `speed.py`; lengths differ, so that there is padding to mask.
fn example(clip: usize, width: usize, window: usize, classes: usize) -> Example {
    let blocks = (window - clip % 4).max(1);
    let value = |block: usize, column: usize| ((clip * 13 + block * 31 + column * 17 + block * column) % 61) as i32;
    let values = (0..blocks).flat_map(|block| (0..width).map(move |column| value(block, column))).collect();
    Example { variants: vec![Rows { width, values, cut_bytes: 0 }], truth: (clip % classes).into() }
}
