//! The view `symbols` of Opus: every symbol, energy and spectrum as libopus reads them, and any bytes survived.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod libopus;
mod opus_common;
mod tools;

use std::fs;

use libopus::{BANDS, Decoder};
use opus_common::{Writer, headers, lacing, raw_page};
use proptest::collection::vec;
use proptest::prelude::*;
use tempest_blocks::opus::symbols::{self, Kind, State};
use tempest_blocks::opus::{self, Block, Cutter, Event, Mode, fields};
use tempest_blocks::{Cut, ViewError};
use tools::{Scratch, Sound, run, wav};

const SLOT: usize = 10;
const CHANNEL: usize = 52;

/// What was compared, so that a test knows that something was.
#[derive(Clone, Copy, Debug, Default)]
struct Compared {
    modes: [usize; 3],
    energies: usize,
    spectra: usize,
    voiced: usize,
}

/// The value of a column of a slot and channel.
fn value(row: &[i32], channels: u8, slot: u8, channel: u8, name: &str) -> i32 {
    let samples = 960 * ((row.len() - fields::ROW_LEN) / (SLOT + CHANNEL * usize::from(channels))) as u32;
    let place = Some((slot, channel));
    let at = symbols::columns(samples, channels).position(|column| column.name == name && column.place == place);
    row[at.unwrap()]
}

fn write(block: &Block<'_>, channels: u8, state: &mut State) -> Result<Vec<i32>, ViewError> {
    let mut row = vec![0; symbols::row_len(block.duration, channels)];
    symbols::write(block, channels, state, &mut row).map(|()| row)
}

/// Compares every packet of a file with what libopus makes of it.
fn compare(file: &[u8], channels: u8, what: &str) -> Compared {
    let (mut decoder, mut state, mut compared) = (Decoder::new(channels), State::new(), Compared::default());
    let mut blocks = opus::blocks(file).peekable();
    let mut link = 0;
    while let Some(block) = blocks.next() {
        if std::mem::replace(&mut link, block.link) != block.link {
            decoder = Decoder::new(channels);
        }
        let mut packet = vec![0; block.bytes.len()];
        block.bytes.copy_to(&mut packet);
        let range = decoder.decode(&packet);
        let row = write(&block, channels, &mut state).unwrap();
        assert_eq!(state.final_range(), range, "{what}: packet {}, {:?}", block.sequence, block.toc());
        let mode = block.toc().unwrap().mode();
        compared.modes[mode as usize] += 1;
        // Before modes change there may be 5 ms of CELT behind the packet, of which the row says nothing.
        let goes_on = blocks.peek().and_then(Block::toc).is_some_and(|toc| toc.mode() == mode);
        if mode != Mode::Silk && goes_on {
            compared.energies += compare_energies(&row, channels, &decoder, what);
        }
        let of_silk = compare_spectrum(&row, channels, &decoder, what);
        compared.spectra += of_silk.0;
        compared.voiced += of_silk.1;
    }
    compared
}

/// The energies of the last slot; how many they are.
fn compare_energies(row: &[i32], channels: u8, decoder: &Decoder, what: &str) -> usize {
    let last = row.len() - CHANNEL * usize::from(channels);
    for (ours, theirs) in row[last..].chunks(CHANNEL).zip(decoder.energies()) {
        for (&ours, theirs) in ours[..BANDS].iter().zip(theirs) {
            let difference = theirs - ours as f32 / 256.0;
            assert!((-0.001..0.005).contains(&difference), "{what}: {ours} / 256 is not {theirs}");
        }
    }
    BANDS
}

/// The frequencies of the first channel in the last slot; how many spectra, and how many of them voiced.
fn compare_spectrum(row: &[i32], channels: u8, decoder: &Decoder, what: &str) -> (usize, usize) {
    let slots = (row.len() - fields::ROW_LEN) / (SLOT + CHANNEL * usize::from(channels));
    let of = |name: &str| value(row, channels, slots as u8 - 1, 0, name);
    if of("signal") == 0 {
        return (0, 0);
    }
    let order = if of("lsf_15") == 0 { 10 } else { 16 };
    let lsfs: Vec<i16> = (0..order).map(|at| of(&format!("lsf_{at}")) as i16).collect();
    assert!(lsfs.is_sorted() && decoder.has_lsfs(&lsfs), "{what}: {lsfs:?}");
    let voiced = of("signal") == 3;
    assert_eq!(voiced, (96..=864).contains(&of("period")), "{what}: {}", of("period"));
    (1, usize::from(voiced))
}

/// Adds up what is compared in the files of opusenc with these options.
fn encode_and_compare(sound: Sound, settings: &[String]) -> Option<Compared> {
    let scratch = Scratch::new();
    let mut sum = Compared::default();
    for (number, options) in settings.iter().enumerate() {
        let channels = 1 + number as u16 % 2;
        let source = scratch.write("source.wav", &wav(sound, 48_000, channels, 2.0));
        let target = scratch.path("target.opus");
        let words: Vec<&str> = options.split(' ').collect();
        run("opusenc", &[&["--quiet"], &words[..], &[&source, &target]].concat())?;
        let compared = compare(&fs::read(&target).unwrap(), channels as u8, options);
        sum.modes.iter_mut().zip(compared.modes).for_each(|(sum, packets)| *sum += packets);
        sum.energies += compared.energies;
        sum.spectra += compared.spectra;
        sum.voiced += compared.voiced;
    }
    Some(sum)
}

/// Every bit rate at every length of a packet, mono and stereo.
fn settings(rates: &[u32], more: &str) -> Vec<String> {
    let lengths = ["2.5", "5", "10", "20", "40", "60"];
    let of_rate = |rate: &u32| lengths.map(|length| format!("{more}--bitrate {rate} --framesize {length}"));
    let mut settings: Vec<String> = rates.iter().flat_map(of_rate).collect();
    // Each once with one channel, once with two.
    settings = settings.iter().flat_map(|options| [options.clone(), options.clone()]).collect();
    settings
}

#[test]
fn speech_is_read_as_libopus_reads_it() {
    let rates = [8, 12, 16, 20, 28, 40];
    let Some(compared) = encode_and_compare(Sound::Voice, &settings(&rates, "--speech ")) else { return };
    let Compared { modes: [silk, hybrid, celt], energies, spectra, voiced } = compared;
    assert!(silk > 1000 && hybrid > 300 && celt > 3000, "{compared:?}");
    assert!(energies > 50_000 && spectra > 1000 && voiced > 500, "{compared:?}");
}

#[test]
fn music_is_read_as_libopus_reads_it() {
    for sound in [Sound::Tones, Sound::Clicks, Sound::Apart] {
        let Some(compared) = encode_and_compare(sound, &settings(&[24, 64, 192], "--music ")) else { return };
        assert!(compared.modes[Mode::Celt as usize] > 5000 && compared.energies > 100_000, "{compared:?}");
    }
}

/// Frames that stand there a second time are passed over.
#[test]
fn frames_against_loss_are_passed_over() {
    let settings = settings(&[16, 24, 32], "--speech --expect-loss 25 ");
    let Some(compared) = encode_and_compare(Sound::Voice, &settings) else { return };
    assert!(compared.spectra > 500, "{compared:?}");
}

/// Bandwidths and modes that come and go, in packets of up to 120 ms.
#[test]
fn every_length_that_ffmpeg_writes() {
    let scratch = Scratch::new();
    let source = scratch.write("source.wav", &wav(Sound::Voice, 48_000, 2, 3.0));
    let target = scratch.path("target.opus");
    for options in ["80 12k", "100 20k", "120 9k", "120 32k", "20 14k", "60 96k"] {
        let (length, rate) = options.split_once(' ').unwrap();
        let fixed = ["-hide_banner", "-loglevel", "error", "-y", "-i", &source, "-c:a", "libopus"];
        let chosen = ["-frame_duration", length, "-b:a", rate, "-application", "voip", &target];
        if run("ffmpeg", &[&fixed[..], &chosen].concat()).is_none() {
            return;
        }
        compare(&fs::read(&target).unwrap(), 2, options);
    }
}

/// What needs no encoder: the files that fuzzing begins with, chained and multiplexed ones among them.
#[test]
fn kept_files_are_read_as_libopus_reads_them() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/opus");
    let mut packets = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = fs::read(&path).unwrap();
        // What fuzzing leaves there may be broken.
        if opus::blocks(&file).all(|block| block.packet().is_ok()) {
            packets += compare(&file, 2, &path.display().to_string()).modes.iter().sum::<usize>();
        }
    }
    assert!(packets > 50, "{packets} packets");
}

/// Real recordings, where they are.
#[test]
fn recordings_are_read_as_libopus_reads_them() {
    let Some(data) = std::env::var_os("TEMPEST_DATA") else {
        return tools::skip("TEMPEST_DATA names no recordings");
    };
    let scratch = Scratch::new();
    let target = scratch.path("target.opus");
    let mut voiced = 0;
    for digit in 0..10 {
        let path = std::path::Path::new(&data).join(format!("fsdd/{digit}_jackson_{digit}.wav"));
        if !path.is_file() {
            return tools::skip(&format!("{} is not there", path.display()));
        }
        for options in ["--bitrate 8 --framesize 60", "--bitrate 16 --framesize 20", "--bitrate 29 --framesize 40"] {
            let words: Vec<&str> = options.split(' ').collect();
            let files = [path.to_str().unwrap(), &target];
            if run("opusenc", &[&["--quiet"], &words[..], &files].concat()).is_none() {
                return;
            }
            voiced += compare(&fs::read(&target).unwrap(), 1, options).voiced;
        }
    }
    assert!(voiced > 20, "{voiced} voiced packets");
}

/// A file of one packet of 20 ms each, as given.
fn file(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::opus(opus_common::SERIAL, 255, 20);
    packets.iter().for_each(|packet| writer.packet(packet, 960));
    writer.finish()
}

#[test]
fn what_was_not_transmitted_has_a_row() {
    // CELT, 20 ms, mono: no bytes, one byte, silence.
    let file = file(&[vec![0xF8], vec![0xF8, 9], vec![0xF8, 0xFF, 0xFF]]);
    let mut state = State::new();
    let rows: Vec<_> = opus::blocks(&file).map(|block| write(&block, 1, &mut state).unwrap()).collect();
    let said: Vec<_> =
        rows.iter().map(|row| ["mode", "silence", "energy_3"].map(|name| value(row, 1, 0, 0, name))).collect();
    assert_eq!(said, [[0, 0, 0], [0, 0, 0], [3, 1, -28 * 256]]);
}

#[test]
fn channels_are_those_of_the_stream() {
    // The same packet of noise, mono, in a mono and in a stereo stream: both channels have what the one has.
    let noise: Vec<u8> = (0..100_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let file = file(&[[&[0xF8], &noise[..]].concat()]);
    let block = opus::blocks(&file).next().unwrap();
    let [mono, stereo] = [1, 2].map(|channels| write(&block, channels, &mut State::new()).unwrap());
    let energy = |row: &[i32], channels, channel| value(row, channels, 0, channel, "energy_5");
    assert_ne!(energy(&mono, 1, 0), 0);
    assert_eq!([0, 1].map(|channel| energy(&stereo, 2, channel)), [energy(&mono, 1, 0); 2]);
    let mut short = vec![0; mono.len() - 1];
    let error = symbols::write(&block, 1, &mut State::new(), &mut short).unwrap_err();
    assert_eq!(error, ViewError::RowLength { expected: mono.len(), found: short.len() });
}

#[test]
fn rows_have_the_columns_they_say() {
    for (samples, channels, len) in
        [(0, 1, 78), (120, 1, 78), (960, 1, 78), (1920, 1, 140), (960, 2, 130), (5760, 2, 700)]
    {
        let names: std::collections::BTreeSet<_> =
            symbols::columns(samples, channels).map(|column| column.to_string()).collect();
        let listed = symbols::columns(samples, channels).count();
        assert_eq!((symbols::row_len(samples, channels), listed, names.len()), (len, len, len));
    }
}

fn check_ranges(row: &[i32], samples: u32, channels: u8) {
    for (column, value) in symbols::columns(samples, channels).zip(row) {
        let range = match (column.kind, column.name.split('_').next()) {
            (Kind::Category(cardinality), _) => 0..=i32::from(cardinality) - 1,
            (_, Some("energy")) => -32512..=32512,
            (_, Some("period")) => i32::MIN..=i32::MAX,
            (_, Some("gain")) => 0..=63,
            (_, Some("pulses")) => 0..=4978,
            _ => 0..=32767,
        };
        assert!(range.contains(value), "{column}: {value}");
    }
}

/// Bytes of every density: many symbols are read, few, or none.
fn frame_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = || prop_oneof![3 => any::<u8>(), 1 => Just(0), 1 => Just(0xFF)];
    prop_oneof![4 => vec(byte(), 0..200), 1 => vec(byte(), 200..1275), 1 => vec(Just(0xFF), 0..90)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any bytes make rows within their ranges, whatever was before.
    #[test]
    fn any_packets_are_survived(
        packets in vec((any::<u8>(), frame_bytes()), 1..6),
        channels in 1..3_u8,
    ) {
        let packets: Vec<_> = packets.into_iter().map(|(toc, bytes)| [vec![toc], bytes].concat()).collect();
        let mut state = State::new();
        for block in opus::blocks(&file(&packets)) {
            let before = state;
            match write(&block, channels, &mut state) {
                Ok(row) => check_ranges(&row, block.duration, channels),
                Err(_) => prop_assert_eq!(state, before),
            }
        }
    }

    /// A packet on several pages, in one piece or in chunks, has one row.
    #[test]
    fn pages_and_chunks_make_no_difference(
        bytes in vec(any::<u8>(), 300..1200),
        split in 1..4_usize,
        size in 1..700_usize,
    ) {
        let packet = [vec![0xF8], bytes].concat();
        let lacing = lacing(packet.len());
        let (on_first, behind) = (&lacing[..split.min(lacing.len() - 1)], &lacing[split.min(lacing.len() - 1)..]);
        let (first, second) = packet.split_at(255 * on_first.len());
        let mut stream = headers();
        stream.extend(raw_page(opus_common::SERIAL, 2, 0, opus_common::NONE, on_first, first));
        stream.extend(raw_page(opus_common::SERIAL, 3, opus_common::CONTINUED, 960, behind, second));
        let whole: Vec<_> = opus::blocks(&stream).map(|block| write(&block, 1, &mut State::new())).collect();
        prop_assert!(matches!(whole[..], [Ok(_)]));
        let (mut cutter, mut pushed) = (Cutter::new(), Vec::new());
        for mut chunk in stream.chunks(size) {
            while let (Some(event), rest) = cutter.push(chunk) {
                if let Event::Block(block) = event {
                    pushed.push(write(&block, 1, &mut State::new()));
                }
                chunk = rest;
            }
        }
        while let Some(event) = cutter.finish() {
            if let Event::Block(block) = event {
                pushed.push(write(&block, 1, &mut State::new()));
            }
        }
        prop_assert_eq!(pushed, whole);
    }
}
