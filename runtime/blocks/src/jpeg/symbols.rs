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

/// Which columns a row has, in which order. A model states the layout it was trained on.
pub const LAYOUT: u32 = 1;

/// Columns of a data unit.
pub const UNIT_VALUES: usize = 65;

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
