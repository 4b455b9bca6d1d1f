//! The sums of a survey, in memory that does not grow with the stream.

use super::item::{Block, Cause, Fault, Item, Label, Reason, Skipped};
use std::collections::BTreeMap;
use tempest_blocks::mp3::{FrameHeader, SideInfo};
use tempest_blocks::{jpeg, opus};

/// What a stream is made of. `block_bytes`, `format_bytes` and `damaged_bytes` make up `bytes` once it has ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Bytes of the stream.
    pub bytes: u64,
    /// Bytes that are in frames, packets or entropy-coded data.
    pub block_bytes: u64,
    /// Bytes of headers and tags.
    pub format_bytes: u64,
    /// Bytes that were skipped because they are no part of the format.
    pub damaged_bytes: u64,
    /// Frames, packets or MCUs (in other units of JPEG: those units).
    pub cut: u64,
    /// Blocks of the unit asked for.
    pub blocks: u64,
    /// Blocks that are not all there.
    pub truncated: u64,
    /// Places of damage: bytes skipped, errors and missing pages, up to the next sound block.
    pub resyncs: u64,
    /// Seconds of sound in whole blocks, less what a decoder throws away; 0 for an image.
    pub seconds: f64,
    /// Of each reason the runs skipped, in order of appearance.
    pub skipped: Vec<(Reason, Count)>,
    /// Of each thing that is broken how often, in order of appearance.
    pub faults: Vec<(Cause, u64)>,
    /// Of each kind the blocks, in order of appearance.
    pub kinds: Vec<(Label, u64)>,
    /// Blocks of each length in bytes.
    pub lengths: BTreeMap<u64, u64>,
    /// Blocks of each bit rate in kbit/s, in steps of the format's; of an image, of each length in bits.
    pub rates: BTreeMap<u64, u64>,
    /// Of MP3.
    pub mp3: Option<Mp3Tally>,
    /// Of Ogg Opus.
    pub opus: Option<OpusTally>,
    /// Of JPEG.
    pub jpeg: Option<JpegTally>,
    /// No sound block has come since the last damage.
    pub(super) is_behind_damage: bool,
}

/// How many runs, of how many bytes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Runs.
    pub runs: u64,
    /// Bytes.
    pub bytes: u64,
    /// Runs that ended early.
    pub truncated: u64,
}

/// How an MP3 stream uses the bit reservoir.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mp3Tally {
    /// Frames whose main data begins in earlier ones.
    pub reaching_back: u64,
    /// Sum of every `main_data_begin`.
    pub main_data_begin_sum: u64,
    /// The largest.
    pub main_data_begin_max: u16,
    /// Frames whose main data is not all there.
    pub main_data_missing: u64,
}

/// What is special to an Ogg Opus file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpusTally {
    /// What the last stream says of itself.
    pub head: Option<opus::OpusHead>,
    /// Streams chained in the file.
    pub links: u32,
    /// Places where pages are missing.
    pub gaps: u64,
}

/// What is special to a JPEG file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JpegTally {
    /// The frame header.
    pub frame: Option<jpeg::Frame>,
    /// Scans that have blocks.
    pub scans: u32,
    /// Bits of all blocks.
    pub bits: u64,
}

impl Tally {
    /// Something is damaged, missing or cut short.
    #[must_use]
    pub const fn is_damaged(&self) -> bool {
        self.resyncs > 0 || self.truncated > 0
    }

    /// Mean bit rate of the blocks in kbit/s; `None` of an image.
    #[must_use]
    pub fn mean_kbps(&self) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.block_bytes as f64 * 8e-3 / self.seconds)
    }

    /// The length in bytes that so many of a hundred blocks do not exceed; `None` without blocks.
    #[must_use]
    pub fn length_at(&self, percent: u64) -> Option<u64> {
        let blocks: u64 = self.lengths.values().sum();
        let rank = (blocks * percent).div_ceil(100).max(1);
        let mut seen = 0;
        self.lengths.iter().find_map(|(&bytes, &count)| {
            seen += count;
            (seen >= rank).then_some(bytes)
        })
    }

    /// Counts what is given to the caller.
    pub(super) fn item(&mut self, item: &Item<'_>) {
        match item {
            Item::Block(block, _) if !block.kind.is_behind_a_gap() => self.is_behind_damage = false,
            _ => self.resync(item.is_damage()),
        }
        match item {
            Item::Block(block, _) => self.block(block),
            Item::Skipped(skipped) => self.skip(skipped),
            Item::Fault(fault) => self.fault(fault),
        }
    }

    fn resync(&mut self, is_damage: bool) {
        self.resyncs += u64::from(is_damage && !self.is_behind_damage);
        self.is_behind_damage |= is_damage;
    }

    fn block(&mut self, block: &Block) {
        self.blocks += 1;
        self.truncated += u64::from(block.truncated);
        *self.lengths.entry(block.bytes).or_default() += 1;
    }

    fn skip(&mut self, skipped: &Skipped) {
        let count = entry(&mut self.skipped, skipped.reason.group());
        count.runs += 1;
        count.bytes += skipped.bytes;
        count.truncated += u64::from(skipped.truncated);
        match skipped.is_damage() {
            true if skipped.reason.is_damage() => self.damaged_bytes += skipped.bytes,
            _ => self.format_bytes += skipped.bytes,
        }
    }

    fn fault(&mut self, fault: &Fault) {
        // Missing main data says how much, so no two are alike; it is counted with the frame.
        if fault.is_damage() {
            *entry(&mut self.faults, fault.cause) += 1;
        }
    }

    /// An MP3 frame, whatever is made of it.
    pub(super) fn frame(&mut self, header: FrameHeader, bytes: u64, side_info: Option<&SideInfo>, whole: bool) {
        self.cut += 1;
        self.block_bytes += bytes;
        *self.rates.entry(header.bitrate_kbps().into()).or_default() += 1;
        *entry(&mut self.kinds, Label::of_frame(header)) += 1;
        let mp3 = self.mp3.get_or_insert_default();
        let begin = side_info.map_or(0, |side_info| side_info.main_data_begin);
        mp3.reaching_back += u64::from(begin > 0);
        mp3.main_data_begin_sum += u64::from(begin);
        mp3.main_data_begin_max = mp3.main_data_begin_max.max(begin);
        mp3.main_data_missing += u64::from(!whole);
    }

    /// An Opus packet, whatever is made of it.
    pub(super) fn packet(&mut self, packet: &opus::Block<'_>) {
        /// Width of a bar in kbit/s.
        const STEP_KBPS: u64 = 16;
        self.cut += 1;
        self.block_bytes += packet.packet_bytes;
        if let Some(kbps) = (packet.packet_bytes * 8 * 48).checked_div(packet.duration.into()) {
            *self.rates.entry(kbps / STEP_KBPS * STEP_KBPS).or_default() += 1;
        }
        if let Some(toc) = packet.toc() {
            *entry(&mut self.kinds, Label::Opus(opus::Toc(toc.0 & !3))) += 1;
        }
        let opus = self.opus.get_or_insert_default();
        opus.gaps += u64::from(packet.lost_pages > 0);
        opus.links = packet.link + 1;
    }

    /// A block of an image, and the bytes that no block before it has.
    pub(super) fn coded(&mut self, bits: u64, bytes: u64, scan: u32) {
        self.cut += 1;
        self.block_bytes += bytes;
        let below = bits.checked_ilog2().map_or(0, |log| 1 << log);
        *self.rates.entry(below).or_default() += 1;
        let jpeg = self.jpeg.get_or_insert_default();
        jpeg.bits += bits;
        jpeg.scans = jpeg.scans.max(scan + 1);
    }
}

impl Label {
    /// The header without what may change from frame to frame: protection, bit rate, padding, mode extension and the
    /// bits that mean nothing to a cutter.
    fn of_frame(header: FrameHeader) -> Self {
        const KEPT: u32 = 0xFFFE_0CC0;
        /// No CRC, 32 or 8 kbit/s.
        const FILLED: u32 = 0x0001_1000;
        Self::Mp3(FrameHeader::parse(header.word() & KEPT | FILLED).unwrap_or(header))
    }
}

/// The value of a key, put behind the others if it is new. There are few keys.
fn entry<K: PartialEq, V: Default>(entries: &mut Vec<(K, V)>, key: K) -> &mut V {
    let at = entries.iter().position(|(known, _)| *known == key).unwrap_or(entries.len());
    if at == entries.len() {
        entries.push((key, V::default()));
    }
    &mut entries[at].1
}
