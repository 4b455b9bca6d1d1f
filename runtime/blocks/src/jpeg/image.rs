//! An image that lies in memory as a whole.

use core::{fmt, iter::FusedIterator};

use super::block::{Data, Interval, Mcu, Place, Skipped, unstuffed_len};
use super::error::Error;
use super::frame::Frame;
use super::machine::{Cut, Cutting, Machine, Step};
use super::scan::Coding;

/// A JPEG file whose headers are in order up to its first scan.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    data: &'a [u8],
    frame: Frame,
}

/// What comes next in a stream.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// An MCU.
    Mcu(Mcu<'a>),
    /// Bytes that are no MCU.
    Skipped(Skipped),
    /// Something is wrong: the bytes lost by it are reported as skipped after it.
    Error(Error),
}

/// What comes next in a stream that is cut into restart intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalEvent<'a> {
    /// A restart interval.
    Interval(Interval<'a>),
    /// Bytes of none.
    Skipped(Skipped),
    /// Something is wrong: the bytes lost by it are reported as skipped after it.
    Error(Error),
}

impl<'a> Image<'a> {
    /// Reads the headers up to the first scan. What lies behind is only looked at by the iterators.
    pub fn parse(data: &'a [u8]) -> Result<Self, Error> {
        let mut walk = Walk::new(data, Cutting::Mcus);
        loop {
            if let (Some(&frame), true) = (walk.machine.frame(), walk.machine.in_scan()) {
                return Ok(Self { data, frame });
            }
            match walk.advance() {
                Some(Advance::Fault(error)) => return Err(error),
                Some(_) => {}
                // Before a scan every stream ends with an error.
                None => return Err(Error { offset: data.len() as u64, cause: super::Cause::UnexpectedEnd }),
            }
        }
    }

    /// The frame header.
    #[must_use]
    pub const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The MCUs, exact to the bit, and what is wrong between them.
    #[must_use]
    pub const fn mcus(&self) -> Mcus<'a> {
        Mcus { events: self.events() }
    }

    /// The MCUs and all that lies between them: together every byte of the file, in order. Neighbouring MCUs share a
    /// byte where one ends within it.
    #[must_use]
    pub const fn events(&self) -> Events<'a> {
        Events { walk: Walk::new(self.data, Cutting::Mcus) }
    }

    /// The restart intervals; of a scan without restart markers, its data as a whole. No Huffman code is read.
    #[must_use]
    pub const fn restarts(&self) -> Restarts<'a> {
        Restarts { walk: Walk::new(self.data, Cutting::Intervals) }
    }

    /// The restart intervals and all that lies between them: together every byte of the file, in order.
    #[must_use]
    pub const fn interval_events(&self) -> IntervalEvents<'a> {
        IntervalEvents { walk: Walk::new(self.data, Cutting::Intervals) }
    }

    /// MCUs as the paper guesses them: each restart interval, or scan without them, in parts of equal length in bytes.
    /// With one restart interval to a row of MCUs (`cjpeg -restart 1`) that divides each scan line.
    #[must_use]
    pub const fn approx(&self, division: Division) -> Approx<'a> {
        Approx { restarts: self.restarts(), division, current: None, sequence: 0 }
    }
}

/// In how many parts [`Image::approx`] cuts a restart interval. None is shorter than a byte, whatever is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Division {
    /// As many as it should have MCUs.
    Mcus,
    /// So many.
    Parts(u32),
}

/// A part of a restart interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its bytes.
    pub data: Data<'a>,
    /// Where it belongs; `mcu` is the first MCU of the interval, and, divided by MCUs, the one the part stands for.
    pub place: Place,
    /// Parts of the interval before this one.
    pub index: u32,
    /// Parts of the interval.
    pub of: u32,
}

/// See [`Image::events`]. Not an [`Iterator`]: an MCU borrows the Huffman tables in force, which may change behind it.
#[derive(Clone)]
pub struct Events<'a> {
    walk: Walk<'a>,
}

impl Events<'_> {
    /// The next event, until the file is at its end.
    #[expect(clippy::should_implement_trait, reason = "an MCU borrows from here")]
    pub fn next(&mut self) -> Option<Event<'_>> {
        Some(match self.walk.advance()? {
            Advance::Cut(cut, raw) => Event::Mcu(cut.mcu(raw, self.walk.machine.coding())),
            Advance::Skipped(skipped) => Event::Skipped(skipped),
            Advance::Fault(error) => Event::Error(error),
        })
    }
}

/// See [`Image::mcus`]. Not an [`Iterator`]: an MCU borrows the Huffman tables in force, which may change behind it.
#[derive(Clone, Debug)]
pub struct Mcus<'a> {
    events: Events<'a>,
}

impl Mcus<'_> {
    /// The next MCU, or the next error. After an error there may be more: reading goes on at the next restart marker
    /// or scan.
    #[expect(clippy::should_implement_trait, reason = "an MCU borrows from here")]
    pub fn next(&mut self) -> Option<Result<Mcu<'_>, Error>> {
        let found = loop {
            match self.events.walk.advance()? {
                Advance::Cut(cut, raw) => break Ok((cut, raw)),
                Advance::Fault(error) => break Err(error),
                Advance::Skipped(_) => {}
            }
        };
        Some(found.map(|(cut, raw)| cut.mcu(raw, self.coding())))
    }

    const fn coding(&self) -> &Coding {
        self.events.walk.machine.coding()
    }
}

/// See [`Image::restarts`].
#[derive(Clone, Debug)]
pub struct Restarts<'a> {
    walk: Walk<'a>,
}

impl<'a> Iterator for Restarts<'a> {
    type Item = Result<Interval<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.walk.advance()? {
                Advance::Cut(cut, raw) => return Some(Ok(cut.interval(raw))),
                Advance::Fault(error) => return Some(Err(error)),
                Advance::Skipped(_) => {}
            }
        }
    }
}

impl FusedIterator for Restarts<'_> {}

/// See [`Image::interval_events`].
#[derive(Clone, Debug)]
pub struct IntervalEvents<'a> {
    walk: Walk<'a>,
}

impl<'a> Iterator for IntervalEvents<'a> {
    type Item = IntervalEvent<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.walk.advance()? {
            Advance::Cut(cut, raw) => IntervalEvent::Interval(cut.interval(raw)),
            Advance::Skipped(skipped) => IntervalEvent::Skipped(skipped),
            Advance::Fault(error) => IntervalEvent::Error(error),
        })
    }
}

impl FusedIterator for IntervalEvents<'_> {}

/// See [`Image::approx`].
#[derive(Clone, Debug)]
pub struct Approx<'a> {
    restarts: Restarts<'a>,
    division: Division,
    current: Option<Parts<'a>>,
    sequence: u64,
}

impl<'a> Iterator for Approx<'a> {
    type Item = Result<Part<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(part) = self.current.as_mut().and_then(Parts::next) {
                let sequence = self.sequence;
                self.sequence += 1;
                return Some(Ok(Part { place: Place { sequence, ..part.place }, ..part }));
            }
            match self.restarts.next()? {
                Ok(interval) => self.current = Some(interval.parts(self.division)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl FusedIterator for Approx<'_> {}

impl<'a> Interval<'a> {
    /// The interval in parts of equal length in bytes, their `sequence` counted within it.
    #[must_use]
    pub fn parts(&self, division: Division) -> Parts<'a> {
        let asked = match division {
            Division::Mcus => self.mcus,
            Division::Parts(parts) => parts,
        };
        let of = u32::try_from(self.data.raw.len()).map_or(asked, |bytes| asked.min(bytes));
        Parts { interval: *self, division, index: 0, of }
    }
}

/// See [`Interval::parts`].
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    interval: Interval<'a>,
    division: Division,
    index: u32,
    of: u32,
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let &mut Self { interval, division, index, of } = self;
        if index == of {
            return None;
        }
        self.index += 1;
        let raw = interval.data.raw;
        let border = |index: u64| ((raw.len() as u64).saturating_mul(index) / u64::from(of)) as usize;
        let (from, to) = (border(index.into()), border(u64::from(index) + 1));
        let raw = raw.get(from..to).unwrap_or_default();
        let mcu = interval.place.mcu + if division == Division::Mcus { index } else { 0 };
        let (offset, sequence) = (interval.place.offset + from as u64, index.into());
        Some(Part {
            data: Data { raw, first_bit: 0, bits: 8 * unstuffed_len(raw) as u64 },
            place: Place { offset, sequence, mcu, ..interval.place },
            index,
            of,
        })
    }
}

impl FusedIterator for Parts<'_> {}

/// The machine and what it has not used up yet.
#[derive(Clone)]
struct Walk<'a> {
    machine: Machine,
    rest: &'a [u8],
}

enum Advance<'a> {
    Cut(Cut, &'a [u8]),
    Skipped(Skipped),
    Fault(Error),
}

impl<'a> Walk<'a> {
    const fn new(data: &'a [u8], cutting: Cutting) -> Self {
        Self { machine: Machine::new(cutting), rest: data }
    }

    fn advance(&mut self) -> Option<Advance<'a>> {
        loop {
            let window = self.rest;
            let (used, advance) = match self.machine.step(window, true) {
                Step::Pass(used) => (used, None),
                Step::Cut(cut) => (cut.used, Some(Advance::Cut(cut, window.get(..cut.len).unwrap_or_default()))),
                Step::Skip { used, skipped } => (used, Some(Advance::Skipped(skipped))),
                Step::Fault { used, error } => (used, Some(Advance::Fault(error))),
                Step::Need(_) | Step::End => return None,
            };
            self.rest = window.get(used..).unwrap_or_default();
            if advance.is_some() {
                return advance;
            }
        }
    }
}

impl fmt::Debug for Walk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk").field("rest", &self.rest.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Events<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.walk.fmt(f)
    }
}
