//! A folder for each class. The split comes from the layout where it says so, from a hash where it does not.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{Found, Listing, audio_below, file_name, folders, id, io_error};
use crate::data::dataset::{DatasetError, Split};
use crate::data::split::{group, is_test};
use tempest_contract::Answers;

const EXPECTED: &str = "a folder of recordings for each class, at the top or below train/ and test/";

/// Lists any data set in class folders. The split is, in this order:
/// 1. top-level folders `train` and `test` (and `validation`, if there is one), with the classes below them;
/// 2. `testing_list.txt` and `validation_list.txt` with a path on each line, as Speech Commands has them;
/// 3. the hash of the file name, see [`crate::data::split`].
pub(in crate::data) fn list(root: &Path) -> Result<Listing, DatasetError> {
    let absolute = fs::canonicalize(root).map_err(io_error(root))?;
    let name = file_name(&absolute)?.to_owned();
    if root.join("train").is_dir() && root.join("test").is_dir() {
        return list_split_folders(root, name);
    }
    let testing = read_list(&root.join("testing_list.txt"))?;
    let validation = read_list(&root.join("validation_list.txt"))?;
    let Some(testing) = testing else {
        return list_hashed(root, name);
    };
    list_classes(root, name, |path, _name| {
        let id = id(root, path)?;
        let in_validation = validation.as_ref().is_some_and(|list| list.contains(&id));
        Ok(if testing.contains(&id) {
            Split::Test
        } else if in_validation {
            Split::Validation
        } else {
            Split::Train
        })
    })
}

/// Lists wake words: a folder for each word, split by hash.
pub(in crate::data) fn list_words(root: &Path) -> Result<Listing, DatasetError> {
    list_hashed(root, "wakewords".to_owned())
}

fn list_hashed(root: &Path, name: String) -> Result<Listing, DatasetError> {
    list_classes(root, name, |_path, name| Ok(if is_test(group(name)) { Split::Test } else { Split::Train }))
}

/// The labels are the folders of `root`, sorted; `split` is given each clip's path and file name.
fn list_classes(
    root: &Path,
    name: String,
    split: impl Fn(&Path, &str) -> Result<Split, DatasetError>,
) -> Result<Listing, DatasetError> {
    let (mut labels, mut clips) = (Vec::new(), Vec::new());
    for folder in folders(root)? {
        add_class(&folder, labels.len(), &split, &mut clips)?;
        labels.push(file_name(&folder)?.to_owned());
    }
    Ok(Listing { name, labels, answers: Answers::OneOf, clips, expected: EXPECTED, absent: 0 })
}

/// The labels are the folders of `train/`, `test/` and `validation/` together, sorted.
fn list_split_folders(root: &Path, name: String) -> Result<Listing, DatasetError> {
    let mut parts: Vec<(Split, PathBuf)> = Vec::new();
    for (folder, split) in [("train", Split::Train), ("validation", Split::Validation), ("test", Split::Test)] {
        let path = root.join(folder);
        if path.is_dir() {
            parts.extend(folders(&path)?.into_iter().map(|class| (split, class)));
        }
    }
    let mut labels = BTreeSet::new();
    for (_, class) in &parts {
        labels.insert(file_name(class)?.to_owned());
    }
    let labels: Vec<String> = labels.into_iter().collect();
    let mut clips = Vec::new();
    for (split, class) in &parts {
        let class_name = file_name(class)?;
        let label = labels.partition_point(|known| known.as_str() < class_name);
        add_class(class, label, |_, _| Ok(*split), &mut clips)?;
    }
    Ok(Listing { name, labels, answers: Answers::OneOf, clips, expected: EXPECTED, absent: 0 })
}

fn add_class(
    folder: &Path,
    label: usize,
    split: impl Fn(&Path, &str) -> Result<Split, DatasetError>,
    clips: &mut Vec<Found>,
) -> Result<(), DatasetError> {
    let audio = audio_below(folder)?;
    if audio.is_empty() {
        return Err(DatasetError::EmptyClass { label: file_name(folder)?.to_owned(), path: folder.to_owned() });
    }
    for path in audio {
        let name = file_name(&path)?;
        let (split, group) = (split(&path, name)?, group(name).to_owned());
        clips.push(Found::recording(path, label, split, group));
    }
    Ok(())
}

/// The lines of a list of ids; `None` where there is no such file.
fn read_list(path: &Path) -> Result<Option<HashSet<String>>, DatasetError> {
    if !path.is_file() {
        return Ok(None);
    }
    let text = fs::read_to_string(path).map_err(io_error(path))?;
    Ok(Some(text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::{Clip, Dataset, Format, SplitOptions};
    use crate::data::testing::populate;

    fn open(root: &Path, format: Format) -> Result<Dataset, DatasetError> {
        Dataset::open(root, format, &SplitOptions::default())
    }

    fn ids(dataset: &Dataset, split: Split) -> Vec<&str> {
        dataset.split(split).map(|clip| clip.id.as_str()).collect()
    }

    #[test]
    fn words_are_labels_and_the_hash_is_the_split() {
        let dir = tempfile::tempdir().unwrap();
        populate(dir.path(), (0..400).map(|i| format!("{}/{i:06x}.flac", ["jarvis", "alexa"][i % 2])));
        let dataset = open(dir.path(), Format::Wakewords).unwrap();
        assert_eq!((dataset.name.as_str(), dataset.labels.join(",")), ("wakewords", "alexa,jarvis".to_owned()));
        let test = ids(&dataset, Split::Test);
        assert!((35..90).contains(&test.len()), "{}", test.len());
        let by_hash = |clip: &Clip| is_test(clip.id.rsplit('/').next().unwrap()) == (clip.split == Split::Test);
        assert!(dataset.clips.iter().all(by_hash));
        // The same clips as a plain folder: the same split.
        assert_eq!(ids(&open(dir.path(), Format::Folder).unwrap(), Split::Test), test);
    }

    #[test]
    fn folders_named_train_and_test_are_the_split() {
        let dir = tempfile::tempdir().unwrap();
        populate(dir.path(), ["train/b/1.wav", "train/a/deep/2.MP3", "test/b/3.ogg", "validation/a/4.flac"]);
        fs::write(dir.path().join("train/a/notes.txt"), "not audio").unwrap();
        let dataset = open(dir.path(), Format::Folder).unwrap();
        assert_eq!(dataset.labels, ["a", "b"]);
        assert_eq!(ids(&dataset, Split::Train), ["train/a/deep/2.MP3", "train/b/1.wav"]);
        assert_eq!(ids(&dataset, Split::Test), ["test/b/3.ogg"]);
        assert_eq!(ids(&dataset, Split::Validation), ["validation/a/4.flac"]);
        assert_eq!(dataset.name, dir.path().file_name().unwrap().to_str().unwrap());

        populate(dir.path(), ["test/c/5.wav"]);
        let error = open(dir.path(), Format::Folder).unwrap().check().unwrap_err().to_string();
        assert!(error.starts_with("label 'c' has no training clip (1 for test"), "{error}");
    }

    #[test]
    fn lists_of_speech_commands_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        populate(dir.path(), ["yes/0a_nohash_0.wav", "yes/0b_nohash_0.wav", "yes/0c_nohash_0.wav"]);
        populate(dir.path(), ["_background_noise_/hum.wav"]);
        fs::write(dir.path().join("testing_list.txt"), "yes/0a_nohash_0.wav\n").unwrap();
        fs::write(dir.path().join("validation_list.txt"), "yes/0b_nohash_0.wav\r\n\n").unwrap();
        let dataset = open(dir.path(), Format::Folder).unwrap();
        assert_eq!(dataset.labels, ["yes"]);
        let split = |split| ids(&dataset, split).join(" ");
        assert_eq!(split(Split::Test), "yes/0a_nohash_0.wav");
        assert_eq!(split(Split::Validation), "yes/0b_nohash_0.wav");
        assert_eq!(split(Split::Train), "yes/0c_nohash_0.wav");
    }

    #[test]
    fn a_class_without_audio_is_named() {
        let dir = tempfile::tempdir().unwrap();
        populate(dir.path(), ["a/1.wav"]);
        fs::create_dir(dir.path().join("b")).unwrap();
        let error = open(dir.path(), Format::Folder).unwrap_err();
        assert!(matches!(error, DatasetError::EmptyClass { label, .. } if label == "b"));
    }
}
