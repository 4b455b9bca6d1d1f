//! LAME through its Rust wrapper.

use std::ffi::c_int;
use std::fmt::Display;
use std::num::NonZeroU32;

use mp3lame_encoder::{Builder, Encoder, FlushGap, Mode, MonoPcm, Quality, VbrMode, max_required_buffer_size};

use super::{EncodeError, EncodeParams, RateMode, TAIL_SAMPLES};

const QUALITIES: [Quality; 10] = [
    Quality::Best,
    Quality::SecondBest,
    Quality::NearBest,
    Quality::VeryNice,
    Quality::Nice,
    Quality::Good,
    Quality::Decent,
    Quality::Ok,
    Quality::SecondWorst,
    Quality::Worst,
];

/// `params` are validated by the caller.
pub(super) fn encode(samples: &[f32], params: &EncodeParams) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = open(params)?;
    // What LAME may write in one call, by its own bound, and 7200 bytes for the flush.
    let mut stream = Vec::with_capacity(max_required_buffer_size(samples.len() + TAIL_SAMPLES) + 7_200);
    for part in [samples, &[0.0; TAIL_SAMPLES]] {
        encoder.encode_to_vec(MonoPcm(part), &mut stream).map_err(failed("encode"))?;
    }
    encoder.flush_to_vec::<FlushGap>(&mut stream).map_err(failed("flush"))?;
    stream.shrink_to_fit();
    Ok(stream)
}

pub(super) fn name() -> String {
    format!("LAME {}", mp3lame_encoder::mp3lame_version())
}

fn open(params: &EncodeParams) -> Result<Encoder, EncodeError> {
    let quality = QUALITIES[usize::from(params.quality).min(QUALITIES.len() - 1)];
    let mut builder = Builder::new().ok_or_else(|| failed("start")("out of memory"))?;
    builder.set_num_channels(1).map_err(failed("set mono"))?;
    builder.set_mode(Mode::Mono).map_err(failed("set mono"))?;
    builder.set_sample_rate(params.sample_rate).map_err(failed("set the sample rate"))?;
    builder.set_output_sample_rate(NonZeroU32::new(params.sample_rate)).map_err(failed("set the sample rate"))?;
    let mode = match params.mode {
        RateMode::Cbr => VbrMode::Off,
        RateMode::Abr => VbrMode::Abr,
    };
    builder.set_vbr_mode(mode).map_err(failed("set a constant or average bit rate"))?;
    builder.set_quality(quality).map_err(failed("set the quality"))?;
    builder.set_to_write_vbr_tag(false).map_err(failed("leave out the Info frame"))?;
    set_unwrapped(&mut builder, params)?;
    builder.build().map_err(failed("accept the parameters"))
}

/// Sets what the wrapper has no method for: the reservoir, mean bit rates, and constant ones beyond its own list (56 and
/// 144 kbit/s).
#[allow(unsafe_code, reason = "the wrapper does not expose these three setters of LAME")]
fn set_unwrapped(builder: &mut Builder, params: &EncodeParams) -> Result<(), EncodeError> {
    let kbps = params.bitrate_kbps as c_int;
    // SAFETY: the pointer comes from a live `Builder` that is borrowed for the whole block; each call only stores a
    // number in LAME's parameters and none keeps or frees the pointer.
    let codes = unsafe {
        let flags = builder.as_ptr();
        let rate = match params.mode {
            RateMode::Cbr => mp3lame_encoder::ffi::lame_set_brate(flags, kbps),
            RateMode::Abr => mp3lame_encoder::ffi::lame_set_VBR_mean_bitrate_kbps(flags, kbps),
        };
        [rate, mp3lame_encoder::ffi::lame_set_disable_reservoir(flags, c_int::from(!params.reservoir))]
    };
    match codes.into_iter().find(|code| *code < 0) {
        Some(code) => Err(failed("set bit rate and reservoir")(format!("error code {code}"))),
        None => Ok(()),
    }
}

fn failed<E: Display>(step: &'static str) -> impl Fn(E) -> EncodeError {
    move |cause| EncodeError::Lame { step, reason: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::{encode, encoder_name, legal_bitrates};
    use super::*;
    use crate::testing::sine;

    const PARAMS: EncodeParams =
        EncodeParams { sample_rate: 16_000, mode: RateMode::Cbr, bitrate_kbps: 32, reservoir: false, quality: 3 };

    /// `main_data_begin` of an MPEG-2 frame: how many bytes before the frame its data start.
    fn main_data_begin(frame: &[u8]) -> u8 {
        frame[4]
    }

    fn frames(stream: &[u8], length: usize) -> Vec<&[u8]> {
        assert_eq!(stream.len() % length, 0, "{} bytes", stream.len());
        stream.chunks(length).inspect(|f| assert_eq!(f[..2], [0xff, 0xf3], "MPEG-2 Layer III, no CRC")).collect()
    }

    #[test]
    fn every_frame_of_32_kbps_at_16_khz_has_144_bytes_and_stands_alone() {
        let stream = encode(&sine(440.0, 16_000, 16_000), &PARAMS).unwrap();
        let frames = frames(&stream, 144);
        // 16,000 + 1,200 samples and the encoder's delay in frames of 576.
        assert!((30..=34).contains(&frames.len()), "{}", frames.len());
        assert!(frames.iter().all(|f| main_data_begin(f) == 0));
        // The bit rate index 4 of MPEG-2 is 32 kbit/s; rate index 2 is 16 kHz; mono is mode 3.
        assert!(frames.iter().all(|f| f[2] == 0x48 && f[3] >> 6 == 3));
        let tag = |name: &[u8]| stream.windows(name.len()).any(|w| w == name);
        assert!(!tag(b"Xing") && !tag(b"Info") && !tag(b"ID3") && !tag(b"TAG"));
    }

    #[test]
    fn the_reservoir_is_used_when_allowed() {
        let mut sound = vec![0.0; 8_000];
        sound
            .extend(sine(2_000.0, 16_000, 8_000).iter().enumerate().map(|(i, s)| s * ((i * 7_919 % 13) as f32 / 13.0)));
        let stream = encode(&sound, &EncodeParams { reservoir: true, ..PARAMS }).unwrap();
        assert!(frames(&stream, 144).iter().any(|f| main_data_begin(f) > 0));
    }

    #[test]
    fn all_legal_rates_encode() {
        let sound = sine(440.0, 16_000, 1_000);
        for sample_rate in [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] {
            for &bitrate_kbps in legal_bitrates(sample_rate) {
                let stream = encode(&sound, &EncodeParams { sample_rate, bitrate_kbps, ..PARAMS }).unwrap();
                let index = usize::from(stream[2] >> 4);
                assert_eq!(legal_bitrates(sample_rate)[index - 1], bitrate_kbps, "{sample_rate} Hz");
            }
        }
    }

    /// Sizes of the frames, whatever their rates; nothing lies before, between or behind them.
    fn frame_bytes(stream: &[u8]) -> Vec<usize> {
        let blocks: Vec<_> = tempest_blocks::mp3::blocks(stream).collect();
        assert_eq!((blocks[0].offset, blocks.iter().map(|block| block.bytes.len()).sum::<usize>()), (0, stream.len()));
        blocks.iter().map(|block| block.bytes.len()).collect()
    }

    #[test]
    fn average_rates_are_met_by_frames_of_many() {
        let noise = |i: usize| ((i * 7_919 % 1_013) as f32 / 1_013.0 - 0.5) * (i / 3_000 % 4) as f32 * 0.3;
        let sound: Vec<f32> = (0..64_000).map(noise).collect();
        for reservoir in [false, true] {
            for bitrate_kbps in [20, 26, 33, 40] {
                let params = EncodeParams { mode: RateMode::Abr, bitrate_kbps, reservoir, ..PARAMS };
                let stream = encode(&sound, &params).unwrap();
                let sizes = frame_bytes(&stream);
                let mean = sizes.iter().sum::<usize>() as f64 / sizes.len() as f64 * 8.0 / 36.0;
                let above = if reservoir { 0.15 } else { 0.3 };
                assert!((-0.15..above).contains(&(mean / f64::from(bitrate_kbps) - 1.0)), "{params:?}: {mean} kbit/s");
                assert!(sizes.iter().any(|&size| size != sizes[0]), "{params:?}");
                assert!(
                    reservoir || tempest_blocks::mp3::blocks(&stream).all(|block| main_data_begin(block.bytes) == 0)
                );
                let tag = |name: &[u8]| stream.windows(name.len()).any(|w| w == name);
                assert!(!tag(b"Xing") && !tag(b"Info") && !tag(b"ID3") && !tag(b"TAG"));
            }
        }
    }

    #[test]
    fn threads_do_not_change_the_bytes() {
        let sound = sine(700.0, 16_000, 4_000);
        let alone = encode(&sound, &PARAMS).unwrap();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let sound = sound.clone();
                std::thread::spawn(move || encode(&sound, &PARAMS).unwrap())
            })
            .collect();
        assert!(threads.into_iter().all(|t| t.join().unwrap() == alone));
    }

    #[test]
    fn empty_clips_encode_to_silence_and_the_encoder_has_a_name() {
        assert!(!encode(&[], &PARAMS).unwrap().is_empty());
        assert_eq!(encoder_name(), "LAME 3.100");
    }
}
