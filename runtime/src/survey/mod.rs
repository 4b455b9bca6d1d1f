//! What the block cutter sees of a stream: every block of the unit asked for, everything skipped, everything wrong, as
//! one kind of [`Item`] whatever the format; and a [`Tally`] of it all.
//!
//! A [`Survey`] is pushed: it gives the same items for any chunking and, but for the units [`Unit::McuApprox`] and
//! [`Unit::Restart`], which need the whole file, keeps no more than the cutter does.

mod emit;
mod item;
mod jpeg;
mod mp3;
mod opus;
mod tally;
mod unit;
mod words;

use tempest_blocks::ErrorClass;
use thiserror::Error;

pub use item::{Block, Cause, Content, Fault, Item, Kind, Label, Place, Reason, Skipped};
pub use tally::{Count, JpegTally, Mp3Tally, OpusTally, Tally};
pub use unit::{Format, Unit, View};

/// Bytes of a JPEG file that is held for a unit that needs all of it.
pub const MAX_HELD_BYTES: usize = 1 << 26;

/// What a survey gives its items to. The error is the caller's and ends the survey.
pub type Sink<'s, E> = &'s mut dyn FnMut(&Item<'_>) -> Result<(), E>;

/// Why a stream cannot be surveyed as asked.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SurveyError {
    /// The unit is one of another format.
    #[error("{format} has no unit '{unit}'; take --unit {}", Unit::names(*format))]
    Unit {
        /// Format of the stream.
        format: Format,
        /// What was asked for.
        unit: Unit,
    },
    /// The unit has no such view.
    #[error("the unit '{unit}' of {format} has no view '{view}'; take --view {}", View::names(*format, *unit))]
    View {
        /// Format of the stream.
        format: Format,
        /// Its unit.
        unit: Unit,
        /// What was asked for.
        view: View,
    },
}

/// What a stream holds in place of blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// What it is, and where.
    pub text: String,
    /// Broken, refused by design, or too large for the unit.
    pub class: ErrorClass,
}

impl Diagnosis {
    fn new(error: impl ToString, class: ErrorClass) -> Self {
        Self { text: error.to_string(), class }
    }
}

/// A stream that is being surveyed.
///
/// ```
/// use tempest_runtime::survey::{Format, Item, Survey, Unit};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let file = include_bytes!("../../../samples/tempest.mp3");
/// let mut survey = Survey::new(Format::Mp3, Some(Unit::Granule), None)?;
/// let mut print = |item: &Item<'_>| -> std::io::Result<()> {
///     if let Item::Block(block, content) = item {
///         println!("{}: {}, {} bytes", block.number, block.kind, content.bytes.len());
///     }
///     Ok(())
/// };
/// for chunk in file.chunks(4096) {
///     survey.feed(chunk, &mut print)?;
/// }
/// survey.finish(&mut print)?;
/// assert_eq!((survey.tally().cut, survey.tally().blocks), (68, 68));
/// # Ok(())
/// # }
/// ```
pub struct Survey {
    walk: Walk,
    format: Format,
    unit: Unit,
}

enum Walk {
    Mp3(Box<mp3::Walk>),
    Opus(Box<opus::Walk>),
    Jpeg(Box<jpeg::Walk>),
}

impl Survey {
    /// A survey at the start of a stream of this format. `unit` is the one given, else the one its cutter gives.
    ///
    /// # Errors
    /// A unit that the format does not have, or a view that the unit does not have.
    pub fn new(format: Format, unit: Option<Unit>, view: Option<View>) -> Result<Self, SurveyError> {
        let unit = unit.unwrap_or(Unit::of(format)[0]);
        if !Unit::of(format).contains(&unit) {
            return Err(SurveyError::Unit { format, unit });
        }
        if let Some(view) = view.filter(|view| !View::of(format, unit).contains(view)) {
            return Err(SurveyError::View { format, unit, view });
        }
        let walk = match format {
            Format::Mp3 => Walk::Mp3(Box::new(mp3::Walk::new(unit, view))),
            Format::OggOpus => Walk::Opus(Box::new(opus::Walk::new(unit, view))),
            Format::Jpeg => Walk::Jpeg(Box::new(jpeg::Walk::new(unit, view))),
        };
        Ok(Self { walk, format, unit })
    }

    /// The format of the stream.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The unit it is cut into.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// Takes the next bytes of the stream and gives every item they complete.
    ///
    /// # Errors
    /// The first error of `sink`.
    pub fn feed<E>(&mut self, chunk: &[u8], sink: Sink<'_, E>) -> Result<(), E> {
        self.tally_mut().bytes += chunk.len() as u64;
        match &mut self.walk {
            Walk::Mp3(walk) => walk.feed(chunk, sink),
            Walk::Opus(walk) => walk.feed(chunk, sink),
            Walk::Jpeg(walk) => walk.feed(chunk, sink),
        }
    }

    /// Says that the stream has ended and gives the items left.
    ///
    /// # Errors
    /// The first error of `sink`.
    pub fn finish<E>(&mut self, sink: Sink<'_, E>) -> Result<(), E> {
        match &mut self.walk {
            Walk::Mp3(walk) => walk.finish(sink),
            Walk::Opus(walk) => walk.finish(sink),
            Walk::Jpeg(walk) => walk.finish(sink),
        }
    }

    /// The sums so far.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        match &self.walk {
            Walk::Mp3(walk) => walk.tally(),
            Walk::Opus(walk) => walk.tally(),
            Walk::Jpeg(walk) => walk.tally(),
        }
    }

    /// What the stream holds in place of blocks that can be cut. Ask this when it gave none.
    #[must_use]
    pub fn diagnosis(&self) -> Option<Diagnosis> {
        match &self.walk {
            Walk::Mp3(walk) => walk.diagnosis(),
            Walk::Opus(walk) => walk.diagnosis(),
            Walk::Jpeg(walk) => walk.diagnosis(),
        }
    }

    fn tally_mut(&mut self) -> &mut Tally {
        match &mut self.walk {
            Walk::Mp3(walk) => walk.tally_mut(),
            Walk::Opus(walk) => walk.tally_mut(),
            Walk::Jpeg(walk) => walk.tally_mut(),
        }
    }
}
