//! View `symbols`: what the range-coded part of a packet says of its sound. No sample is computed.
//!
//! # Layout 1
//! The columns of [`fields`] (layout 1), then for each 20 ms of the packet a *slot*: ten columns, and 52 for each
//! channel. The row of a packet has [`row_len`]`(samples, channels)` values: 78 for 20 ms mono, 140 for 40 ms.
//!
//! | column, for each slot | values | note |
//! |---|---|---|
//! | `mode` | category of 4 | nothing transmitted, SILK, hybrid, CELT |
//! | `silence` | category of 2 | CELT: nothing but zeros |
//! | `filter_period` | 0, 15..=1022 | CELT: the pitch taken out, in samples at 48 kHz; 0 for none |
//! | `filter_gain` | 0..=8 | CELT: how much of it, in steps of 3/32 |
//! | `filter_tapset` | category of 3 | |
//! | `transient` | category of 2 | CELT: short blocks |
//! | `intra` | category of 2 | CELT: energies coded without those before |
//! | `spread` | category of 4 | CELT: from tones (0) to noise (3) |
//! | `trim` | 0..=10 | CELT: bits tilted to low bands (0), or to high ones |
//! | `coded_bands` | 0..=21 | CELT: the band behind the last that has pulses |
//!
//! | column, for each slot and channel | values | note |
//! |---|---|---|
//! | `energy_0` to `_20` | -32512..=32512 | CELT: log2 of a band's amplitude less its usual one, in steps of 1/256; 0 for bands not coded |
//! | `active` | category of 2 | SILK: the encoder took it for speech |
//! | `signal` | category of 4 | SILK: not coded, inactive, unvoiced, voiced |
//! | `high_offset` | category of 2 | SILK: offset of the quantiser |
//! | `gain_0` to `_3` | 0..=63 | SILK: of each 5 ms, in steps of 1.37 dB |
//! | `lsf_vector` | category of 32 | SILK: stage 1 of the spectrum |
//! | `lsf_0` to `_15` | 0..=32767 | SILK: line spectral frequencies, in parts of half the sampling rate; ten below 16 kHz |
//! | `period` | | SILK, voiced: samples at 48 kHz, 96 to 864 in a sound stream; else 0 |
//! | `contour` | category of 34 | SILK, voiced: how the period changes |
//! | `periodicity` | category of 3 | SILK, voiced: how alike periods are |
//! | `pulses_0` to `_3` | 0..=4978 | SILK: of each 5 ms, log2(1 + sum of the excitation's magnitudes), in steps of 1/256 |
//!
//! What a layer does not have is 0: a SILK frame has no energies, a hybrid one only those from 17 on. Of frames shorter
//! than 20 ms the last in a slot stands there; two or three slots of a SILK frame of 40 or 60 ms are its parts in order.
//!
//! # Channels
//! They are those of the stream's `OpusHead`, which a packet need not have. CELT codes left and right; a mono packet in
//! a stereo stream has the same energies in both. SILK codes middle and side; a mono packet in a stereo stream has no
//! side. Of a stereo packet in a mono stream the first of each stands there.
//!
//! # What is computed
//! Symbols are exact, to the last bit of the frame, and so are gains, frequencies and lags; energies are the decoder's
//! own to 1/256. All is done with integers. Behind a packet that was not transmitted energies go on from where they
//! were; a decoder may let them fall meanwhile.

use crate::ViewError;
use crate::column::{category, number};
use crate::mp3::log2;

use super::block::Block;
use super::celt::{self, BANDS, FRACTION_BITS, PostFilter};
use super::coded::Coded;
use super::fields;
use super::packet::MAX_PACKET_SAMPLES;
use super::silk::{self, MAX_LSFS, MAX_SUBFRAMES, Rate, Voiced};
use super::toc::{Mode, Toc};

pub use super::coded::State;
pub use crate::column::{Column, Kind};

/// Which columns a row has, in which order. A model states the layout it was trained on.
pub const LAYOUT: u32 = 1;

/// Samples of a slot at 48 kHz.
const SLOT_SAMPLES: u32 = 960;

#[rustfmt::skip]
const SLOT_COLUMNS: [Column; 10] = [
    category("mode", 4), category("silence", 2), number("filter_period"), number("filter_gain"),
    category("filter_tapset", 3), category("transient", 2), category("intra", 2), category("spread", 4),
    number("trim"), number("coded_bands"),
];

#[rustfmt::skip]
const CHANNEL_COLUMNS: [Column; BANDS + SILK_VALUES] = [
    number("energy_0"), number("energy_1"), number("energy_2"), number("energy_3"), number("energy_4"),
    number("energy_5"), number("energy_6"), number("energy_7"), number("energy_8"), number("energy_9"),
    number("energy_10"), number("energy_11"), number("energy_12"), number("energy_13"), number("energy_14"),
    number("energy_15"), number("energy_16"), number("energy_17"), number("energy_18"), number("energy_19"),
    number("energy_20"),
    category("active", 2), category("signal", 4), category("high_offset", 2),
    number("gain_0"), number("gain_1"), number("gain_2"), number("gain_3"),
    category("lsf_vector", 32),
    number("lsf_0"), number("lsf_1"), number("lsf_2"), number("lsf_3"), number("lsf_4"), number("lsf_5"),
    number("lsf_6"), number("lsf_7"), number("lsf_8"), number("lsf_9"), number("lsf_10"), number("lsf_11"),
    number("lsf_12"), number("lsf_13"), number("lsf_14"), number("lsf_15"),
    number("period"), category("contour", 34), category("periodicity", 3),
    number("pulses_0"), number("pulses_1"), number("pulses_2"), number("pulses_3"),
];

/// Columns of a channel that are SILK's.
const SILK_VALUES: usize = 3 + MAX_SUBFRAMES + 1 + MAX_LSFS + 3 + MAX_SUBFRAMES;

/// Values in the row of a packet of so many samples at 48 kHz, in a stream of 1 or 2 channels.
#[must_use]
pub const fn row_len(samples: u32, channels: u8) -> usize {
    fields::ROW_LEN + slots(samples) * slot_len(channels)
}

const fn slot_len(channels: u8) -> usize {
    SLOT_COLUMNS.len() + CHANNEL_COLUMNS.len() * channels as usize
}

/// At least one; no packet has more than six.
const fn slots(samples: u32) -> usize {
    let samples = if samples < MAX_PACKET_SAMPLES { samples } else { MAX_PACKET_SAMPLES };
    let slots = samples.div_ceil(SLOT_SAMPLES) as usize;
    if slots > 0 { slots } else { 1 }
}

/// The columns in the order of the row, [`row_len`] of them. Their place is slot and channel; what belongs to all
/// channels stands under the first.
pub fn columns(samples: u32, channels: u8) -> impl Iterator<Item = Column> + Clone {
    let of_slots = (0..slots(samples) as u8).flat_map(move |slot| {
        let of_channels = (0..channels).flat_map(move |channel| {
            CHANNEL_COLUMNS.into_iter().map(move |column| Column { place: Some((slot, channel)), ..column })
        });
        SLOT_COLUMNS.into_iter().map(move |column| Column { place: Some((slot, 0)), ..column }).chain(of_channels)
    });
    fields::COLUMNS.into_iter().chain(of_slots)
}

/// Fills the row of a block and moves the state on. The row must have the [`row_len`] of the block's `duration` and of
/// the stream's channels. An error leaves the state as it was.
pub fn write(block: &Block<'_>, channels: u8, state: &mut State, out: &mut [i32]) -> Result<(), ViewError> {
    let (expected, found) = (row_len(block.duration, channels), out.len());
    let split = out.split_at_mut_checked(fields::ROW_LEN).filter(|_| found == expected);
    let (of_fields, of_slots) = split.ok_or(ViewError::RowLength { expected, found })?;
    fields::write(block, of_fields)?;
    of_slots.fill(0);
    let packet = block.packet().map_err(ViewError::Packet)?;
    state.enter(block);
    for frame in packet.frames() {
        let coded = state.read(&frame);
        let first = (frame.position() / SLOT_SAMPLES) as usize;
        let rows = of_slots.chunks_exact_mut(slot_len(channels)).skip(first);
        let parts = frame.samples().div_ceil(SLOT_SAMPLES) as usize;
        for (row, part) in rows.zip(0..parts) {
            fill(&coded, part, frame.toc, row);
        }
    }
    Ok(())
}

/// Fills a slot with one part of a frame.
fn fill(coded: &Coded, part: usize, toc: Toc, row: &mut [i32]) {
    let Some((of_slot, of_channels)) = row.split_first_chunk_mut() else { return };
    let (head, energies) = coded.celt.unwrap_or_default();
    *of_slot = slot_values(coded.mode, coded.celt.map(|_| head));
    let silk = coded.silk.get(part).copied().unwrap_or_default();
    let (channels, _) = of_channels.as_chunks_mut::<{ CHANNEL_COLUMNS.len() }>();
    for ((row, energies), silk) in channels.iter_mut().zip(energies.0).zip(silk) {
        let (of_celt, of_silk) = row.split_at_mut(BANDS);
        of_celt.copy_from_slice(&energies.map(|energy| energy >> (FRACTION_BITS - 8)));
        let values = silk.map_or([0; SILK_VALUES], |frame| silk_values(&frame, Rate::of(toc.bandwidth())));
        of_silk.copy_from_slice(&values);
    }
}

fn slot_values(mode: Option<Mode>, head: Option<celt::Head>) -> [i32; SLOT_COLUMNS.len()] {
    let mode = mode.map_or(0, |mode| mode as i32 + 1);
    let Some(head) = head else { return [mode, 0, 0, 0, 0, 0, 0, 0, 0, 0] };
    let (period, gain) = head.post_filter.map_or((0, 0), |filter| (filter.period.into(), i32::from(filter.gain) + 1));
    let PostFilter { tapset, .. } = head.post_filter.unwrap_or_default();
    [
        mode,
        head.silence.into(),
        period,
        gain,
        tapset.into(),
        head.transient.into(),
        head.intra.into(),
        head.spread.into(),
        head.trim.into(),
        head.coded_bands.into(),
    ]
}

fn silk_values(frame: &silk::Frame, rate: Rate) -> [i32; SILK_VALUES] {
    let indices = &frame.indices;
    let Voiced { contour, periodicity, .. } = indices.voiced.unwrap_or_default();
    let mut values = [0; SILK_VALUES];
    let kind = [frame.active.into(), indices.signal as i32 + 1, indices.high_offset.into()];
    let pitch = [indices.voiced.map_or(0, |voiced| voiced.period(rate)), contour.into(), periodicity.into()];
    let all = kind
        .into_iter()
        .chain(frame.gains.map(i32::from))
        .chain([indices.lsf_vector.into()])
        .chain(frame.lsfs.map(i32::from))
        .chain(pitch)
        .chain(frame.pulses.map(|sum| log2(1 + u64::from(sum))));
    values.iter_mut().zip(all).for_each(|(to, value)| *to = value);
    values
}
