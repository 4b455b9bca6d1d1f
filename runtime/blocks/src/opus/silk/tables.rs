//! The tables of SILK (RFC 6716, section 4.2). Those named `…_ICDF` are inverse cumulative distributions of 256.

/// Stage 1 of the stereo weights.
#[rustfmt::skip]
pub(super) static STEREO_JOINT_ICDF: [u8; 25] = [
    249, 247, 246, 245, 244, 234, 210, 202, 201, 200, 197, 174, 82, 59, 56, 55, 54, 46, 22, 12, 11, 10, 9, 7, 0,
];

/// Whether the side channel is not coded.
#[rustfmt::skip]
pub(super) static MID_ONLY_ICDF: [u8; 2] = [
    64, 0,
];

/// Which frames of 40 ms are there twice.
#[rustfmt::skip]
pub(super) static LBRR_2_ICDF: [u8; 3] = [
    203, 150, 0,
];

/// Which frames of 60 ms are there twice.
#[rustfmt::skip]
pub(super) static LBRR_3_ICDF: [u8; 7] = [
    215, 195, 166, 125, 110, 82, 0,
];

/// Frame type with voice activity, from 2 on.
#[rustfmt::skip]
pub(super) static TYPE_ACTIVE_ICDF: [u8; 4] = [
    232, 158, 10, 0,
];

/// Frame type without voice activity.
#[rustfmt::skip]
pub(super) static TYPE_INACTIVE_ICDF: [u8; 2] = [
    230, 0,
];

/// High bits of a gain coded by itself, by signal type.
#[rustfmt::skip]
pub(super) static GAIN_HIGH_ICDF: [[u8; 8]; 3] = [
    [224, 112, 44, 15, 3, 2, 1, 0],
    [254, 237, 192, 132, 70, 23, 4, 0],
    [255, 252, 226, 155, 61, 11, 2, 0],
];

/// A gain as a difference, from -4 on.
#[rustfmt::skip]
pub(super) static GAIN_DELTA_ICDF: [u8; 41] = [
    250, 245, 234, 203, 71, 50, 42, 38, 35, 33, 31, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15,
    14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0,
];

/// 3 equal values.
#[rustfmt::skip]
pub(super) static UNIFORM_3_ICDF: [u8; 3] = [
    171, 85, 0,
];

/// 4 equal values.
#[rustfmt::skip]
pub(super) static UNIFORM_4_ICDF: [u8; 4] = [
    192, 128, 64, 0,
];

/// 5 equal values.
#[rustfmt::skip]
pub(super) static UNIFORM_5_ICDF: [u8; 5] = [
    205, 154, 102, 51, 0,
];

/// 6 equal values.
#[rustfmt::skip]
pub(super) static UNIFORM_6_ICDF: [u8; 6] = [
    213, 171, 128, 85, 43, 0,
];

/// 8 equal values.
#[rustfmt::skip]
pub(super) static UNIFORM_8_ICDF: [u8; 8] = [
    224, 192, 160, 128, 96, 64, 32, 0,
];

/// Interpolation of the LSFs.
#[rustfmt::skip]
pub(super) static INTERPOLATION_ICDF: [u8; 5] = [
    243, 221, 192, 181, 0,
];

/// High part of a lag coded by itself.
#[rustfmt::skip]
pub(super) static LAG_HIGH_ICDF: [u8; 32] = [
    253, 250, 244, 233, 212, 182, 150, 131, 120, 110, 98, 85, 72, 60, 49, 40, 32, 25, 19, 15, 13, 11, 9, 8, 7,
    6, 5, 4, 3, 2, 1, 0,
];

/// A lag as a difference; 0 for one coded by itself.
#[rustfmt::skip]
pub(super) static LAG_DELTA_ICDF: [u8; 21] = [
    210, 208, 206, 203, 199, 193, 183, 168, 142, 104, 74, 52, 37, 27, 20, 14, 10, 6, 4, 2, 0,
];

/// Pitch contour of 20 ms.
#[rustfmt::skip]
pub(super) static CONTOUR_ICDF: [u8; 34] = [
    223, 201, 183, 167, 152, 138, 124, 111, 98, 88, 79, 70, 62, 56, 50, 44, 39, 35, 31, 27, 24, 21, 18, 16, 14,
    12, 10, 8, 6, 4, 3, 2, 1, 0,
];

/// The same at 8 kHz.
#[rustfmt::skip]
pub(super) static CONTOUR_NARROW_ICDF: [u8; 11] = [
    188, 176, 155, 138, 119, 97, 67, 43, 26, 10, 0,
];

/// Pitch contour of 10 ms.
#[rustfmt::skip]
pub(super) static CONTOUR_10_ICDF: [u8; 12] = [
    165, 119, 80, 61, 47, 35, 27, 20, 14, 9, 4, 0,
];

/// The same at 8 kHz.
#[rustfmt::skip]
pub(super) static CONTOUR_10_NARROW_ICDF: [u8; 3] = [
    113, 63, 0,
];

/// Which of the LTP filter tables.
#[rustfmt::skip]
pub(super) static PERIODICITY_ICDF: [u8; 3] = [
    179, 99, 0,
];

/// LTP filter of little periodicity.
#[rustfmt::skip]
pub(super) static LTP_0_ICDF: [u8; 8] = [
    71, 56, 43, 30, 21, 12, 6, 0,
];

/// LTP filter of some periodicity.
#[rustfmt::skip]
pub(super) static LTP_1_ICDF: [u8; 16] = [
    199, 165, 144, 124, 109, 96, 84, 71, 61, 51, 42, 32, 23, 15, 8, 0,
];

/// LTP filter of much periodicity.
#[rustfmt::skip]
pub(super) static LTP_2_ICDF: [u8; 32] = [
    241, 225, 211, 199, 187, 175, 164, 153, 142, 132, 123, 114, 105, 96, 88, 80, 72, 64, 57, 50, 44, 38, 33, 29,
    24, 20, 16, 12, 9, 5, 2, 0,
];

/// LTP scaling.
#[rustfmt::skip]
pub(super) static LTP_SCALE_ICDF: [u8; 3] = [
    128, 64, 0,
];
