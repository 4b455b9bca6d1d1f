//! The tables of ISO/IEC 11172-3 and 13818-3, both 2.4.2.3, as far as frame lengths need them.

/// Bit rates in kbit/s, indexed by `bitrate_index`: 0 is the free format, 15 is forbidden.
pub(super) type Bitrates = [u16; 16];

/// MPEG-1, Layer I.
pub(super) const MPEG1_LAYER_I: Bitrates = [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0];
/// MPEG-1, Layer II.
pub(super) const MPEG1_LAYER_II: Bitrates = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0];
/// MPEG-1, Layer III.
pub(super) const MPEG1_LAYER_III: Bitrates = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
/// MPEG-2 and 2.5, Layer I.
pub(super) const LSF_LAYER_I: Bitrates = [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0];
/// MPEG-2 and 2.5, Layers II and III.
pub(super) const LSF_LAYER_II_III: Bitrates = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0];

/// The sample rate in Hz that a header states, whatever its layer; `sampling_frequency` is not the reserved 3. MPEG-2
/// halves the rates of MPEG-1, MPEG-2.5 halves them again.
pub(super) const fn sample_rate(word: u32) -> u32 {
    let mpeg1 = match word >> 10 & 3 {
        0 => 44_100,
        1 => 48_000,
        _ => 32_000,
    };
    match word >> 19 & 3 {
        0b11 => mpeg1,
        0b10 => mpeg1 / 2,
        _ => mpeg1 / 4,
    }
}
