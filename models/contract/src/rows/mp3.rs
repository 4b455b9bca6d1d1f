use super::{Foreign, Gap, GapReason, Item, Row, Sink};
use crate::{Mp3, Unit, View, ViewKind};
use tempest_blocks::mp3::{
    Block, Cutter, Event, MainData, Part, Reservoir, SideInfo, SkipReason, Skipped, StreamError,
};
use tempest_blocks::mp3::{adu, bytes, fields, granule, parts, scalefactors, symbols};
use tempest_blocks::{Cut, ViewError};

#[derive(Clone, Debug)]
pub(super) struct Walk {
    cutter: Cutter,
    writer: Writer,
    sample_rate: u32,
    channels: u8,
}

#[derive(Clone, Debug)]
struct Writer {
    unit: Unit,
    kind: ViewKind,
    row: Vec<i32>,
    /// The units and views that read main data want every whole frame of a stream, in order.
    reservoir: Reservoir,
    adu: [u8; adu::MAX_ADU_BYTES],
    granule: [u8; granule::MAX_GRANULE_BYTES],
}

impl Walk {
    pub(super) fn new(codec: &Mp3, view: &View) -> Self {
        let writer = Writer {
            unit: codec.unit,
            kind: view.kind,
            row: vec![0; view.row],
            reservoir: Reservoir::new(),
            adu: [0; adu::MAX_ADU_BYTES],
            granule: [0; granule::MAX_GRANULE_BYTES],
        };
        Self { cutter: Cutter::new(), writer, sample_rate: codec.sample_rate, channels: codec.channels }
    }

    pub(super) fn feed<E>(&mut self, mut input: &[u8], sink: Sink<'_, E>) -> Result<(), E> {
        let Self { cutter, writer, sample_rate, channels } = self;
        while let (Some(event), rest) = cutter.push(input) {
            pass(event, writer, (*sample_rate, *channels), sink)?;
            input = rest;
        }
        Ok(())
    }

    pub(super) fn finish<E>(&mut self, sink: Sink<'_, E>) -> Result<(), E> {
        let Self { cutter, writer, sample_rate, channels } = self;
        while let Some(event) = cutter.finish() {
            pass(event, writer, (*sample_rate, *channels), sink)?;
        }
        Ok(())
    }

    pub(super) fn diagnosis(&self) -> Option<StreamError> {
        self.cutter.diagnosis()
    }
}

fn pass<E>(event: Event<'_>, writer: &mut Writer, media: (u32, u8), sink: Sink<'_, E>) -> Result<(), E> {
    match event {
        Event::Block(block) if block.truncated => sink(Item::CutShort),
        Event::Block(block) if (block.header.sample_rate(), block.header.channels()) != media => {
            sink(Item::Foreign(Foreign::Mp3(block.header)))
        }
        // A frame too short for its side information, or of an MPEG version with other granules, gives no row.
        Event::Block(block) => match writer.frame(&block, sink)? {
            true => Ok(()),
            false => sink(Item::Gap(Gap {
                offset: block.offset,
                bytes: block.bytes.len() as u64,
                reason: GapReason::Damaged,
            })),
        },
        Event::Skipped(skipped) => skip(skipped, sink),
    }
}

fn skip<E>(skipped: Skipped, sink: Sink<'_, E>) -> Result<(), E> {
    let Skipped { offset, bytes, reason, truncated } = skipped;
    match reason {
        SkipReason::PartialHeader => sink(Item::CutShort),
        SkipReason::Garbage => sink(Item::Gap(Gap { offset, bytes, reason: GapReason::Garbage })),
        _ if truncated => sink(Item::CutShort),
        // Tags, and the first frame that holds none: no sound is missing.
        _ => Ok(()),
    }
}

impl Writer {
    /// The rows of a whole frame; whether it gave them.
    fn frame<E>(&mut self, block: &Block<'_>, sink: Sink<'_, E>) -> Result<bool, E> {
        if self.unit == Unit::Granule {
            return self.granules(block, sink);
        }
        match self.row(block) {
            Some(row) => sink(Item::Row(row)).map(|()| true),
            None => Ok(false),
        }
    }

    /// The row of a frame, or of the ADU made of it: without main data its head alone.
    fn row(&mut self, block: &Block<'_>) -> Option<Row<'_>> {
        let Self { unit, kind, row, reservoir, adu, .. } = self;
        let mut main_data_lost = false;
        let cut_bytes = match (*unit, *kind) {
            (Unit::Adu, kind) => {
                let adu = adu::join(block, main_data(reservoir, block, &mut main_data_lost), adu).ok()?;
                write(kind, &adu.as_block(), adu.main_data(), row)
            }
            (_, kind @ (ViewKind::Bytes | ViewKind::Fields)) => write(kind, block, MainData::default(), row),
            (_, kind) => write(kind, block, main_data(reservoir, block, &mut main_data_lost), row),
        };
        let (bytes, samples) = (block.bytes.len() as u64, block.duration());
        let cut_bytes = cut_bytes.ok()?;
        Some(Row { values: &self.row, offset: block.offset, bytes, samples, cut_bytes, main_data_lost })
    }

    /// The rows of a frame's granules, channel by channel.
    fn granules<E>(&mut self, block: &Block<'_>, sink: Sink<'_, E>) -> Result<bool, E> {
        let Self { kind, row, reservoir, granule, .. } = self;
        let Ok(side_info) = SideInfo::parse(block.header, block.bytes) else { return Ok(false) };
        let mut main_data_lost = false;
        let main_data = main_data(reservoir, block, &mut main_data_lost);
        let count = u32::from(block.header.granules()) * u32::from(block.header.channels());
        let bytes = block.bytes.len() as u64 / u64::from(count);
        for (index, part) in (1..).zip(parts(block.header, &side_info, main_data)) {
            let Ok(cut_bytes) = write_part(*kind, block, &part, granule, row) else { return Ok(false) };
            let rest = if index == count { block.bytes.len() as u64 % u64::from(count) } else { 0 };
            let (values, offset, samples) = (row.as_slice(), block.offset, block.duration() / count);
            sink(Item::Row(Row { values, offset, bytes: bytes + rest, samples, cut_bytes, main_data_lost }))?;
        }
        Ok(true)
    }
}

/// Returns how many bytes of the block the row does not show.
fn write(kind: ViewKind, block: &Block<'_>, main_data: MainData<'_>, row: &mut [i32]) -> Result<usize, ViewError> {
    match kind {
        ViewKind::Bytes => return Ok(bytes::write(block, row)),
        ViewKind::Fields => fields::write(block, row)?,
        ViewKind::Scalefactors => scalefactors::write(block, main_data, row)?,
        ViewKind::Symbols => symbols::write(block, main_data, row)?,
    }
    Ok(0)
}

/// The same of a granule and channel.
fn write_part(
    kind: ViewKind,
    block: &Block<'_>,
    part: &Part<'_>,
    buffer: &mut [u8; granule::MAX_GRANULE_BYTES],
    row: &mut [i32],
) -> Result<usize, ViewError> {
    match kind {
        ViewKind::Bytes => {
            let bytes = granule::cut(block, part, buffer).bytes;
            return Ok(bytes::write(&Block { bytes, ..*block }, row));
        }
        ViewKind::Fields => granule::write(part, row, fields::write_part)?,
        ViewKind::Scalefactors => granule::write(part, row, scalefactors::write_part)?,
        ViewKind::Symbols => granule::write(part, row, symbols::write_part)?,
    }
    Ok(0)
}

fn main_data<'a>(reservoir: &'a mut Reservoir, block: &Block<'_>, lost: &mut bool) -> MainData<'a> {
    let main_data = reservoir.push(block);
    *lost = main_data.is_err();
    main_data.unwrap_or_default()
}
