use super::{Foreign, Gap, GapReason, Item, Row, Sink};
use crate::{Mp3, View, ViewKind};
use tempest_blocks::Cut;
use tempest_blocks::mp3::{Block, Cutter, Event, MainData, Reservoir, SkipReason, Skipped, StreamError};
use tempest_blocks::mp3::{bytes, fields, scalefactors, symbols};

#[derive(Clone, Debug)]
pub(super) struct Walk {
    cutter: Cutter,
    writer: Writer,
    sample_rate: u32,
    channels: u8,
}

#[derive(Clone, Debug)]
struct Writer {
    kind: ViewKind,
    row: Vec<i32>,
    /// The views that read main data want every whole block of a stream, in order.
    reservoir: Reservoir,
}

impl Walk {
    pub(super) fn new(codec: &Mp3, view: &View) -> Self {
        let writer = Writer { kind: view.kind, row: vec![0; view.row], reservoir: Reservoir::new() };
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
        Event::Block(block) => match writer.write(&block) {
            Some(row) => sink(Item::Row(row)),
            None => sink(Item::Gap(Gap {
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
    fn write(&mut self, block: &Block<'_>) -> Option<Row<'_>> {
        let (mut cut_bytes, mut main_data_lost) = (0, false);
        let row = self.row.as_mut_slice();
        match self.kind {
            ViewKind::Bytes => cut_bytes = bytes::write(block, row),
            ViewKind::Fields => fields::write(block, row).ok()?,
            ViewKind::Scalefactors => {
                scalefactors::write(block, main_data(&mut self.reservoir, block, &mut main_data_lost), row).ok()?;
            }
            ViewKind::Symbols => {
                symbols::write(block, main_data(&mut self.reservoir, block, &mut main_data_lost), row).ok()?;
            }
        }
        Some(Row {
            values: &self.row,
            offset: block.offset,
            bytes: block.bytes.len() as u64,
            samples: block.duration(),
            cut_bytes,
            main_data_lost,
        })
    }
}

fn main_data<'a>(reservoir: &'a mut Reservoir, block: &Block<'_>, lost: &mut bool) -> MainData<'a> {
    let main_data = reservoir.push(block);
    *lost = main_data.is_err();
    main_data.unwrap_or_default()
}
