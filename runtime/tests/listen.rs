//! `tempest listen` as a shell sees it, on files, pipes and servers of its own.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

#[path = "../blocks/tests/common/mod.rs"]
mod mp3;

use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/tempest.mp3")
}

/// The sample so many times over.
fn stream(times: usize) -> Vec<u8> {
    fs::read(sample()).unwrap().repeat(times)
}

fn listen(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tempest"));
    command.arg("listen").args(args).env_remove("TEMPEST_MODEL");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What it makes of a file of these bytes.
fn file(bytes: &[u8], args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("stream.mp3"), bytes).unwrap();
    listen(args).arg("stream.mp3").current_dir(folder.path()).output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn names(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["event"].as_str().unwrap()).collect()
}

/// The first line of that event.
fn first<'a>(lines: &'a [Value], event: &str) -> &'a Value {
    lines.iter().find(|line| line["event"] == event).unwrap_or_else(|| panic!("no {event} in {lines:?}"))
}

/// Without what is another number each time.
fn steady(mut lines: Vec<Value>) -> Vec<Value> {
    let summary = lines.last_mut().unwrap();
    summary.as_object_mut().unwrap().retain(|key, _| key != "real_time_factor" && key != "peak_rss_bytes");
    lines
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

#[test]
fn the_sample_says_its_word() {
    let output = file(&stream(1), &["--json"]);
    let lines = lines(&output);
    assert_eq!(code(&output), 0);
    assert_eq!(names(&lines), ["start", "end", "summary"]);
    assert_eq!((lines[0]["label"].as_str(), lines[0]["at"].as_f64()), (Some("computer"), Some(2.448)));
    assert_eq!((lines[1]["label"].as_str(), lines[1]["cause"].as_str()), (Some("computer"), Some("ended")));
    assert_eq!((lines[2]["blocks"].as_u64(), lines[2]["events"]["computer"].as_u64()), (Some(68), Some(1)));
    assert_eq!((lines[2]["reason"].as_str(), lines[2]["bitrate_kbps"].as_f64()), (Some("ended"), Some(32.0)));
}

#[test]
fn people_get_lines_and_a_summary() {
    let output = file(&stream(1), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("     2.45 s  start      computer"), "{text}");
    assert!(lines[1].contains("end        computer") && lines[1].ends_with("1 window, ended"), "{text}");
    assert_eq!(lines[2], "summary: ended");
    assert!(lines[3].contains("2.45 s in 68 blocks, 32.0 kbit/s, 1 window"), "{text}");
}

/// A pipe that is written to in pieces of this size.
fn piped(bytes: &[u8], size: usize, args: &[&str]) -> Output {
    let mut child = listen(args).stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    for piece in bytes.chunks(size) {
        pipe.write_all(piece).unwrap();
        pipe.flush().unwrap();
    }
    drop(pipe);
    child.wait_with_output().unwrap()
}

#[test]
fn a_pipe_in_pieces_is_heard_as_the_file_is() {
    let bytes = stream(6);
    let args = ["--json", "--scores", "--hop", "0.25"];
    let expected = steady(lines(&file(&bytes, &args)));
    assert!(expected.len() > 30, "{}", expected.len());
    for size in [97, 1000, 5000] {
        assert_eq!(steady(lines(&piped(&bytes, size, &args))), expected, "pieces of {size}");
    }
}

#[test]
fn starts_and_ends_come_in_pairs_and_their_times_ascend() {
    let output = file(&stream(40), &["--json", "--on", "0.5", "--min", "0.5", "--refractory", "1", "--smooth", "0.5s"]);
    let lines = lines(&output);
    let at: Vec<f64> = lines.iter().map(|line| line["at"].as_f64().unwrap()).collect();
    assert!(at.is_sorted(), "{at:?}");
    let count = |event: &str| names(&lines).iter().filter(|name| **name == event).count();
    assert!(count("start") > 0 && count("start") == count("end"), "{lines:?}");
    for end in lines.iter().filter(|line| line["event"] == "end") {
        let [from, to, mean, score] = ["from", "to", "mean", "score"].map(|key| end[key].as_f64().unwrap());
        assert!(from <= to && mean <= score && score <= 1.0, "{end}");
    }
}

#[test]
fn only_the_labels_asked_for_are_told() {
    let output = file(&stream(10), &["--json", "--labels", "alexa,jarvis", "--on", "0.01"]);
    let labels: Vec<Value> = lines(&output).iter().filter_map(|line| line.get("label").cloned()).collect();
    assert!(!labels.is_empty() && labels.iter().all(|label| label == "alexa" || label == "jarvis"), "{labels:?}");
}

#[test]
fn garbage_is_a_resync_and_other_media_end_what_is_open() {
    let (word, music) = (stream(1), mp3::frames(0xFFFB_9000, 20));
    let bytes = [&word, b"no frame at all".as_slice(), &word, &music, &word].concat();
    let output = file(&bytes, &["--json", "--on", "0.2"]);
    let lines = lines(&output);
    assert_eq!(code(&output), 0);
    let resync = first(&lines, "resync");
    assert_eq!((resync["offset"].as_u64(), resync["bytes"].as_u64()), (Some(word.len() as u64), Some(15)));
    let format = first(&lines, "format");
    assert!(format["found"].as_str().unwrap().contains("44100 Hz"), "{format}");
    let torn = names(&lines).iter().position(|name| *name == "format").unwrap() - 1;
    assert_eq!((lines[torn]["event"].as_str(), lines[torn]["cause"].as_str()), (Some("end"), Some("torn")));
    let summary = lines.last().unwrap();
    assert_eq!((summary["foreign_blocks"].as_u64(), summary["gaps"].as_u64()), (Some(20), Some(1)));
    assert_eq!(summary["blocks"].as_u64(), Some(3 * 68));
}

#[test]
fn the_same_blocks_are_encoded_once() {
    let silence = mp3::frames(mp3::MPEG2_MONO, 400);
    let lines = lines(&file(&silence, &["--json"]));
    let summary = lines.last().unwrap();
    let [blocks, encoded, repeated] = ["blocks", "encoded", "repeated"].map(|key| summary[key].as_u64().unwrap());
    assert_eq!((blocks, encoded + repeated), (400, 400));
    assert!(encoded < 20, "{summary}");
}

#[test]
fn it_stops_after_so_many_seconds() {
    let output = file(&stream(100), &["--json", "--stop-after", "20"]);
    let lines = lines(&output);
    let (summary, at) = (lines.last().unwrap(), lines.last().unwrap()["at"].as_f64().unwrap());
    assert_eq!((code(&output), summary["reason"].as_str()), (0, Some("stopped")));
    assert!((20.0..22.0).contains(&at), "{at}");
}

#[test]
fn a_stream_that_holds_nothing_is_exit_code_1_and_says_what_was_expected() {
    for bytes in [&b""[..], b"text and nothing but text", &mp3::frames(0xFFFB_9000, 20)] {
        let output = file(bytes, &["--json"]);
        let error = stderr(&output);
        assert_eq!(code(&output), 1, "{error}");
        let expected = format!("no block of MP3, 16000 Hz, mono, 24-40 kbit/s in {} bytes\n", bytes.len());
        assert_eq!(error, format!("tempest: stream.mp3: {expected}"));
        assert_eq!(lines(&output).last().unwrap()["event"], "summary");
    }
}

#[test]
fn what_cannot_be_done_is_exit_code_2_and_one_line() {
    let refused = |args: &[&str], text: &str| {
        let output = file(&stream(1), args);
        let error = stderr(&output);
        assert_eq!(code(&output), 2, "{args:?}: {error}");
        assert!(error.contains(text), "{error}");
        error
    };
    let one_line = |args: &[&str], text: &str| assert_eq!(refused(args, text).lines().count(), 1);
    one_line(&["--window", "4.5"], "0.036 to 4.032 s");
    one_line(&["--hop", "9"], "0.036 to 4.032 s");
    one_line(&["--labels", "dog"], "no label 'dog'; it has alexa, computer");
    one_line(&["--off", "0.9"], "at most --on, which is 0.75 for 'alexa'");
    one_line(&["-m", "nowhere"], "nowhere");
    refused(&["--on", "1.5"], "above 0 and at most 1");
    refused(&["--smooth", "0"], "1 to 4096 hops, or a time above 0");
    refused(&["--min=-1"], "0 or more");
    let output = listen(&["nowhere.mp3"]).output().unwrap();
    assert_eq!((code(&output), stderr(&output).lines().count()), (2, 1), "{}", stderr(&output));
    let output = listen(&["rtmp://radio.example/live"]).output().unwrap();
    assert!(code(&output) == 2 && stderr(&output).contains("tcp://HOST:PORT"));
}

#[test]
fn a_full_disk_is_one_line_and_exit_code_2() {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: a_full_disk_is_one_line_and_exit_code_2: no /dev/full here");
        return;
    };
    let output = listen(&["--json"]).arg(sample()).stdout(full).output().unwrap();
    assert_eq!(code(&output), 2);
    let error = stderr(&output);
    assert!(error.starts_with("tempest: cannot write to standard output: ") && error.lines().count() == 1, "{error}");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let mut child = listen(&["--json", "--scores"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    drop(child.stdout.take());
    // It ends although its source does not.
    while pipe.write_all(&stream(1)).is_ok() {
        thread::sleep(Duration::from_millis(1));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

/// The lines of a child until this event.
fn until(child: &mut Child, event: &str) -> Vec<Value> {
    let mut lines = vec![];
    for line in BufReader::new(child.stdout.as_mut().unwrap()).lines() {
        lines.push(serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        if lines.last().unwrap()["event"] == event {
            return lines;
        }
    }
    panic!("no {event} in {lines:?}");
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_it_with_a_summary() {
    let mut child = listen(&["--json", "--scores", "--clock"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&stream(2)).unwrap();
    let scores = until(&mut child, "scores");
    let clock = first(&scores, "scores")["clock"].as_str().unwrap();
    assert!(clock.starts_with("20") && clock.ends_with('Z') && clock.len() == 24, "{clock}");
    // The pipe stays open: without the signal it would wait for ever.
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut rest = String::new();
    child.stdout.as_mut().unwrap().read_to_string(&mut rest).unwrap();
    let summary: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert_eq!((summary["event"].as_str(), summary["reason"].as_str()), (Some("summary"), Some("interrupted")));
    assert!(child.wait().unwrap().success());
    drop(pipe);
}

/// A server that treats its connections one after the other in these ways.
fn server(ways: Vec<Box<dyn Fn(TcpStream) + Send>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || ways.iter().for_each(|way| way(listener.accept().unwrap().0)));
    port
}

/// Reads the request, then sends this.
fn answers(bytes: Vec<u8>) -> Box<dyn Fn(TcpStream) + Send> {
    Box::new(move |mut peer| {
        let request = BufReader::new(peer.try_clone().unwrap()).lines();
        request.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).for_each(drop);
        let _ = peer.write_all(&bytes).and_then(|()| peer.shutdown(Shutdown::Write));
        let _ = peer.read_to_end(&mut vec![]);
    })
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    [b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n", head.as_bytes(), b"\r\n", body].concat()
}

#[test]
fn a_station_that_goes_away_is_lost_and_found_again() {
    let body = stream(2);
    let whole = answer(&format!("Content-Length: {}\r\n", body.len()), &body);
    let port = server(vec![answers(answer("icy-name: Test FM\r\n", &body)), answers(whole)]);
    let output = listen(&["--json", "--on", "0.2", &format!("http://127.0.0.1:{port}/live.mp3")]).output().unwrap();
    let lines = lines(&output);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let source = ["connected", "lost", "summary"];
    let names: Vec<&str> = names(&lines).into_iter().filter(|name| source.contains(name)).collect();
    assert_eq!(names, ["connected", "lost", "connected", "summary"]);
    assert_eq!(first(&lines, "connected")["name"], "Test FM");
    // Each connection is a piece of its own: what was open ended with it, and its windows hold nothing of the other.
    let lost = lines.iter().position(|line| line["event"] == "lost").unwrap();
    assert_eq!((lines[lost - 1]["event"].as_str(), lines[lost - 1]["cause"].as_str()), (Some("end"), Some("torn")));
    let summary = lines.last().unwrap();
    assert_eq!((summary["reconnects"].as_u64(), summary["blocks"].as_u64()), (Some(1), Some(4 * 68)));
}

#[test]
fn a_peer_that_stalls_is_told_and_one_that_never_comes_back_is_exit_code_1() {
    let word = stream(1);
    let way = move |mut peer: TcpStream| {
        peer.write_all(&word).unwrap();
        thread::sleep(Duration::from_millis(600));
        let _ = peer.write_all(&word);
    };
    let port = server(vec![Box::new(way)]);
    let args = ["--json", "--stall", "0.2", "--reconnect", "0"];
    let output = listen(&args).arg(format!("tcp://127.0.0.1:{port}")).output().unwrap();
    let lines = lines(&output);
    let names = names(&lines);
    let at = |event: &str| names.iter().position(|name| *name == event).unwrap_or_else(|| panic!("{event}: {names:?}"));
    assert!(at("connected") < at("stalled") && at("stalled") < at("resumed"), "{names:?}");
    let summary = lines.last().unwrap();
    assert_eq!((summary["reason"].as_str(), summary["stalls"].as_u64()), (Some("failed"), Some(1)));
    assert_eq!((code(&output), stderr(&output).lines().count()), (1, 1), "{}", stderr(&output));
    assert_eq!(stderr(&output), format!("tempest: {}\n", summary["error"].as_str().unwrap()));
}

#[test]
fn a_page_that_is_not_there_is_exit_code_2() {
    let port = server(vec![answers(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec())]);
    let output = listen(&[&format!("http://127.0.0.1:{port}/live.mp3")]).output().unwrap();
    assert_eq!((code(&output), stderr(&output).lines().count()), (2, 1), "{}", stderr(&output));
    assert!(stderr(&output).contains("404") && output.stdout.is_empty());
}

#[test]
fn memory_does_not_grow_with_the_stream() {
    let peak = |times: usize| {
        let lines = lines(&file(&stream(times), &["--json", "--smooth", "20"]));
        let summary = lines.last().unwrap().clone();
        assert_eq!(summary["at"].as_f64(), Some((times * 68 * 576) as f64 / 16_000.0));
        summary["peak_rss_bytes"].as_u64()
    };
    let (Some(short), Some(long)) = (peak(10), peak(200)) else {
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: memory_does_not_grow_with_the_stream: the system does not say");
        return;
    };
    assert!(long < short + (2 << 20), "{short} bytes, then {long}");
}

/// A terminal of its own, by `script` of util-linux.
#[test]
#[cfg(target_os = "linux")]
fn the_live_view_gives_the_terminal_back() {
    // The connection stays open behind the stream, until `q` is pressed.
    let way = |mut peer: TcpStream| {
        peer.write_all(&stream(3)).unwrap();
        let _ = peer.read_to_end(&mut vec![]);
    };
    let (tempest, port) = (env!("CARGO_BIN_EXE_tempest"), server(vec![Box::new(way)]));
    let line = format!("stty rows 30 cols 100; '{tempest}' listen tcp://127.0.0.1:{port}; echo exit $?");
    let spawned = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = spawned else {
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: the_live_view_gives_the_terminal_back: no `script` here");
        return;
    };
    let mut keys = child.stdin.take().unwrap();
    let mut screen = child.stdout.take().unwrap();
    let mut shown = vec![];
    let mut until = |text: &str, shown: &mut Vec<u8>| {
        let mut piece = [0; 4096];
        while !String::from_utf8_lossy(shown).contains(text) {
            let count = screen.read(&mut piece).unwrap();
            assert!(count > 0, "no '{text}' in {:?}", String::from_utf8_lossy(shown));
            shown.extend(&piece[..count]);
        }
    };
    until("┃", &mut shown);
    keys.write_all(b"q").unwrap();
    until("exit ", &mut shown);
    let _ = child.kill();
    child.wait().unwrap();
    let text = String::from_utf8_lossy(&shown);
    let (entered, left) = (text.find("\x1b[?1049h"), text.rfind("\x1b[?1049l"));
    assert!(entered.is_some() && left > entered, "{text:?}");
    let behind = &text[left.unwrap()..];
    assert!(behind.contains("summary: interrupted") && behind.contains("exit 0"), "{behind:?}");
}
