//! Draws block sizes over time.

use crate::cli::file::replace;
use crate::survey::{Item, Place, Survey};
use anyhow::{Context, Result, bail};
use plotters::prelude::*;
use std::path::{Path, PathBuf};

/// Width and height of the picture.
const SIZE: (u32, u32) = (1200, 480);

/// Most points kept: about one for each column of pixels.
const POINTS_MAX: usize = 1024;

/// A plot that grows with the stream, in memory that does not.
pub(super) struct Plot {
    path: PathBuf,
    points: Vec<Point>,
    /// Blocks of a point.
    blocks_each: u64,
    axis: &'static str,
    /// Where the last block ended.
    end: f64,
    /// Damage waits for the block behind it.
    is_behind_damage: bool,
}

/// Neighbouring blocks.
#[derive(Clone, Copy)]
struct Point {
    /// Where the first begins: in seconds, of an image in blocks.
    x: f64,
    min: u64,
    max: u64,
    sum: u64,
    blocks: u64,
    is_damaged: bool,
}

impl Plot {
    /// A plot for this file, whose folder must be there.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            bail!("cannot write {}: there is no folder {}", path.display(), folder.display());
        }
        Ok(Self { path: path.into(), points: Vec::new(), blocks_each: 1, axis: "", end: 0.0, is_behind_damage: false })
    }

    pub(super) fn item(&mut self, item: &Item<'_>) {
        let is_damaged = std::mem::take(&mut self.is_behind_damage) || item.is_damage();
        let Item::Block(block, _) = item else {
            self.is_behind_damage = is_damaged;
            return;
        };
        let (x, width, axis) = match block.place {
            // A start that is not known, or that a chained stream sets back, goes on where the last block ended.
            Place::Time { start, seconds } => {
                (start.unwrap_or(self.end).max(self.end), seconds, "seconds; red: damage")
            }
            Place::Mcu { .. } | Place::Mcus { .. } => (block.number as f64, 1.0, "block; red: damage"),
        };
        (self.end, self.axis) = (x + width, axis);
        let (min, max, sum) = (block.bytes, block.bytes, block.bytes);
        self.add(Point { x, min, max, sum, blocks: 1, is_damaged });
    }

    fn add(&mut self, point: Point) {
        match self.points.last_mut() {
            Some(last) if last.blocks < self.blocks_each => last.join(&point),
            _ => self.points.push(point),
        }
        if self.points.len() == POINTS_MAX {
            self.points = self.points.chunks(2).map(joined).collect();
            self.blocks_each *= 2;
        }
    }

    /// Draws what there is, and writes it in one go.
    pub(super) fn write(&self, file: &str, survey: &Survey) -> Result<()> {
        let mut svg = String::new();
        self.draw(&caption(file, survey), &mut svg)
            .map_err(|error| anyhow::anyhow!("{error}"))
            .with_context(|| format!("cannot draw {}", self.path.display()))?;
        replace(&self.path, svg.as_bytes())
    }

    fn draw(&self, caption: &str, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
        let top = self.points.iter().map(|point| point.max).max().unwrap_or(1) as f64 * 1.05;
        let end = self.end.max(f64::MIN_POSITIVE);
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(caption, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(64)
            .build_cartesian_2d(0.0..end, 0.0..top)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc(self.axis)
            .y_desc("bytes a block")
            .x_label_formatter(&label)
            .y_label_formatter(&label)
            .draw()?;
        let ends = self.points.iter().skip(1).map(|next| next.x).chain([end]);
        let spans = self.points.iter().zip(ends).filter(|(point, _)| point.min < point.max);
        chart.draw_series(spans.map(|(point, end)| {
            Rectangle::new([(point.x, point.min as f64), (end, point.max as f64)], BLUE.mix(0.25).filled())
        }))?;
        let means = self.points.iter().map(|point| (point.x, point.sum as f64 / point.blocks as f64));
        chart.draw_series(LineSeries::new(means, &BLUE))?;
        let damage = self.points.iter().filter(|point| point.is_damaged).map(|point| point.x);
        let last = self.is_behind_damage.then_some(end);
        chart
            .draw_series(damage.chain(last).map(|x| PathElement::new(vec![(x, 0.0), (x, top)], RED.stroke_width(2))))?;
        drop(chart);
        area.present()?;
        drop(area);
        Ok(())
    }
}

impl Point {
    fn join(&mut self, next: &Self) {
        self.min = self.min.min(next.min);
        self.max = self.max.max(next.max);
        self.sum += next.sum;
        self.blocks += next.blocks;
        self.is_damaged |= next.is_damaged;
    }
}

fn joined(points: &[Point]) -> Point {
    let mut joined = points[0];
    points[1..].iter().for_each(|point| joined.join(point));
    joined
}

/// A number of an axis, without the noise of a sum of fractions.
fn label(value: &f64) -> String {
    ((value * 1000.0).round() / 1000.0).to_string()
}

/// Without control characters, which XML does not have.
fn caption(file: &str, survey: &Survey) -> String {
    let name: String = file.chars().map(|char| if char.is_control() { '?' } else { char }).collect();
    format!("{name}: {}, unit {}", survey.format(), survey.unit())
}
