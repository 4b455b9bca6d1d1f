//! The integers, scale factors and gains this crate reads, made into sound: the same sound that an independent decoder
//! makes of the frames.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod mp3_decoder;
mod tools;

use std::fs;
use std::path::Path;

use mp3_decoder::Decoder;
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

/// Decodes the frames both ways and gives the signal-to-noise ratio in dB, the difference being the noise.
fn compare(file: &[u8], used: &mut Used) -> f64 {
    let (mut reservoir, mut ours, mut theirs) = (Reservoir::new(), Decoder::default(), symphonia());
    let (mut signal, mut noise, mut expected) = (0.0, 0.0, Vec::<f32>::new());
    for block in mp3::blocks(file) {
        used.note(&block);
        let samples = ours.decode(&block, reservoir.push(&block).unwrap());
        let packet = Packet::new(0, Timestamp::new(0), Duration::new(0), block.bytes);
        theirs.decode(&packet).unwrap().copy_to_vec_interleaved(&mut expected);
        assert_eq!(samples.len(), expected.len());
        for (sample, &expected) in samples.iter().zip(&expected) {
            signal += f64::from(expected).powi(2);
            noise += (sample - f64::from(expected)).powi(2);
        }
    }
    10.0 * (signal / noise).log10()
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
