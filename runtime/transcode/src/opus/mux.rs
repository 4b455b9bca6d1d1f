//! Opus packets to Ogg pages (RFC 7845).

use std::io;

use ogg::PacketWriteEndInfo::{self, EndPage, EndStream, NormalPacket};
use ogg::PacketWriter;

/// Serial number of the one logical stream. One drawn by chance would make equal sounds differ; some tools
/// do not like 0.
const SERIAL: u32 = 1;

/// A page has this many lacing values at most (RFC 3533, 6).
const MAX_SEGMENTS: usize = 255;

/// Samples after which a page ends: a second, as RFC 7845 recommends (section 3).
const PAGE_SAMPLES: usize = 48_000;

/// What is said of the packets. Samples are those of one channel at 48 kHz.
pub(super) struct Stream {
    pub(super) channels: u8,
    /// Rate of what was encoded, in Hz: for information.
    pub(super) sample_rate: u32,
    /// Samples that a decoder throws away at the start.
    pub(super) pre_skip: usize,
    /// Samples of every packet.
    pub(super) packet_samples: usize,
    /// Where the sound ends, the pre-skip included.
    pub(super) samples: usize,
}

impl Stream {
    pub(super) fn mux(&self, packets: &[Vec<u8>]) -> io::Result<Vec<u8>> {
        let mut writer = PacketWriter::new(Vec::new());
        writer.write_packet(self.head(), SERIAL, EndPage, 0)?;
        writer.write_packet(tags(), SERIAL, EndPage, 0)?;
        let (mut segments, mut begun) = (0, 0);
        for (index, packet) in packets.iter().enumerate() {
            segments += segments_of(packet);
            let end = self.end(packets.get(index + 1), segments, index + 1 - begun);
            // Where the packet ends; the last one may reach beyond the sound, which trims it (section 4.4).
            let granule = ((index + 1) * self.packet_samples).min(self.samples);
            writer.write_packet(packet.as_slice(), SERIAL, end, granule as u64)?;
            if end == EndPage {
                (segments, begun) = (0, index + 1);
            }
        }
        Ok(writer.into_inner())
    }

    /// Whether a page that now has `packets`, in `segments`, ends. No packet is split between pages.
    fn end(&self, next: Option<&Vec<u8>>, segments: usize, packets: usize) -> PacketWriteEndInfo {
        match next {
            None => EndStream,
            Some(next) if segments + segments_of(next) > MAX_SEGMENTS => EndPage,
            Some(_) if packets * self.packet_samples >= PAGE_SAMPLES => EndPage,
            Some(_) => NormalPacket,
        }
    }

    /// The identification header (section 5.1): version 1, no gain, mapping family 0.
    fn head(&self) -> Vec<u8> {
        let mut head = b"OpusHead\x01".to_vec();
        head.push(self.channels);
        head.extend((self.pre_skip as u16).to_le_bytes());
        head.extend(self.sample_rate.to_le_bytes());
        head.extend([0, 0, 0]);
        head
    }
}

/// The comment header (section 5.2): no vendor, no comments.
fn tags() -> Vec<u8> {
    [&b"OpusTags"[..], &[0; 8]].concat()
}

fn segments_of(packet: &[u8]) -> usize {
    packet.len() / 255 + 1
}
