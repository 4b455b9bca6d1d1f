//! Files and standard input.

use crate::heard::Heard::{Bytes, End, Resumed, Stalled};
use crate::heard::{all, next, open, options, pattern};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempest_runtime::source::{Feed, FeedOptions, Origin, SourceError};

#[test]
fn a_file_is_read_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mp3");
    let bytes = pattern(200_001);
    fs::write(&path, &bytes).unwrap();
    let mut feed = Feed::open(&Origin::File(path.clone()), &options()).unwrap();
    assert_eq!(all(&mut feed), [Bytes(bytes), End]);
    fs::write(&path, b"").unwrap();
    assert_eq!(all(&mut Feed::open(&Origin::File(path), &options()).unwrap()), [End]);
}

#[cfg(unix)]
#[test]
fn a_named_pipe_waits_for_its_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut feed =
        Feed::open(&Origin::File(path.clone()), &FeedOptions { stall: Duration::from_millis(20), ..options() })
            .unwrap();
    assert_eq!(next(&mut feed), Stalled);
    fs::write(&path, b"abc").unwrap();
    assert_eq!(all(&mut feed), [Resumed, Bytes(b"abc".to_vec()), End]);
}

#[test]
fn what_cannot_be_opened_is_an_error_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("none.mp3"), folder.path().into()] {
        let error = Feed::open(&Origin::File(path.clone()), &options()).err().unwrap();
        assert!(
            matches!(error, SourceError::Io { .. }) && error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
    }
}

const CHILD: &str = "TEMPEST_TEST_STDIN_CHILD";

/// Run by the next test as a process of its own, whose standard input is a pipe.
#[test]
fn child_that_reads_standard_input() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let mut feed = open("-", &FeedOptions { stall: Duration::from_millis(20), ..options() });
    let mut line = String::new();
    loop {
        match next(&mut feed) {
            Bytes(bytes) => write!(line, "[{}]", String::from_utf8(bytes).unwrap()).unwrap(),
            heard => write!(line, "[{heard:?}]").unwrap(),
        }
        eprintln!("heard {line}");
        if line.ends_with("[End]") {
            return;
        }
    }
}

#[test]
fn a_slow_pipe_is_a_stall_and_then_its_bytes() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "local::child_that_reads_standard_input", "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take();
    let (mut last, mut rest) = (String::new(), [&b"abc"[..], b"def"].into_iter());
    for line in BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok) {
        let Some(heard) = line.strip_prefix("heard ") else { continue };
        last = heard.into();
        if last.ends_with("[Stalled]") {
            // Each stall lets the next bytes through, the last one the end.
            match (rest.next(), &mut input) {
                (Some(bytes), Some(input)) => input.write_all(bytes).unwrap(),
                _ => drop(input.take()),
            }
        }
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(last, "[Stalled][Resumed][abc][Stalled][Resumed][def][Stalled][End]");
}
