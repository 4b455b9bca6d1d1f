//! The summary for people.

use crate::survey::{Count, Format, JpegTally, Mp3Tally, OpusTally, Reason, Survey, Tally, Unit};
use std::io::{self, Write};
use tempest_blocks::jpeg::Frame;

/// Characters of the longest bar.
const BAR: u64 = 40;

pub(super) fn write(survey: &Survey, out: &mut impl Write) -> io::Result<()> {
    let tally = survey.tally();
    line(out, "summary", &heading(survey))?;
    for (label, count) in &tally.kinds {
        line(out, "", &format!("{label}: {}", counted(*count, base(survey))))?;
    }
    bytes(survey, out)?;
    damage(tally, out)?;
    if let Some(mp3) = &tally.mp3 {
        line(out, "reservoir", &reservoir(mp3, tally))?;
    }
    if let Some(text) = tally.opus.as_ref().and_then(stream) {
        line(out, "stream", &text)?;
    }
    let lengths = [0, 50, 95, 100].map(|percent| tally.length_at(percent).unwrap_or(0));
    let [min, median, p95, max] = lengths;
    line(out, "length", &format!("min {min}, median {median}, p95 {p95}, max {max} bytes a block"))?;
    rates(survey, out)
}

fn line(out: &mut impl Write, name: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {name:<10} {text}")
}

/// What a cutter's block is called.
const fn base(survey: &Survey) -> &'static str {
    match (survey.format(), survey.unit()) {
        (Format::Mp3, _) => "frame",
        (Format::OggOpus, _) => "packet",
        (_, Unit::Mcu) => "MCU",
        (_, Unit::McuApprox) => "part",
        _ => "interval",
    }
}

fn heading(survey: &Survey) -> String {
    let tally = survey.tally();
    let size = match &tally.jpeg {
        Some(jpeg) => image(jpeg),
        None => format!("{:.3} s", tally.seconds),
    };
    let blocks = counted(tally.cut, base(survey));
    match tally.blocks == tally.cut {
        true => format!("{size} in {blocks}"),
        false => format!("{size} in {blocks}, {}", counted(tally.blocks, &format!("{} block", survey.unit()))),
    }
}

fn image(jpeg: &JpegTally) -> String {
    let Some(frame) = &jpeg.frame else { return "no image".into() };
    let pixels = f64::from(frame.width()) * f64::from(frame.height());
    let density = jpeg.bits as f64 / pixels;
    let scans = counted(jpeg.scans.into(), "scan");
    format!("{} x {}, sampling {}, {scans}, {density:.2} bits a pixel", frame.width(), frame.height(), sampling(frame))
}

/// `2x2 1x1 1x1`: of each component, across and down.
pub(super) fn sampling(frame: &Frame) -> String {
    let factors = frame.components().iter().map(|component| format!("{}x{}", component.horizontal, component.vertical));
    factors.collect::<Vec<_>>().join(" ")
}

fn bytes(survey: &Survey, out: &mut impl Write) -> io::Result<()> {
    let tally = survey.tally();
    let share = |bytes: u64| format!("{bytes} ({:.1} %)", 100.0 * bytes as f64 / tally.bytes.max(1) as f64);
    let (blocks, format) = (share(tally.block_bytes), share(tally.format_bytes));
    let damaged = share(tally.damaged_bytes);
    line(
        out,
        "bytes",
        &format!("{}: {blocks} in blocks, {format} in headers and tags, {damaged} damaged", tally.bytes),
    )?;
    for (reason, count) in tally.skipped.iter().filter(|(reason, _)| !reason.is_damage()) {
        line(out, "", &skipped(*reason, *count))?;
    }
    Ok(())
}

fn damage(tally: &Tally, out: &mut impl Write) -> io::Result<()> {
    let truncated = tally.skipped.iter().map(|(_, count)| count.truncated).sum::<u64>() + tally.truncated;
    if !tally.is_damaged() {
        line(out, "damage", "none")?;
    } else {
        line(out, "damage", &format!("{}, {truncated} truncated", counted(tally.resyncs, "resync")))?;
    }
    for (reason, count) in tally.skipped.iter().filter(|(reason, _)| reason.is_damage()) {
        line(out, "", &skipped(*reason, *count))?;
    }
    for (cause, count) in &tally.faults {
        line(out, "", &format!("{cause}: {count} x"))?;
    }
    Ok(())
}

fn skipped(reason: Reason, count: Count) -> String {
    match count.runs {
        1 => format!("{reason}: {} bytes", count.bytes),
        runs => format!("{reason}: {} bytes in {runs} places", count.bytes),
    }
}

fn reservoir(mp3: &Mp3Tally, tally: &Tally) -> String {
    let frames = tally.cut.max(1);
    let share = 100.0 * mp3.reaching_back as f64 / frames as f64;
    let mean = mp3.main_data_begin_sum as f64 / frames as f64;
    let missing = match mp3.main_data_missing {
        0 => String::new(),
        missing => format!("; main data missing of {missing}"),
    };
    let max = mp3.main_data_begin_max;
    format!("{share:.1} % of frames begin in earlier ones, {mean:.0} bytes back on average, at most {max}{missing}")
}

fn stream(opus: &OpusTally) -> Option<String> {
    let head = opus.head?;
    let channels = if head.channels == 1 { "mono" } else { "stereo" };
    let links = if opus.links > 1 { format!(", the last of {} chained", opus.links) } else { String::new() };
    let gaps = if opus.gaps > 0 { format!("; places where pages are missing: {}", opus.gaps) } else { String::new() };
    Some(format!("{channels}, encoded from {} Hz, pre-skip {}{links}{gaps}", head.input_sample_rate, head.pre_skip))
}

/// Bars: from, to (both included) and how many blocks. kbit/s, of an image bits a block.
pub(super) fn histogram(survey: &Survey) -> Vec<(u64, u64, u64)> {
    let to = |from: u64| match survey.format() {
        Format::Mp3 => from,
        Format::OggOpus => from + 15,
        Format::Jpeg => (2 * from).max(1) - 1,
    };
    survey.tally().rates.iter().map(|(&from, &count)| (from, to(from), count)).collect()
}

fn rates(survey: &Survey, out: &mut impl Write) -> io::Result<()> {
    let tally = survey.tally();
    match tally.mean_kbps() {
        Some(kbps) => line(out, "bit rate", &format!("{kbps:.1} kbit/s on average; {}s of each:", base(survey)))?,
        None if tally.jpeg.is_some() => line(out, "bits", &format!("of each {}:", base(survey)))?,
        None => return Ok(()),
    }
    let bars = histogram(survey);
    let (most, sum) = bars.iter().fold((1, 0), |(most, sum), bar| (bar.2.max(most), sum + bar.2));
    for (from, to, count) in bars {
        let range = if from == to { from.to_string() } else { format!("{from}-{to}") };
        let bar = "#".repeat((count * BAR).div_ceil(most) as usize);
        let share = 100.0 * count as f64 / sum as f64;
        writeln!(out, "  {range:>14} {count:>8} {share:>5.1} % {bar}")?;
    }
    Ok(())
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
