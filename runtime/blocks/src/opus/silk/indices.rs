//! What a SILK frame says before its excitation (RFC 6716, sections 4.2.7.3 to 4.2.7.7).

use super::lsf::{self, MAX_LSFS};
use super::tables::*;
use super::{MAX_SUBFRAMES, Rate, Shape};
use crate::opus::range::RangeDecoder;

/// How a frame leans on the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::opus) enum Coding {
    /// Not at all.
    Independent,
    /// Gain and lag may be differences.
    Conditional,
    /// Not at all, and no LTP scaling is coded: the side channel's first frame behind some without one.
    AfterMiddleOnly,
}

/// What kind of sound a frame is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::opus) enum SignalType {
    #[default]
    Inactive,
    Unvoiced,
    Voiced,
}

/// The indices of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::opus) struct Indices {
    pub signal: SignalType,
    /// The greater of two offsets of the quantiser.
    pub high_offset: bool,
    /// As coded: the first whole or a difference, the others differences.
    gains: [u8; MAX_SUBFRAMES],
    /// Vector of the codebook: 0 to 31.
    pub lsf_vector: u8,
    /// Steps away from it, -10 to 10 each.
    pub lsf_residual: [i8; MAX_LSFS],
    /// What a voiced frame says of its pitch.
    pub voiced: Option<Voiced>,
}

/// The pitch of a frame (section 4.2.7.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::opus) struct Voiced {
    /// Samples of the frame's rate above the least lag, which is 2 ms; past what a codec makes of it behind damage.
    pub lag: i16,
    /// How the lag changes within the frame: 0 to 33.
    pub contour: u8,
    /// 0 to 2, the more the more alike one period is to the next.
    pub periodicity: u8,
}

/// What the next frame of a channel may lean on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Context {
    signal: SignalType,
    lag: i16,
}

impl Indices {
    pub(super) fn read(
        range: &mut RangeDecoder<'_>,
        shape: Shape,
        coding: Coding,
        active: bool,
        context: &mut Context,
    ) -> Self {
        let kind = if active { range.icdf(&TYPE_ACTIVE_ICDF, 8) + 2 } else { range.icdf(&TYPE_INACTIVE_ICDF, 8) };
        let signal = match kind >> 1 {
            0 => SignalType::Inactive,
            1 => SignalType::Unvoiced,
            _ => SignalType::Voiced,
        };
        let gains = gains(range, shape, coding, signal);
        let (lsf_vector, lsf_residual) = lsf::read(range, shape.rate, signal);
        if shape.subframes == MAX_SUBFRAMES {
            range.icdf(&INTERPOLATION_ICDF, 8);
        }
        let voiced = (signal == SignalType::Voiced).then(|| Voiced::read(range, shape, coding, context));
        context.signal = signal;
        range.icdf(&UNIFORM_4_ICDF, 8); // seed of the signs
        Self { signal, high_offset: kind & 1 == 1, gains, lsf_vector, lsf_residual, voiced }
    }

    /// Gains from the `last` of the frame before, which becomes that of this one (section 4.2.7.4).
    pub(super) fn gains(&self, shape: Shape, coding: Coding, last: &mut u8) -> [u8; MAX_SUBFRAMES] {
        let mut gains = [0; MAX_SUBFRAMES];
        for (number, gain) in gains.iter_mut().enumerate().take(shape.subframes) {
            let (coded, before) = (i32::from(self.gains[number]), i32::from(*last));
            let index = match (number, coding) {
                (0, Coding::Independent | Coding::AfterMiddleOnly) => coded.max(before - 16),
                _ => (2 * coded - 16).max(before + coded - 4),
            };
            *last = index.clamp(0, 63) as u8;
            *gain = *last;
        }
        gains
    }
}

fn gains(range: &mut RangeDecoder<'_>, shape: Shape, coding: Coding, signal: SignalType) -> [u8; MAX_SUBFRAMES] {
    let mut gains = [0; MAX_SUBFRAMES];
    for (number, gain) in gains.iter_mut().enumerate().take(shape.subframes) {
        *gain = if number == 0 && coding != Coding::Conditional {
            (range.icdf(&GAIN_HIGH_ICDF[signal as usize], 8) << 3 | range.icdf(&UNIFORM_8_ICDF, 8)) as u8
        } else {
            range.icdf(&GAIN_DELTA_ICDF, 8) as u8
        };
    }
    gains
}

impl Voiced {
    fn read(range: &mut RangeDecoder<'_>, shape: Shape, coding: Coding, context: &mut Context) -> Self {
        let leans = coding == Coding::Conditional && context.signal == SignalType::Voiced;
        let difference = if leans { range.icdf(&LAG_DELTA_ICDF, 8) as i16 } else { 0 };
        let lag = if difference > 0 { context.lag.saturating_add(difference - 9) } else { lag(range, shape.rate) };
        context.lag = lag;
        let contours: &[u8] = match (shape.rate, shape.subframes) {
            (Rate::Khz8, MAX_SUBFRAMES) => &CONTOUR_NARROW_ICDF,
            (Rate::Khz8, _) => &CONTOUR_10_NARROW_ICDF,
            (_, MAX_SUBFRAMES) => &CONTOUR_ICDF,
            _ => &CONTOUR_10_ICDF,
        };
        let contour = range.icdf(contours, 8) as u8;
        let periodicity = range.icdf(&PERIODICITY_ICDF, 8);
        let filters: &[u8] = match periodicity {
            0 => &LTP_0_ICDF,
            1 => &LTP_1_ICDF,
            _ => &LTP_2_ICDF,
        };
        for _ in 0..shape.subframes {
            range.icdf(filters, 8);
        }
        if coding == Coding::Independent {
            range.icdf(&LTP_SCALE_ICDF, 8);
        }
        Self { lag, contour, periodicity: periodicity as u8 }
    }

    /// The lag before its contour, in samples at 48 kHz.
    pub(in crate::opus) fn period(&self, rate: Rate) -> i32 {
        (i32::from(self.lag) + 2 * rate as i32) * (48 / rate as i32)
    }
}

/// A lag coded by itself.
fn lag(range: &mut RangeDecoder<'_>, rate: Rate) -> i16 {
    let high = range.icdf(&LAG_HIGH_ICDF, 8) * (rate as usize / 2);
    let low: &[u8] = match rate {
        Rate::Khz8 => &UNIFORM_4_ICDF,
        Rate::Khz12 => &UNIFORM_6_ICDF,
        Rate::Khz16 => &UNIFORM_8_ICDF,
    };
    (high + range.icdf(low, 8)) as i16
}
