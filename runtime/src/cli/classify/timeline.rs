//! Probabilities along a stream, in memory that does not grow with it.

use std::ops::Range;

/// Most columns kept: about one for each column of pixels.
const COLUMNS_MAX: usize = 1024;

/// The windows of one stream, neighbouring ones joined where there are many.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    unit: Unit,
    per_block: f64,
    columns: Vec<Column>,
    /// Windows of a column.
    windows_each: usize,
    /// Block behind the last window.
    end: usize,
}

/// What a stream is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    /// Of an image.
    Blocks,
}

/// Neighbouring windows.
#[derive(Clone, Debug)]
struct Column {
    /// Twice the middle of the first window, in blocks.
    first: usize,
    /// The same of the last.
    last: usize,
    windows: usize,
    /// One for each label, summed over the windows.
    sums: Vec<f64>,
}

/// A span of the stream and the mean probabilities of the windows whose middle lies in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    /// In the timeline's unit.
    pub start: f64,
    pub end: f64,
    /// One for each label.
    pub probabilities: Vec<f64>,
}

impl Timeline {
    /// Of a stream of this length; an image lasts 0 seconds.
    pub(super) fn new(seconds: f64, blocks: usize) -> Self {
        let (unit, per_block) =
            if seconds > 0.0 { (Unit::Seconds, seconds / blocks.max(1) as f64) } else { (Unit::Blocks, 1.0) };
        Timeline { unit, per_block, columns: Vec::new(), windows_each: 1, end: 0 }
    }

    pub(super) fn unit(&self) -> Unit {
        self.unit
    }

    /// The next window of the stream.
    pub(super) fn add(&mut self, window: Range<usize>, probabilities: &[f64]) {
        let middle = window.start + window.end;
        self.end = window.end;
        let column = Column { first: middle, last: middle, windows: 1, sums: probabilities.into() };
        match self.columns.last_mut() {
            Some(last) if last.windows < self.windows_each => last.join(&column),
            _ => self.columns.push(column),
        }
        if self.columns.len() == COLUMNS_MAX {
            self.columns = self.columns.chunks(2).map(joined).collect();
            self.windows_each *= 2;
        }
    }

    /// From the stream's start to its end without a gap: the border of two columns is halfway between their windows'
    /// middles.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let place = |blocks: f64| blocks * self.per_block;
        let borders = self.columns.windows(2).map(|pair| place((pair[0].last + pair[1].first) as f64 / 4.0));
        let borders: Vec<f64> = std::iter::once(0.0).chain(borders).chain([place(self.end as f64)]).collect();
        let cell = |(column, border): (&Column, &[f64])| Cell {
            start: border[0],
            end: border[1],
            probabilities: column.sums.iter().map(|sum| sum / column.windows as f64).collect(),
        };
        self.columns.iter().zip(borders.windows(2)).map(cell).collect()
    }
}

impl Column {
    fn join(&mut self, next: &Column) {
        self.last = next.last;
        self.windows += next.windows;
        self.sums.iter_mut().zip(&next.sums).for_each(|(sum, next)| *sum += next);
    }
}

fn joined(columns: &[Column]) -> Column {
    let mut joined = columns[0].clone();
    columns[1..].iter().for_each(|column| joined.join(column));
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_lie_halfway_between_windows() {
        let mut timeline = Timeline::new(8.5, 17);
        for (window, p) in [(0..10, 0.1), (5..15, 0.2), (7..17, 0.3)] {
            timeline.add(window, &[p, 1.0 - p]);
        }
        let spans: Vec<(f64, f64)> = timeline.cells().iter().map(|cell| (cell.start, cell.end)).collect();
        assert_eq!(spans, [(0.0, 3.75), (3.75, 5.5), (5.5, 8.5)]);
        assert_eq!(timeline.unit(), Unit::Seconds);
        assert_eq!(timeline.cells()[1].probabilities, [0.2, 0.8]);
    }

    #[test]
    fn a_long_stream_is_joined_and_loses_nothing() {
        let mut timeline = Timeline::new(0.0, 100_001);
        (0..100_000).for_each(|start| timeline.add(start..start + 2, &[start as f64]));
        let cells = timeline.cells();
        assert!((COLUMNS_MAX / 2..COLUMNS_MAX).contains(&cells.len()), "{}", cells.len());
        assert!(cells.windows(2).all(|pair| pair[0].end == pair[1].start && pair[0].start < pair[0].end));
        assert_eq!((cells[0].start, cells[cells.len() - 1].end), (0.0, 100_001.0));
        assert!(cells.windows(2).all(|pair| pair[0].probabilities < pair[1].probabilities));
        assert_eq!(cells[0].probabilities, [63.5]);
    }
}
