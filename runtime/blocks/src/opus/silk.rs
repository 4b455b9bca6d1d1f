//! The SILK layer of a frame (RFC 6716, section 4.2): what it says of each 20 ms of each channel.

mod codebooks;
mod excitation;
mod indices;
mod lsf;
mod shells;
mod tables;

pub(super) use indices::{Coding, Voiced};
pub(super) use lsf::MAX_LSFS;

use indices::{Context, Indices};

use super::range::RangeDecoder;
use super::toc::Bandwidth;
use tables::{LBRR_2_ICDF, LBRR_3_ICDF, MID_ONLY_ICDF, STEREO_JOINT_ICDF, UNIFORM_3_ICDF, UNIFORM_5_ICDF};

/// SILK frames in one frame of an Opus packet.
pub(super) const MAX_SILK_FRAMES: usize = 3;
/// Subframes of 5 ms in a SILK frame.
pub(super) const MAX_SUBFRAMES: usize = 4;

/// The gain index that differences begin with.
const FIRST_GAIN: u8 = 10;

/// What is known of a SILK layer before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub rate: Rate,
    /// SILK frames, 1 to 3.
    pub frames: usize,
    /// Subframes of each: 2 in a frame of 10 ms, else 4.
    pub subframes: usize,
    /// 1 or 2.
    pub channels: usize,
}

/// Samples a millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rate {
    Khz8 = 8,
    Khz12 = 12,
    Khz16 = 16,
}

impl Rate {
    /// That of a bandwidth; hybrid frames have the highest.
    pub(super) const fn of(bandwidth: Bandwidth) -> Self {
        match bandwidth {
            Bandwidth::Narrow => Self::Khz8,
            Bandwidth::Medium => Self::Khz12,
            _ => Self::Khz16,
        }
    }
}

/// One channel of one SILK frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// The encoder heard a voice, or whatever it takes for one.
    pub active: bool,
    pub indices: Indices,
    /// Of each subframe: log2 of its gain in steps of 1.37 dB, 0 to 63.
    pub gains: [u8; MAX_SUBFRAMES],
    /// Line spectral frequencies in 1/32768 of half the sampling rate, as many as `indices` has.
    pub lsfs: [i16; MAX_LSFS],
    /// Of each subframe: the sum of the excitation's magnitudes.
    pub pulses: [u32; MAX_SUBFRAMES],
}

/// Frames in the order of time, within them middle and side (mono: the one channel). A side channel that is not coded
/// is `None`.
pub(super) type Frames = [[Option<Frame>; 2]; MAX_SILK_FRAMES];

/// What a decoder remembers of the frames before, as far as symbols depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    channels: [Channel; 2],
    stereo: bool,
    middle_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Channel {
    rate: Option<Rate>,
    gain: u8,
    context: Context,
}

impl Default for Channel {
    fn default() -> Self {
        Self { rate: None, gain: FIRST_GAIN, context: Context::default() }
    }
}

impl State {
    /// Behind a frame that did not arrive, gains begin anew.
    pub(super) fn lose(&mut self) {
        self.channels.iter_mut().for_each(|channel| channel.gain = FIRST_GAIN);
    }

    /// Reads a frame's layer (section 4.2.2): flags, frames for loss concealment, which are passed over, and frames.
    pub(super) fn read(&mut self, range: &mut RangeDecoder<'_>, shape: Shape) -> Frames {
        self.begin(shape);
        let mut active = [[false; MAX_SILK_FRAMES]; 2];
        let mut double = [[false; MAX_SILK_FRAMES]; 2];
        for (active, double) in active.iter_mut().zip(&mut double).take(shape.channels) {
            active[..shape.frames].fill_with(|| range.bit_logp(1));
            double[0] = range.bit_logp(1);
        }
        double[..shape.channels].iter_mut().filter(|double| double[0]).for_each(|double| which(range, shape, double));
        self.pass_over(range, shape, &double);
        let mut frames = Frames::default();
        for (number, frame) in frames.iter_mut().enumerate().take(shape.frames) {
            *frame = self.read_frame(range, shape, number, [active[0][number], active[1][number]]);
        }
        frames
    }

    /// A channel that was not there, or had another rate, begins anew.
    fn begin(&mut self, shape: Shape) {
        let stereo = shape.channels == 2;
        if stereo && !self.stereo {
            self.channels[1] = Channel::default();
        }
        self.stereo = stereo;
        for channel in &mut self.channels[..shape.channels] {
            if channel.rate.replace(shape.rate) != Some(shape.rate) {
                channel.gain = FIRST_GAIN;
            }
        }
    }

    /// Frames that stand here a second time, coarser, for a decoder that lost the packet before (section 4.2.5).
    fn pass_over(&mut self, range: &mut RangeDecoder<'_>, shape: Shape, double: &[[bool; MAX_SILK_FRAMES]; 2]) {
        for number in 0..shape.frames {
            for channel in 0..shape.channels {
                if !double[channel][number] {
                    continue;
                }
                if shape.channels == 2 && channel == 0 {
                    stereo_weights(range);
                    if !double[1][number] {
                        range.icdf(&MID_ONLY_ICDF, 8);
                    }
                }
                let after = number > 0 && double[channel][number - 1];
                let coding = if after { Coding::Conditional } else { Coding::Independent };
                let context = &mut self.channels[channel].context;
                let indices = Indices::read(range, shape, coding, true, context);
                excitation::read(range, shape, &indices);
            }
        }
    }

    fn read_frame(
        &mut self,
        range: &mut RangeDecoder<'_>,
        shape: Shape,
        number: usize,
        active: [bool; 2],
    ) -> [Option<Frame>; 2] {
        let mut middle_only = false;
        if shape.channels == 2 {
            stereo_weights(range);
            middle_only = !active[1] && range.icdf(&MID_ONLY_ICDF, 8) == 1;
        }
        if shape.channels == 2 && self.middle_only && !middle_only {
            self.channels[1].gain = FIRST_GAIN;
        }
        let mut frame = [None; 2];
        for channel in 0..if middle_only { 1 } else { shape.channels } {
            let coding = match (number, channel) {
                (0, _) => Coding::Independent,
                (_, 1) if self.middle_only => Coding::AfterMiddleOnly,
                _ => Coding::Conditional,
            };
            frame[channel] = Some(self.channels[channel].read(range, shape, coding, active[channel]));
        }
        self.middle_only = middle_only;
        frame
    }
}

impl Channel {
    fn read(&mut self, range: &mut RangeDecoder<'_>, shape: Shape, coding: Coding, active: bool) -> Frame {
        let indices = Indices::read(range, shape, coding, active, &mut self.context);
        let pulses = excitation::read(range, shape, &indices);
        let gains = indices.gains(shape, coding, &mut self.gain);
        Frame {
            active,
            indices,
            gains,
            lsfs: lsf::frequencies(shape.rate, indices.lsf_vector, &indices.lsf_residual),
            pulses,
        }
    }
}

/// Which frames of a channel are there twice (section 4.2.4).
fn which(range: &mut RangeDecoder<'_>, shape: Shape, double: &mut [bool; MAX_SILK_FRAMES]) {
    let flags = match shape.frames {
        2 => range.icdf(&LBRR_2_ICDF, 8) + 1,
        3 => range.icdf(&LBRR_3_ICDF, 8) + 1,
        _ => 1,
    };
    for (number, double) in double.iter_mut().enumerate() {
        *double = flags >> number & 1 == 1;
    }
}

/// How the side is foretold from the middle (section 4.2.7.1), of which nothing is kept.
fn stereo_weights(range: &mut RangeDecoder<'_>) {
    range.icdf(&STEREO_JOINT_ICDF, 8);
    for _ in 0..2 {
        range.icdf(&UNIFORM_3_ICDF, 8);
        range.icdf(&UNIFORM_5_ICDF, 8);
    }
}
