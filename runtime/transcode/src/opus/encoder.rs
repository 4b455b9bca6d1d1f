//! libopus behind a safe face.
#![allow(unsafe_code, reason = "libopus is transpiled from C: every call takes raw pointers")]

use std::ptr::NonNull;

use super::{Application, EncodeError, EncodeParams};

/// Bytes that no packet exceeds: six frames of 20 ms and the lengths before them (RFC 6716, 3.2.5).
const MAX_PACKET_BYTES: usize = 6 * 1_275 + 7;

/// One encoder: it remembers the sound before.
pub(super) struct Encoder {
    /// From `opus_encoder_create`, owned, freed once in `drop`.
    state: NonNull<unsafe_libopus::OpusEncoder>,
    channels: usize,
}

impl Encoder {
    /// `params` are validated by the caller.
    pub(super) fn new(params: &EncodeParams) -> Result<Self, EncodeError> {
        let application = match params.application {
            Application::Audio => unsafe_libopus::OPUS_APPLICATION_AUDIO,
            Application::Voip => unsafe_libopus::OPUS_APPLICATION_VOIP,
            Application::LowDelay => unsafe_libopus::OPUS_APPLICATION_RESTRICTED_LOWDELAY,
        };
        let (rate, channels, mut code) = (params.sample_rate as i32, i32::from(params.channels), 0);
        // SAFETY: the arguments are numbers that the function checks, and a place for its answer that outlives the call.
        let state = unsafe { unsafe_libopus::opus_encoder_create(rate, channels, application, &raw mut code) };
        let state = NonNull::new(state).ok_or_else(|| failed("start", code))?;
        let mut encoder = Encoder { state, channels: usize::from(params.channels) };
        encoder.set(
            "set the bit rate",
            unsafe_libopus::OPUS_SET_BITRATE_REQUEST,
            params.bitrate_kbps as i32 * 1_000,
        )?;
        encoder.set("choose the bit rate's kind", unsafe_libopus::OPUS_SET_VBR_REQUEST, i32::from(params.vbr))?;
        encoder.set("leave the rate unconstrained", unsafe_libopus::OPUS_SET_VBR_CONSTRAINT_REQUEST, 0)?;
        encoder.set("set the complexity", unsafe_libopus::OPUS_SET_COMPLEXITY_REQUEST, i32::from(params.complexity))?;
        Ok(encoder)
    }

    /// Samples of each channel by which a decoder's output is late.
    pub(super) fn lookahead(&mut self) -> Result<usize, EncodeError> {
        let (request, mut samples) = (unsafe_libopus::OPUS_GET_LOOKAHEAD_REQUEST, 0);
        let out = unsafe_libopus::varargs!(&mut samples);
        // SAFETY: the state is live and borrowed; this request takes one place for a number, which `out` is.
        let code = unsafe { unsafe_libopus::opus_encoder_ctl_impl(self.state.as_ptr(), request, out) };
        if code == unsafe_libopus::OPUS_OK { Ok(samples as usize) } else { Err(failed("tell its delay", code)) }
    }

    /// One packet. The samples of all channels in turn, of one of the legal durations.
    pub(super) fn encode(&mut self, samples: &[f32]) -> Result<Vec<u8>, EncodeError> {
        let mut packet = vec![0; MAX_PACKET_BYTES];
        let length = (samples.len() / self.channels) as i32;
        // SAFETY: the state is live and borrowed. libopus reads `length` samples of each of its `channels`, at most all
        // of `samples`, refuses lengths that are no packet's, and writes at most the stated bytes of `packet`.
        let code = unsafe {
            let (from, to) = (samples.as_ptr(), packet.as_mut_ptr());
            unsafe_libopus::opus_encode_float(self.state.as_ptr(), from, length, to, MAX_PACKET_BYTES as i32)
        };
        let bytes = usize::try_from(code).map_err(|_| failed("encode", code))?;
        packet.truncate(bytes);
        packet.shrink_to_fit();
        Ok(packet)
    }

    fn set(&mut self, step: &'static str, request: i32, value: i32) -> Result<(), EncodeError> {
        // SAFETY: the state is live and borrowed; each request given to this function takes one number.
        let code = unsafe {
            unsafe_libopus::opus_encoder_ctl_impl(self.state.as_ptr(), request, unsafe_libopus::varargs!(value))
        };
        if code == unsafe_libopus::OPUS_OK { Ok(()) } else { Err(failed(step, code)) }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: the state came from `opus_encoder_create` and nothing else frees it.
        unsafe { unsafe_libopus::opus_encoder_destroy(self.state.as_ptr()) }
    }
}

fn failed(step: &'static str, code: i32) -> EncodeError {
    EncodeError::Libopus { step, reason: format!("error code {code}") }
}
