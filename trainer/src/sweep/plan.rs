use super::name;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use thiserror::Error;
use toml::Value;

/// Most runs of one file.
const MAX_RUNS: usize = 10_000;

/// Options of `fit` that the sweep gives itself.
const OWN: [&str; 2] = ["out", "json"];

/// The runs of a sweep, in the order in which they are done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Folder of the runs and of the tables.
    pub out: PathBuf,
    /// At least one; no two of one name.
    pub runs: Vec<Planned>,
}

/// One run of `fit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its folder below [`Plan::out`]: the name of its `[[run]]`, then the options that vary.
    pub name: String,
    /// The name of its `[[run]]`.
    pub entry: Option<String>,
    /// Every option it is given, by long name.
    pub options: BTreeMap<String, String>,
    /// The arguments of `fit`, without `--out`.
    pub arguments: Vec<String>,
}

/// Why a file is no sweep.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SweepError {
    /// Not TOML, or not of this form.
    #[error("line {line}: {message}")]
    Toml {
        /// Line of the file, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// A list without values.
    #[error("[grid] {option}: the list is empty")]
    Empty {
        /// The option.
        option: String,
    },
    /// A value that no option takes.
    #[error("{option} = {found}: an option is a string, a number, true, false, or a list of these")]
    Value {
        /// The option.
        option: String,
        /// The value.
        found: String,
    },
    /// An option that is the sweep's.
    #[error("{option}: each run gets its own --{option}; leave it out")]
    Own {
        /// The option.
        option: String,
    },
    /// More runs than anyone waits for.
    #[error("more than {MAX_RUNS} runs")]
    TooMany,
    /// Two runs that cannot be told apart.
    #[error("two runs are '{name}'; give each [[run]] a name of its own")]
    Twice {
        /// The name of both.
        name: String,
    },
}

type Options = BTreeMap<String, Value>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    out: PathBuf,
    #[serde(default)]
    base: Options,
    #[serde(default)]
    grid: BTreeMap<String, Vec<Value>>,
    #[serde(default)]
    run: Vec<Entry>,
}

#[derive(Default, Deserialize)]
struct Entry {
    name: Option<String>,
    #[serde(flatten)]
    options: Options,
}

impl Plan {
    /// Reads the text of a sweep: every `[[run]]` (or one without options of its own) with every combination of the lists
    /// of `[grid]`, over `[base]`. What a `[[run]]` gives is not varied by the grid.
    ///
    /// # Errors
    /// [`SweepError`]. Whether `fit` knows the options is not looked at.
    pub fn parse(text: &str) -> Result<Self, SweepError> {
        let mut file: File = toml::from_str(text).map_err(|error| unreadable(text, &error))?;
        if file.run.is_empty() {
            file.run.push(Entry::default());
        }
        let mut runs = Vec::new();
        for entry in &file.run {
            for combination in combinations(&file.grid, &entry.options)? {
                runs.push(Planned::of(&file.base, entry, combination)?);
            }
            if runs.len() > MAX_RUNS {
                return Err(SweepError::TooMany);
            }
        }
        let mut names = BTreeSet::new();
        match runs.iter().find(|run| !names.insert(&run.name)) {
            Some(twice) => Err(SweepError::Twice { name: twice.name.clone() }),
            None => Ok(Plan { out: file.out, runs }),
        }
    }
}

impl Planned {
    fn of(base: &Options, entry: &Entry, combination: Options) -> Result<Self, SweepError> {
        // A named run is known by its name; of one without, its own options tell it apart.
        let own = if entry.name.is_some() { Options::new() } else { entry.options.clone() };
        let varying = texts(combination.iter().chain(&own))?;
        let options: Options = base.clone().into_iter().chain(combination).chain(entry.options.clone()).collect();
        let arguments: Result<Vec<_>, _> = options.iter().map(|(option, value)| argument(option, value)).collect();
        Ok(Planned {
            name: name::folder(entry.name.as_deref(), &varying),
            entry: entry.name.clone(),
            options: texts(&options)?,
            arguments: arguments?.into_iter().flatten().collect(),
        })
    }
}

/// Every choice of one value from each list, the last list varying fastest. Options of `fixed` are left out.
fn combinations(grid: &BTreeMap<String, Vec<Value>>, fixed: &Options) -> Result<Vec<Options>, SweepError> {
    let mut all = vec![Options::new()];
    for (option, values) in grid.iter().filter(|(option, _)| !fixed.contains_key(*option)) {
        if values.is_empty() {
            return Err(SweepError::Empty { option: option.clone() });
        }
        if all.len().saturating_mul(values.len()) > MAX_RUNS {
            return Err(SweepError::TooMany);
        }
        let with = |chosen: &Options, value: &Value| {
            let mut chosen = chosen.clone();
            chosen.insert(option.clone(), value.clone());
            chosen
        };
        all =
            all.iter().flat_map(|chosen| values.iter().map(|value| with(chosen, value)).collect::<Vec<_>>()).collect();
    }
    Ok(all)
}

fn texts<'a>(
    options: impl IntoIterator<Item = (&'a String, &'a Value)>,
) -> Result<BTreeMap<String, String>, SweepError> {
    options.into_iter().map(|(option, value)| Ok((option.clone(), text(option, value)?))).collect()
}

/// The option as `fit` takes it: `true` is a flag that is given, `false` and an empty list are one that is not.
fn argument(option: &str, value: &Value) -> Result<Option<String>, SweepError> {
    if OWN.contains(&option) {
        return Err(SweepError::Own { option: option.into() });
    }
    Ok(match value {
        Value::Boolean(given) => given.then(|| format!("--{option}")),
        Value::Array(values) if values.is_empty() => None,
        value => Some(format!("--{option}={}", text(option, value)?)),
    })
}

fn text(option: &str, value: &Value) -> Result<String, SweepError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Boolean(given) => Ok(given.to_string()),
        Value::Array(values) if !values.iter().any(Value::is_array) => {
            let values: Result<Vec<String>, _> = values.iter().map(|value| text(option, value)).collect();
            Ok(values?.join(","))
        }
        other => Err(SweepError::Value { option: option.into(), found: other.to_string() }),
    }
}

fn unreadable(text: &str, error: &toml::de::Error) -> SweepError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    SweepError::Toml { line: 1 + before.matches('\n').count(), message: error.message().into() }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
