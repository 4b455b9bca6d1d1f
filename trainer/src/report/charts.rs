//! Curves of a log as inline SVG.

use super::html;
use super::run::RunFiles;
use plotters::prelude::*;
use serde_json::Value;
use std::fmt::Write;

/// Width and height of a chart.
const SIZE: (u32, u32) = (520, 260);

/// Points of a curve; what a log has more of is thinned out.
const POINTS_MAX: usize = 1_000;

/// Values beyond are left out: axes cannot be divided there.
const VALUE_MAX: f64 = 1e30;

/// Told apart on light and dark.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0x3b, 0x82, 0xf6),
    RGBColor(0xe0, 0x7b, 0x2f),
    RGBColor(0x2f, 0x9e, 0x62),
    RGBColor(0xd9, 0x55, 0x8f),
    RGBColor(0x8b, 0x6c, 0xe0),
    RGBColor(0x9a, 0x8a, 0x2c),
    RGBColor(0x1f, 0xa3, 0xa8),
    RGBColor(0x8a, 0x8f, 0x98),
];

/// Stands for the colour of the page's text, which SVG calls `currentColor` and plotters cannot.
const INK: RGBColor = RGBColor(1, 2, 3);

/// The same as plotters writes it.
const INK_HEX: &str = "#010203";

/// One curve.
struct Curve {
    name: String,
    points: Vec<(f64, f64)>,
}

/// Losses, validation accuracy and learning rate of one run: those that its log has.
pub(super) fn of_run(run: &RunFiles) -> String {
    let curve = |(key, name): (&str, &str)| Curve { name: name.into(), points: points(run, key) };
    let losses = [("class_loss", "class L_c"), ("recon_loss", "reconstruction L_r"), ("validation_loss", "validation")];
    let charts = [
        chart("loss", &losses.map(curve)),
        chart("validation accuracy, %", &[curve(("validation_accuracy", ""))]),
        chart("learning rate", &[curve(("learning_rate", ""))]),
    ];
    html_of(&charts)
}

/// One chart a figure, one curve a run.
pub(super) fn of_runs(runs: &[RunFiles]) -> String {
    let figures = [
        ("class_loss", "class loss L_c"),
        ("recon_loss", "reconstruction loss L_r"),
        ("validation_loss", "validation loss"),
        ("validation_accuracy", "validation accuracy, %"),
        ("learning_rate", "learning rate"),
    ];
    let curves = |key: &str| -> Vec<Curve> {
        runs.iter().map(|run| Curve { name: run.name.clone(), points: points(run, key) }).collect()
    };
    html_of(&figures.map(|(key, caption)| chart(caption, &curves(key))))
}

fn html_of(charts: &[String]) -> String {
    format!("<div class=\"charts\">\n{}</div>\n", charts.concat())
}

/// (epoch, value) where the log has a number.
fn points(run: &RunFiles, key: &str) -> Vec<(f64, f64)> {
    let scale = if key.ends_with("accuracy") { 100.0 } else { 1.0 };
    let point = |line: &Value| Some((line["epoch"].as_f64()?, scale * line[key].as_f64()?));
    let points = run.epochs.iter().filter_map(point);
    thinned(points.filter(|(x, y)| x.abs() <= VALUE_MAX && y.abs() <= VALUE_MAX).collect())
}

/// Every n-th point, and the last.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let step = points.len().div_ceil(POINTS_MAX).max(1);
    let last = points.len().saturating_sub(1);
    let kept = points.into_iter().enumerate().filter(|(index, _)| index % step == 0 || *index == last);
    kept.map(|(_, point)| point).collect()
}

/// A figure with its key; nothing where no curve has a point.
fn chart(caption: &str, curves: &[Curve]) -> String {
    let drawn: Vec<(RGBColor, &Curve)> = COLOURS.into_iter().cycle().zip(curves).collect();
    let drawn: Vec<(RGBColor, &Curve)> = drawn.into_iter().filter(|(_, curve)| !curve.points.is_empty()).collect();
    if drawn.is_empty() {
        return String::new();
    }
    let mut svg = String::new();
    if let Err(error) = draw(&drawn, &mut svg) {
        return html::note(&format!("{caption}: {error}"));
    }
    let mut key = String::new();
    for (RGBColor(r, g, b), curve) in drawn.iter().filter(|(_, curve)| !curve.name.is_empty()) {
        let name = html::escape(&curve.name);
        let _ = write!(key, "<span class=\"key\" style=\"background: #{r:02x}{g:02x}{b:02x}\"></span>{name}");
    }
    let svg = svg.replace(INK_HEX, "currentColor");
    format!("<figure>\n<figcaption>{}{key}</figcaption>\n{svg}</figure>\n", html::escape(caption))
}

fn draw(curves: &[(RGBColor, &Curve)], svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let all = || curves.iter().flat_map(|(_, curve)| &curve.points);
    let (epochs, values) = (range(all().map(|(x, _)| *x)), range(all().map(|(_, y)| *y)));
    // An axis of few epochs is not divided into parts of one.
    let marks = ((epochs.end - epochs.start) as usize + 1).clamp(2, 11);
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(epochs, values)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.15))
        .axis_style(INK.mix(0.5))
        .label_style(("sans-serif", 12).with_color(INK))
        .axis_desc_style(("sans-serif", 12).with_color(INK))
        .x_desc("epoch")
        .x_labels(marks)
        .x_label_formatter(&|value| label(*value))
        .y_label_formatter(&|value| label(*value))
        .draw()?;
    for (colour, curve) in curves {
        chart.draw_series(LineSeries::new(curve.points.iter().copied(), colour.stroke_width(2)))?;
        if let [point] = curve.points[..] {
            chart.draw_series([Circle::new(point, 3, colour.filled())])?;
        }
    }
    drop(chart);
    area.present()?;
    drop(area);
    Ok(())
}

/// What holds all values, with some room where they are one.
fn range(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    let room = if high - low > 1e-9 * high.abs() { 0.0 } else { 0.05 * high.abs() + 1e-9 };
    low - room..high + room
}

fn label(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if (1e-2..1e5).contains(&size) => {
            format!("{:.4}", value).trim_end_matches('0').trim_end_matches('.').into()
        }
        _ => format!("{value:.1e}"),
    }
}
