//! Restart intervals of an image, and their equal parts: both are cut once the whole image is there.

use super::{Foreign, Gap, GapReason, Item, MAX_IMAGE_BYTES, Row, Sink};
use crate::{Jpeg, Unit, View};
use tempest_blocks::jpeg::{Cause, Data, Division, Error, Frame, Image, IntervalEvent, SkipReason, Skipped, bytes};

#[derive(Clone, Debug)]
pub(super) struct Walk {
    /// The image so far; what lies beyond the limit is as if it were not there.
    held: Vec<u8>,
    make: Make,
}

#[derive(Clone, Debug)]
struct Make {
    codec: Jpeg,
    row: Vec<i32>,
    refused: Option<Error>,
}

impl Walk {
    pub(super) fn new(codec: &Jpeg, view: &View) -> Self {
        let make = Make { codec: codec.clone(), row: vec![0; view.row], refused: None };
        Self { held: Vec::new(), make }
    }

    pub(super) fn feed(&mut self, input: &[u8]) {
        let room = MAX_IMAGE_BYTES - self.held.len();
        self.held.extend_from_slice(&input[..input.len().min(room)]);
    }

    pub(super) fn finish<E>(&mut self, sink: Sink<'_, E>) -> Result<(), E> {
        let held = std::mem::take(&mut self.held);
        match Image::parse(&held) {
            Ok(image) => self.make.image(&image, sink),
            Err(error) => self.make.error(error, sink),
        }
    }

    pub(super) fn diagnosis(&self) -> Option<Error> {
        self.make.refused
    }
}

impl Make {
    fn image<E>(&mut self, image: &Image<'_>, sink: Sink<'_, E>) -> Result<(), E> {
        if let Some(foreign) = self.foreign(image.frame()) {
            return sink(Item::Foreign(foreign));
        }
        for event in image.interval_events() {
            match event {
                IntervalEvent::Interval(interval) if self.codec.unit == Unit::McuApprox => {
                    for part in interval.parts(Division::Mcus) {
                        self.write(&part.data, part.place.offset, sink)?;
                    }
                }
                IntervalEvent::Interval(interval) => self.write(&interval.data, interval.place.offset, sink)?,
                IntervalEvent::Skipped(skipped) => skip(&skipped, sink)?,
                IntervalEvent::Error(error) => self.error(error, sink)?,
            }
        }
        Ok(())
    }

    /// What the image is, where it is not the contract's.
    fn foreign(&self, frame: &Frame) -> Option<Foreign> {
        let size = [frame.width(), frame.height()];
        let components = frame.components().len() as u8;
        // A component alone has MCUs of one data unit (T.81, A.2.2).
        let data_units = match frame.components() {
            [_] => 1,
            several => several.iter().map(|component| component.horizontal * component.vertical).sum(),
        };
        let fits = self.codec.size.is_none_or(|expected| expected == size)
            && (components, data_units) == (self.codec.components, self.codec.data_units);
        (!fits).then_some(Foreign::Jpeg { size, components, data_units })
    }

    fn write<E>(&mut self, data: &Data<'_>, offset: u64, sink: Sink<'_, E>) -> Result<(), E> {
        let cut_bytes = bytes::write(data, &mut self.row);
        let bytes = data.aligned_len() as u64;
        sink(Item::Row(Row { values: &self.row, offset, bytes, samples: 0, cut_bytes, main_data_lost: false }))
    }

    fn error<E>(&mut self, error: Error, sink: Sink<'_, E>) -> Result<(), E> {
        self.refused.get_or_insert(error);
        if error.cause == Cause::UnexpectedEnd { sink(Item::CutShort) } else { Ok(()) }
    }
}

pub(super) fn skip<E>(skipped: &Skipped, sink: Sink<'_, E>) -> Result<(), E> {
    let gap = |reason| Item::Gap(Gap { offset: skipped.offset, bytes: skipped.bytes, reason });
    match skipped.reason {
        SkipReason::Garbage => sink(gap(GapReason::Garbage)),
        SkipReason::Damaged => sink(gap(GapReason::Damaged)),
        _ => Ok(()),
    }
}
