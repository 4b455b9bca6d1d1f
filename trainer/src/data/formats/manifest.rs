//! A manifest in CSV: a line for each recording, wherever it lies.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use tempest_contract::Answers;

use super::{Found, Listing, file_name, io_error};
use crate::data::dataset::{DatasetError, Split};
use crate::data::split::{group, is_test};

/// Its name in a folder that is given for it.
const MANIFEST: &str = "manifest.csv";

const EXPECTED: &str = "a CSV file with a header of `path` and `label` or `labels`, and perhaps `split` and `group`";

/// Where the columns stand. A column `label` holds one label, `labels` any number with `;` between.
struct Columns {
    path: usize,
    labels: usize,
    answers: Answers,
    split: Option<usize>,
    group: Option<usize>,
}

/// A line, its labels still in words.
struct Line {
    labels: Vec<String>,
    found: Found,
}

/// Lists what the manifest `root` names, or `manifest.csv` in the folder `root`. Paths are relative to its folder. Without
/// a column `split` the hash of the group decides, and without a column `group` the group follows from the file name, see
/// [`crate::data::split`]. The labels are sorted.
pub(in crate::data) fn list(root: &Path) -> Result<Listing, DatasetError> {
    let path = if root.is_dir() { root.join(MANIFEST) } else { root.to_owned() };
    if !path.is_file() {
        return Err(DatasetError::NoClips { path: root.to_owned(), expected: EXPECTED });
    }
    let (columns, lines) = read(&path)?;
    let names: BTreeSet<&String> = lines.iter().flat_map(|line| &line.labels).collect();
    let labels: Vec<String> = names.into_iter().cloned().collect();
    let index = |label: &String| labels.partition_point(|other| other < label);
    let clips = lines.into_iter().map(|line| Found { truth: line.labels.iter().map(index).collect(), ..line.found });
    let clips = clips.collect();
    Ok(Listing { name: name(&path)?, answers: columns.answers, labels, clips, expected: EXPECTED, absent: 0 })
}

/// The manifest's name without its extension, or its folder's where it is named as all are.
fn name(path: &Path) -> Result<String, DatasetError> {
    let absolute = fs::canonicalize(path).map_err(io_error(path))?;
    let named = if absolute.ends_with(MANIFEST) { absolute.parent() } else { Some(absolute.as_path()) };
    let name = file_name(named.unwrap_or(&absolute))?;
    Ok(name.strip_suffix(".csv").unwrap_or(name).to_owned())
}

fn read(path: &Path) -> Result<(Columns, Vec<Line>), DatasetError> {
    let text = fs::read(path).map_err(io_error(path))?;
    let bad = |line: usize, reason: String| DatasetError::BadLine { path: path.to_owned(), line, reason };
    let unreadable = |error: csv::Error| {
        let line = error.position().map_or(1, |position| position.line() as usize);
        bad(line, error.to_string())
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_slice());
    let columns = columns(reader.headers().map_err(unreadable)?).map_err(|reason| bad(1, reason))?;
    let (mut lines, mut seen) = (Vec::new(), HashMap::new());
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let number = record.position().map_or(0, |position| position.line() as usize);
        let line = line(path.parent().unwrap_or(path), &record, &columns).map_err(|reason| bad(number, reason))?;
        if let Some(before) = seen.insert(line.found.id.clone(), number) {
            return Err(bad(number, format!("'{}' stands in line {before} already", &record[columns.path])));
        }
        lines.push(line);
    }
    Ok((columns, lines))
}

fn columns(header: &csv::StringRecord) -> Result<Columns, String> {
    let find = |name: &str| header.iter().position(|column| column == name);
    let (labels, answers) = match (find("label"), find("labels")) {
        (Some(column), None) => (column, Answers::OneOf),
        (None, Some(column)) => (column, Answers::AnyOf),
        _ => return Err("the header has to have one of the columns 'label' and 'labels'".into()),
    };
    let path = find("path").ok_or("the header has no column 'path'")?;
    Ok(Columns { path, labels, answers, split: find("split"), group: find("group") })
}

fn line(folder: &Path, record: &csv::StringRecord, columns: &Columns) -> Result<Line, String> {
    let (path, label) = (&record[columns.path], &record[columns.labels]);
    let labels: Vec<String> = match columns.answers {
        Answers::OneOf => vec![label.to_owned()],
        Answers::AnyOf => label.split(';').map(str::trim).filter(|label| !label.is_empty()).map(String::from).collect(),
    };
    if path.is_empty() {
        return Err("no path".into());
    }
    if labels.iter().any(String::is_empty) {
        return Err("no label; name the column 'labels' if clips may have none, or several with ';' between".into());
    }
    let file = folder.join(path);
    let by_name = file.file_name().and_then(|name| name.to_str()).map_or(path, group);
    let group = columns.group.map_or(by_name, |column| &record[column]).to_owned();
    let split = match columns.split.map(|column| &record[column]) {
        None if is_test(&group) => Split::Test,
        None | Some("train") => Split::Train,
        Some("validation") => Split::Validation,
        Some("test") => Split::Test,
        Some(other) => return Err(format!("split '{other}' is none of train, validation, test")),
    };
    let id = Some(path.replace('\\', "/"));
    Ok(Line { labels, found: Found { id, ..Found::recording(file, 0, split, group) } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::{Clip, Dataset, Format, SplitOptions};

    fn open(text: &str) -> Result<Dataset, DatasetError> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(MANIFEST), text).unwrap();
        Dataset::open(dir.path(), Format::Csv, &SplitOptions::default())
    }

    fn shown(clip: &Clip) -> (&str, &[usize], Split) {
        (&clip.id, clip.truth.labels(), clip.split)
    }

    #[test]
    fn a_column_labels_holds_any_number_of_them() {
        let text =
            "split, path, labels\ntrain, b.wav, rain;wind\ntest,\"sub/a, b.wav\",\nvalidation,c.wav,rain; rain\n";
        let dataset = open(text).unwrap();
        assert_eq!((dataset.labels.join(","), dataset.answers), ("rain,wind".to_owned(), Answers::AnyOf));
        let found: Vec<_> = dataset.clips.iter().map(shown).collect();
        let expected: [(&str, &[usize], Split); 3] =
            [("b.wav", &[0, 1], Split::Train), ("c.wav", &[0], Split::Validation), ("sub/a, b.wav", &[], Split::Test)];
        assert_eq!(found, expected);
        assert!(dataset.clips[2].path.ends_with("sub/a, b.wav"));
    }

    #[test]
    fn without_a_split_groups_stay_together() {
        let lines = (0..600).map(|i| format!("{i}.wav,{},speaker {}\n", ["no", "yes"][i % 2], i / 6));
        let dataset = open(&format!("path,label,group\n{}", lines.collect::<String>())).unwrap();
        assert_eq!((dataset.labels.len(), dataset.answers), (2, Answers::OneOf));
        let number = |clip: &Clip| clip.id.trim_end_matches(".wav").parse::<usize>().unwrap();
        let test: BTreeSet<usize> = dataset.split(Split::Test).map(|clip| number(clip) / 6).collect();
        assert!((5..30).contains(&test.len()), "{}", test.len());
        assert!(dataset.split(Split::Train).all(|clip| !test.contains(&(number(clip) / 6))));
    }

    #[test]
    fn lines_that_cannot_be_used_are_named() {
        let cases = [
            ("file,label\n", 1, "the header has no column 'path'"),
            ("path,class\n", 1, "the header has to have one of the columns 'label' and 'labels'"),
            ("path,label\na.wav,yes\nb.wav,\n", 3, "no label; name the column 'labels'"),
            ("path,label\n,yes\n", 2, "no path"),
            ("path,label,split\na.wav,yes,dev\n", 2, "split 'dev' is none of train, validation, test"),
            ("path,label\na.wav,yes\na.wav,no\n", 3, "'a.wav' stands in line 2 already"),
            ("path,label\na.wav\n", 2, "CSV error: record 1"),
        ];
        for (text, line, reason) in cases {
            let error = open(text).unwrap_err().to_string();
            assert!(error.contains(&format!("manifest.csv, line {line}: {reason}")), "{error}");
        }
    }
}
