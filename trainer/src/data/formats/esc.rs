//! ESC-10 and ESC-50 (Piczak 2015), both as distributed in class folders and as `meta/esc50.csv` with `audio/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{Found, Listing, audio_in, file_name, folders, io_error};
use crate::data::dataset::{DatasetError, Split};
use crate::data::split::source_group;
use tempest_contract::Answers;

const FORM: &str = "FOLD-SOURCE-TAKE.ogg";
const EXPECTED: &str = "folders '001 - Dog bark' of FOLD-SOURCE-TAKE.ogg, or meta/esc50.csv and audio/";

/// Lists `root`; the clips of `test_fold` are the test split.
pub(in crate::data) fn list(root: &Path, test_fold: u32) -> Result<Listing, DatasetError> {
    let table = root.join("meta").join("esc50.csv");
    let (labels, rows) = if table.is_file() { read_table(root, &table)? } else { read_folders(root)? };
    let folds: BTreeSet<u32> = rows.iter().map(|row| row.fold).collect();
    if !rows.is_empty() && !folds.contains(&test_fold) {
        return Err(DatasetError::NoSuchFold { fold: test_fold, folds: folds.into_iter().collect() });
    }
    let clips = rows.into_iter().map(|row| {
        let split = if row.fold == test_fold { Split::Test } else { Split::Train };
        let group = source_group(file_name(&row.path)?).to_owned();
        Ok(Found::recording(row.path, row.label, split, group))
    });
    let clips = clips.collect::<Result<_, DatasetError>>()?;
    Ok(Listing {
        name: format!("esc{}", labels.len()),
        labels,
        answers: Answers::OneOf,
        clips,
        expected: EXPECTED,
        absent: 0,
    })
}

struct Row {
    path: PathBuf,
    fold: u32,
    label: usize,
}

/// Labels are the texts after ` - `, in the order of the folders' names.
fn read_folders(root: &Path) -> Result<(Vec<String>, Vec<Row>), DatasetError> {
    let (mut labels, mut rows) = (Vec::new(), Vec::new());
    for folder in folders(root)? {
        let name = file_name(&folder)?;
        let label = name.split_once(" - ").map_or(name, |(_number, label)| label).to_owned();
        let audio = audio_in(&folder)?;
        if audio.is_empty() {
            return Err(DatasetError::EmptyClass { label, path: folder });
        }
        for path in audio {
            let fold = file_name(&path)?.split_once('-').and_then(|(fold, _)| fold.parse().ok());
            let Some(fold) = fold else {
                return Err(DatasetError::BadName { path, expected: FORM });
            };
            rows.push(Row { path, fold, label: labels.len() });
        }
        labels.push(label);
    }
    Ok((labels, rows))
}

/// Columns of `esc50.csv` that are read; the others may come in any order.
const COLUMNS: [&str; 4] = ["filename", "fold", "target", "category"];

/// Labels are the categories, in the order of their target numbers. No field holds a comma or a quote.
fn read_table(root: &Path, table: &Path) -> Result<(Vec<String>, Vec<Row>), DatasetError> {
    let bad = |line: usize, reason: String| DatasetError::BadLine { path: table.to_owned(), line, reason };
    let text = fs::read_to_string(table).map_err(io_error(table))?;
    let mut lines = text.lines().enumerate().map(|(i, line)| (i + 1, line.split(',').map(str::trim).collect()));
    let (_, header): (usize, Vec<&str>) = lines.next().unwrap_or((1, Vec::new()));
    let mut columns = [0; 4];
    for (column, name) in columns.iter_mut().zip(COLUMNS) {
        let found = header.iter().position(|field| *field == name);
        *column = found.ok_or_else(|| bad(1, format!("the header has no column '{name}'")))?;
    }
    let mut categories = BTreeMap::new();
    let mut rows = Vec::new();
    for (line, fields) in lines.filter(|(_, fields)| *fields != [""]) {
        let row = parse_row(root, &fields, columns).map_err(|reason| bad(line, reason))?;
        let (target, category) = (row.label, field(&fields, columns[3]).map_err(|reason| bad(line, reason))?);
        let known = categories.entry(target).or_insert(category);
        if *known != category {
            return Err(bad(line, format!("target {target} is '{category}' here and '{known}' above")));
        }
        rows.push(row);
    }
    let order: BTreeMap<usize, usize> = categories.keys().enumerate().map(|(i, target)| (*target, i)).collect();
    for row in &mut rows {
        row.label = order[&row.label];
    }
    Ok((categories.into_values().map(str::to_owned).collect(), rows))
}

/// The label of the row is its target number as it stands.
fn parse_row(root: &Path, fields: &[&str], columns: [usize; 4]) -> Result<Row, String> {
    let name = field(fields, columns[0])?;
    if name.is_empty() || name.contains(['/', '\\']) || name == ".." {
        return Err(format!("'{name}' is not a file name"));
    }
    let number = |column: usize| {
        let text = field(fields, columns[column])?;
        text.parse::<u32>().map_err(|_| format!("{} '{text}' is not a number", COLUMNS[column]))
    };
    let (fold, target) = (number(1)?, number(2)?);
    let path = root.join("audio").join(name);
    if !path.is_file() {
        return Err(format!("audio/{name} is missing"));
    }
    Ok(Row { path, fold, label: target as usize })
}

fn field<'a>(fields: &[&'a str], column: usize) -> Result<&'a str, String> {
    fields.get(column).copied().ok_or_else(|| format!("has {} fields, column {} is needed", fields.len(), column + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::{Dataset, Format, SplitOptions};
    use crate::data::testing::populate;

    fn open(root: &Path, test_fold: u32) -> Result<Dataset, DatasetError> {
        Dataset::open(root, Format::Esc, &SplitOptions { test_fold, ..Default::default() })
    }

    fn test_ids(dataset: &Dataset) -> Vec<&str> {
        dataset.split(Split::Test).map(|clip| clip.id.as_str()).collect()
    }

    #[test]
    fn class_folders_give_labels_and_folds() {
        let dir = tempfile::tempdir().unwrap();
        let takes = ["1-17-A.ogg", "1-17-B.ogg", "2-18-A.ogg", "5-9-A.ogg"];
        populate(dir.path(), takes.iter().flat_map(|t| [format!("002 - Rain/{t}"), format!("001 - Dog bark/{t}")]));
        let dataset = open(dir.path(), 2).unwrap();
        assert_eq!((dataset.name.as_str(), dataset.labels.join(",")), ("esc2", "Dog bark,Rain".to_owned()));
        assert_eq!(test_ids(&dataset), ["001 - Dog bark/2-18-A.ogg", "002 - Rain/2-18-A.ogg"]);
        let error = open(dir.path(), 3).unwrap_err();
        assert_eq!(error.to_string(), "no clip is in fold 3; there are folds [1, 2, 5]");
    }

    #[test]
    fn takes_of_one_source_go_to_validation_together() {
        let dir = tempfile::tempdir().unwrap();
        let takes = (0..60).flat_map(|source| ["A", "B"].map(|take| format!("001 - Rain/2-{source}-{take}.ogg")));
        populate(dir.path(), takes.chain(["001 - Rain/1-1-A.ogg".to_owned()]));
        let options = SplitOptions { validation: 0.3, ..Default::default() };
        let dataset = Dataset::open(dir.path(), Format::Esc, &options).unwrap();
        let held: Vec<&str> = dataset.split(Split::Validation).map(|clip| clip.id.as_str()).collect();
        assert!(!held.is_empty() && held.chunks(2).all(|pair| pair[0].replace("-A.", "-B.") == pair[1]), "{held:?}");
    }

    #[test]
    fn the_public_table_is_read() {
        let dir = tempfile::tempdir().unwrap();
        populate(dir.path(), ["audio/1-1-A-9.wav", "audio/2-2-A-9.wav", "audio/2-3-A-0.wav", "audio/3-3-A-0.wav"]);
        let table = dir.path().join("meta/esc50.csv");
        fs::create_dir(dir.path().join("meta")).unwrap();
        let rows = "filename,fold,target,category,esc10\n1-1-A-9.wav,1,9,crow,False\n2-2-A-9.wav,2,9,crow,False\n\
                    2-3-A-0.wav,2,0,dog,True\n3-3-A-0.wav,3,0,dog,True\n";
        fs::write(&table, rows).unwrap();
        let dataset = open(dir.path(), 2).unwrap();
        assert_eq!(dataset.labels, ["dog", "crow"]);
        assert_eq!(test_ids(&dataset), ["audio/2-2-A-9.wav", "audio/2-3-A-0.wav"]);
        assert_eq!(dataset.clips[0].truth.first(), Some(1));

        for (row, complaint) in [
            ("4-4-A.wav,4,9,crow", "line 6: audio/4-4-A.wav is missing"),
            ("../x.wav,4,9,crow", "line 6: '../x.wav' is not a file name"),
            ("1-1-A-9.wav,one,9,crow", "line 6: fold 'one' is not a number"),
            ("1-1-A-9.wav,1,9,dog", "line 6: target 9 is 'dog' here and 'crow' above"),
            ("1-1-A-9.wav,1", "line 6: has 2 fields"),
        ] {
            fs::write(&table, format!("{rows}{row}\n")).unwrap();
            let error = open(dir.path(), 2).unwrap_err().to_string();
            assert!(error.contains(complaint), "{error}");
        }
    }

    #[test]
    fn foreign_names_and_empty_classes_are_named() {
        let dir = tempfile::tempdir().unwrap();
        populate(dir.path(), ["001 - Rain/one.ogg"]);
        assert!(matches!(open(dir.path(), 1), Err(DatasetError::BadName { .. })));
        fs::create_dir(dir.path().join("000 - Dog")).unwrap();
        assert!(matches!(open(dir.path(), 1), Err(DatasetError::EmptyClass { label, .. }) if label == "Dog"));
    }
}
