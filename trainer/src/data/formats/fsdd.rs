//! Free Spoken Digit Dataset: `DIGIT_SPEAKER_INDEX.wav` in one folder, or in `recordings/` as in its repository.

use std::path::Path;

use super::{Found, Listing, audio_in, file_name};
use crate::data::dataset::{DatasetError, Split};
use tempest_contract::Answers;

const FORM: &str = "DIGIT_SPEAKER_INDEX.wav";

/// Recordings 0 to 4 of each digit and speaker are the official test split.
const TEST_INDICES: u32 = 5;

/// Lists `root`. The labels are always the ten digits.
pub(in crate::data) fn list(root: &Path) -> Result<Listing, DatasetError> {
    let recordings = root.join("recordings");
    let folder = if recordings.is_dir() { recordings.as_path() } else { root };
    let mut clips = Vec::new();
    for path in audio_in(folder)? {
        let name = file_name(&path)?;
        let Some((label, index)) = parse(name) else {
            return Err(DatasetError::BadName { path, expected: FORM });
        };
        let split = if index < TEST_INDICES { Split::Test } else { Split::Train };
        let group = name.to_owned();
        clips.push(Found::recording(path, label, split, group));
    }
    let labels = (0..10).map(|digit| digit.to_string()).collect();
    Ok(Listing {
        name: "fsdd".to_owned(),
        labels,
        answers: Answers::OneOf,
        clips,
        expected: "files DIGIT_SPEAKER_INDEX.wav",
        absent: 0,
    })
}

/// Digit and index.
fn parse(name: &str) -> Option<(usize, u32)> {
    let (stem, _extension) = name.rsplit_once('.')?;
    let (digit, rest) = stem.split_once('_')?;
    let (_speaker, index) = rest.rsplit_once('_')?;
    let digit = digit.parse().ok().filter(|d| *d < 10)?;
    Some((digit, index.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::{Dataset, Format, SplitOptions};
    use crate::data::testing::populate;

    #[test]
    fn names_carry_digit_and_index() {
        assert_eq!(parse("7_jackson_32.wav"), Some((7, 32)));
        assert_eq!(parse("7_von_der_leyen_0.wav"), Some((7, 0)));
        for bad in ["10_jackson_1.wav", "x_jackson_1.wav", "7_jackson.wav", "7_jackson_x.wav", "7_1"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_official_split_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        populate(dir.path(), (0..10).flat_map(|d| (3..7).map(move |i| format!("recordings/{d}_ann_{i}.wav"))));
        let dataset = Dataset::open(dir.path(), Format::Fsdd, &SplitOptions::default()).unwrap();
        let test: Vec<&str> = dataset.split(Split::Test).map(|c| c.id.as_str()).collect();
        assert_eq!(test.len(), 20);
        assert_eq!(test[..2], ["recordings/0_ann_3.wav", "recordings/0_ann_4.wav"]);
        assert!(
            dataset.clips.iter().all(|c| c.id.contains(&format!("/{}_", dataset.labels[c.truth.first().unwrap()])))
        );
    }

    #[test]
    fn a_digit_that_is_missing_and_a_foreign_name_are_named() {
        let dir = tempfile::tempdir().unwrap();
        populate(dir.path(), (0..9).map(|d| format!("{d}_ann_7.wav")).chain(["9_ann_0.wav".to_owned()]));
        let open = || {
            let dataset = Dataset::open(dir.path(), Format::Fsdd, &SplitOptions::default());
            dataset.and_then(|dataset| dataset.check()).unwrap_err()
        };
        assert!(open().to_string().contains("label '9' has no training clip (1 for test"), "{}", open());
        populate(dir.path(), ["noise.wav"]);
        assert!(open().to_string().contains("noise.wav: the file name is not of the form DIGIT_SPEAKER_INDEX.wav"));
    }
}
