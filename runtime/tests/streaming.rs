//! A stream heard live gives what the same media give as a file, and takes no memory for it.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

use std::collections::BTreeMap;
use tempest_contract::rows::GapReason;
use tempest_engine::{Bundle, Engine, EngineError, EngineInfo, GraphIo, Input, LoadOptions, Session, Tract};
use tempest_runtime::{Classifier, Heard, ListenError, ListenOptions, Listener, Media, builtin};

const SAMPLE: &[u8] = include_bytes!("../../samples/tempest.mp3");

/// Frames of the sample, without the tag in front.
fn frames(count: usize) -> Vec<u8> {
    let blocks: Vec<_> = tempest_blocks::mp3::blocks(SAMPLE).map(|block| block.bytes.to_vec()).collect();
    blocks.iter().cycle().take(count).flatten().copied().collect()
}

/// Start and end in blocks of every window, and its logits.
type Windows = Vec<((u64, usize), Vec<f32>)>;

fn heard(listener: &mut Listener, bytes: &[u8], chunk: usize) -> Windows {
    let mut windows = Windows::new();
    let mut keep = |heard: Heard<'_>| -> Result<(), ListenError> {
        if let Heard::Scores(scores) = heard {
            windows.push(((scores.block, scores.blocks), scores.logits.to_vec()));
        }
        Ok(())
    };
    for piece in bytes.chunks(chunk) {
        listener.feed(piece, &mut keep).unwrap();
    }
    listener.finish(&mut keep).unwrap();
    windows
}

/// What a clip gives for the same windows.
fn offline(bundle: &Bundle, bytes: &[u8], windows: &Windows, from: u64) -> Windows {
    let mut model = Classifier::load(bundle, &Tract, 1).unwrap();
    let media = Media::read(bytes, bundle.contract()).unwrap();
    let embeddings = model.encode(&media.rows).unwrap();
    let window = |&((block, blocks), _): &((u64, usize), Vec<f32>)| {
        let start = (block - from) as usize;
        ((block, blocks), model.window_logits(&embeddings, start..start + blocks).unwrap())
    };
    windows.iter().map(window).collect()
}

fn assert_equal(streamed: &Windows, offline: &Windows) {
    for ((window, found), (_, expected)) in streamed.iter().zip(offline) {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-5, "{window:?}: {found} instead of {expected}");
        }
    }
}

fn listener(window: Option<f64>, hop: Option<f64>) -> Listener {
    let options = ListenOptions { window, hop, ..ListenOptions::default() };
    Listener::load(&builtin::bundle().unwrap(), &Tract, &options).unwrap()
}

#[test]
fn every_window_is_that_of_the_clip_for_any_chunking() {
    let bundle = builtin::bundle().unwrap();
    let stream = frames(300);
    for (window, hop) in [(None, None), (Some(1.0), Some(0.25)), (Some(2.0), Some(2.0)), (Some(0.036), Some(0.036))] {
        let reference = heard(&mut listener(window, hop), &stream, stream.len());
        assert_equal(&reference, &offline(&bundle, &stream, &reference, 0));
        let (blocks, hop_blocks) = listener(window, hop).window();
        let full = (300 - blocks) / hop_blocks + 1;
        let rest = usize::from(!(300 - blocks).is_multiple_of(hop_blocks));
        assert_eq!(reference.len(), full + rest, "{window:?} {hop:?}");
        for chunk in [1, 144, 1000, 4096] {
            let windows = heard(&mut listener(window, hop), &stream, chunk);
            assert_eq!(windows, reference, "{window:?} {hop:?} in pieces of {chunk}");
        }
    }
}

#[test]
fn a_stream_shorter_than_the_window_is_one_partial_window_as_a_clip_is() {
    let bundle = builtin::bundle().unwrap();
    let windows = heard(&mut listener(None, None), SAMPLE, 50);
    assert_eq!(windows.len(), 1);
    assert_equal(&windows, &offline(&bundle, SAMPLE, &windows, 0));
    let media = Media::read(SAMPLE, bundle.contract()).unwrap();
    let answer = Classifier::load(&bundle, &Tract, 1).unwrap().classify(&media).unwrap();
    assert_eq!((answer.windows, windows[0].0.1), (1, media.blocks));
}

#[test]
fn a_reconnected_stream_fills_its_window_anew() {
    let bundle = builtin::bundle().unwrap();
    let mut listener = listener(Some(1.0), Some(0.5));
    let (first, second) = (frames(70), frames(120)[700..].to_vec());
    let before = heard(&mut listener, &first, 333);
    assert_equal(&before, &offline(&bundle, &first, &before, 0));
    let heard_before = listener.tally().blocks;
    let after = heard(&mut listener, &second, 333);
    assert_equal(&after, &offline(&bundle, &second, &after, heard_before));
    assert!(after.len() > 2 && after.iter().all(|((block, blocks), _)| *block >= heard_before && *blocks == 28));
}

#[test]
fn damage_and_other_media_are_told() {
    let stream = frames(60);
    let at = 144 * 30;
    let foreign: Vec<u8> = [0xFF, 0xFB, 0x50, 0xC0].into_iter().chain([0; 204]).collect::<Vec<u8>>().repeat(3);
    let broken = [&stream[..at], b"not a frame", &stream[at..], &foreign, &stream[..at + 40]].concat();
    let mut told = Vec::new();
    let mut keep = |heard: Heard<'_>| -> Result<(), ListenError> {
        match heard {
            Heard::Scores(_) => {}
            Heard::Gap { at, gap } => {
                assert_eq!((gap.reason, gap.bytes), (GapReason::Garbage, 11));
                told.push(format!("gap {at:.3}"));
            }
            Heard::Foreign { at, foreign } => told.push(format!("{foreign} {at:.3}")),
            Heard::Bitrate { at, kbps } => told.push(format!("{kbps} {at:.3}")),
            Heard::CutShort { at } => told.push(format!("cut short {at:.3}")),
        }
        Ok(())
    };
    let mut listener = listener(Some(0.5), Some(0.25));
    listener.feed(&broken, &mut keep).unwrap();
    listener.finish(&mut keep).unwrap();
    assert_eq!(told, ["gap 1.080", "MPEG-1 Layer III, 64 kbit/s, 44100 Hz, mono 2.160", "cut short 3.240"]);
    let tally = listener.tally();
    assert_eq!((tally.blocks, tally.foreign_blocks, tally.gaps), (90, 3, 1));
}

#[test]
fn blocks_that_repeat_are_encoded_once() {
    let silence: Vec<u8> = [0xFF, 0xF3, 0x48, 0xC4].into_iter().chain([0; 140]).collect();
    let mut listener = listener(Some(1.0), Some(0.5));
    let windows = heard(&mut listener, &silence.repeat(200), 1000);
    // The first hop is encoded once over: its own rows repeat within it.
    assert_eq!((listener.tally().blocks, listener.tally().repeated), (200, 199));
    let bundle = builtin::bundle().unwrap();
    assert_equal(&windows, &offline(&bundle, &silence.repeat(200), &windows, 0));
}

#[test]
fn a_window_or_hop_out_of_range_says_the_range() {
    let bundle = builtin::bundle().unwrap();
    let text = |window, hop| {
        let options = ListenOptions { window, hop, ..ListenOptions::default() };
        Listener::load(&bundle, &Tract, &options).map(|_| ()).unwrap_err().to_string()
    };
    let window = "--window: 60 s is not in 0.036 to 4.032 s, one block to the model's window";
    assert_eq!(text(Some(60.0), None), window);
    assert_eq!(text(Some(0.0), None), window.replace("60", "0"));
    assert!(text(Some(f64::NAN), None).contains("NaN s is not in"));
    assert_eq!(text(Some(1.0), Some(2.0)), "--hop: 2 s is not in 0.036 to 1.008 s, one block to a whole window");
}

/// Adds up its inputs: takes no memory, so that what is counted is the listener's own.
struct Sum;

struct SumSession(GraphIo);

impl Engine for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn check(&self) -> Result<EngineInfo, EngineError> {
        Tract.check()
    }

    fn load_many(
        &self,
        _: &[u8],
        io: &GraphIo,
        options: &LoadOptions,
        count: usize,
    ) -> Result<Vec<Box<dyn Session>>, EngineError> {
        let io = io.fixed(options.batch)?;
        Ok((0..count).map(|_| Box::new(SumSession(io.clone())) as Box<dyn Session>).collect())
    }
}

impl Session for SumSession {
    fn io(&self) -> &GraphIo {
        &self.0
    }

    fn run(&mut self, inputs: &[Input<'_>], out: &mut [f32]) -> Result<(), EngineError> {
        let sum = match inputs.first() {
            Some(Input::F32(values)) => values.iter().sum(),
            Some(Input::I32(values)) => values.iter().sum::<i32>() as f32,
            None => 0.0,
        };
        out.fill(sum);
        Ok(())
    }
}

fn counting_listener() -> Listener {
    let options = ListenOptions { window: Some(3.0), hop: Some(0.5), ..ListenOptions::default() };
    Listener::load(&builtin::bundle().unwrap(), &Sum, &options).unwrap()
}

#[test]
fn no_block_allocates() {
    let mut listener = counting_listener();
    let stream = [&frames(500), &b"garbage"[..], &frames(500), &frames(3)[..200]].concat();
    let mut windows = 0;
    let counted = allocation_counter::measure(|| {
        let mut count = |heard: Heard<'_>| -> Result<(), ListenError> {
            windows += usize::from(matches!(heard, Heard::Scores(_)));
            Ok(())
        };
        stream.chunks(777).for_each(|chunk| listener.feed(chunk, &mut count).unwrap());
    });
    assert!(windows > 60, "{windows} windows");
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn a_day_does_not_drift() {
    let mut listener = counting_listener();
    let (round, rounds) = (frames(2_400), 1_000);
    let mut last = BTreeMap::new();
    let mut keep = |heard: Heard<'_>| -> Result<(), ListenError> {
        if let Heard::Scores(scores) = heard {
            last.insert("end", scores.end);
            last.insert("start", scores.start);
        }
        Ok(())
    };
    for _ in 0..rounds {
        listener.feed(&round, &mut keep).unwrap();
    }
    listener.finish(&mut keep).unwrap();
    // 2.4 million frames of 36 ms, the last held back until the end: a day, to the sample.
    assert_eq!(listener.position(), 86_400.0);
    assert_eq!((last["end"], last["start"]), (86_400.0, 86_400.0 - 83.0 * 0.036));
}
