//! libopus, to compare with: what its decoder remembers of a packet.

#![allow(unsafe_code, reason = "libopus is transpiled from C: every call takes raw pointers")]

use std::ptr::NonNull;

use unsafe_libopus::{
    OPUS_GET_FINAL_RANGE_REQUEST, OpusCustomDecoder, OpusDecoder, opus_decode_float, opus_decoder_create,
    opus_decoder_ctl_impl, opus_decoder_destroy, varargs,
};

pub const BANDS: usize = 21;

/// Samples of each channel that its CELT decoder keeps, and coefficients of its concealment.
const KEPT: usize = 2048 + 120 + 24;

/// A decoder at 48 kHz.
pub struct Decoder {
    /// From `opus_decoder_create`, owned, freed once in `drop`.
    state: NonNull<OpusDecoder>,
    channels: usize,
    sound: Vec<f32>,
}

impl Decoder {
    pub fn new(channels: u8) -> Self {
        let mut code = 0;
        // SAFETY: numbers that the function checks, and a place for its answer that outlives the call.
        let state = unsafe { opus_decoder_create(48_000, channels.into(), &raw mut code) };
        let state = NonNull::new(state).expect("a decoder");
        Self { state, channels: channels.into(), sound: vec![0.0; 5760 * usize::from(channels)] }
    }

    /// Decodes a packet and gives the range behind its last frame.
    pub fn decode(&mut self, packet: &[u8]) -> u32 {
        let (bytes, sound, mut range) = (packet.len() as i32, self.sound.as_mut_ptr(), 0_u32);
        // SAFETY: `sound` has room for the longest packet, and the decoder does not write to the packet.
        let samples = unsafe { opus_decode_float(self.state.as_mut(), packet.as_ptr(), bytes, sound, 5760, 0) };
        assert!(samples > 0, "libopus refuses the packet: {samples}");
        // SAFETY: the request takes the place of a number.
        let code =
            unsafe { opus_decoder_ctl_impl(self.state.as_mut(), OPUS_GET_FINAL_RANGE_REQUEST, varargs!(&mut range)) };
        assert_eq!(code, 0);
        range
    }

    /// Energies of the bands of each channel: log2 of the amplitude, less the usual one of the band.
    pub fn energies(&self) -> [[f32; BANDS]; 2] {
        // SAFETY: the decoder begins with the offsets of its parts. Behind the samples and coefficients of each channel
        // its CELT part has the energies of two.
        unsafe {
            let celt = self.part(0).cast::<OpusCustomDecoder>();
            let energies = (&raw const (*celt)._decode_mem).cast::<f32>().add(KEPT * self.channels);
            energies.cast::<[[f32; BANDS]; 2]>().read_unaligned()
        }
    }

    /// Whether these line spectral frequencies are the last ones of a channel: they stand somewhere in its SILK part.
    pub fn has_lsfs(&self, lsfs: &[i16]) -> bool {
        // SAFETY: the SILK part ends where the CELT part begins.
        let silk = unsafe {
            let (start, end) = (self.part(1), self.part(0));
            std::slice::from_raw_parts(start.cast::<i16>(), end.offset_from(start) as usize / 2)
        };
        silk.windows(lsfs.len()).any(|window| window == lsfs)
    }

    /// CELT is part 0, SILK is part 1.
    unsafe fn part(&self, number: usize) -> *const u8 {
        // SAFETY: the decoder begins with the two offsets, in bytes from its start.
        unsafe {
            let start = self.state.as_ptr().cast_const().cast::<u8>();
            start.offset(start.cast::<i32>().add(number).read() as isize)
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `opus_decoder_create` and is not used after this.
        unsafe { opus_decoder_destroy(self.state.as_ptr()) }
    }
}
