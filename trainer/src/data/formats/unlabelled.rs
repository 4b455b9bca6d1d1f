//! Recordings without labels, anywhere below a folder.

use std::fs;
use std::path::Path;

use super::{Found, Listing, audio_below, file_name, io_error};
use crate::data::dataset::{DatasetError, Split};
use crate::data::split::group;
use tempest_contract::Answers;

/// Lists every recording for training, under one label. What is to be tested on does not belong in the folder.
pub(in crate::data) fn list(root: &Path) -> Result<Listing, DatasetError> {
    let absolute = fs::canonicalize(root).map_err(io_error(root))?;
    let clips = audio_below(root)?.into_iter().map(|path| {
        let group = group(file_name(&path)?).to_owned();
        Ok(Found::recording(path, 0, Split::Train, group))
    });
    Ok(Listing {
        name: file_name(&absolute)?.to_owned(),
        labels: vec!["unlabelled".to_owned()],
        answers: Answers::OneOf,
        clips: clips.collect::<Result<_, DatasetError>>()?,
        expected: "recordings (wav, flac, ogg, mp3), in folders of any depth",
        absent: 0,
    })
}

#[cfg(test)]
mod tests {
    use crate::data::dataset::{Dataset, Format, Split, SplitOptions};
    use crate::data::testing::populate;

    #[test]
    fn recordings_at_any_depth_are_training_clips() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["a.wav", "x/b.flac", "x/y/z/c.mp3", "x/notes.txt", ".hidden/d.wav"];
        populate(dir.path(), names.map(String::from));
        let dataset = Dataset::open(dir.path(), Format::Unlabelled, &SplitOptions::default()).unwrap();
        let ids: Vec<&str> = dataset.split(Split::Train).map(|clip| clip.id.as_str()).collect();
        assert_eq!(ids, ["a.wav", "x/b.flac", "x/y/z/c.mp3"]);
        assert_eq!((dataset.clips.len(), dataset.labels.len()), (3, 1));
    }
}
