//! What is encoded is cut again, packet by packet, by our own cutter; ffprobe, opusinfo and opusdec agree where installed.
#![allow(clippy::unwrap_used, reason = "a failing test should panic")]

mod tools;

use tempest_blocks::opus::{self, Bandwidth, Block, Event, Mode, OpusHead, SkipReason};
use tempest_transcode::opus::{Application, EncodeParams, PACKET_US, SAMPLE_RATES, encode};
use tools::{run, sound};

/// Every setting that changes the packets' form.
fn settings() -> Vec<EncodeParams> {
    let default = EncodeParams::default();
    let mut settings: Vec<EncodeParams> = SAMPLE_RATES
        .iter()
        .flat_map(|&sample_rate| PACKET_US.map(|packet_us| (sample_rate, packet_us)))
        .map(|(sample_rate, packet_us)| EncodeParams { sample_rate, packet_us, complexity: 2, ..default })
        .collect();
    for (channels, bitrate_kbps, vbr, application) in [
        (1, 6, false, Application::Voip),
        (2, 510, false, Application::Audio),
        (2, 96, true, Application::LowDelay),
        (2, 29, true, Application::Voip),
    ] {
        settings.push(EncodeParams { channels, bitrate_kbps, vbr, application, ..default });
    }
    settings
}

/// The packets, in a stream that is nothing but its headers and these.
fn packets(stream: &[u8]) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    for event in opus::events(stream) {
        match event {
            Event::Block(block) => blocks.push(block),
            Event::Skipped(skipped) => {
                use SkipReason::{OpusHead, OpusTags, PageHeader};
                assert!(matches!(skipped.reason, OpusHead | OpusTags | PageHeader), "{skipped:?}");
            }
        }
    }
    blocks
}

/// `OpusHead` stands behind the first page's header of 27 bytes and one lacing value.
fn head(stream: &[u8]) -> OpusHead {
    OpusHead::parse(&stream[28..]).unwrap()
}

#[test]
fn every_packet_is_cut_with_its_duration_and_a_right_checksum() {
    for params in settings() {
        let seconds = 2.3;
        let samples = sound(params.sample_rate, params.channels, seconds);
        let stream = encode(&samples, &params).unwrap();
        let (blocks, head) = (packets(&stream), head(&stream));
        let duration = params.packet_us * 48 / 1_000;
        assert!(blocks.iter().all(|block| block.verified && !block.truncated && block.lost_pages == 0), "{params:?}");
        assert!(blocks.iter().all(|block| block.duration == duration && block.packet().is_ok()), "{params:?}");
        assert_eq!((head.channels, head.input_sample_rate), (params.channels, params.sample_rate));
        // Positions count from the sound's begin: the first packet starts before it, the last one is cut at its end.
        let first = blocks[0].position.unwrap();
        assert_eq!(first, -i64::from(head.pre_skip), "{params:?}");
        let expected = (samples.len() / usize::from(params.channels)) as i64 * 48_000 / i64::from(params.sample_rate);
        let last = blocks[blocks.len() - 1];
        assert_eq!(last.position.unwrap() + i64::from(duration - last.trimmed), expected, "{params:?}");
        assert!(blocks[..blocks.len() - 1].iter().all(|block| block.trimmed == 0), "{params:?}");
    }
}

#[test]
fn the_bit_rate_is_kept_and_constant_where_asked_for() {
    let bytes = |params: &EncodeParams| -> Vec<u64> {
        let stream = encode(&sound(params.sample_rate, params.channels, 3.0), params).unwrap();
        packets(&stream).iter().map(|block| block.packet_bytes).collect()
    };
    // Pure tones are what an unconstrained rate spends more on.
    let variable = bytes(&EncodeParams::default());
    let kbps = variable.iter().sum::<u64>() as f64 * 8.0 / (variable.len() as f64 * 40.0);
    assert!((15.0..60.0).contains(&kbps), "{kbps} kbit/s");
    assert!(variable.iter().any(|&bytes| bytes != variable[0]));
    let constant = bytes(&EncodeParams { vbr: false, ..EncodeParams::default() });
    assert!(constant.iter().all(|&bytes| bytes == 29 * 40 / 8), "{constant:?}");
}

#[test]
fn what_is_asked_for_decides_the_coder() {
    let toc = |params: EncodeParams| {
        let stream = encode(&sound(params.sample_rate, params.channels, 1.0), &params).unwrap();
        packets(&stream).last().and_then(Block::toc).unwrap()
    };
    let default = EncodeParams::default();
    let speech = toc(EncodeParams { application: Application::Voip, bitrate_kbps: 8, sample_rate: 8_000, ..default });
    assert_eq!((speech.mode(), speech.bandwidth()), (Mode::Silk, Bandwidth::Narrow));
    let music = toc(EncodeParams { application: Application::LowDelay, bitrate_kbps: 96, channels: 2, ..default });
    assert_eq!((music.mode(), music.bandwidth(), music.stereo()), (Mode::Celt, Bandwidth::Full, true));
}

#[test]
fn an_empty_sound_is_a_stream_too() {
    let stream = encode(&[], &EncodeParams::default()).unwrap();
    let blocks = packets(&stream);
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].duration - blocks[0].trimmed, u32::from(head(&stream).pre_skip));
}

/// Sizes, times and durations of the packets as ffprobe has them, and the length opusinfo finds.
#[test]
fn other_tools_agree() {
    for params in settings() {
        let stream = encode(&sound(params.sample_rate, params.channels, 2.3), &params).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.opus");
        std::fs::write(&path, &stream).unwrap();
        let path = path.to_str().unwrap();
        let fields =
            ["-loglevel", "error", "-show_entries", "packet=pts,duration,size", "-of", "default=nk=1:nw=1", path];
        if let Some(listed) = run("ffprobe", &fields) {
            let numbers = listed.lines().filter(|line| !line.is_empty()).map(|line| line.parse().unwrap());
            let found: Vec<[i64; 3]> = numbers.collect::<Vec<_>>().as_chunks().0.to_vec();
            let ours = packets(&stream).into_iter().map(|block| {
                let duration = i64::from(block.duration - block.trimmed);
                [block.position.unwrap(), duration, block.packet_bytes as i64]
            });
            assert_eq!(found, ours.collect::<Vec<_>>(), "{params:?}");
        }
        if let Some(said) = run("opusinfo", &[path]) {
            let length = ["0m:02.300s", "0m:02.299s"].iter().any(|length| said.contains(length));
            assert!(length && !said.contains("WARNING") && !said.contains("Note"), "{params:?}: {said}");
        }
    }
}

/// The C library spends as much on the same sound.
#[test]
fn opusenc_makes_packets_of_like_size() {
    let samples = sound(48_000, 1, 3.0);
    let dir = tempfile::tempdir().unwrap();
    let [raw, theirs] = ["a.raw", "a.opus"].map(|name| dir.path().join(name).to_str().unwrap().to_owned());
    let pcm: Vec<u8> = samples.iter().flat_map(|s| ((s * 32_767.0) as i16).to_le_bytes()).collect();
    std::fs::write(&raw, pcm).unwrap();
    let options =
        ["--quiet", "--raw", "--raw-chan", "1", "--bitrate", "29", "--framesize", "40", "--vbr", &raw, &theirs];
    if run("opusenc", &options).is_none() {
        return;
    }
    let bytes = |stream: &[u8]| packets(stream).iter().map(|block| block.packet_bytes).sum::<u64>() as f64;
    let ratio = bytes(&encode(&samples, &EncodeParams::default()).unwrap()) / bytes(&std::fs::read(&theirs).unwrap());
    assert!((0.9..1.1).contains(&ratio), "{ratio}");
}

/// Decoded by the C library, the sound is where it was.
#[test]
fn decoded_sound_is_in_its_place() {
    let params = EncodeParams { bitrate_kbps: 128, ..EncodeParams::default() };
    let samples = sound(48_000, 1, 1.0);
    let dir = tempfile::tempdir().unwrap();
    let [stream, raw] = ["a.opus", "a.raw"].map(|name| dir.path().join(name).to_str().unwrap().to_owned());
    std::fs::write(&stream, encode(&samples, &params).unwrap()).unwrap();
    let Some(_) = run("opusdec", &["--quiet", "--float", "--rate", "48000", &stream, &raw]) else { return };
    let bytes = std::fs::read(&raw).unwrap();
    let decoded: Vec<f32> = bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    assert_eq!(decoded.len(), samples.len());
    let energy: f32 = samples.iter().map(|s| s * s).sum();
    let error: f32 = samples.iter().zip(&decoded).map(|(a, b)| (a - b) * (a - b)).sum();
    assert!(error < 0.02 * energy, "{}", error / energy);
}
