//! Draws false alarms against misses.

use super::Found;
use crate::calibrate::{LabelSweep, Point};
use crate::cli::file::NewFile;
use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;
use std::io::Write;

/// Width and height of the picture.
const SIZE: (u32, u32) = (900, 600);

/// The axis ends at so many times the limit, or where the chosen thresholds lie: an always open label is far beyond.
const LIMITS_SHOWN: f64 = 10.0;

/// Labels drawn at most, those with the most spans first: more lines nobody tells apart.
const LABELS_MAX: usize = 20;

/// Draws what was found.
pub(super) fn write(mut file: NewFile, found: &Found) -> Result<()> {
    let mut svg = String::new();
    draw(found, &mut svg).map_err(|error| anyhow!("{error}")).with_context(|| file.cannot())?;
    file.write_all(svg.as_bytes()).with_context(|| file.cannot())?;
    file.finish()
}

fn draw(found: &Found, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let limit = found.limits.false_alarms_per_hour;
    let chosen = found.sweeps.iter().map(|sweep| found.rate(sweep.choice()));
    let end = chosen.fold(LIMITS_SHOWN * limit, |end, rate| end.max(1.2 * rate));
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let caption = format!("false alarms against misses, {:.2} hours", found.hours);
    let mut chart = ChartBuilder::on(&area)
        .caption(caption, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..end, 0.0..100.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("false alarms an hour; dot: the threshold chosen, line: the limit")
        .y_desc("misses in %")
        .draw()?;
    chart.draw_series([PathElement::new(vec![(limit, 0.0), (limit, 100.0)], BLACK.mix(0.4))])?;
    for (index, sweep) in shown(found).into_iter().enumerate() {
        let colour = Palette99::pick(index).to_rgba();
        let at = |point: &Point| (found.rate(point), 100.0 * point.misses as f64 / sweep.spans as f64);
        let points = sweep.points.iter().map(at).filter(|(rate, _)| *rate <= end);
        let line = chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        line.label(found.labels[sweep.label].as_str())
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(2)));
        chart.draw_series([Circle::new(at(sweep.choice()), 5, colour.filled())])?;
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.4)).draw()?;
    drop(chart);
    area.present()?;
    drop(area);
    Ok(())
}

/// The labels that are in the material.
fn shown(found: &Found) -> Vec<&LabelSweep> {
    let mut sweeps: Vec<&LabelSweep> = found.sweeps.iter().filter(|sweep| sweep.spans > 0).collect();
    sweeps.sort_by_key(|sweep| std::cmp::Reverse(sweep.spans));
    sweeps.truncate(LABELS_MAX);
    sweeps
}
