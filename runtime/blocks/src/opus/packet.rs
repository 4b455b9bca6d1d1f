//! What is inside a packet (RFC 6716, section 3.2): frames.

use core::{error::Error, fmt, iter::FusedIterator};

use crate::ErrorClass;

use super::payload::Payload;
use super::toc::Toc;

/// The longest frame: the largest two-byte length is 255 x 4 + 255.
pub const MAX_FRAME_BYTES: usize = 1275;
/// The longest packet in samples at 48 kHz: 120 ms.
pub const MAX_PACKET_SAMPLES: u32 = 5760;
/// Frames of a packet at most: 120 ms of 2.5 ms each.
pub const MAX_FRAMES: usize = 48;

/// A frame length of at least this takes two bytes.
const TWO_BYTE_LENGTH: u8 = 252;

/// Which rule of RFC 6716, section 3.4, a packet breaks. Of several the first found in reading order is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PacketError {
    /// A packet has at least one byte.
    R1,
    /// No implicit frame length is larger than 1275 bytes.
    R2,
    /// A code 1 packet has an odd length.
    R3,
    /// A code 2 packet has enough bytes for the first frame's length, and for that frame.
    R4,
    /// A code 3 packet has at least one frame and at most 120 ms.
    R5,
    /// A code 3 packet has a second byte; at a constant bit rate, padding fits in and the rest divides by the frames.
    R6,
    /// A code 3 packet of variable bit rate holds all its lengths, its frames and its padding.
    R7,
    /// The packet was longer than the cutter keeps ([`MAX_PACKET_BYTES`](super::MAX_PACKET_BYTES)), and the lengths of
    /// its frames are not in what is left.
    Cut,
}

impl PacketError {
    /// The class of this error.
    #[must_use]
    pub const fn class(self) -> ErrorClass {
        match self {
            Self::Cut => ErrorClass::Limit,
            _ => ErrorClass::Malformed,
        }
    }
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::R1 => "RFC 6716 R1: the packet is empty",
            Self::R2 => "RFC 6716 R2: a frame without stated length has more than 1275 bytes",
            Self::R3 => "RFC 6716 R3: two frames of one size do not divide the packet",
            Self::R4 => "RFC 6716 R4: the first of two frames is longer than the packet",
            Self::R5 => "RFC 6716 R5: no frames, or more than 120 ms",
            Self::R6 => "RFC 6716 R6: frames of one size and padding do not fit the packet",
            Self::R7 => "RFC 6716 R7: frame lengths and padding are longer than the packet",
            Self::Cut => "the packet is cut before its frame lengths end",
        })
    }
}

impl Error for PacketError {}

/// A packet that follows the rules.
///
/// ```
/// use tempest_blocks::opus::{Packet, PacketError};
///
/// // Code 2: a frame of two bytes, and the rest of three.
/// let packet = Packet::parse(&[0x0A, 2, 1, 1, 2, 2, 2])?;
/// let lengths: Vec<_> = packet.frames().map(|frame| frame.bytes.len()).collect();
/// assert_eq!(lengths, [2, 3]);
/// assert_eq!(Packet::parse(&[0x0A, 9, 1, 1]), Err(PacketError::R4));
/// # Ok::<(), PacketError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    toc: Toc,
    vbr: bool,
    frame_count: u8,
    padding: u64,
    /// Where the coded lengths begin; there are none at a constant bit rate.
    lengths: usize,
    /// Where the first frame begins.
    data: usize,
    /// Length of the frames without one: all of them, or at a variable bit rate the last.
    implicit: usize,
    bytes: Payload<'a>,
}

impl<'a> Packet<'a> {
    /// Reads a packet that lies in one piece.
    pub fn parse(packet: &'a [u8]) -> Result<Self, PacketError> {
        Self::of_payload(Payload::whole(packet), packet.len() as u64)
    }

    /// Reads a packet of `packet_bytes`, of which `bytes` are there.
    pub(super) fn of_payload(bytes: Payload<'a>, packet_bytes: u64) -> Result<Self, PacketError> {
        let header = Header { bytes, packet_bytes };
        let toc = Toc(header.get(0, PacketError::R1)?);
        match toc.code() {
            0 => header.constant(toc, 1, 1, 0, PacketError::R2),
            1 => header.constant(toc, 2, 1, 0, PacketError::R3),
            2 => header.variable(toc, 2, 1, 0, PacketError::R4),
            _ => header.counted(toc),
        }
    }

    /// The first byte.
    #[must_use]
    pub const fn toc(&self) -> Toc {
        self.toc
    }

    /// Whether frames have lengths of their own: code 2, and code 3 with its flag set.
    #[must_use]
    pub const fn vbr(&self) -> bool {
        self.vbr
    }

    /// How many frames there are: 1..=48.
    #[must_use]
    pub const fn frame_count(&self) -> u8 {
        self.frame_count
    }

    /// Bytes behind the last frame. Those that state their number are not counted.
    #[must_use]
    pub const fn padding(&self) -> u64 {
        self.padding
    }

    /// Length in samples at 48 kHz: 120..=5760.
    #[must_use]
    pub const fn samples(&self) -> u32 {
        self.toc.frame_samples() * self.frame_count as u32
    }

    /// The frames, in order.
    #[must_use]
    pub const fn frames(&self) -> Frames<'a> {
        Frames { packet: *self, index: 0, length_at: self.lengths, data_at: self.data }
    }

    /// The lengths of the frames as coded, whether or not the packet was cut.
    pub(super) fn frame_lengths(&self) -> impl Iterator<Item = usize> {
        let mut frames = self.frames();
        core::iter::from_fn(move || {
            let before = frames.data_at;
            frames.next().map(|_| frames.data_at - before)
        })
    }
}

/// Samples that the first two bytes of a packet state; 0 for a packet that breaks R1 or R5.
#[inline]
pub(super) fn samples(first: &[u8]) -> u32 {
    let (Some(&toc), count) = (first.first(), first.get(1)) else { return 0 };
    let toc = Toc(toc);
    let frames = match toc.code() {
        0 => 1,
        1 | 2 => 2,
        _ => count.map_or(0, |count| u32::from(count & 0x3F)),
    };
    Some(toc.frame_samples() * frames).filter(|&samples| samples <= MAX_PACKET_SAMPLES).unwrap_or(0)
}

/// The part of a packet before its frames.
struct Header<'a> {
    bytes: Payload<'a>,
    packet_bytes: u64,
}

impl<'a> Header<'a> {
    fn get(&self, at: usize, missing: PacketError) -> Result<u8, PacketError> {
        let cut = (at as u64) < self.packet_bytes;
        self.bytes.get(at).ok_or(if cut { PacketError::Cut } else { missing })
    }

    /// Code 3: `v p cccccc`, the length of the padding, the lengths of the frames.
    fn counted(&self, toc: Toc) -> Result<Packet<'a>, PacketError> {
        let second = self.get(1, PacketError::R6)?;
        let (vbr, padded, frame_count) = (second & 0x80 != 0, second & 0x40 != 0, second & 0x3F);
        if frame_count == 0 || toc.frame_samples() * u32::from(frame_count) > MAX_PACKET_SAMPLES {
            return Err(PacketError::R5);
        }
        let broken = if vbr { PacketError::R7 } else { PacketError::R6 };
        let (mut at, mut padding) = (2, 0);
        let mut goes_on = padded;
        while goes_on {
            let byte = self.get(at, broken)?;
            at += 1;
            // 255 stands for 254 bytes and another byte of length.
            padding += u64::from(byte.min(254));
            goes_on = byte == 255;
        }
        if vbr {
            self.variable(toc, frame_count, at, padding, broken)
        } else {
            self.constant(toc, frame_count, at, padding, broken)
        }
    }

    /// Frames of one size from `data` on.
    fn constant(
        &self,
        toc: Toc,
        frame_count: u8,
        data: usize,
        padding: u64,
        broken: PacketError,
    ) -> Result<Packet<'a>, PacketError> {
        let room = self.packet_bytes.checked_sub(data as u64 + padding).ok_or(broken)?;
        if room % u64::from(frame_count) != 0 {
            return Err(broken);
        }
        let implicit = implicit(room / u64::from(frame_count))?;
        Ok(Packet { toc, vbr: false, frame_count, padding, lengths: data, data, implicit, bytes: self.bytes })
    }

    /// Frames of several sizes, whose lengths, but for the last, are at `lengths`.
    fn variable(
        &self,
        toc: Toc,
        frame_count: u8,
        lengths: usize,
        padding: u64,
        broken: PacketError,
    ) -> Result<Packet<'a>, PacketError> {
        let (mut data, mut stated) = (lengths, 0);
        for _ in 1..frame_count {
            let (bytes, taken) = frame_length(self.get(data, broken)?, || self.get(data + 1, broken))?;
            data += taken;
            stated += bytes;
        }
        let rest = self.packet_bytes.checked_sub((data + stated) as u64 + padding).ok_or(broken)?;
        let implicit = implicit(rest)?;
        Ok(Packet { toc, vbr: true, frame_count, padding, lengths, data, implicit, bytes: self.bytes })
    }
}

fn implicit(bytes: u64) -> Result<usize, PacketError> {
    usize::try_from(bytes).ok().filter(|&bytes| bytes <= MAX_FRAME_BYTES).ok_or(PacketError::R2)
}

/// A frame length (section 3.2.1) and how many bytes state it.
fn frame_length<E>(first: u8, second: impl FnOnce() -> Result<u8, E>) -> Result<(usize, usize), E> {
    if first < TWO_BYTE_LENGTH {
        return Ok((first.into(), 1));
    }
    Ok((usize::from(second()?) * 4 + usize::from(first), 2))
}

/// One frame of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The packet's first byte, which says what the frame is.
    pub toc: Toc,
    /// Its bytes, without their length. None at all means that nothing was transmitted.
    pub bytes: Payload<'a>,
    /// Number in the packet.
    pub index: u8,
    /// Where in the packet it begins, in bytes.
    pub start: usize,
    /// The packet was cut before the end of this frame.
    pub truncated: bool,
}

impl Frame<'_> {
    /// Length in samples at 48 kHz.
    #[must_use]
    pub const fn samples(&self) -> u32 {
        self.toc.frame_samples()
    }

    /// Where in the packet its first sample is, in samples at 48 kHz.
    #[must_use]
    pub const fn position(&self) -> u32 {
        self.samples() * self.index as u32
    }
}

/// See [`Packet::frames`].
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    packet: Packet<'a>,
    index: u8,
    length_at: usize,
    data_at: usize,
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let packet = &self.packet;
        if self.index == packet.frame_count {
            return None;
        }
        let mut len = packet.implicit;
        if packet.vbr && self.index + 1 < packet.frame_count {
            let second = || packet.bytes.get(self.length_at + 1).ok_or(());
            let (stated, taken) = frame_length(packet.bytes.get(self.length_at)?, second).ok()?;
            self.length_at += taken;
            len = stated;
        }
        let bytes = packet.bytes.range(self.data_at, len);
        let frame =
            Frame { toc: packet.toc, bytes, index: self.index, start: self.data_at, truncated: bytes.len() < len };
        self.index += 1;
        self.data_at += len;
        Some(frame)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::from(self.packet.frame_count - self.index);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Frames<'_> {}
impl FusedIterator for Frames<'_> {}
