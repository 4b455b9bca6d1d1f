//! The corpus of the fuzz targets, run through their checks: what fuzzing found once stays found.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::path::Path;

/// Runs a check on every file of a target's corpus.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        check(&fs::read(path).unwrap());
        files += 1;
    }
    assert!(files > 0, "{} is empty", folder.display());
}

#[test]
fn mp3_streams() {
    replay("mp3", fuzz::mp3::check_stream);
}

#[test]
fn mp3_frames() {
    replay("mp3_frame", fuzz::mp3::check_frame);
}

#[test]
fn opus_streams() {
    replay("opus", fuzz::opus::check_stream);
}

#[test]
fn opus_packets() {
    replay("opus_packet", fuzz::opus::check_packet);
}

#[test]
fn jpeg_images() {
    replay("jpeg", fuzz::jpeg::check_image);
}
