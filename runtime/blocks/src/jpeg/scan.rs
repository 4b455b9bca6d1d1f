//! The scan header (T.81, B.2.3), the tables in force, and how far a scan has come.

use super::error::Cause;
use super::frame::{Frame, MAX_COMPONENTS};
use super::huffman::{AcTable, Class, DcTable, UNIT_BITS_MAX};
use super::marker::Marker;
use super::reader::{Reader, Stop};

/// Data units in an MCU at most (T.81, B.2.3).
pub const MAX_UNITS: usize = 10;

/// The most bytes of an MCU as they stand in the stream: its bits may begin at the end of a byte, and every byte may be
/// stuffed.
pub(super) const MCU_BYTES_MAX: usize = 2 * (7 + MAX_UNITS * UNIT_BITS_MAX).div_ceil(8);

/// One data unit of an MCU.
#[derive(Clone, Copy, Debug, Default)]
struct Unit {
    /// Index of the component in the frame.
    component: u8,
    dc: u8,
    ac: u8,
}

impl Unit {
    /// The DC value, after which the next of the component is a difference to it.
    #[inline(always)]
    fn predict(self, predictors: &mut Predictors, difference: i32) -> i32 {
        let Some(dc) = predictors.get_mut(usize::from(self.component)) else { return difference };
        // Only damage brings it near the ends of the range.
        *dc = dc.wrapping_add(difference);
        *dc
    }
}

/// How the data units of the present scan are coded.
#[derive(Clone)]
pub(super) struct Coding {
    dc: [DcTable; 4],
    ac: [AcTable; 4],
    units: [Unit; MAX_UNITS],
    count: u8,
}

/// The DC value that the next difference of each component adds to.
pub(super) type Predictors = [i32; MAX_COMPONENTS];

impl Coding {
    pub(super) const fn new() -> Self {
        Self {
            dc: [const { DcTable::undefined(Class::Dc) }; 4],
            ac: [const { AcTable::undefined() }; 4],
            units: [Unit { component: 0, dc: 0, ac: 0 }; MAX_UNITS],
            count: 0,
        }
    }

    /// Defines the table that a DHT segment names by the first byte of its definition.
    pub(super) fn define(&mut self, class_and_place: u8, counts: &[u8; 16], symbols: &[u8]) -> Result<(), Cause> {
        let place = usize::from(class_and_place & 15);
        match class_and_place >> 4 {
            0 => self.dc.get_mut(place).ok_or(Cause::BadTable)?.define(counts, symbols),
            1 => self.ac.get_mut(place).ok_or(Cause::BadTable)?.define(counts, symbols),
            _ => Err(Cause::BadTable),
        }
    }

    /// For each data unit of an MCU the index of its component in the frame.
    pub(super) fn components(&self) -> impl ExactSizeIterator<Item = u8> + Clone {
        self.units().iter().map(|unit| unit.component)
    }

    /// Passes one MCU.
    #[inline(always)]
    pub(super) fn pass(&self, reader: &mut Reader<'_>, predictors: &mut Predictors) -> Result<(), Stop> {
        for unit in self.units() {
            let (dc, ac) = self.tables(unit)?;
            unit.predict(predictors, reader.pass_unit(dc, ac)?);
        }
        Ok(())
    }

    /// Reads one MCU. `put` gets the number of the data unit, the place of each non-zero coefficient, and its value;
    /// for place 0 the DC difference and the DC value.
    #[inline(always)]
    pub(super) fn read(
        &self,
        reader: &mut Reader<'_>,
        predictors: &mut Predictors,
        mut put: impl FnMut(usize, Coefficient),
    ) -> Result<(), Stop> {
        for (number, unit) in self.units().iter().enumerate() {
            let (dc, ac) = self.tables(unit)?;
            let difference = reader.unit(dc, ac, |place, value| {
                if place > 0 {
                    put(number, Coefficient::Ac { place, value });
                }
            })?;
            let value = unit.predict(predictors, difference);
            put(number, Coefficient::Dc { difference, value });
        }
        Ok(())
    }

    #[inline(always)]
    fn units(&self) -> &[Unit] {
        self.units.get(..usize::from(self.count)).unwrap_or_default()
    }

    #[inline(always)]
    fn tables(&self, unit: &Unit) -> Result<(&DcTable, &AcTable), Stop> {
        match (self.dc.get(usize::from(unit.dc)), self.ac.get(usize::from(unit.ac))) {
            (Some(dc), Some(ac)) => Ok((dc, ac)),
            _ => Err(Stop::Bad(Cause::MissingTable)),
        }
    }

    /// Sets the units of an MCU from a scan header.
    fn set_units(&mut self, frame: &Frame, specifications: &[[u8; 2]]) -> Result<(), Cause> {
        self.count = 0;
        let mut seen = [false; MAX_COMPONENTS];
        for &[id, tables] in specifications {
            let found = frame.components().iter().zip(0_u8..).zip(&mut seen).find(|((c, _), _)| c.id == id);
            let ((component, index), seen) = found.ok_or(Cause::BadScan)?;
            if core::mem::replace(seen, true) {
                return Err(Cause::BadScan);
            }
            let unit = Unit { component: index, dc: tables >> 4, ac: tables & 15 };
            let Ok((dc, ac)) = self.tables(&unit) else {
                return Err(Cause::BadScan);
            };
            if !dc.is_defined() || !ac.codes.is_defined() {
                return Err(Cause::MissingTable);
            }
            let interleaved = specifications.len() > 1;
            let units = if interleaved { component.horizontal * component.vertical } else { 1 };
            let from = usize::from(self.count);
            self.units.get_mut(from..from + usize::from(units)).ok_or(Cause::BadScan)?.fill(unit);
            self.count += units;
        }
        Ok(())
    }
}

/// A coefficient as coded, in zig-zag order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Coefficient {
    Dc { difference: i32, value: i32 },
    Ac { place: usize, value: i32 },
}

/// A scan that is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan {
    pub(super) columns: u32,
    /// MCUs of the whole scan.
    pub(super) total: u32,
    /// MCUs of a restart interval; of the scan if there are none.
    pub(super) per_interval: u32,
    /// MCUs before the next one.
    pub(super) next: u32,
    /// The restart interval that the next MCU belongs to, or that was left last.
    pub(super) interval: u32,
    /// Bits of the window's first byte that are read.
    pub(super) bit: u8,
    pub(super) predictors: Predictors,
    /// Reading went astray; only RSTn can put it right.
    pub(super) lost: bool,
}

impl Scan {
    /// From the body of an SOS segment; `None` if its length is wrong. The spectral selection and approximation
    /// behind the components mean nothing in a sequential scan and are not looked at.
    pub(super) fn parse(
        frame: &Frame,
        coding: &mut Coding,
        restart_interval: u16,
        body: &[u8],
    ) -> Option<Result<Self, Cause>> {
        let (&count, rest) = body.split_first()?;
        let (specifications, rest) = rest.split_at_checked(2 * usize::from(count))?;
        if rest.len() != 3 {
            return None;
        }
        let (specifications, _) = specifications.as_chunks::<2>();
        Some(Self::start(frame, coding, restart_interval, specifications))
    }

    fn start(frame: &Frame, coding: &mut Coding, restart: u16, specifications: &[[u8; 2]]) -> Result<Self, Cause> {
        if specifications.is_empty() {
            return Err(Cause::BadScan);
        }
        coding.set_units(frame, specifications)?;
        let alone = frame.components().iter().find(|c| matches!(specifications, [[id, _]] if *id == c.id));
        let (columns, rows) = alone.map_or_else(|| frame.interleaved_mcus(), |alone| frame.single_mcus(alone));
        let total = columns * rows;
        let per_interval = if restart == 0 { total } else { restart.into() };
        Ok(Self {
            columns,
            total,
            per_interval,
            next: 0,
            interval: 0,
            bit: 0,
            predictors: Predictors::default(),
            lost: false,
        })
    }

    /// First MCU of the interval that is being read or was left last.
    fn interval_start(&self) -> u32 {
        self.interval * self.per_interval
    }

    /// MCUs of the interval that is being read.
    pub(super) fn interval_mcus(&self) -> u32 {
        self.per_interval.min(self.total - self.interval_start().min(self.total))
    }

    pub(super) fn is_complete(&self) -> bool {
        self.next == self.total
    }

    /// Must RSTn come before the next MCU?
    pub(super) fn is_restart_due(&self) -> bool {
        self.next - self.interval_start() == self.per_interval
    }

    /// How many intervals are missing if this RSTn follows the present one, or `None` if it cannot be told or there
    /// is no such interval. One to three lost markers are believed; seven would more likely be one that came twice.
    pub(super) fn intervals_missing(&self, marker: Marker) -> Option<u32> {
        const MISSING_MAX: u32 = 3;
        let missing = u32::from(marker.0.wrapping_sub(self.interval as u8) & 7);
        let first = u64::from(self.interval + 1 + missing) * u64::from(self.per_interval);
        (missing <= MISSING_MAX && first < self.total.into()).then_some(missing)
    }

    /// Goes on behind RSTn.
    pub(super) fn restart(&mut self, missing: u32) {
        self.interval += 1 + missing;
        self.next = self.interval_start();
        self.predictors = Predictors::default();
        self.bit = 0;
        self.lost = false;
    }
}
