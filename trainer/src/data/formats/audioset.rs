//! AudioSet (Gemmeke et al. 2017): lists of segments with the labels that are true of each, and their audio as whoever
//! fetched it has named it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use tempest_contract::Answers;

use super::{Found, Listing, audio_below, file_name, io_error};
use crate::data::dataset::{DatasetError, Split};
use crate::truth::Truth;

const EXPECTED: &str =
    "class_labels_indices.csv, balanced_train_segments.csv and eval_segments.csv, and audio named by segment";
const LABELS: &str = "class_labels_indices.csv";
const LISTS: [(&str, Split); 3] = [
    ("balanced_train_segments.csv", Split::Train),
    ("unbalanced_train_segments.csv", Split::Train),
    ("eval_segments.csv", Split::Test),
];

/// A segment of a list: ten seconds of a video.
struct Segment {
    video: String,
    /// In seconds.
    start: f64,
    end: f64,
    /// Indices into all classes.
    classes: Vec<usize>,
    split: Split,
}

/// Lists `root`. Its labels are the classes that some segment has whose audio is at hand, in the order of their indices;
/// segments without audio are counted as absent, for many of the videos are.
pub(in crate::data) fn list(root: &Path) -> Result<Listing, DatasetError> {
    let table = root.join(LABELS);
    let mut segments = Vec::new();
    let (order, classes) = if table.is_file() { read_classes(&table)? } else { Default::default() };
    for (name, split) in LISTS {
        let path = root.join(name);
        if path.is_file() {
            read_segments(&path, split, &order, &mut segments)?;
        }
    }
    let audio = audio(root)?;
    let listed = segments.len();
    let found = |segment: Segment| {
        let path = names(&segment).iter().find_map(|name| audio.get(name))?.clone();
        Some((segment, path))
    };
    let at_hand: Vec<(Segment, PathBuf)> = segments.into_iter().filter_map(found).collect();
    let absent = listed - at_hand.len();
    let mut used: Vec<usize> = at_hand.iter().flat_map(|(segment, _)| segment.classes.iter().copied()).collect();
    used.sort_unstable();
    used.dedup();
    let labels = used.iter().map(|&class| classes[class].clone()).collect();
    let clips = at_hand.into_iter().map(|(segment, path)| {
        let truth: Truth = segment.classes.iter().map(|class| used.partition_point(|other| other < class)).collect();
        Found::recording(path, truth, segment.split, segment.video)
    });
    let clips = clips.collect();
    Ok(Listing { name: "audioset".to_owned(), labels, answers: Answers::AnyOf, clips, expected: EXPECTED, absent })
}

/// What files of a segment's audio are called, without extension; a start is given in seconds or milliseconds.
fn names(segment: &Segment) -> Vec<String> {
    let Segment { video, start, end, .. } = segment;
    let mut names = vec![format!("Y{video}"), video.clone()];
    for factor in [1.0, 1000.0] {
        let (start, end) = ((start * factor).round(), (end * factor).round());
        names.extend([format!("{video}_{start}_{end}"), format!("{video}_{start}")]);
    }
    names
}

/// The recordings below `root`, by their name without extension.
fn audio(root: &Path) -> Result<HashMap<String, PathBuf>, DatasetError> {
    let named = |path: PathBuf| {
        let name = file_name(&path)?;
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
        Ok((stem, path))
    };
    audio_below(root)?.into_iter().map(named).collect()
}

/// Indices by machine identifier, and the classes' names in the order of the indices.
fn read_classes(path: &Path) -> Result<(HashMap<String, usize>, Vec<String>), DatasetError> {
    let bad = |line: usize, reason: &str| DatasetError::BadLine { path: path.to_owned(), line, reason: reason.into() };
    let text = fs::read(path).map_err(io_error(path))?;
    let mut classes = BTreeMap::new();
    for (line, record) in csv::Reader::from_reader(text.as_slice()).records().enumerate() {
        let record = record.map_err(|error| bad(line + 2, &error.to_string()))?;
        let (Some(Ok(index)), Some(id), Some(name)) =
            (record.get(0).map(str::parse::<usize>), record.get(1), record.get(2))
        else {
            return Err(bad(line + 2, "expected index,mid,display_name"));
        };
        classes.insert(index, (id.to_owned(), name.to_owned()));
    }
    let order = classes.values().enumerate().map(|(order, (id, _))| (id.clone(), order)).collect();
    Ok((order, classes.into_values().map(|(_, name)| name).collect()))
}

/// `YTID, start_seconds, end_seconds, "class,class"` below three lines of comment. The list of classes is quoted behind a
/// blank, where CSV knows no quotes: its classes are fields.
fn read_segments(
    path: &Path,
    split: Split,
    order: &HashMap<String, usize>,
    segments: &mut Vec<Segment>,
) -> Result<(), DatasetError> {
    let text = fs::read_to_string(path).map_err(io_error(path))?;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty())
    {
        let bad = |reason: String| DatasetError::BadLine { path: path.to_owned(), line: number + 1, reason };
        let fields: Vec<&str> = line.split(',').map(|field| field.trim().trim_matches('"')).collect();
        let [video, start, end, ids @ ..] = fields.as_slice() else {
            return Err(bad("expected YTID, start_seconds, end_seconds, positive_labels".into()));
        };
        let (Ok(start), Ok(end)) = (start.parse(), end.parse()) else {
            return Err(bad(format!("'{start}' and '{end}' are not seconds")));
        };
        let class = |id: &&str| order.get(*id).copied().ok_or_else(|| bad(format!("class '{id}' is not in {LABELS}")));
        let classes = ids.iter().filter(|id| !id.is_empty()).map(class).collect::<Result<_, _>>()?;
        segments.push(Segment { video: (*video).to_owned(), start, end, classes, split });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::{Dataset, Format, SplitOptions};
    use crate::data::testing::populate;

    const HEAD: &str =
        "# Segments csv created Sun Mar  5 10:54:31 2017\n# num_ytids=22160\n# YTID, start_seconds, ...\n";

    fn write(root: &Path, train: &str) {
        let classes = "index,mid,display_name\n0,/m/09x0r,\"Speech\"\n1,/m/05zppz,\"Male speech, man speaking\"\n\
                       2,/m/04rlf,\"Music\"\n";
        fs::write(root.join(LABELS), classes).unwrap();
        fs::write(root.join("balanced_train_segments.csv"), format!("{HEAD}{train}")).unwrap();
        let test = "--4gqARaEJE, 0.000, 10.000, \"/m/04rlf\"\n-0SdAVK79lg, 30.000, 40.000, \"/m/09x0r\"\n";
        fs::write(root.join("eval_segments.csv"), format!("{HEAD}{test}")).unwrap();
    }

    fn open(root: &Path) -> Result<Dataset, DatasetError> {
        Dataset::open(root, Format::Audioset, &SplitOptions::default())
    }

    #[test]
    fn segments_find_their_audio_and_their_labels() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "--PJHxphWEs, 30.000, 40.000, \"/m/09x0r,/m/04rlf\"\n");
        populate(
            dir.path(),
            ["audio/train/Y--PJHxphWEs.wav", "audio/eval/-0SdAVK79lg_30000_40000.flac", "audio/x.wav"],
        );
        let dataset = open(dir.path()).unwrap();
        // No clip at hand has the second class.
        assert_eq!((dataset.labels.join("|"), dataset.answers), ("Speech|Music".to_owned(), Answers::AnyOf));
        assert_eq!((dataset.clips.len(), dataset.absent), (2, 1));
        let test = dataset.split(Split::Test).next().unwrap();
        assert_eq!((test.truth.labels(), test.id.as_str()), (&[0][..], "audio/eval/-0SdAVK79lg_30000_40000.flac"));
        assert_eq!(dataset.split(Split::Train).next().unwrap().truth.labels(), [0, 1]);
    }

    #[test]
    fn lines_that_cannot_be_used_are_named() {
        let dir = tempfile::tempdir().unwrap();
        for (line, reason) in [
            ("abc, 0.0\n", "expected YTID, start_seconds, end_seconds, positive_labels"),
            ("abc, zero, 10.0, \"/m/09x0r\"\n", "'zero' and '10.0' are not seconds"),
            ("abc, 0.0, 10.0, \"/m/other\"\n", "class '/m/other' is not in class_labels_indices.csv"),
        ] {
            write(dir.path(), line);
            let error = open(dir.path()).unwrap_err().to_string();
            assert!(error.ends_with(&format!("balanced_train_segments.csv, line 4: {reason}")), "{error}");
        }
    }
}
