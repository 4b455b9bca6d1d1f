//! What a column of a row is.

use core::fmt;

/// How a column's values are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind {
    /// A quantity: order and distance mean something.
    Number,
    /// One of this many classes, counted from 0.
    Category(u16),
}

/// One column of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Column {
    /// The standard's word for it; the same in every granule (Opus: slot) and channel.
    pub name: &'static str,
    /// How its values are meant.
    pub kind: Kind,
    /// Granule and channel it belongs to (Opus: slot of 20 ms and channel), or `None` if it belongs to the whole block.
    pub place: Option<(u8, u8)>,
}

/// `main_data_begin`, `gr1.ch0.part2_3_length`: unique in a row.
impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((granule, channel)) => write!(f, "gr{granule}.ch{channel}.{}", self.name),
            None => f.write_str(self.name),
        }
    }
}

pub(crate) const fn number(name: &'static str) -> Column {
    Column { name, kind: Kind::Number, place: None }
}

pub(crate) const fn category(name: &'static str, cardinality: u16) -> Column {
    Column { name, kind: Kind::Category(cardinality), place: None }
}
