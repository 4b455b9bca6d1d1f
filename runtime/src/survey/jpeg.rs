//! JPEG: MCUs as they arrive; restart intervals, and their equal parts, once the whole file is there.

use super::emit::{Emit, Found, fill, tokens};
use super::item::{Cause, Kind, Place, Reason};
use super::{Diagnosis, JpegTally, MAX_HELD_BYTES, Sink, Tally, Unit, View};
use tempest_blocks::jpeg::{self, Cutter, Data, Division, Event, Frame, Image, IntervalEvent, Mcu, symbols};
use tempest_blocks::{Cut, ErrorClass};

pub(super) struct Walk {
    cutter: Cutter,
    /// The file so far, for units that need all of it.
    held: Option<Vec<u8>>,
    /// It is longer than what is held: it is not cut.
    is_too_long: bool,
    make: Make,
}

struct Make {
    emit: Emit,
    /// The block, from the start of a byte and without stuffing.
    aligned: Vec<u8>,
    /// Where the last item ended.
    end: u64,
    refused: Option<jpeg::Error>,
}

impl Walk {
    pub(super) fn new(unit: Unit, view: Option<View>) -> Self {
        let tally = Tally { jpeg: Some(JpegTally::default()), ..Tally::default() };
        let make = Make { emit: Emit::new(unit, view, tally), aligned: Vec::new(), end: 0, refused: None };
        Self { cutter: Cutter::new(), held: (unit != Unit::Mcu).then(Vec::new), is_too_long: false, make }
    }

    pub(super) fn feed<E>(&mut self, mut input: &[u8], sink: Sink<'_, E>) -> Result<(), E> {
        if let Some(held) = &mut self.held {
            self.is_too_long |= held.len() + input.len() > MAX_HELD_BYTES;
            if !self.is_too_long {
                held.extend(input);
            }
            return Ok(());
        }
        while let (Some(event), rest) = self.cutter.push(input) {
            self.make.event(&event, sink)?;
            input = rest;
        }
        self.make.frame(self.cutter.frame());
        Ok(())
    }

    pub(super) fn finish<E>(&mut self, sink: Sink<'_, E>) -> Result<(), E> {
        if self.is_too_long {
            return Ok(());
        }
        if let Some(held) = self.held.take() {
            if let Ok(image) = Image::parse(&held) {
                self.make.frame(Some(image.frame()));
                return self.make.intervals(&image, sink);
            }
            // Why it cannot be parsed is told by the cutter.
            self.feed(&held, sink)?;
        }
        while let Some(event) = self.cutter.finish() {
            self.make.event(&event, sink)?;
        }
        self.make.frame(self.cutter.frame());
        Ok(())
    }

    pub(super) const fn tally(&self) -> &Tally {
        &self.make.emit.tally
    }

    pub(super) const fn tally_mut(&mut self) -> &mut Tally {
        &mut self.make.emit.tally
    }

    pub(super) fn diagnosis(&self) -> Option<Diagnosis> {
        if self.is_too_long {
            let text = format!("this unit needs the whole file, and at most {MAX_HELD_BYTES} bytes are held");
            return Some(Diagnosis::new(text, ErrorClass::Limit));
        }
        self.make.refused.map(|error| Diagnosis::new(error, error.class()))
    }
}

impl Make {
    fn frame(&mut self, frame: Option<&Frame>) {
        self.emit.tally.jpeg.get_or_insert_default().frame = frame.copied();
    }

    fn event<E>(&mut self, event: &Event<'_>, sink: Sink<'_, E>) -> Result<(), E> {
        match event {
            Event::Mcu(mcu) => self.mcu(mcu, sink),
            Event::Skipped(skipped) => self.skipped(skipped, sink),
            Event::Error(error) => self.error(*error, sink),
        }
    }

    fn skipped<E>(&mut self, skipped: &jpeg::Skipped, sink: Sink<'_, E>) -> Result<(), E> {
        self.end = skipped.offset + skipped.bytes;
        self.emit.skipped((skipped.offset, skipped.bytes), Reason::Jpeg(skipped.reason), false, sink)
    }

    fn error<E>(&mut self, error: jpeg::Error, sink: Sink<'_, E>) -> Result<(), E> {
        self.refused.get_or_insert(error);
        self.emit.fault(error.offset, Cause::Jpeg(error.cause), sink)
    }

    fn mcu<E>(&mut self, mcu: &Mcu<'_>, sink: Sink<'_, E>) -> Result<(), E> {
        let mut units = [0; jpeg::MAX_COMPONENTS];
        mcu.units().filter_map(|component| units.get_mut(usize::from(component)).map(|count| *count += 1)).count();
        let kind = Kind::Mcu { scan: mcu.place.scan, interval: mcu.place.interval, bits: mcu.data.bits(), units };
        let place = Place::Mcu { column: mcu.column, row: mcu.row };
        self.coded(&mcu.data, mcu.place, (place, kind), Some(mcu), sink)
    }

    fn intervals<E>(&mut self, image: &Image<'_>, sink: Sink<'_, E>) -> Result<(), E> {
        for event in image.interval_events() {
            match event {
                IntervalEvent::Skipped(skipped) => self.skipped(&skipped, sink)?,
                IntervalEvent::Error(error) => self.error(error, sink)?,
                IntervalEvent::Interval(interval) if self.emit.unit == Unit::McuApprox => {
                    for part in interval.parts(Division::Mcus) {
                        let place = Place::Mcus { first: part.place.mcu, count: 1 };
                        self.interval(&part.data, part.place, place, Some((part.index, part.of)), sink)?;
                    }
                }
                IntervalEvent::Interval(interval) => {
                    let place = Place::Mcus { first: interval.place.mcu, count: interval.mcus };
                    self.interval(&interval.data, interval.place, place, None, sink)?;
                }
            }
        }
        Ok(())
    }

    fn interval<E>(
        &mut self,
        data: &Data<'_>,
        at: jpeg::Place,
        place: Place,
        part: Option<(u32, u32)>,
        sink: Sink<'_, E>,
    ) -> Result<(), E> {
        let kind = Kind::Interval { scan: at.scan, interval: at.interval, bits: data.bits(), part };
        self.coded(data, at, (place, kind), None, sink)
    }

    fn coded<E>(
        &mut self,
        data: &Data<'_>,
        at: jpeg::Place,
        (place, kind): (Place, Kind),
        mcu: Option<&Mcu<'_>>,
        sink: Sink<'_, E>,
    ) -> Result<(), E> {
        let end = at.offset + data.raw().len() as u64;
        self.emit.tally.coded(data.bits(), end.saturating_sub(self.end), at.scan);
        self.end = end;
        self.aligned.clear();
        self.aligned.extend(data.aligned());
        let bytes = self.aligned.as_slice();
        let found = Found { offset: at.offset, bytes, place, kind, truncated: false };
        let write = |view, row: &mut Vec<i32>| match (view, mcu) {
            (View::Symbols, Some(mcu)) => {
                fill(row, symbols::row_len(mcu.units().len()), |row| symbols::write(mcu, row))
            }
            _ => tokens(row, bytes),
        };
        self.emit.block(&found, write, sink)
    }
}
