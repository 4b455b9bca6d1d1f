use super::intervals::skip;
use super::{Foreign, Item, Row, Sink};
use crate::{Jpeg, View, ViewKind};
use tempest_blocks::Cut;
use tempest_blocks::jpeg::{Cause, Cutter, Error, Event, Frame, Mcu, bytes, symbols};

#[derive(Clone, Debug)]
pub(super) struct Walk {
    cutter: Cutter,
    make: Make,
}

#[derive(Clone, Debug)]
struct Make {
    codec: Jpeg,
    kind: ViewKind,
    row: Vec<i32>,
    frame: Option<Frame>,
    refused: Option<Error>,
}

impl Walk {
    pub(super) fn new(codec: &Jpeg, view: &View) -> Self {
        let row = vec![0; view.row];
        let make = Make { codec: codec.clone(), kind: view.kind, row, frame: None, refused: None };
        Self { cutter: Cutter::new(), make }
    }

    pub(super) fn feed<E>(&mut self, mut input: &[u8], sink: Sink<'_, E>) -> Result<(), E> {
        loop {
            self.make.know(self.cutter.frame());
            let (Some(event), rest) = self.cutter.push(input) else { return Ok(()) };
            self.make.event(&event, sink)?;
            input = rest;
        }
    }

    pub(super) fn finish<E>(&mut self, sink: Sink<'_, E>) -> Result<(), E> {
        loop {
            self.make.know(self.cutter.frame());
            let Some(event) = self.cutter.finish() else { return Ok(()) };
            self.make.event(&event, sink)?;
        }
    }

    pub(super) fn diagnosis(&self) -> Option<Error> {
        self.make.refused
    }
}

impl Make {
    /// The frame header is an event before the first MCU.
    fn know(&mut self, frame: Option<&Frame>) {
        if self.frame.is_none() {
            self.frame = frame.copied();
        }
    }

    fn event<E>(&mut self, event: &Event<'_>, sink: Sink<'_, E>) -> Result<(), E> {
        match event {
            Event::Mcu(mcu) => match self.foreign(mcu) {
                Some(foreign) => sink(Item::Foreign(foreign)),
                None => self.write(mcu).map_or(Ok(()), |row| sink(Item::Row(row))),
            },
            Event::Skipped(skipped) => skip(skipped, sink),
            Event::Error(error) => {
                self.refused.get_or_insert(*error);
                if error.cause == Cause::UnexpectedEnd { sink(Item::CutShort) } else { Ok(()) }
            }
        }
    }

    /// What the image is, where it is not the contract's.
    fn foreign(&self, mcu: &Mcu<'_>) -> Option<Foreign> {
        let frame = self.frame?;
        let (size, components) = ([frame.width(), frame.height()], frame.components().len() as u8);
        let data_units = mcu.units().len() as u8;
        let fits = self.codec.size.is_none_or(|expected| expected == size)
            && (components, data_units) == (self.codec.components, self.codec.data_units);
        (!fits).then_some(Foreign::Jpeg { size, components, data_units })
    }

    fn write(&mut self, mcu: &Mcu<'_>) -> Option<Row<'_>> {
        let mut cut_bytes = 0;
        match self.kind {
            ViewKind::Bytes => cut_bytes = bytes::write(&mcu.data, &mut self.row),
            _ => symbols::write(mcu, &mut self.row).ok()?,
        }
        let bytes = mcu.data.aligned_len() as u64;
        Some(Row { values: &self.row, offset: mcu.place.offset, bytes, samples: 0, cut_bytes, main_data_lost: false })
    }
}
