//! The table: a row for each block, skipped run and error.

use crate::survey::{Format, Item, Place, Survey, Unit};
use std::collections::VecDeque;
use std::io::{self, Write};

/// Blocks shown from the start, with the other rows between.
const HEAD: usize = 8;
/// Those rows at most.
const HEAD_OTHERS: usize = 40;
/// Rows shown at the end.
const TAIL: usize = 5;
/// Rows of damage shown between.
const DAMAGE: usize = 20;

/// Writes rows as they come. Unless all are asked for, it shows the first, the last and those of damage, and keeps no
/// more than the last.
pub(super) struct Table {
    all: bool,
    is_image: bool,
    /// What the place of a block in an image is.
    place: &'static str,
    heading: String,
    /// Rows of blocks, and other rows.
    shown: (usize, usize),
    /// Rows of damage behind the first rows.
    damage_shown: usize,
    /// Rows left out since the last one shown, but for those in `tail`.
    left_out: u64,
    tail: VecDeque<Item<'static>>,
}

impl Table {
    pub(super) const fn new(all: bool) -> Self {
        Self {
            all,
            is_image: false,
            place: "",
            heading: String::new(),
            shown: (0, 0),
            damage_shown: 0,
            left_out: 0,
            tail: VecDeque::new(),
        }
    }

    pub(super) const fn shows_all(&self) -> bool {
        self.all
    }

    /// Starts the table of a file; nothing is written before its first row.
    pub(super) fn begin(&mut self, file: &str, survey: &Survey) {
        *self = Self::new(self.all);
        self.is_image = survey.format() == Format::Jpeg;
        self.place = if survey.unit() == Unit::Mcu { "column,row" } else { "first+MCUs" };
        self.heading = format!("{file}: {}, unit {}", survey.format(), survey.unit());
    }

    pub(super) fn item(&mut self, item: &Item<'_>, out: &mut impl Write) -> io::Result<()> {
        if self.shown == (0, 0) {
            self.columns(out)?;
        }
        if !self.all && !self.is_head() {
            if !item.is_damage() || self.damage_shown == DAMAGE {
                self.leave_out(item);
                return Ok(());
            }
            self.damage_shown += 1;
            self.left_out += self.tail.len() as u64;
            self.tail.clear();
        }
        match item {
            Item::Block(..) => self.shown.0 += 1,
            Item::Skipped(_) | Item::Fault(_) => self.shown.1 += 1,
        }
        self.gap(out)?;
        self.row(item, out)
    }

    /// The next row is one of the first.
    const fn is_head(&self) -> bool {
        self.shown.0 < HEAD && self.shown.1 < HEAD_OTHERS
    }

    /// The last rows.
    pub(super) fn end(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.gap(out)?;
        for item in std::mem::take(&mut self.tail) {
            self.row(&item, out)?;
        }
        Ok(())
    }

    fn columns(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", self.heading)?;
        if self.is_image {
            writeln!(out, "{:>8}  {:>10}  {:>6}  {:>11}  kind", "number", "offset", "bytes", self.place)
        } else {
            writeln!(out, "{:>8}  {:>10}  {:>6}  {:>10}  {:>6}  kind", "number", "offset", "bytes", "time s", "ms")
        }
    }

    fn leave_out(&mut self, item: &Item<'_>) {
        self.tail.push_back(item.without_content());
        if self.tail.len() > TAIL {
            self.tail.pop_front();
            self.left_out += 1;
        }
    }

    fn gap(&mut self, out: &mut impl Write) -> io::Result<()> {
        match std::mem::take(&mut self.left_out) {
            0 => Ok(()),
            1 => writeln!(out, "{:>8}  1 row; --all shows it", "..."),
            rows => writeln!(out, "{:>8}  {rows} rows; --all shows them", "..."),
        }
    }

    fn row(&self, item: &Item<'_>, out: &mut impl Write) -> io::Result<()> {
        match item {
            Item::Block(block, _) => {
                let (number, place) = (block.number.to_string(), self.place(Some(block.place)));
                let truncated = if block.truncated { "; truncated" } else { "" };
                row(out, &number, block.offset, &block.bytes.to_string(), &place, &format!("{}{truncated}", block.kind))
            }
            Item::Skipped(skipped) => {
                let mark = if skipped.is_damage() { "! " } else { "" };
                let truncated = if skipped.truncated { ", truncated" } else { "" };
                let kind = format!("{mark}{}{truncated}", skipped.reason);
                row(out, "-", skipped.offset, &skipped.bytes.to_string(), &self.place(None), &kind)
            }
            Item::Fault(fault) => {
                let mark = if fault.is_damage() { "! " } else { "" };
                row(out, "-", fault.offset, "-", &self.place(None), &format!("{mark}{}", fault.cause))
            }
        }
    }

    fn place(&self, place: Option<Place>) -> String {
        match place {
            Some(Place::Time { start, seconds }) => {
                let start = start.map_or_else(|| "-".to_owned(), |start| format!("{start:.3}"));
                format!("{start:>10}  {:>6.1}", seconds * 1000.0)
            }
            Some(Place::Mcu { column, row }) => format!("{:>11}", format!("{column},{row}")),
            Some(Place::Mcus { first, count }) => format!("{:>11}", format!("{first}+{count}")),
            None if self.is_image => format!("{:>11}", "-"),
            None => format!("{:>10}  {:>6}", "-", "-"),
        }
    }
}

fn row(out: &mut impl Write, number: &str, offset: u64, bytes: &str, place: &str, kind: &str) -> io::Result<()> {
    writeln!(out, "{number:>8}  {offset:>10}  {bytes:>6}  {place}  {kind}")
}
