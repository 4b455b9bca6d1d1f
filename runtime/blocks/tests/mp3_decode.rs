//! The integers, scale factors and gains this crate reads, made into sound: the same sound that an independent decoder
//! makes of the frames.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;
mod mp3_decoder;
mod tools;

use std::fs;
use std::path::Path;

use mp3_decoder::{Decoder, noise};
use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};
use tempest_blocks::mp3::{self, Block, Reservoir, SideInfo};
use tools::{Scratch, Sound, run, wav};

/// What a stream used of Layer III.
#[derive(Debug, Default)]
struct Used {
    frames: usize,
    short: usize,
    mixed: usize,
    middle_side: usize,
    reservoir: usize,
    scfsi: usize,
    preflag: usize,
    scalefac_scale: usize,
    subblock_gain: usize,
    linbits: usize,
}

impl Used {
    fn note(&mut self, block: &Block<'_>) {
        let side_info = SideInfo::parse(block.header, block.bytes).unwrap();
        self.frames += 1;
        self.middle_side += usize::from(block.header.mode_extension() & 2 != 0);
        self.reservoir += usize::from(side_info.main_data_begin > 0);
        self.scfsi += usize::from(side_info.scfsi != [0, 0]);
        for coded in side_info.granules.as_flattened() {
            self.short += usize::from(coded.block_type == 2);
            self.mixed += usize::from(coded.mixed_block_flag);
            self.preflag += usize::from(coded.preflag);
            self.scalefac_scale += usize::from(coded.scalefac_scale);
            self.subblock_gain += usize::from(coded.subblock_gain != [0; 3]);
            self.linbits += usize::from(coded.table_select.iter().any(|&table| table > 15));
        }
    }
}

fn symphonia() -> Box<dyn AudioDecoder> {
    let mut params = AudioCodecParameters::new();
    params.for_codec(CODEC_ID_MP3);
    symphonia::default::get_codecs().make_audio_decoder(&params, &AudioDecoderOptions::default()).unwrap()
}

/// The samples of all frames, interleaved.
fn decode(file: &[u8]) -> Vec<f64> {
    let (mut reservoir, mut decoder) = (Reservoir::new(), Decoder::default());
    mp3::blocks(file).flat_map(|block| decoder.decode(&block, reservoir.push(&block).unwrap())).collect()
}

/// The same by Symphonia.
fn decode_by_symphonia(file: &[u8]) -> Vec<f64> {
    let (mut decoder, mut samples) = (symphonia(), Vec::<f32>::new());
    let frames = mp3::blocks(file).flat_map(|block| {
        let packet = Packet::new(0, Timestamp::new(0), Duration::new(0), block.bytes);
        decoder.decode(&packet).unwrap().copy_to_vec_interleaved(&mut samples);
        std::mem::take(&mut samples)
    });
    frames.map(f64::from).collect()
}

/// The signal-to-noise ratio in dB, the difference being the noise.
fn ratio(samples: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(samples.len(), expected.len());
    let signal: f64 = expected.iter().map(|sample| sample.powi(2)).sum();
    let noise: f64 = samples.iter().zip(expected).map(|(sample, expected)| (sample - expected).powi(2)).sum();
    10.0 * (signal / noise).log10()
}

/// How alike the frames sound decoded both ways.
fn compare(file: &[u8], used: &mut Used) -> f64 {
    mp3::blocks(file).for_each(|block| used.note(&block));
    ratio(&decode(file), &decode_by_symphonia(file))
}

/// Single precision, as the other decoder has, leaves more than this.
const ENOUGH_DB: f64 = 100.0;

#[test]
fn the_corpus_sounds_right() {
    for name in ["cbr-joint", "crc-stereo-id3v1", "lsf-mono", "mpeg25-joint", "vbr-id3v2-xing"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/corpus/mp3/{name}.mp3"));
        let mut used = Used::default();
        let db = compare(&fs::read(path).unwrap(), &mut used);
        println!("{name}: {db:.1} dB, {used:?}");
        assert!(db > ENOUGH_DB, "{name}: {db} dB");
    }
}

/// Encodes a second of sound and compares. The tool takes options, source and target.
fn encode(tool: &str, options: &[&str], (sound, rate, channels): (Sound, u32, u16), used: &mut Used) -> Option<()> {
    let scratch = Scratch::new();
    let source = scratch.write("source.wav", &wav(sound, rate, channels, 1.0));
    let target = scratch.path("target.mp3");
    let options: Vec<&str> = options.iter().map(|&option| if option == "SOURCE" { &source } else { option }).collect();
    run(tool, &[&options[..], &[&target]].concat())?;
    let db = compare(&fs::read(&target).unwrap(), used);
    println!("{sound:?} {rate} Hz, {channels} channels, {options:?}: {db:.1} dB");
    assert!(db > ENOUGH_DB, "{sound:?} {rate} {options:?}: {db} dB");
    Some(())
}

#[test]
fn what_lame_makes_sounds_right() {
    let mut used = Used::default();
    for (rate, options) in [
        (44_100, &["-b", "128"][..]),
        (44_100, &["-b", "320", "-m", "s"]),
        (48_000, &["-b", "64", "-p"]),
        (32_000, &["-b", "96", "--nores", "-q", "0"]),
        (44_100, &["-V", "0"]),
        (22_050, &["-b", "64"]),
        (24_000, &["-b", "160", "-m", "s"]),
        (16_000, &["-V", "4", "--resample", "16"]),
        (11_025, &["-b", "24"]),
        (12_000, &["-b", "48"]),
        (8_000, &["-b", "16"]),
    ] {
        for (sound, channels) in [(Sound::Tones, 2), (Sound::Clicks, 2), (Sound::Apart, 2), (Sound::Clicks, 1)] {
            let options = [&["--quiet"], options, &["SOURCE"]].concat();
            if encode("lame", &options, (sound, rate, channels), &mut used).is_none() {
                return;
            }
        }
    }
    println!("{used:?}");
    let Used { short, middle_side, reservoir, scfsi, scalefac_scale, linbits, .. } = used;
    assert!(
        [short, middle_side, reservoir, scfsi, scalefac_scale, linbits].iter().all(|&count| count > 10),
        "{used:?}"
    );
}

/// It stuffs a granule behind its last code, where others stuff the frame.
#[test]
fn what_shine_makes_sounds_right() {
    let list = run("ffmpeg", &["-hide_banner", "-encoders"]);
    if !list.is_some_and(|list| String::from_utf8(list).unwrap().contains("libshine")) {
        return tools::skip("no ffmpeg with libshine");
    }
    for (bitrate, rate, channels) in [("32k", 44_100, 1), ("64k", 48_000, 2), ("128k", 44_100, 2), ("320k", 32_000, 2)]
    {
        let fixed = ["-hide_banner", "-loglevel", "error", "-y", "-i", "SOURCE"];
        let options = [&fixed[..], &["-c:a", "libshine", "-b:a", bitrate]].concat();
        for sound in [Sound::Tones, Sound::Clicks, Sound::Apart] {
            encode("ffmpeg", &options, (sound, rate, channels), &mut Used::default()).unwrap();
        }
    }
}

/// Frames of noise in every version and mode.
fn noise(word: u32, shapes: usize) -> Vec<u8> {
    let mut random = noise::Random(word.into());
    (0..60).flat_map(|_| noise::frame(word, shapes, &mut random)).collect()
}

/// What encoders hardly ever write: all tables, all widths of scale factors, more bits than lines.
#[test]
fn noise_sounds_right() {
    let mono = [0xFFFB_90C0, 0xFFFA_B8C0, 0xFFF3_80C0, 0xFFE3_80C0];
    let stereo = [0xFFFB_9000, 0xFFFB_E460, 0xFFFB_C820, 0xFFF3_C400, 0xFFF3_C860, 0xFFE2_8400];
    // Scale factors of the second channel have other widths, though all lines are coded and none by intensity.
    let intensity = [0xFFF3_E850, 0xFFF3_E870, 0xFFFB_E850];
    for word in [&mono[..], &stereo, &intensity].concat() {
        let db = compare(&noise(word, 4), &mut Used::default());
        println!("{word:08x}: {db:.1} dB");
        assert!(db > ENOUGH_DB, "{word:08x}: {db} dB");
    }
}

/// Mixed blocks, which Symphonia 0.6 decodes in another way. Those of MPEG-2.5 no standard defines; and bits are there for
/// all lines, as decoders differ in the last ones where they end early.
#[test]
fn mixed_blocks_sound_right_to_mpg123() {
    let scratch = Scratch::new();
    for word in [0xFFFB_E0C0, 0xFFFB_E4C0, 0xFFFA_E860, 0xFFF3_E0C0, 0xFFF3_E4C0, 0xFFF3_E860] {
        let stream = noise(word, 5);
        let path = scratch.write("noise.mp3", &stream);
        let options = ["--quiet", "--no-gapless", "--encoding", "f32", "--stdout", &path];
        let Some(expected) = run("mpg123", &options) else { return };
        let expected: Vec<f64> = expected.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes).into()).collect();
        let mut used = Used::default();
        mp3::blocks(&stream).for_each(|block| used.note(&block));
        let db = ratio(&decode(&stream), &expected);
        println!("{word:08x}: {db:.1} dB, {used:?}");
        assert!(db > ENOUGH_DB && used.mixed > 5, "{word:08x}: {db} dB");
    }
}
