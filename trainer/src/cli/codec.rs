//! The options that say what clips become, and the codec of a contract that follows from them.

use crate::data::{CodecOptions, Format, JpegOptions, Mp3Options, OpusOptions, Reservoir};
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde_json::Value;
use tempest_contract::{Codec, Jpeg, Mp3, Opus, RateMode, Unit};
use tempest_transcode::{jpeg, mp3, opus};

/// What clips are encoded to. Options of other codecs than the one chosen are without effect.
#[derive(Debug, Args)]
pub(super) struct CodecArgs {
    /// What clips become [default: jpeg for pictures, else mp3]
    #[arg(long, value_enum)]
    codec: Option<CodecArg>,
    /// Bit rate of test clips and of each first variant, in kbit/s [default: 32 for mp3, 29 for opus]
    #[arg(long, value_name = "KBPS")]
    bitrate: Option<u32>,
    /// Sample rate of the coded clips in Hz [default: 16000 for mp3, 48000 for opus]
    #[arg(long, value_name = "HZ")]
    sample_rate: Option<u32>,
    /// MP3: whether every frame has the bit rate, or all of them on average
    #[arg(long, value_enum, default_value = "cbr")]
    mode: ModeArg,
    /// Opus: duration of a packet in ms, 2.5 to 120
    #[arg(long, value_name = "MS", default_value_t = 40.0)]
    packet_ms: f32,
    /// Opus: what the encoder favours
    #[arg(long, value_enum, default_value = "audio")]
    application: ApplicationArg,
    /// Opus: constant bit rate
    #[arg(long)]
    cbr: bool,
    /// JPEG: quality of test clips and of each first variant, 1 to 100
    #[arg(long, default_value_t = 75)]
    quality: u8,
    /// JPEG: MCUs between restart markers, 0 for none
    #[arg(long, value_name = "MCUS", default_value_t = 0)]
    restart: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum CodecArg {
    /// LAME, mono
    Mp3,
    /// libopus in Ogg, mono
    Opus,
    /// Baseline, grey
    Jpeg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ModeArg {
    /// Constant: one of the rates that frames can have
    Cbr,
    /// Average: any rate, as the paper's 20 and 26 kbit/s
    Abr,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ApplicationArg {
    /// Likeness to the original
    Audio,
    /// Clarity of speech
    Voip,
    /// 5 ms of delay
    Lowdelay,
}

impl From<ApplicationArg> for opus::Application {
    fn from(application: ApplicationArg) -> Self {
        match application {
            ApplicationArg::Audio => opus::Application::Audio,
            ApplicationArg::Voip => opus::Application::Voip,
            ApplicationArg::Lowdelay => opus::Application::LowDelay,
        }
    }
}

/// What the variants of a clip may differ in.
#[derive(Debug, Default)]
pub(super) struct Choices {
    /// Empty: that of the first variant.
    pub bitrates_kbps: Vec<u32>,
    /// Empty: that of the first variant.
    pub applications: Vec<opus::Application>,
    /// Empty: that of the first variant.
    pub qualities: Vec<u8>,
    pub reservoir: Reservoir,
}

impl CodecArgs {
    pub(super) fn codec(&self, format: Format) -> CodecArg {
        let usual = if format == Format::Mnist { CodecArg::Jpeg } else { CodecArg::Mp3 };
        self.codec.unwrap_or(usual)
    }

    /// Bit rate of test clips in kbit/s.
    pub(super) fn bitrate(&self, format: Format) -> u32 {
        let usual = if self.codec(format) == CodecArg::Opus { 29 } else { 32 };
        self.bitrate.unwrap_or(usual)
    }

    pub(super) fn options(&self, format: Format, choices: Choices) -> CodecOptions {
        let Choices { bitrates_kbps, applications, qualities, reservoir } = choices;
        let bitrate_kbps = self.bitrate(format);
        match self.codec(format) {
            CodecArg::Mp3 => {
                let sample_rate = self.sample_rate.unwrap_or(16_000);
                let mode = match self.mode {
                    ModeArg::Cbr => mp3::RateMode::Cbr,
                    ModeArg::Abr => mp3::RateMode::Abr,
                };
                CodecOptions::Mp3(Mp3Options { sample_rate, mode, bitrate_kbps, bitrates_kbps, reservoir })
            }
            CodecArg::Opus => {
                let encode = self.opus(bitrate_kbps);
                CodecOptions::Opus(OpusOptions { encode, bitrates_kbps, applications })
            }
            CodecArg::Jpeg => {
                let encode =
                    jpeg::EncodeParams { quality: self.quality, restart_interval: self.restart, ..Default::default() };
                CodecOptions::Jpeg(JpegOptions { encode, qualities })
            }
        }
    }

    fn opus(&self, bitrate_kbps: u32) -> opus::EncodeParams {
        opus::EncodeParams {
            sample_rate: self.sample_rate.unwrap_or(48_000),
            bitrate_kbps,
            packet_us: (self.packet_ms * 1_000.0) as u32,
            vbr: !self.cbr,
            application: self.application.into(),
            ..Default::default()
        }
    }
}

/// The codec of a contract: what training sees. `vary` is whether variants draw rates and qualities; `size` that of all
/// pictures.
pub(super) fn of_contract(options: &CodecOptions, vary: bool, variants: u32, size: Option<[u16; 2]>) -> Codec {
    let encoder = options.encoder();
    match options {
        CodecOptions::Mp3(mp3) => Codec::Mp3(Mp3 {
            unit: Unit::Frame,
            sample_rate: mp3.sample_rate,
            channels: 1,
            mode: match mp3.mode {
                mp3::RateMode::Cbr => RateMode::Cbr,
                mp3::RateMode::Abr => RateMode::Abr,
            },
            bitrates_kbps: seen(mp3.bitrate_kbps, &mp3.bitrates_kbps, vary),
            reservoir: seen_reservoir(mp3.reservoir, variants),
            encoder,
        }),
        CodecOptions::Opus(opus) => Codec::OggOpus(Opus {
            unit: Unit::Packet,
            packet_samples: opus.encode.packet_us * 48 / 1_000,
            channels: opus.encode.channels,
            bitrates_kbps: seen(opus.encode.bitrate_kbps, &opus.bitrates_kbps, vary),
            encoder,
        }),
        CodecOptions::Jpeg(jpeg) => Codec::Jpeg(Jpeg {
            unit: Unit::Mcu,
            components: 1,
            data_units: 1,
            size,
            qualities: seen(jpeg.encode.quality, &jpeg.qualities, vary),
            encoder,
        }),
    }
}

/// The codec, cut into these units.
pub(super) fn in_units(mut codec: Codec, unit: Unit) -> Result<Codec> {
    if !codec.units().contains(&unit) {
        let units: Vec<&str> = codec.units().iter().map(|unit| unit.name()).collect();
        bail!("--unit {}: {} is cut into {}", unit.name(), codec.name(), units.join(" or "));
    }
    match &mut codec {
        Codec::Mp3(mp3) => mp3.unit = unit,
        Codec::OggOpus(opus) => opus.unit = unit,
        Codec::Jpeg(jpeg) => jpeg.unit = unit,
    }
    Ok(codec)
}

/// What training sees of a choice, ascending.
fn seen<T: Copy + Ord>(own: T, others: &[T], vary: bool) -> Vec<T> {
    let mut seen = if vary { others.to_vec() } else { Vec::new() };
    seen.push(own);
    seen.sort_unstable();
    seen.dedup();
    seen
}

/// A single variant under `mixed` has it off.
fn seen_reservoir(reservoir: Reservoir, variants: u32) -> tempest_contract::Reservoir {
    match reservoir {
        Reservoir::On => tempest_contract::Reservoir::On,
        Reservoir::Mixed if variants > 1 => tempest_contract::Reservoir::Mixed,
        _ => tempest_contract::Reservoir::Off,
    }
}

/// What the training record of a checkpoint says of its clips; of one that does not, what its contract says.
pub(super) fn recorded(training: &Value, codec: &Codec) -> Result<CodecOptions> {
    if let Some(options) = training.get("codec") {
        return Ok(serde_json::from_value(options.clone())?);
    }
    let Codec::Mp3(mp3) = codec else { bail!("the training record does not say how its clips were encoded") };
    let Mp3 { sample_rate, ref bitrates_kbps, .. } = *mp3;
    Ok(CodecOptions::Mp3(Mp3Options { sample_rate, bitrates_kbps: bitrates_kbps.clone(), ..Default::default() }))
}

/// Other rates of a recorded codec, as evaluation asks for them.
#[derive(Debug, Args)]
pub(super) struct RateArgs {
    /// Bit rate the clips are encoded at, in kbit/s [default: that of the first variants in training]
    #[arg(long, value_name = "KBPS")]
    bitrate: Option<u32>,
    /// MP3: encode with the bit reservoir
    #[arg(long)]
    reservoir: bool,
    /// JPEG: quality of the images, 1 to 100 [default: that of the first variants in training]
    #[arg(long)]
    quality: Option<u8>,
}

impl RateArgs {
    pub(super) fn apply(&self, options: &mut CodecOptions) -> Result<()> {
        let foreign = match options {
            CodecOptions::Mp3(_) => self.quality.is_some().then_some("--quality"),
            CodecOptions::Opus(_) if self.quality.is_some() => Some("--quality"),
            CodecOptions::Opus(_) => self.reservoir.then_some("--reservoir"),
            CodecOptions::Jpeg(_) if self.bitrate.is_some() => Some("--bitrate"),
            CodecOptions::Jpeg(_) => self.reservoir.then_some("--reservoir"),
        };
        if let Some(option) = foreign {
            bail!("{option}: the model reads {}, which has none", options.name());
        }
        match options {
            CodecOptions::Mp3(mp3) => {
                mp3.bitrate_kbps = self.bitrate.unwrap_or(mp3.bitrate_kbps);
                mp3.reservoir = if self.reservoir { Reservoir::On } else { Reservoir::Off };
            }
            CodecOptions::Opus(opus) => opus.encode.bitrate_kbps = self.bitrate.unwrap_or(opus.encode.bitrate_kbps),
            CodecOptions::Jpeg(jpeg) => jpeg.encode.quality = self.quality.unwrap_or(jpeg.encode.quality),
        }
        Ok(())
    }
}
