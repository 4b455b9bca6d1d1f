//! `tempest-train join`.

use super::device::device;
use super::fit::{self, FitArgs, finish, forget_state};
use super::material::Material;
use super::planned;
use crate::data::Dataset;
use crate::fit::{LOG, Task, fit, state_path};
use crate::outcome::Outcome;
use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tempest_contract::ViewKind;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tempest-train join digits.toml

  # digits.toml: one model of spoken digits as MP3 and as Ogg Opus, and of written ones as JPEG
  out = \"runs/digits\"
  [base]                        # options of `fit` by their long names
  epochs = 60
  data = \"fsdd\"
  format = \"fsdd\"
  [[run]]                       # each is a format, with a folder of its own
  name = \"mp3\"
  [[run]]
  name = \"opus\"
  codec = \"opus\"
  [[run]]
  name = \"jpeg\"
  data = \"mnist\"
  format = \"mnist\"

Each format ends as an ordinary model.safetensors, and all of them have the same classifier. In the view bytes they
have the same encoder too, to which an embedding says the format. Labels of the same name are one label.
An epoch goes as often through the clips of a smaller data set as gives it about as many batches as the largest.")]
pub(super) struct JoinArgs {
    /// The formats
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

/// A format, by the name of its `[[run]]`.
struct Named {
    name: String,
    args: FitArgs,
}

pub(super) fn run(args: &JoinArgs) -> Result<ExitCode> {
    let file = || args.file.display().to_string();
    let plan = planned::read(&args.file)?;
    let read = |planned: crate::sweep::Planned| {
        let options = planned::options(&plan.out, &planned).and_then(|args| args.check().map(|()| args));
        options.with_context(|| format!("run {}", planned.name)).map(|args| Named { name: planned.name, args })
    };
    let runs: Vec<Named> = plan.runs.into_iter().map(read).collect::<Result<_>>().with_context(file)?;
    if runs.len() < 2 {
        bail!("{}: one format is trained with `tempest-train fit`; give each its [[run]]", file());
    }
    alike(&runs).with_context(file)?;
    if runs.iter().all(|run| fit::is_finished(&run.args.out)) && !state_path(&plan.out).exists() {
        bail!("{} is finished; choose another out, or delete it", plan.out.display());
    }
    let Some(outcomes) = train(&plan.out, &runs)? else { return Ok(ExitCode::from(super::INTERRUPTED)) };
    super::print(&match args.json {
        true => format!("{}\n", serde_json::to_string(&told(&runs, &outcomes))?),
        false => table(&runs, &outcomes),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What belongs to the training and not to a format has to be the same for all.
fn alike(runs: &[Named]) -> Result<()> {
    let options = |run: &Named| -> Result<Value> {
        let mut options = serde_json::to_value(run.args.options())?;
        options["init"] = json!(run.args.method.init);
        Ok(options)
    };
    let first = options(&runs[0])?;
    for run in &runs[1..] {
        let other = options(run)?;
        let keys = || first.as_object().into_iter().chain(other.as_object()).flat_map(|fields| fields.keys());
        if let Some(key) = keys().find(|key| first.get(*key) != other.get(*key)) {
            let text = |value: Option<&Value>| match value {
                None | Some(Value::Null) => "unset".into(),
                Some(value) => value.to_string(),
            };
            let (option, ours, theirs) = (key.replace('_', "-"), text(first.get(key)), text(other.get(key)));
            bail!(
                "{option} is {ours} in {} and {theirs} in {}; they are trained as one: say it in [base]",
                runs[0].name,
                run.name
            );
        }
    }
    Ok(())
}

/// Trains, or goes on with what was interrupted; `None` where it is interrupted now.
fn train(out: &Path, runs: &[Named]) -> Result<Option<Vec<Outcome>>> {
    let init = runs[0].args.method.init()?;
    let taught: Vec<_> = runs.iter().map(|run| run.args.method.teacher_checkpoint()).collect::<Result<_>>()?;
    let datasets = datasets(runs)?;
    let _lock = super::lock::lock(out)?;
    let materials = materials(runs, datasets)?;
    let (options, device) = (runs[0].args.options(), device()?);
    let mut teachers = Vec::new();
    for (material, taught) in materials.iter().zip(taught) {
        let Material { args, contract, config, .. } = material;
        if let Some(init) = &init {
            args.method.announce(init, contract, config, options.lambda.is_some())?;
        }
        teachers.push(taught.map(|taught| args.method.teacher(&taught, material, &device)).transpose()?);
    }
    let media: Vec<_> = materials.iter().zip(&teachers).map(|(m, teacher)| m.medium(teacher.as_ref())).collect();
    let task = Task { media: &media, options: &options, init: init.as_ref() };
    let fitted = fit(&task, &device, out, super::stop_flag())?;
    if fitted.interrupted {
        eprintln!("stopped at step {}; the same command goes on from there", fitted.steps);
        return Ok(None);
    }
    let mut outcomes = Vec::new();
    for ((material, medium), tensors) in materials.iter().zip(&media).zip(&fitted.models) {
        let folder = &material.args.out;
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        // A run's folder tells all of it: `report` finds its curves there.
        std::fs::copy(out.join(LOG), folder.join(LOG)).with_context(|| format!("cannot write {}", folder.display()))?;
        outcomes.push(finish(material, &task, medium, &fitted, tensors, &device)?);
    }
    forget_state(out)?;
    Ok(Some(outcomes))
}

/// The data sets, all with the labels of any, in the order in which they first appear.
fn datasets(runs: &[Named]) -> Result<Vec<Dataset>> {
    let open = |run: &Named| run.args.dataset().with_context(|| run.name.clone());
    let mut datasets: Vec<Dataset> = runs.iter().map(open).collect::<Result<_>>()?;
    let mut labels: Vec<String> = Vec::new();
    for label in datasets.iter().flat_map(|dataset| &dataset.labels) {
        if !labels.contains(label) {
            labels.push(label.clone());
        }
    }
    let relabel = |dataset: &mut Dataset| dataset.relabel(&labels).map_err(|label| anyhow!("label '{label}' is lost"));
    datasets.iter_mut().try_for_each(relabel)?;
    Ok(datasets)
}

fn materials(runs: &[Named], datasets: Vec<Dataset>) -> Result<Vec<Material<'_>>> {
    let mut materials = Vec::new();
    for (run, dataset) in runs.iter().zip(datasets) {
        materials.push(Material::encode(&run.args, dataset).with_context(|| run.name.clone())?);
    }
    lengthen(&mut materials);
    materials.into_iter().map(Material::read).collect()
}

/// One encoder of bytes has one L: the longest. Shorter blocks end in padding, which changes nothing.
fn lengthen(materials: &mut [Material]) {
    let bytes = |material: &&mut Material| material.contract.view.kind == ViewKind::Bytes;
    let longest = materials.iter_mut().filter(bytes).map(|material| material.contract.view.row).max();
    for material in materials.iter_mut().filter(bytes) {
        material.contract.view.row = longest.unwrap_or(1);
    }
}

fn told(runs: &[Named], outcomes: &[Outcome]) -> Value {
    let of = |(run, outcome): (&Named, &Outcome)| {
        let mut told = json!(outcome);
        told["run"] = json!(run.name);
        told["checkpoint"] = json!(run.args.out.join(fit::CHECKPOINT));
        told
    };
    runs.iter().zip(outcomes).map(of).collect()
}

/// A line for each format.
fn table(runs: &[Named], outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for (run, outcome) in runs.iter().zip(outcomes) {
        let result = match outcome.test.clips {
            0 => "no test clips".into(),
            clips => format!("{:6.2} % ({} of {clips} clips)", 100.0 * outcome.test.accuracy(), outcome.test.correct),
        };
        text.push_str(&format!("{:<12} {result}  {}\n", run.name, run.args.out.join(fit::CHECKPOINT).display()));
    }
    text + &format!("trained together in {:.0} s\n", outcomes.first().map_or(0.0, |outcome| outcome.seconds))
}
