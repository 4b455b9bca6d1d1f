//! `tempest blocks` as a shell sees it.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

#[path = "../blocks/tests/jpeg_common/mod.rs"]
mod jpeg;
#[path = "../blocks/tests/common/mod.rs"]
mod mp3;
#[path = "../blocks/tests/opus_common/mod.rs"]
mod opus;

use insta::assert_snapshot;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

fn tempest(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tempest"));
    command.arg("blocks").args(args).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(folder: &TempDir, args: &[&str]) -> Output {
    tempest(folder.path(), args).output().unwrap()
}

/// A folder with these files.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// Exit code, standard output and standard error as one text.
fn shown(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8(bytes.clone()).unwrap());
    format!("{out}{err}exit code {}", output.status.code().unwrap())
}

fn lines(output: &Output) -> Vec<Value> {
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What `tempest blocks ARGS a` shows of a file `a` of these bytes.
fn show(bytes: &[u8], args: &[&str]) -> String {
    shown(&run(&folder(&[("a", bytes)]), &[args, &["a"]].concat()))
}

fn json(bytes: &[u8], args: &[&str]) -> Vec<Value> {
    lines(&run(&folder(&[("a", bytes)]), &[args, &["--json", "a"]].concat()))
}

/// Frames of 32 kbit/s between tags, one of them of 40 kbit/s that reaches back.
fn song() -> Vec<u8> {
    let mut back = mp3::frame(0xFFF3_58C0);
    back[4] = 30; // main_data_begin
    let frames = [mp3::frames(mp3::MPEG2_MONO, 20), back, mp3::frames(mp3::MPEG2_MONO, 9)].concat();
    [mp3::id3v2(&[0; 50], false), frames, mp3::id3v1()].concat()
}

fn speech() -> Vec<u8> {
    let mut writer = opus::Writer::opus(7, 30, 40);
    (0..100).for_each(|number| writer.packet(&opus::packet(40 + number % 50), 960));
    writer.finish()
}

fn photo() -> jpeg::Jpeg {
    jpeg::write(&jpeg::Spec::new(100, 60, &[(2, 2), (1, 1), (1, 1)]).restart(7))
}

/// Every byte of the file is in the summary once.
fn assert_accounted(bytes: &[u8], summary: &Value) {
    let sum: u64 =
        ["block_bytes", "format_bytes", "damaged_bytes"].iter().map(|key| summary[key].as_u64().unwrap()).sum();
    assert_eq!((summary["bytes"].as_u64(), sum), (Some(bytes.len() as u64), bytes.len() as u64), "{summary}");
}

#[test]
fn an_mp3_is_a_table_and_a_summary() {
    assert_snapshot!(show(&song(), &[]));
}

#[test]
fn an_ogg_opus_file_is_a_table_and_a_summary() {
    assert_snapshot!(show(&speech(), &[]));
}

#[test]
fn a_jpeg_is_a_table_and_a_summary() {
    assert_snapshot!(show(&photo().bytes, &[]));
}

#[test]
fn damage_is_shown_wherever_it_is() {
    let frames = mp3::frames(mp3::MPEG2_MONO, 20);
    let mut bytes = [&frames, b"no frame".as_slice(), &frames, &frames].concat();
    bytes.truncate(bytes.len() - 100);
    assert_snapshot!("damaged_mp3", show(&bytes, &[]));

    let mut bytes = speech();
    let third_page = bytes.windows(4).enumerate().filter(|(_, four)| four == b"OggS").nth(3).unwrap().0;
    bytes[third_page + 200] ^= 1;
    assert_snapshot!("damaged_opus", show(&bytes, &[]));

    let photo = photo();
    let mut bytes = photo.bytes.clone();
    let middle = photo.scan_data[0].start + photo.scan_data[0].len() / 2;
    bytes[middle..middle + 2].copy_from_slice(&[0xFF, 0xAA]);
    assert_snapshot!("damaged_jpeg", show(&bytes, &[]));
}

#[test]
fn all_rows_are_shown_when_asked_for() {
    let text = show(&song(), &["--all"]);
    assert!(!text.contains("..."), "{text}");
    assert_eq!(
        text.lines().filter(|line| line.contains("Layer III, ") && line.contains("main_data_begin")).count(),
        30
    );
}

#[test]
fn every_unit_has_a_table() {
    for unit in ["adu", "granule"] {
        assert_snapshot!(unit, show(&song(), &["--unit", unit]));
    }
    assert_snapshot!("opus_frame", show(&speech(), &["--unit", "frame"]));
    for unit in ["mcu-approx", "restart"] {
        assert_snapshot!(unit, show(&photo().bytes, &["--unit", unit]));
    }
}

#[test]
fn what_is_no_media_is_an_error_of_one_line() {
    let progressive = [&[0xFF, 0xD8][..], &jpeg::sof(0xC2, 8, &jpeg::Spec::new(8, 8, &[(1, 1)]))].concat();
    let vorbis = opus::page(0, opus::FIRST, 0, &[b"\x01vorbis".to_vec()]);
    let files: [(&str, &[u8]); 8] = [
        ("empty", b""),
        ("layer2.mp3", &mp3::foreign(mp3::LAYER_II, 417).repeat(5)),
        ("noise", &[7; 100]),
        ("picture", b"\x89PNG\r\n\x1A\n0123456789"),
        ("progressive.jpg", &progressive),
        ("text", b"Dear reader, this is no media"),
        ("vorbis.ogg", &vorbis),
        ("zeros", &[0; 200_000]),
    ];
    let folder = folder(&files);
    let names = files.map(|(name, _)| name);
    let output = run(&folder, &[&names[..], &["missing"]].concat());
    assert_snapshot!(shown(&output));
    let reported = lines(&run(&folder, &[&["--json"], &names[..]].concat()));
    assert_eq!(reported.len(), names.len());
    assert!(reported.iter().all(|line| line["event"] == "summary" && line["error"].is_string()), "{reported:?}");
}

#[test]
fn wrong_options_say_which_are_right() {
    let folder = folder(&[("song.mp3", &song()), ("photo.jpg", &photo().bytes)]);
    let mut text = String::new();
    for args in [
        &["--unit", "mcu", "song.mp3"][..],
        &["--json", "--view", "fields", "photo.jpg"],
        &["--json", "--unit", "restart", "--view", "symbols", "photo.jpg"],
        &["--extract", "out", "song.mp3", "photo.jpg"],
        &["--extract", ".", "song.mp3"],
        &["--extract", "out", "--max-files", "3", "song.mp3"],
        &["--plot", "nowhere/sizes.svg", "song.mp3"],
    ] {
        let output = run(&folder, args);
        let last = shown(&Output { stdout: Vec::new(), ..output });
        text.push_str(&format!("{}\n{last}\n\n", args.join(" ")));
    }
    assert_snapshot!(text);
    assert_eq!(run(&folder, &["--view", "fields", "song.mp3"]).status.code(), Some(2), "a view needs --json");
    assert_eq!(run(&folder, &["--unit", "word", "song.mp3"]).status.code(), Some(2));
}

#[test]
fn a_file_too_long_to_hold_is_cut_into_mcus_only() {
    let bytes = [photo().bytes, vec![0; 65 << 20]].concat();
    let refused = show(&bytes, &["--unit", "restart"]);
    assert_eq!(
        refused,
        "tempest: a: no block: this unit needs the whole file, and at most 67108864 bytes are held; \
         take --unit mcu\nexit code 1"
    );
    let cut = show(&bytes, &[]);
    assert!(cut.contains("data behind the image: 68157440 bytes") && cut.ends_with("exit code 0"), "{cut}");
}

#[test]
fn json_has_an_event_a_line_and_the_summary_last() {
    let bytes = song();
    let events = json(&bytes, &[]);
    let (summary, events) = events.split_last().unwrap();
    assert_eq!(summary["event"], "summary");
    assert_accounted(&bytes, summary);
    let blocks = events.iter().filter(|event| event["event"] == "block").count();
    assert_eq!((summary["blocks"].as_u64(), blocks, events.len()), (Some(30), 30, 32));
    let covered: u64 = events.iter().map(|event| event["bytes"].as_u64().unwrap()).sum();
    assert_eq!(covered, bytes.len() as u64);
    assert_eq!(events[21]["bitrate_kbps"], 40);
    assert_eq!(
        summary["histogram"],
        serde_json::json!([
            { "from": 32, "to": 32, "count": 29 }, { "from": 40, "to": 40, "count": 1 }
        ])
    );
}

#[test]
fn every_byte_is_in_the_summary_once_in_every_unit() {
    for unit in ["frame", "adu", "granule"] {
        let damaged = [song(), b"garbage".to_vec(), song()].concat();
        for bytes in [song(), damaged] {
            assert_accounted(&bytes, json(&bytes, &["--unit", unit]).last().unwrap());
        }
    }
    for unit in ["packet", "frame"] {
        assert_accounted(&speech(), json(&speech(), &["--unit", unit]).last().unwrap());
    }
    let photo = photo();
    let mut damaged = photo.bytes.clone();
    damaged[photo.scan_data[0].start + 300] ^= 0x55;
    for unit in ["mcu", "mcu-approx", "restart"] {
        for bytes in [&photo.bytes, &damaged, &damaged[..1000].to_vec()] {
            assert_accounted(bytes, json(bytes, &["--unit", unit]).last().unwrap());
        }
    }
}

#[test]
fn views_add_the_row_that_the_library_gives() {
    use tempest_blocks::mp3::{SideInfo, blocks, symbols};
    let bytes = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/tempest.mp3")).unwrap();
    let events = json(&bytes, &["--view", "symbols"]);
    let mut reservoir = tempest_blocks::mp3::Reservoir::new();
    for (block, event) in blocks(&bytes).zip(&events) {
        assert!(SideInfo::parse(block.header, block.bytes).is_ok());
        let mut row = [0; symbols::row_len(1, 1)];
        symbols::write(&block, reservoir.push(&block).unwrap(), &mut row).unwrap();
        assert_eq!(event["row"], serde_json::json!(row.as_slice()));
    }
    let photo = photo();
    let rows: Vec<Value> = json(&photo.bytes, &["--view", "symbols"])
        .into_iter()
        .filter(|event| event["event"] == "block")
        .map(|event| event["row"].clone())
        .collect();
    let expected: Vec<Value> = photo.mcus.iter().map(|mcu| serde_json::json!(mcu.row_values)).collect();
    assert_eq!(rows, expected);
}

#[test]
fn every_view_of_every_unit_has_rows_of_one_length() {
    for (bytes, unit, views) in [
        (song(), "frame", &["bytes", "fields", "scalefactors", "symbols"][..]),
        (song(), "adu", &["bytes", "fields", "scalefactors", "symbols"]),
        (song(), "granule", &["bytes", "fields", "scalefactors", "symbols"]),
        (speech(), "packet", &["bytes", "fields"]),
        (speech(), "frame", &["bytes"]),
        (photo().bytes, "mcu", &["bytes", "symbols"]),
        (photo().bytes, "mcu-approx", &["bytes"]),
        (photo().bytes, "restart", &["bytes"]),
    ] {
        for view in views {
            let events = json(&bytes, &["--unit", unit, "--view", view]);
            let blocks: Vec<&Value> = events.iter().filter(|event| event["event"] == "block").collect();
            assert!(!blocks.is_empty());
            for block in blocks {
                let len = block["row"].as_array().unwrap().len();
                match *view {
                    "bytes" => assert_eq!(Some(len as u64), block["bytes"].as_u64(), "{unit}"),
                    _ => assert_eq!(len, events.iter().find_map(|event| event["row"].as_array()).unwrap().len()),
                }
            }
        }
    }
}

#[test]
fn extracted_blocks_joined_are_those_of_the_source() {
    let bytes = song();
    let folder = folder(&[("song.mp3", &bytes)]);
    assert!(run(&folder, &["--extract", "out", "song.mp3"]).status.success());
    let mut names: Vec<_> = fs::read_dir(folder.path().join("out")).unwrap().map(|file| file.unwrap().path()).collect();
    names.sort();
    assert_eq!((names.len(), names[29].file_name().unwrap()), (30, "000029.mp3".as_ref()));
    let joined = names.iter().flat_map(|name| fs::read(name).unwrap()).collect::<Vec<u8>>();
    assert_eq!(joined, bytes[60..bytes.len() - 128]);
    // A second run finds the folder in use, and goes on only if told to.
    assert_eq!(run(&folder, &["--extract", "out", "song.mp3"]).status.code(), Some(2));
    assert!(run(&folder, &["--extract", "out", "--force", "song.mp3"]).status.success());
}

#[test]
fn extracted_packets_and_mcus_are_their_bytes() {
    let folder = folder(&[("speech.opus", &speech()), ("photo.jpg", &photo().bytes)]);
    assert!(run(&folder, &["--extract", "packets", "speech.opus"]).status.success());
    assert_eq!(fs::read(folder.path().join("packets/000007.packet")).unwrap(), opus::packet(47));
    assert!(run(&folder, &["--extract", "mcus", "photo.jpg"]).status.success());
    let bits = &photo().mcus[5].bits;
    let aligned =
        bits.chunks(8).map(|chunk| (0..8).fold(0, |byte, bit| byte << 1 | u8::from(chunk.get(bit) == Some(&true))));
    assert_eq!(fs::read(folder.path().join("mcus/000005.mcu")).unwrap(), aligned.collect::<Vec<u8>>());
}

#[test]
fn a_plot_is_well_formed_and_marks_damage() {
    let frames = mp3::frames(mp3::MPEG2_MONO, 3000);
    let bytes = [&frames, b"no frame".as_slice(), &frames].concat();
    let folder = folder(&[("a & <b>.mp3", &bytes)]);
    assert_eq!(run(&folder, &["--plot", "sizes.svg", "a & <b>.mp3"]).status.code(), Some(1));
    let svg = fs::read_to_string(folder.path().join("sizes.svg")).unwrap();
    assert!(svg.len() < 400_000, "{} bytes for 6000 blocks", svg.len());
    assert!(svg.contains("a &amp; &lt;b&gt;.mp3: MP3, unit frame") && svg.contains("seconds; red: damage"));
    let red = |line: &&str| line.contains("#FF0000");
    assert_eq!(svg.lines().filter(red).count(), 1, "one line of damage");
    let document = roxmltree::Document::parse(&svg).unwrap();
    assert_eq!(document.root_element().tag_name().name(), "svg");
    assert!(!folder.path().join("sizes.svg.part").exists());
}

#[test]
fn standard_input_byte_by_byte_gives_the_same() {
    for bytes in [song(), speech(), photo().bytes] {
        let folder = folder(&[]);
        let whole = run_with_input(&folder, &bytes, bytes.len());
        assert_eq!(run_with_input(&folder, &bytes, 1), whole);
        assert!(whole.contains("unit "), "{whole}");
    }
}

fn run_with_input(folder: &TempDir, bytes: &[u8], size: usize) -> String {
    let mut child = tempest(folder.path(), &["--all", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::scope(|scope| {
        let writing = scope.spawn(move || bytes.chunks(size).try_for_each(|chunk| stdin.write_all(chunk)));
        let output = child.wait_with_output().unwrap();
        (writing.join().unwrap(), output)
    });
    writer.0.unwrap();
    shown(&writer.1)
}

#[test]
fn rows_come_while_the_pipe_is_open() {
    let folder = folder(&[]);
    let mut child = tempest(folder.path(), &["-"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&song()[..1000]).unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let rows: Vec<String> = out.by_ref().take(5).map(Result::unwrap).collect();
    assert!(rows[0].contains("MP3, unit frame") && rows[4].contains("main_data_begin"), "{rows:?}");
    drop(stdin);
    assert!(out.map(Result::unwrap).any(|line| line.contains("summary")));
    assert_eq!(child.wait().unwrap().code(), Some(1), "the stream ends inside a frame");
}

#[test]
fn a_reader_that_goes_away_is_no_error_but_files_are_written() {
    let folder = folder(&[("song.mp3", &mp3::frames(mp3::MPEG2_MONO, 2000))]);
    for (args, files) in [(&["--all", "song.mp3"][..], 0), (&["--all", "--extract", "out", "song.mp3"], 2000)] {
        let mut child = tempest(folder.path(), args).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let found = fs::read_dir(folder.path().join("out")).map_or(0, Iterator::count);
        assert_eq!(found, files);
    }
}

#[test]
fn folders_are_searched_for_media() {
    let files: [(&str, &[u8]); 4] =
        [("b.OPUS", &speech()), ("a.mp3", &song()), ("c.jpeg", &photo().bytes), ("notes.txt", b"no media")];
    let folder = folder(&files);
    let output = run(&folder, &["--json", "."]);
    let summaries = lines(&output).into_iter().filter(|line| line["event"] == "summary");
    let read: Vec<String> = summaries.map(|line| format!("{} {}", line["file"], line["format"])).collect();
    assert_eq!(read, [r#""./a.mp3" "MP3""#, r#""./b.OPUS" "Ogg Opus""#, r#""./c.jpeg" "JPEG""#]);
    fs::create_dir(folder.path().join("empty")).unwrap();
    let output = shown(&run(&folder, &["empty"]));
    assert!(output.contains("tempest: empty: no .mp3, .opus,") && output.ends_with("exit code 1"), "{output}");
}

#[test]
fn a_broadcast_entered_in_its_middle_is_read() {
    let bytes = song()[100..].to_vec();
    let text = show(&bytes, &[]);
    assert!(text.contains("! garbage") && text.contains("30 frames") || text.contains("29 frames"), "{text}");
    let forced = show(&[b"RIFF....WAVE".as_slice(), &song()].concat(), &["--format", "mp3"]);
    assert!(forced.contains("30 frames"), "{forced}");
}

#[test]
fn help_shows_examples_and_exit_codes() {
    let help = shown(&run(&folder(&[]), &["--help"]));
    assert!(help.contains("Examples:") && help.contains("Exit code: 0"), "{help}");
}
