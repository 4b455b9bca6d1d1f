//! Tests of [`super`] that need an encoder.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use indicatif::ProgressBar;
use tempfile::TempDir;

use super::*;
use crate::data::codec::{JpegOptions, Mp3Options, OpusOptions};
use crate::data::dataset::{Format, SplitOptions};
use crate::data::encode::{EncodeParams, RateMode, encode};
use crate::data::testing::{idx, populate, real_data, sine, write_wav};
use tempest_blocks::{jpeg, opus};
use tempest_transcode::mp3;

/// 30 clips of each digit from 0 to 9, of which 5 are for the test, and a place for the cache.
struct Bench {
    dir: TempDir,
    dataset: Dataset,
    options: PrepareOptions,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("data");
        populate(&root, (0..30).flat_map(|i| (0..10).map(move |digit| format!("{digit}_ann_{i}.wav"))));
        let dataset = Dataset::open(&root, Format::Fsdd, &SplitOptions::default()).unwrap();
        let options = PrepareOptions {
            codec: CodecOptions::default(),
            variants: 2,
            augment: Augment::ALL,
            seed: 1,
            cache_dir: dir.path().join("cache"),
            strict: false,
        };
        // 250 training clips are one part; the tests want two.
        let mut bench = Bench { dir, dataset, options };
        let more: Vec<Clip> = bench.dataset.split(Split::Train).take(20).cloned().collect();
        bench.dataset.clips.extend(more.into_iter().map(|clip| Clip { id: format!("x/{}", clip.id), ..clip }));
        bench
    }

    fn prepare(&self) -> Result<Prepared, PrepareError> {
        self.prepare_until(|| false)
    }

    /// `stop` is asked after each mp3 clip.
    fn prepare_until(&self, stop: impl Fn() -> bool + Sync) -> Result<Prepared, PrepareError> {
        let flag = AtomicBool::new(false);
        let fits = |_: &[u8]| {
            flag.store(stop(), Ordering::Relaxed);
            true
        };
        let control = Control { fits: &fits, stop: &flag, bar: &ProgressBar::hidden() };
        prepare(&self.dataset, Split::Train, &self.options, control)
    }

    fn parts(&self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(&self.options.cache_dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }

    fn path_of(&self, id: &str) -> &Path {
        &self.dataset.clips.iter().find(|clip| clip.id == id).unwrap().path
    }
}

fn mp3(bitrates_kbps: Vec<u32>) -> CodecOptions {
    CodecOptions::Mp3(Mp3Options { bitrates_kbps, ..Default::default() })
}

fn counts(prepared: &Prepared) -> [usize; 3] {
    [prepared.parts_reused, prepared.parts_made, prepared.parts_damaged]
}

#[test]
fn the_second_run_is_read_from_the_cache() {
    let bench = Bench::new();
    let first = bench.prepare().unwrap();
    assert_eq!((first.clips.len(), counts(&first)), (270, [0, 2, 0]));
    assert!(first.clips.iter().all(|clip| clip.streams.len() == 2 && clip.streams[0].len() % 144 == 0));
    let second = bench.prepare().unwrap();
    assert_eq!(counts(&second), [2, 0, 0]);
    assert_eq!((&second.clips, &second.skipped), (&first.clips, &first.skipped));
}

#[test]
fn variant_zero_is_the_plain_encoding() {
    let bench = Bench::new();
    let prepared = bench.prepare().unwrap();
    let audio = crate::data::Audio::read(bench.path_of("0_ann_10.wav")).unwrap();
    let samples = crate::data::resample(&audio.samples, 8_000, 16_000).unwrap();
    let params =
        EncodeParams { sample_rate: 16_000, mode: RateMode::Cbr, bitrate_kbps: 32, reservoir: false, quality: 3 };
    let clip = prepared.clips.iter().find(|clip| clip.id == "0_ann_10.wav").unwrap();
    assert_eq!(clip.streams[0], encode(&samples, &params).unwrap());
    assert_ne!(clip.streams[0], clip.streams[1]);
}

#[test]
fn missing_and_damaged_parts_are_made_again_and_only_these() {
    let bench = Bench::new();
    let first = bench.prepare().unwrap();
    let parts = bench.parts();
    assert_eq!(parts.len(), 2);

    fs::remove_file(&parts[1]).unwrap();
    assert_eq!(counts(&bench.prepare().unwrap()), [1, 1, 0]);

    let whole = fs::read(&parts[0]).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    for damaged in [&whole[..whole.len() - 5], &changed, &[]] {
        fs::write(&parts[0], damaged).unwrap();
        let again = bench.prepare().unwrap();
        assert_eq!(counts(&again), [1, 1, 1]);
        assert_eq!(again.clips, first.clips);
        assert_eq!(fs::read(&parts[0]).unwrap(), whole);
    }
}

#[test]
fn whatever_changes_the_streams_changes_the_key() {
    let mut bench = Bench::new();
    bench.prepare().unwrap();
    bench.options.seed = 2;
    assert_eq!(counts(&bench.prepare().unwrap()), [0, 2, 0]);
    bench.options.codec = mp3(vec![32]);
    assert_eq!(counts(&bench.prepare().unwrap()), [0, 2, 0]);
    bench.options.augment.gain = false;
    assert_eq!(counts(&bench.prepare().unwrap()), [0, 2, 0]);
    write_wav(bench.path_of("3_ann_9.wav"), &sine(880.0, 8_000, 100), 8_000);
    assert_eq!(counts(&bench.prepare().unwrap()), [0, 2, 0]);
    // With one variant, nothing is drawn: seeds do not matter.
    bench.options.variants = 1;
    assert_eq!(counts(&bench.prepare().unwrap()), [0, 2, 0]);
    bench.options.seed = 3;
    assert_eq!(counts(&bench.prepare().unwrap()), [2, 0, 0]);
}

#[test]
fn held_out_clips_have_one_variant() {
    let bench = Bench::new();
    let control = Control { fits: &|_| false, stop: &AtomicBool::new(false), bar: &ProgressBar::hidden() };
    let test = prepare(&bench.dataset, Split::Test, &bench.options, control).unwrap();
    assert_eq!(test.clips.len(), 50);
    assert!(test.clips.iter().all(|clip| clip.streams.len() == 1));
    let none = prepare(&bench.dataset, Split::Validation, &bench.options, control).unwrap();
    assert_eq!(none, Prepared::default());
}

#[test]
fn corrupt_recordings_are_skipped_or_fatal() {
    let mut bench = Bench::new();
    fs::write(bench.path_of("4_ann_8.wav"), b"RIFF, but not really").unwrap();
    for run in 0..2 {
        let prepared = bench.prepare().unwrap();
        assert_eq!((prepared.clips.len(), prepared.skipped.len()), (269, 1), "run {run}");
        assert_eq!(prepared.skipped[0].id, "4_ann_8.wav");
        assert!(prepared.skipped[0].reason.contains("4_ann_8.wav: "), "{}", prepared.skipped[0].reason);
    }
    bench.options.strict = true;
    assert!(matches!(bench.prepare(), Err(PrepareError::Unreadable { id, .. }) if id == "4_ann_8.wav"));

    // A file that is not there now may be there later: its part, the first of two, is not kept.
    let mut bench = Bench::new();
    fs::remove_file(bench.path_of("x/0_ann_10.wav")).unwrap();
    let prepared = bench.prepare().unwrap();
    assert_eq!((prepared.skipped.len(), bench.parts().len()), (2, 1));
    bench.dataset.clips.retain(|clip| clip.id.ends_with("0_ann_10.wav"));
    assert!(matches!(bench.prepare(), Err(PrepareError::NothingReadable { clips: 2, .. })));
}

#[test]
fn an_interrupted_run_goes_on_where_it_stopped() {
    let mut bench = Bench::new();
    // The last clip, in the second part, is an mp3 file; while it is judged the stop flag is raised.
    let mp3 = bench.dir.path().join("last.mp3");
    fs::write(&mp3, b"a stream as it is").unwrap();
    for number in 0..40 {
        let clip = Clip {
            path: mp3.clone(),
            id: format!("z/{number:02}.mp3"),
            truth: 0.into(),
            split: Split::Train,
            picture: None,
        };
        bench.dataset.clips.push(clip);
    }
    bench.options.variants = 1;
    let judged = AtomicUsize::new(0);
    let stop = || judged.fetch_add(1, Ordering::Relaxed) == 0;
    assert!(matches!(bench.prepare_until(stop), Err(PrepareError::Interrupted)));
    assert_eq!(bench.parts().len(), 1);
    let rest = bench.prepare().unwrap();
    assert_eq!((counts(&rest), rest.clips.len()), ([1, 1, 0], 310));
    assert_eq!(rest.clips[309].streams, [b"a stream as it is"]);
}

#[test]
fn mp3_files_that_do_not_fit_are_encoded_anew() {
    let dir = tempfile::tempdir().unwrap();
    let params =
        EncodeParams { sample_rate: 44_100, mode: RateMode::Cbr, bitrate_kbps: 64, reservoir: true, quality: 5 };
    let stream = encode(&sine(440.0, 44_100, 44_100), &params).unwrap();
    for path in ["train/a/1.mp3", "test/a/2.mp3"] {
        populate(dir.path(), [path]);
        fs::write(dir.path().join(path), &stream).unwrap();
    }
    let dataset = Dataset::open(dir.path(), Format::Folder, &SplitOptions::default()).unwrap();
    let cache_dir = dir.path().join("cache");
    let options = PrepareOptions { cache_dir, ..Bench::new().options };
    let fits = |bytes: &[u8]| bytes != stream;
    let control = Control { fits: &fits, stop: &AtomicBool::new(false), bar: &ProgressBar::hidden() };
    let prepared = prepare(&dataset, Split::Train, &options, control).unwrap();
    let streams = &prepared.clips[0].streams;
    assert_eq!((streams.len(), streams[0].len() % 144, &streams[0][..2]), (2, 0, &[0xff, 0xf3][..]));
    assert!((29 * 144..36 * 144).contains(&streams[0].len()), "{}", streams[0].len());
}

#[test]
fn options_that_cannot_work_are_refused() {
    let mut bench = Bench::new();
    bench.options.codec = mp3(vec![32, 33]);
    let cause = bench.prepare().unwrap_err();
    assert!(matches!(cause, PrepareError::Codec(EncodeError::Mp3(mp3::EncodeError::Bitrate { bitrate_kbps: 33, .. }))));
    bench.options.variants = 0;
    bench.options.codec = CodecOptions::default();
    assert!(matches!(bench.prepare(), Err(PrepareError::NoVariants)));
}

#[test]
fn real_recordings_become_frames_of_144_bytes() {
    let Some(root) = real_data("fsdd") else { return };
    let cache = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(&root, Format::Fsdd, &SplitOptions::default()).unwrap();
    let options = PrepareOptions { cache_dir: cache.path().to_owned(), ..Bench::new().options };
    let control = Control { fits: &|_| false, stop: &AtomicBool::new(false), bar: &ProgressBar::hidden() };
    let test = prepare(&dataset, Split::Test, &options, control).unwrap();
    assert_eq!((test.clips.len(), test.skipped.len()), (300, 0));
    for clip in &test.clips {
        assert!(clip.streams[0].len() % 144 == 0 && clip.streams[0].chunks(144).all(|f| f[..2] == [0xff, 0xf3]));
    }
}

#[test]
fn sounds_become_opus_packets() {
    let mut bench = Bench::new();
    bench.options.codec = CodecOptions::Opus(OpusOptions { bitrates_kbps: vec![16, 32], ..Default::default() });
    let prepared = bench.prepare().unwrap();
    for stream in prepared.clips.iter().flat_map(|clip| &clip.streams) {
        assert!(opus::blocks(stream).count() > 0 && opus::blocks(stream).all(|block| block.duration == 1_920));
    }
    assert_eq!(bench.prepare().unwrap().clips, prepared.clips);
}

#[test]
fn pictures_become_jpeg_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    for (stem, count) in [("train", 6u32), ("t10k", 2)] {
        let labels: Vec<u8> = (0..count).map(|i| (i % 2) as u8).collect();
        let pixels: Vec<u8> = (0..count * 28 * 28).map(|i| (i % 251) as u8).collect();
        fs::write(dir.path().join(format!("{stem}-labels-idx1-ubyte")), idx(&[count], &labels)).unwrap();
        fs::write(dir.path().join(format!("{stem}-images-idx3-ubyte")), idx(&[count, 28, 28], &pixels)).unwrap();
    }
    let dataset = Dataset::open(dir.path(), Format::Mnist, &SplitOptions::default()).unwrap();
    let bench = Bench { dataset, ..Bench::new() };
    let refused = bench.prepare().unwrap_err().to_string();
    assert!(refused.contains("train/0000") && refused.contains("a picture cannot become MP3"), "{refused}");
    let codec = CodecOptions::Jpeg(JpegOptions::default());
    let options = PrepareOptions { codec: codec.clone(), ..bench.options.clone() };
    let bench = Bench { options, ..bench };
    let prepared = bench.prepare().unwrap();
    assert_eq!((prepared.clips.len(), counts(&prepared)), (6, [0, 1, 0]));
    for stream in prepared.clips.iter().flat_map(|clip| &clip.streams) {
        let image = jpeg::Image::parse(stream).unwrap();
        assert_eq!((image.frame().width(), image.frame().height(), image.frame().components().len()), (28, 28, 1));
    }
    assert_eq!(counts(&bench.prepare().unwrap()), [1, 0, 0]);
    let mut sounds = Bench::new();
    sounds.options.codec = codec;
    let refused = sounds.prepare().unwrap_err().to_string();
    assert!(refused.contains("a recording cannot become JPEG"), "{refused}");
}
