//! What must hold of any Ogg Opus stream, and of any packet.

#[path = "../../tests/opus_common/mod.rs"]
mod opus_common;

use opus_common::{Piece, checksum, cut_alike, headers, page};
use tempest_blocks::mp3::fields::Kind;
use tempest_blocks::opus::{self, MAX_FRAME_BYTES, MAX_FRAMES, MAX_PACKET_SAMPLES, Packet, PacketError};
use tempest_blocks::opus::{State, bytes, fields, symbols};

/// Every byte is reported once and the same however it arrives, as given and with right checksums, which no mutation
/// finds by itself.
pub fn check_stream(data: &[u8]) {
    let sizes = super::chunk_sizes(data);
    cut_alike(data, &sizes);
    let repaired = repair(data);
    for piece in cut_alike(&repaired, &sizes) {
        let Piece::Block { bytes, packet_bytes, duration, trimmed, row, frames, .. } = piece else { continue };
        assert!(duration <= MAX_PACKET_SAMPLES && trimmed <= duration);
        assert_eq!(row.is_some(), frames.is_ok());
        row.iter().for_each(|row| check_row(row));
        if bytes.len() as u64 == packet_bytes {
            check_packet(&bytes);
        }
    }
}

/// The stream with the checksum of each page as it should be.
fn repair(data: &[u8]) -> Vec<u8> {
    let (mut data, mut at) = (data.to_vec(), 0);
    while let Some(found) = data[at..].windows(4).position(|window| window == b"OggS") {
        at += found;
        let Some(&segments) = data.get(at + 26) else { break };
        let body = at + 27 + usize::from(segments);
        let Some(table) = data.get(at + 27..body) else { break };
        let end = body + table.iter().map(|&lacing| usize::from(lacing)).sum::<usize>();
        let Some(page) = data.get_mut(at..end) else {
            at += 4;
            continue;
        };
        page[22..26].fill(0);
        let crc = checksum(page);
        page[22..26].copy_from_slice(&crc.to_le_bytes());
        at = end;
    }
    data
}

fn check_row(row: &[i32]) {
    for (column, value) in fields::COLUMNS.iter().zip(row) {
        let end = match column.kind {
            Kind::Category(cardinality) => cardinality.into(),
            Kind::Number => i32::MAX,
        };
        assert!((0..end).contains(value), "{}: {value}", column.name);
    }
}

/// A packet breaks a rule or is made of its frames and its padding.
pub fn check_packet(data: &[u8]) {
    let packet = match Packet::parse(data) {
        Ok(packet) => packet,
        Err(error) => return assert_ne!(error, PacketError::Cut, "nothing is cut off"),
    };
    let frames: Vec<_> = packet.frames().collect();
    assert_eq!(frames.len(), usize::from(packet.frame_count()));
    assert!((1..=MAX_FRAMES).contains(&frames.len()) && packet.samples() <= MAX_PACKET_SAMPLES);
    let mut at = frames[0].start;
    for (frame, index) in frames.iter().zip(0..) {
        assert_eq!((frame.start, frame.index, frame.truncated), (at, index, false));
        assert_eq!(frame.position(), u32::from(index) * frame.samples());
        assert!(frame.bytes.len() <= MAX_FRAME_BYTES);
        assert_eq!(frame.bytes.as_slice(), Some(&data[at..at + frame.bytes.len()]));
        let mut row = [0; 100];
        assert_eq!(bytes::write(&frame.bytes, &mut row), frame.bytes.len().saturating_sub(100));
        at += frame.bytes.len();
    }
    assert_eq!(at as u64 + packet.padding(), data.len() as u64);
    assert!(packet.vbr() || frames.iter().all(|frame| frame.bytes.len() == frames[0].bytes.len()));
    check_symbols(data);
}

/// The packet twice in a row, so that the second begins with what the first left.
fn check_symbols(data: &[u8]) {
    // What fits on a page.
    if data.len() > 30_000 {
        return;
    }
    let stream = [headers(), page(2, 0, 960, &[data.to_vec(), data.to_vec()])].concat();
    let mut state = State::new();
    for (block, channels) in opus::blocks(&stream).zip([1, 2]) {
        let mut row = vec![0; symbols::row_len(block.duration, channels)];
        if symbols::write(&block, channels, &mut state, &mut row).is_err() {
            continue; // longer than is kept of a packet
        }
        for (column, value) in symbols::columns(block.duration, channels).zip(row) {
            if let Kind::Category(cardinality) = column.kind {
                assert!((0..i32::from(cardinality)).contains(&value), "{column}: {value}");
            }
        }
    }
}
