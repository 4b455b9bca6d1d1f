//! TensorBoard event files: what stands in `log.jsonl`, as scalars.
//!
//! A file is a row of TFRecords, each one `Event` message of protocol buffers:
//!
//! ```text
//! length u64   of the message
//! check  u32   masked CRC-32C of those eight bytes
//! message
//! check  u32   masked CRC-32C of the message
//! ```
//! Numbers are little-endian. A check is masked so that the CRC of data that holds CRCs stays a good one.

use anyhow::{Context, Result};
use crc::{CRC_32_ISCSI, Crc};
use prost::{Message, Oneof};
use serde_json::Value;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The first record of every file.
const FILE_VERSION: &str = "brain.Event:2";

/// CRC-32C (Castagnoli).
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// Keys of a line of the log that are no curves.
const AXES: [&str; 2] = ["epoch", "step"];

/// `tensorflow.Event`, the part of it in use.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Scalar>,
}

#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    /// Without presence a 0 would not be written, and the value would be of no kind.
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    /// 1: START.
    #[prost(int32, tag = "1")]
    status: i32,
}

/// The event file of one sitting of a run.
#[derive(Debug)]
pub struct Events {
    file: File,
    path: PathBuf,
}

impl Events {
    /// Begins a new `events.out.tfevents.N` in the folder of a run that has done `steps`. What older files of the folder
    /// tell of later steps is void: the run does them again.
    ///
    /// # Errors
    /// What writing says, with the path.
    pub fn create(run: &Path, steps: usize) -> Result<Self> {
        let (file, path) = new_file(run)?;
        let mut events = Events { file, path };
        events.write(0, What::FileVersion(FILE_VERSION.into()))?;
        events.write(steps as i64 + 1, What::SessionLog(SessionLog { status: 1 }))?;
        Ok(events)
    }

    /// Writes every number of a line of the log under its key, at the line's `step`.
    ///
    /// # Errors
    /// What writing says, with the path.
    pub fn line(&mut self, line: &Value) -> Result<()> {
        let numbers = line.as_object().into_iter().flatten().filter(|(key, _)| !AXES.contains(&key.as_str()));
        let scalar = |(key, value): (&String, &Value)| {
            Some(Scalar { tag: key.clone(), simple_value: Some(value.as_f64()? as f32) })
        };
        let value = numbers.filter_map(scalar).collect();
        self.write(line["step"].as_i64().unwrap_or(0), What::Summary(Summary { value }))
    }

    fn write(&mut self, step: i64, what: What) -> Result<()> {
        let wall_time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        let message = Event { wall_time, step, what: Some(what) }.encode_to_vec();
        self.file.write_all(&record(&message)).with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// Named by the second; by the next that is free where two sittings begin in one.
fn new_file(run: &Path) -> Result<(File, PathBuf)> {
    let mut number = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    loop {
        let path = run.join(format!("events.out.tfevents.{number:010}"));
        match File::create_new(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error).with_context(|| format!("cannot write {}", path.display())),
        }
    }
}

/// A TFRecord.
fn record(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), message, &masked(message)].concat()
}

fn masked(bytes: &[u8]) -> [u8; 4] {
    CRC.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test should panic")]

    use super::*;

    #[test]
    fn checks_are_castagnoli_masked() {
        assert_eq!(CRC.checksum(b"123456789"), 0xe306_9283);
        // As every file of TensorFlow begins: 24 bytes, `brain.Event:2` and a time.
        assert_eq!(record(&[0; 24])[..12], [0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22]);
    }

    #[test]
    fn messages_are_those_of_tensorflow() {
        let event = |step, what| Event { wall_time: 1.0, step, what: Some(what) }.encode_to_vec();
        let time = [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
        assert_eq!(
            event(0, What::FileVersion("brain.Event:2".into())),
            [&time, &b"\x1a\x0dbrain.Event:2"[..]].concat()
        );
        let value = vec![Scalar { tag: "loss".into(), simple_value: Some(0.0) }];
        let summary = b"\x10\x07\x2a\x0d\x0a\x0b\x0a\x04loss\x15\0\0\0\0";
        assert_eq!(event(7, What::Summary(Summary { value })), [&time, &summary[..]].concat());
        let start = b"\x10\x08\x3a\x02\x08\x01";
        assert_eq!(event(8, What::SessionLog(SessionLog { status: 1 })), [&time, &start[..]].concat());
    }

    #[test]
    fn a_line_becomes_its_numbers_and_each_sitting_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let line = serde_json::json!({ "epoch": 1, "step": 5, "class_loss": 0.5, "validation_accuracy": null });
        for steps in [0, 5] {
            Events::create(folder.path(), steps).unwrap().line(&line).unwrap();
        }
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 2);
        let bytes = std::fs::read(&files[0]).unwrap();
        let contains = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        assert!(contains(b"class_loss") && !contains(b"validation_accuracy") && !contains(b"epoch"));
    }
}
