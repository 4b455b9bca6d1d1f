//! Lists a data set: which recordings, which labels, which split. Reads names, never sound.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempest_contract::Answers;

pub use super::error::DatasetError;
use super::formats::{self, Listing};
use super::picture::Picture;
use super::split;
use crate::truth::Truth;

/// How a data set lies on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// A folder for each word; held-out clips by hash of the file name
    Wakewords,
    /// Free Spoken Digit Dataset: `DIGIT_SPEAKER_INDEX.wav`, index 0 to 4 is the test split
    Fsdd,
    /// ESC-10 or ESC-50: folders `001 - Dog bark` of `FOLD-SOURCE-TAKE.ogg`, or `meta/esc50.csv` and `audio/`
    Esc,
    /// MNIST: pictures in four IDX files, `train-images-idx3-ubyte` and so on, gzip or not
    Mnist,
    /// A folder for each class, below `train/` and `test/` if these exist; Speech Commands' lists are followed
    Folder,
    /// A manifest with the columns `path`, `label` (several with `;` between, or none) and perhaps `split` and `group`
    Csv,
    /// AudioSet's lists `balanced_train_segments.csv`, `eval_segments.csv` and `class_labels_indices.csv`, and its audio
    Audioset,
    /// Recordings anywhere below the folder, without labels: for training by the reconstruction loss alone
    Unlabelled,
}

/// What a clip is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Learnt from.
    Train,
    /// Watched while training, to choose and to stop.
    Validation,
    /// Measured once, at the end.
    Test,
}

/// What may be chosen about the split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SplitOptions {
    /// The ESC fold that is the test split, from 1; the other formats ignore it.
    pub test_fold: u32,
    /// Share of the training clips taken for validation by hash, in [0, 1). A data set that brings a validation split
    /// of its own keeps that too.
    pub validation: f32,
}

impl Default for SplitOptions {
    fn default() -> Self {
        SplitOptions { test_fold: 1, validation: 0.0 }
    }
}

/// One recording, or picture, of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// The file it is in.
    pub path: PathBuf,
    /// Its path below the root of the data set with `/` between folders, of one of many in a file `train/00042`: the same
    /// on every machine.
    pub id: String,
    /// Indices into [`Dataset::labels`]; exactly one where [`Dataset::answers`] is one of them.
    pub truth: Truth,
    /// What it is used for.
    pub split: Split,
    /// The picture, where the file holds many; the file is a recording otherwise.
    pub picture: Option<Picture>,
}

/// A listed data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Short name: "wakewords", "fsdd", "esc10", or that of the folder.
    pub name: String,
    /// The classes, in the order of the model's outputs.
    pub labels: Vec<String>,
    /// How many of them may be true of a clip.
    pub answers: Answers,
    /// The recordings, sorted by id.
    pub clips: Vec<Clip>,
    /// Clips that a list of the data set names and that are not there.
    pub absent: usize,
}

impl Dataset {
    /// Lists the data set below `root`.
    ///
    /// # Errors
    /// [`DatasetError`]: a root that is missing or holds something else, a class without audio, a fold that does not
    /// exist, names and lines that do not parse.
    pub fn open(root: &Path, format: Format, options: &SplitOptions) -> Result<Self, DatasetError> {
        if !(root.is_dir() || format == Format::Csv && root.is_file()) {
            return Err(DatasetError::Missing { path: root.to_owned() });
        }
        if !(0.0..1.0).contains(&options.validation) {
            return Err(DatasetError::BadShare { share: options.validation });
        }
        let listing = match format {
            Format::Wakewords => formats::folder::list_words(root)?,
            Format::Fsdd => formats::fsdd::list(root)?,
            Format::Esc => formats::esc::list(root, options.test_fold)?,
            Format::Mnist => formats::idx::list(root)?,
            Format::Folder => formats::folder::list(root)?,
            Format::Csv => formats::manifest::list(root)?,
            Format::Audioset => formats::audioset::list(root)?,
            Format::Unlabelled => formats::unlabelled::list(root)?,
        };
        let mut dataset = assemble(root, listing, options.validation)?;
        dataset.clips.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(dataset)
    }

    /// The clips of one split, in order of id.
    pub fn split(&self, split: Split) -> impl Iterator<Item = &Clip> {
        self.clips.iter().filter(move |clip| clip.split == split)
    }

    /// Width and height of all pictures, where they are alike; `None` where the clips are recordings.
    pub fn picture_size(&self) -> Option<[u16; 2]> {
        let mut sizes =
            self.clips.iter().map(|clip| clip.picture.as_ref().map(|picture| [picture.width, picture.height]));
        let first = sizes.next()?;
        sizes.all(|size| size == first).then_some(first).flatten()
    }

    /// Reads the clips with the labels of a model, in its order and number.
    ///
    /// # Errors
    /// The first label that is not among them.
    pub fn relabel(&mut self, labels: &[String]) -> Result<(), String> {
        let of = |label: &String| labels.iter().position(|other| other == label).ok_or_else(|| label.clone());
        let order: Vec<usize> = self.labels.iter().map(of).collect::<Result<_, _>>()?;
        for clip in &mut self.clips {
            clip.truth = clip.truth.labels().iter().map(|&label| order[label]).collect();
        }
        self.labels = labels.to_vec();
        Ok(())
    }

    /// Clips of each split that each label is true of, the splits in the order of [`Split`].
    #[must_use]
    pub fn counts(&self) -> Vec<[usize; 3]> {
        let mut counts = vec![[0; 3]; self.labels.len()];
        for clip in &self.clips {
            clip.truth.labels().iter().for_each(|&label| counts[label][clip.split as usize] += 1);
        }
        counts
    }

    /// Every label can be learnt: it is true of a training clip.
    ///
    /// # Errors
    /// [`DatasetError::NoTrainingClip`]
    pub fn check(&self) -> Result<(), DatasetError> {
        let counts = self.counts();
        match counts.iter().position(|count| count[Split::Train as usize] == 0) {
            None => Ok(()),
            Some(label) => Err(DatasetError::NoTrainingClip {
                label: self.labels[label].clone(),
                test: counts[label][Split::Test as usize],
                validation: counts[label][Split::Validation as usize],
            }),
        }
    }
}

/// Turns what a format found into clips, and moves the validation share out of training.
fn assemble(root: &Path, listing: Listing, validation: f32) -> Result<Dataset, DatasetError> {
    if listing.clips.is_empty() {
        return Err(DatasetError::NoClips { path: root.to_owned(), expected: listing.expected });
    }
    let (answers, absent) = (listing.answers, listing.absent);
    let clips = listing.clips.into_iter().map(|found| {
        let held_out = found.split == Split::Train && split::is_validation(&found.group, validation);
        let split = if held_out { Split::Validation } else { found.split };
        let id = found.id.map_or_else(|| formats::id(root, &found.path), Ok)?;
        Ok(Clip { id, path: found.path, truth: found.truth, split, picture: found.picture })
    });
    let clips = clips.collect::<Result<_, DatasetError>>()?;
    Ok(Dataset { name: listing.name, labels: listing.labels, answers, clips, absent })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::{populate, real_data};
    use clap::ValueEnum;

    #[test]
    fn unusable_roots_and_shares_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let options = SplitOptions::default();
        for format in Format::value_variants().iter().copied() {
            let missing = Dataset::open(&dir.path().join("none"), format, &options).unwrap_err();
            assert!(matches!(missing, DatasetError::Missing { .. }), "{missing}");
            let empty = Dataset::open(dir.path(), format, &options).unwrap_err();
            assert!(matches!(empty, DatasetError::NoClips { .. }), "{empty}");
        }
        let all = SplitOptions { validation: 1.0, ..options };
        assert!(matches!(Dataset::open(dir.path(), Format::Fsdd, &all), Err(DatasetError::BadShare { .. })));
    }

    #[test]
    fn validation_comes_out_of_training_only() {
        let dir = tempfile::tempdir().unwrap();
        populate(dir.path(), (0..100).flat_map(|i| (0..10).map(move |digit| format!("{digit}_ann_{i}.wav"))));
        let open = |validation| {
            Dataset::open(dir.path(), Format::Fsdd, &SplitOptions { validation, ..Default::default() }).unwrap()
        };
        let (without, with) = (open(0.0), open(0.1));
        assert_eq!(without.split(Split::Validation).count(), 0);
        let held = with.split(Split::Validation).count();
        assert!((60..140).contains(&held), "{held}");
        assert_eq!(with.split(Split::Test).collect::<Vec<_>>(), without.split(Split::Test).collect::<Vec<_>>());
        assert!(with.clips.is_sorted_by(|a, b| a.id < b.id));
    }

    #[test]
    fn the_real_data_sets_have_their_documented_sizes() {
        let cases = [
            ("wakewords", Format::Wakewords, "wakewords", 1_908, 6, None),
            ("fsdd", Format::Fsdd, "fsdd", 3_000, 10, Some(300)),
            ("esc10", Format::Esc, "esc10", 400, 10, Some(80)),
            ("mnist", Format::Mnist, "mnist", 70_000, 10, Some(10_000)),
        ];
        for (folder, format, name, clips, labels, test) in cases {
            let Some(root) = real_data(folder) else { continue };
            let dataset = Dataset::open(&root, format, &SplitOptions::default()).unwrap();
            assert_eq!((dataset.name.as_str(), dataset.clips.len(), dataset.labels.len()), (name, clips, labels));
            let held = dataset.split(Split::Test).count();
            assert!(test.is_none_or(|n| n == held), "{folder}: {held}");
            assert!((0.08..0.22).contains(&(held as f64 / clips as f64)), "{folder}: {held}");
        }
    }
}
