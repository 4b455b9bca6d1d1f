//! MNIST and its kin: four IDX files, gzip or not.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use super::{Found, Listing, io_error};
use crate::data::dataset::{DatasetError, Split};
use crate::data::picture::Picture;
use tempest_contract::Answers;

const EXPECTED: &str = "train-images-idx3-ubyte, train-labels-idx1-ubyte and the same with t10k, with or without .gz";

/// Largest file, unpacked: twice the largest of EMNIST. A hostile archive takes no more memory.
const MAX_BYTES: u64 = 1 << 30;

/// Lists `root`. The labels are the numbers from 0 to the largest of the training split.
pub(in crate::data) fn list(root: &Path) -> Result<Listing, DatasetError> {
    let mut clips = Vec::new();
    for (stem, split) in [("train", Split::Train), ("t10k", Split::Test)] {
        let (Some(images), Some(labels)) = (find(root, stem, "images-idx3"), find(root, stem, "labels-idx1")) else {
            return Err(DatasetError::NoClips { path: root.to_owned(), expected: EXPECTED });
        };
        clips.extend(read_split(stem, split, images, &labels)?);
    }
    let most = clips.iter().filter_map(|clip| clip.truth.first()).max().unwrap_or(0);
    let labels = (0..=most).map(|label| label.to_string()).collect();
    Ok(Listing { name: "mnist".to_owned(), labels, answers: Answers::OneOf, clips, expected: EXPECTED, absent: 0 })
}

/// `train-images-idx3-ubyte`, with a dot before `idx3` in some copies, packed or not.
fn find(root: &Path, stem: &str, kind: &str) -> Option<PathBuf> {
    let dotted = kind.replace("-idx", ".idx");
    let names = [kind, &dotted].into_iter().flat_map(|kind| ["", ".gz"].map(|end| format!("{stem}-{kind}-ubyte{end}")));
    names.map(|name| root.join(name)).find(|path| path.is_file())
}

fn read_split(stem: &str, split: Split, images: PathBuf, labels: &Path) -> Result<Vec<Found>, DatasetError> {
    let ([count, height, width], pixels) = read(&images)?;
    let ([labelled], labels_of) = read(labels)?;
    let bad = |reason: String| DatasetError::BadIdx { path: images.clone(), reason };
    if count != labelled {
        return Err(bad(format!("holds {count} images, {} holds {labelled} labels", labels.display())));
    }
    let size = |length: u32| u16::try_from(length).ok().filter(|length| *length > 0);
    let (Some(width), Some(height)) = (size(width), size(height)) else {
        return Err(bad(format!("images of {width} x {height} pixels cannot be read: 1 to 65535 each way")));
    };
    let pixels = Arc::new(pixels);
    let found = |(index, label): (u32, u8)| {
        let id = format!("{stem}/{index:05}");
        let picture = Some(Picture { width, height, index, pixels: pixels.clone() });
        Found {
            path: images.clone(),
            truth: usize::from(label).into(),
            split,
            group: id.clone(),
            id: Some(id),
            picture,
        }
    };
    Ok((0..count).zip(labels_of).map(found).collect())
}

/// The dimensions and the bytes behind them: a magic number that says bytes in N dimensions, then N lengths.
fn read<const N: usize>(path: &Path) -> Result<([u32; N], Vec<u8>), DatasetError> {
    let bad = |reason: String| DatasetError::BadIdx { path: path.to_owned(), reason };
    let bytes = unpack(path).map_err(io_error(path))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(bad(format!("is larger than {MAX_BYTES} bytes")));
    }
    let (words, _) = bytes.as_chunks::<4>();
    let numbers: Vec<u32> = words.iter().take(1 + N).map(|word| u32::from_be_bytes(*word)).collect();
    let Some((&magic, lengths)) = numbers.split_first() else {
        return Err(bad("ends within its header".to_owned()));
    };
    if magic != 0x800 + N as u32 {
        return Err(bad(format!(
            "begins with {magic:#010x}; bytes in {N} dimension(s) begin with {:#010x}",
            0x800 + N
        )));
    }
    let Ok(lengths) = <[u32; N]>::try_from(lengths) else {
        return Err(bad("ends within its header".to_owned()));
    };
    let data = &bytes[4 * (1 + N)..];
    let expected = lengths.iter().try_fold(1u64, |product, &length| product.checked_mul(length.into()));
    match expected {
        Some(expected) if expected == data.len() as u64 => Ok((lengths, data.to_vec())),
        _ => Err(bad(format!("states {lengths:?} values and holds {}", data.len()))),
    }
}

/// The file, unpacked if it begins as gzip does (RFC 1952, 2.3.1), up to one byte more than is taken.
fn unpack(path: &Path) -> io::Result<Vec<u8>> {
    let mut magic = Vec::new();
    File::open(path)?.take(2).read_to_end(&mut magic)?;
    let (file, mut bytes) = (BufReader::new(File::open(path)?), Vec::new());
    match magic[..] {
        [0x1f, 0x8b] => MultiGzDecoder::new(file).take(MAX_BYTES + 1).read_to_end(&mut bytes)?,
        _ => file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::{Dataset, Format, SplitOptions};
    use crate::data::testing::idx;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn open(root: &Path) -> Result<Dataset, DatasetError> {
        Dataset::open(root, Format::Mnist, &SplitOptions::default())
    }

    /// Eight training and four test pictures of 3 x 2 pixels, of two classes.
    fn write(root: &Path) {
        for (stem, count) in [("train", 8u8), ("t10k", 4)] {
            let labels: Vec<u8> = (0..count).map(|i| i % 2).collect();
            let pixels: Vec<u8> = (0..count * 6).collect();
            std::fs::write(root.join(format!("{stem}-labels-idx1-ubyte")), idx(&[count.into()], &labels)).unwrap();
            std::fs::write(root.join(format!("{stem}-images-idx3-ubyte")), idx(&[count.into(), 2, 3], &pixels))
                .unwrap();
        }
    }

    #[test]
    fn pictures_are_read_packed_or_not() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path());
        let plain = open(dir.path()).unwrap();
        assert_eq!((plain.name.as_str(), plain.labels.join(",").as_str()), ("mnist", "0,1"));
        assert_eq!((plain.split(Split::Train).count(), plain.split(Split::Test).count()), (8, 4));
        let clip = plain.split(Split::Test).nth(3).unwrap();
        let picture = clip.picture.as_ref().unwrap();
        assert_eq!(
            (clip.id.as_str(), clip.truth.first(), picture.width, picture.height),
            ("t10k/00003", Some(1), 3, 2)
        );
        assert_eq!(picture.pixels(), [18, 19, 20, 21, 22, 23]);

        let path = dir.path().join("train-images-idx3-ubyte");
        let mut packed = GzEncoder::new(File::create(path.with_extension("gz")).unwrap(), Compression::fast());
        packed.write_all(&std::fs::read(&path).unwrap()).unwrap();
        packed.finish().unwrap();
        std::fs::rename(path.with_extension("gz"), dir.path().join("train-images.idx3-ubyte.gz")).unwrap();
        std::fs::remove_file(&path).unwrap();
        let same = open(dir.path()).unwrap();
        assert!(same.clips.iter().zip(&plain.clips).all(|(a, b)| (&a.id, &a.picture) == (&b.id, &b.picture)));
    }

    #[test]
    fn files_that_do_not_hold_what_they_state_are_refused() {
        let cases: [(&str, Vec<u8>, &str); 6] = [
            ("train-labels-idx1-ubyte", idx(&[7], &[0; 7]), "holds 8 images"),
            ("train-labels-idx1-ubyte", idx(&[8], &[0; 7]), "states [8] values and holds 7"),
            ("train-images-idx3-ubyte", idx(&[8, 0, 3], &[]), "images of 3 x 0 pixels"),
            ("train-images-idx3-ubyte", idx(&[u32::MAX, u32::MAX, u32::MAX], &[]), "states [4294967295"),
            ("t10k-images-idx3-ubyte", idx(&[4], &[0; 4]), "begins with 0x00000801"),
            ("t10k-images-idx3-ubyte", vec![0, 0, 8], "ends within its header"),
        ];
        for (name, bytes, expected) in cases {
            let dir = tempfile::tempdir().unwrap();
            write(dir.path());
            std::fs::write(dir.path().join(name), bytes).unwrap();
            let error = open(dir.path()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let dir = tempfile::tempdir().unwrap();
        write(dir.path());
        std::fs::write(dir.path().join("t10k-images-idx3-ubyte"), [0x1f, 0x8b, 8, 0, 1]).unwrap();
        assert!(matches!(open(dir.path()), Err(DatasetError::Io { .. })));
        std::fs::remove_file(dir.path().join("t10k-images-idx3-ubyte")).unwrap();
        assert!(matches!(open(dir.path()), Err(DatasetError::NoClips { .. })));
    }
}
