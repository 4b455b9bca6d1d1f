//! View `symbols`: the quantised coefficients of an MCU, as coded.
//!
//! # Layout 1
//! [`UNIT_VALUES`] columns for each data unit, in the order of the stream ([`Mcu::units`] tells their components):
//!
//! | column | values | note |
//! |---|---|---|
//! | 0 `dc_difference` | -2047..=2047 | as coded: to the data unit before of the same component |
//! | 1 `dc` | | the DC coefficient: the sum of the differences since the last restart |
//! | 2..=64 `ac_1` to `ac_63` | -1023..=1023 | in zig-zag order |
//!
//! In a sound image `dc` lies in -2048..=2047; behind damage that went unnoticed it may be any number.

use super::block::Mcu;
use super::reader::Reader;
use super::scan::Coefficient;
use crate::ViewError;
use crate::column::{Column, number};

/// Which columns a row has, in which order. A model states the layout it was trained on.
pub const LAYOUT: u32 = 1;

/// Columns of a data unit.
pub const UNIT_VALUES: usize = 65;

/// The columns of a data unit, all of them numbers.
const COLUMNS: [Column; UNIT_VALUES] = {
    let mut columns = [number(""); UNIT_VALUES];
    let mut at = 0;
    while at < UNIT_VALUES {
        columns[at] = number(NAMES[at]);
        at += 1;
    }
    columns
};

#[rustfmt::skip]
const NAMES: [&str; UNIT_VALUES] = [
    "dc_difference", "dc", "ac_1", "ac_2", "ac_3", "ac_4", "ac_5", "ac_6", "ac_7", "ac_8", "ac_9",
    "ac_10", "ac_11", "ac_12", "ac_13", "ac_14", "ac_15", "ac_16", "ac_17", "ac_18", "ac_19", "ac_20",
    "ac_21", "ac_22", "ac_23", "ac_24", "ac_25", "ac_26", "ac_27", "ac_28", "ac_29", "ac_30", "ac_31",
    "ac_32", "ac_33", "ac_34", "ac_35", "ac_36", "ac_37", "ac_38", "ac_39", "ac_40", "ac_41", "ac_42",
    "ac_43", "ac_44", "ac_45", "ac_46", "ac_47", "ac_48", "ac_49", "ac_50", "ac_51", "ac_52", "ac_53",
    "ac_54", "ac_55", "ac_56", "ac_57", "ac_58", "ac_59", "ac_60", "ac_61", "ac_62", "ac_63",
];

/// The columns in the order of the row of an MCU of so many data units; a name is the same in each of them.
pub fn columns(units: usize) -> impl Iterator<Item = Column> + Clone {
    core::iter::repeat_n(COLUMNS, units).flatten()
}

/// Values in the row of an MCU of so many data units.
#[must_use]
pub const fn row_len(units: usize) -> usize {
    UNIT_VALUES * units
}

/// Fills the row of an MCU. The row must have the [`row_len`] of the MCU's units.
pub fn write(mcu: &Mcu<'_>, out: &mut [i32]) -> Result<(), ViewError> {
    let expected = row_len(mcu.units().len());
    if out.len() != expected {
        return Err(ViewError::RowLength { expected, found: out.len() });
    }
    out.fill(0);
    let (units, _) = out.as_chunks_mut::<UNIT_VALUES>();
    let mut predictors = mcu.predictors;
    let mut reader = Reader::new(mcu.data.raw, mcu.data.first_bit);
    let read = mcu.coding.read(&mut reader, &mut predictors, |number, coefficient| {
        let Some(unit) = units.get_mut(number) else { return };
        match coefficient {
            Coefficient::Dc { difference, value } => [unit[0], unit[1]] = [difference, value],
            Coefficient::Ac { place, value } => {
                if let Some(at) = unit.get_mut(place + 1) {
                    *at = value;
                }
            }
        }
    });
    // It was read once already when it was cut.
    let found = mcu.data.raw.len();
    read.map_err(|_| ViewError::Truncated { needed: found + 1, found })
}
