//! Draws what a model hears over time.

use super::timeline::{Cell, Timeline, Unit};
use crate::cli::file::NewFile;
use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::io::Write;
use std::path::Path;

/// Most labels shown: the most probable ones.
const LABELS_MAX: usize = 24;

/// Pixels: width, height of a label's row, what stands above and below the rows, what stands beside them.
const WIDTH: u32 = 1200;
const ROW_HEIGHT: u32 = 24;
const AROUND: u32 = 110;
const NAMES: u32 = 170;

/// A probability below this is white.
const WHITE_BELOW: f64 = 0.005;

type Drawn<T> = Result<T, Box<dyn std::error::Error>>;

/// The picture of one stream: labels from the most probable down, time from left to right, darker where a label is more
/// probable.
pub(super) struct Heatmap {
    file: NewFile,
    labels: Vec<String>,
}

impl Heatmap {
    pub(super) fn create(path: &Path, labels: &[String]) -> Result<Self> {
        Ok(Heatmap { file: NewFile::create(path)?, labels: labels.into() })
    }

    /// Draws the stream `name` and gives the file its name.
    pub(super) fn finish(mut self, name: &str, timeline: &Timeline) -> Result<()> {
        let cells = timeline.cells();
        let axis = match timeline.unit() {
            Unit::Seconds => "seconds; white 0, blue 1",
            Unit::Blocks => "blocks; white 0, blue 1",
        };
        let mut svg = String::new();
        let drawn = self.draw(&caption(name), axis, &cells, &mut svg);
        drawn.map_err(|error| anyhow!("{error}")).with_context(|| self.file.cannot())?;
        self.file.write_all(svg.as_bytes()).with_context(|| self.file.cannot())?;
        self.file.finish()
    }

    fn draw(&self, caption: &str, axis: &str, cells: &[Cell], svg: &mut String) -> Drawn<()> {
        let shown = most_probable(cells, self.labels.len());
        let rows = shown.len() as f64;
        let size = (WIDTH, AROUND + ROW_HEIGHT * shown.len() as u32);
        let area = SVGBackend::with_string(svg, size).into_drawing_area();
        area.fill(&WHITE)?;
        let end = cells.last().map_or(1.0, |cell| cell.end).max(f64::MIN_POSITIVE);
        let mut chart = ChartBuilder::on(&area)
            .caption(caption, ("sans-serif", 18))
            .margin(12)
            .margin_left(NAMES)
            .x_label_area_size(40)
            .build_cartesian_2d(0.0..end, rows..0.0)?;
        chart.configure_mesh().disable_mesh().x_desc(axis).draw()?;
        for (row, &label) in shown.iter().enumerate() {
            let (top, bottom) = (row as f64, row as f64 + 1.0);
            chart.draw_series(cells.iter().filter(|cell| cell.probabilities[label] >= WHITE_BELOW).map(|cell| {
                Rectangle::new([(cell.start, top), (cell.end, bottom)], BLUE.mix(cell.probabilities[label]).filled())
            }))?;
            let (x, y) = chart.backend_coord(&(0.0, top + 0.5));
            let right = ("sans-serif", 14).into_font().color(&BLACK).pos(Pos::new(HPos::Right, VPos::Center));
            area.draw(&Text::new(self.labels[label].clone(), (x - 8, y), right))?;
        }
        drop(chart);
        area.present()?;
        drop(area);
        Ok(())
    }
}

/// Labels by their mean over the stream, the highest first; equal ones in label order.
fn most_probable(cells: &[Cell], labels: usize) -> Vec<usize> {
    let mean = |label: usize| cells.iter().map(|cell| cell.probabilities[label] * (cell.end - cell.start)).sum();
    let means: Vec<f64> = (0..labels).map(mean).collect();
    let mut order: Vec<usize> = (0..labels).collect();
    order.sort_by(|&a, &b| means[b].total_cmp(&means[a]));
    order.truncate(LABELS_MAX);
    order
}

/// Without what XML does not have.
fn caption(name: &str) -> String {
    let is_odd = |char: char| char.is_control() || matches!(char, '\u{FFFE}' | '\u{FFFF}');
    name.chars().map(|char| if is_odd(char) { '?' } else { char }).collect()
}
