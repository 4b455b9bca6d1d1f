//! What must hold of any MP3 stream, and of any frame whatever its main data.

#[path = "../../tests/common/mod.rs"]
mod common;

use common::{assert_accounted, cut_chunks, cut_slice};
use tempest_blocks::mp3::{
    self, Block, FrameHeader, MainData, Part, Reservoir, SideInfo, Spectrum, SpectrumEnd, adu, bytes, fields, granule,
    parts, scalefactors, symbols,
};

/// Every byte is reported once, in order, and the same however it arrives; every block has its rows.
pub fn check_stream(data: &[u8]) {
    let (pieces, diagnosis) = cut_slice(data);
    assert_accounted(data, &pieces);
    assert_eq!(cut_chunks(data, &super::chunk_sizes(data)), (pieces, diagnosis));
    let mut reservoir = Reservoir::new();
    for block in mp3::blocks(data) {
        assert_eq!(SideInfo::parse(block.header, block.bytes).is_err(), side_info_is_cut(&block));
        let main_data = reservoir.push(&block).unwrap_or_default();
        check_block(&block, main_data);
    }
}

/// The first four bytes are taken for a header, those behind for a frame, and what does not fit it for its main data.
pub fn check_frame(data: &[u8]) {
    let Some(&word) = data.first_chunk() else { return };
    // Sync and layer are given away.
    let Ok(header) = FrameHeader::parse(u32::from_be_bytes(word) & !0x0006_0000 | 0xFFE2_0000) else { return };
    let (frame, main_data) = data.split_at(data.len().min(header.main_data_offset()));
    let block = Block { header, bytes: frame, offset: 0, sequence: 0, truncated: true };
    check_block(&block, MainData::new(main_data));
}

fn side_info_is_cut(block: &Block<'_>) -> bool {
    block.bytes.len() < block.header.main_data_offset()
}

fn check_block(block: &Block<'_>, main_data: MainData<'_>) {
    let (granules, channels) = (block.header.granules(), block.header.channels());
    let mut tokens = [0; 300];
    assert_eq!(bytes::write(block, &mut tokens), block.bytes.len().saturating_sub(tokens.len()));

    let mut row = vec![i32::MIN; fields::row_len(granules, channels)];
    if side_info_is_cut(block) {
        fields::write(block, &mut row).unwrap_err();
        return;
    }
    fields::write(block, &mut row).unwrap();
    let kinds = fields::columns(granules, channels).map(|column| column.kind);
    for (kind, value) in kinds.zip(&row) {
        let end = match kind {
            fields::Kind::Category(cardinality) => cardinality.into(),
            fields::Kind::Number => 4096,
        };
        assert!((0..end).contains(value));
    }
    let rows = Rows::of(block, main_data);
    assert_eq!(rows.symbols[..row.len()], row);
    assert_eq!(rows.scalefactors[..row.len()], row);
    check_adu(block, main_data, &rows);
    check_parts(block, main_data, &rows);
}

/// The rows of the views that read main data.
#[derive(PartialEq, Debug)]
struct Rows {
    scalefactors: Vec<i32>,
    symbols: Vec<i32>,
    whole: Vec<i32>,
}

impl Rows {
    fn of(block: &Block<'_>, main_data: MainData<'_>) -> Self {
        let (granules, channels) = (block.header.granules(), block.header.channels());
        let row = |len| vec![i32::MIN; len];
        let mut rows = Self {
            scalefactors: row(scalefactors::row_len(granules, channels)),
            symbols: row(symbols::row_len(granules, channels)),
            whole: row(symbols::whole_len(granules, channels)),
        };
        scalefactors::write(block, main_data, &mut rows.scalefactors).unwrap();
        symbols::write(block, main_data, &mut rows.symbols).unwrap();
        symbols::write_whole(block, main_data, &mut rows.whole).unwrap();
        rows
    }
}

/// An ADU has the frame's main data, or as much as there is, and the same rows.
fn check_adu(block: &Block<'_>, main_data: MainData<'_>, rows: &Rows) {
    let mut buffer = [0; adu::MAX_ADU_BYTES];
    let adu = adu::join(block, main_data, &mut buffer).unwrap();
    let needed = SideInfo::parse(block.header, block.bytes).unwrap().main_data_bits().div_ceil(8);
    let own = &main_data.bytes()[..needed.min(main_data.bytes().len())];
    assert_eq!(adu.main_data().bytes(), own);
    assert_eq!(adu.truncated, own.len() < needed);
    assert_eq!(Rows::of(&adu.as_block(), adu.main_data()), *rows);
}

/// Granules divide the main data, bit for bit, and each has the frame's columns of it.
fn check_parts(block: &Block<'_>, main_data: MainData<'_>, rows: &Rows) {
    let header = block.header;
    let side_info = SideInfo::parse(header, block.bytes).unwrap();
    let mut buffer = [0; granule::MAX_GRANULE_BYTES];
    let mut bits = main_data.bytes().iter().flat_map(bits_of);
    let mut count = 0;
    for (nth, part) in parts(header, &side_info, main_data).enumerate() {
        let granule = granule::cut(block, &part, &mut buffer);
        let needed = usize::from(part.coded.part2_3_length);
        let own: Vec<bool> = bits.by_ref().take(needed).collect();
        assert_eq!(granule.truncated, own.len() < needed);
        let coded: Vec<bool> = granule.bytes[granule::HEAD_BYTES..].iter().flat_map(bits_of).collect();
        assert_eq!(coded[..own.len()], own);
        assert!(coded.len() < own.len() + 8 && !coded[own.len()..].contains(&true));
        check_part(&part, nth, rows, fields::row_len(header.granules(), header.channels()));
        count += 1;
    }
    assert_eq!(count, header.granules() * header.channels());
}

fn bits_of(byte: &u8) -> impl Iterator<Item = bool> + use<> {
    let byte = *byte;
    (0..8).rev().map(move |bit| byte >> bit & 1 == 1)
}

fn check_part(part: &Part<'_>, nth: usize, rows: &Rows, frame_columns: usize) {
    let mut spectrum = Spectrum::default();
    part.read_spectrum(&mut spectrum);
    assert!(spectrum.coded <= 576 && spectrum.values[spectrum.coded..].iter().all(|&value| value == 0));
    assert!(rows.whole[576 * nth..][..576].iter().eq(spectrum.values.map(i32::from).iter()));
    if let SpectrumEnd::Whole { stuffing_bits } = spectrum.end {
        assert!(stuffing_bits <= part.coded.part2_3_length);
        assert!(stuffing_bits == 0 || spectrum.coded + 4 > 576);
    }

    let mut row = [i32::MIN; symbols::row_len(1, 1)];
    symbols::write_part(part, &mut row).unwrap();
    assert_eq!(row[24..], rows.symbols[frame_columns + 122 * nth..][..122]);
    let (gains, sums) = row[24..].split_at(61);
    let mut covered = [0; 576];
    for (slot, lines) in part.bands() {
        lines.clone().for_each(|line| covered[line] += 1);
        assert_eq!(gains[slot], part.gain(slot));
        assert!((-410..=45).contains(&gains[slot]) && (0..=6771).contains(&sums[slot]));
        assert_eq!(sums[slot] == 0, spectrum.values[lines].iter().all(|&value| value == 0));
    }
    assert_eq!(covered, [1; 576], "bands divide the lines");

    let mut row = [i32::MIN; scalefactors::row_len(1, 1)];
    scalefactors::write_part(part, &mut row).unwrap();
    assert_eq!(row[24..], rows.scalefactors[frame_columns + 61 * nth..][..61]);
}
