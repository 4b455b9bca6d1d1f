use super::board::{Bar, Board};
use crate::cli::listen::summary::Summary;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

/// Columns of a label's name, and of its score.
const NAME: usize = 16;
const SCORE: usize = 8;

/// Lines of the stream's health, its frame included.
const HEALTH: u16 = 5;

/// Parts of a cell, of one to eight eighths.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// Draws all of the view.
pub(super) fn draw(frame: &mut Frame<'_>, board: &Board, summary: &Summary) {
    let room = frame.area().height.saturating_sub(HEALTH + 2) / 2;
    let bars = (board.bars.len() as u16).saturating_add(2).min(room.max(3));
    let rows = [
        Constraint::Length(1),
        Constraint::Length(bars),
        Constraint::Min(0),
        Constraint::Length(HEALTH),
        Constraint::Length(1),
    ];
    let [head, labels, events, health, foot] = Layout::vertical(rows).areas(frame.area());
    frame.render_widget(Line::from(vec![board.source.as_str().bold(), "  ".into(), board.model.as_str().into()]), head);
    frame.render_widget(bars_of(board, labels), labels);
    frame.render_widget(events_of(board, events), events);
    frame.render_widget(health_of(board, summary), health);
    frame.render_widget(Line::from(" q leaves ").dim(), foot);
}

fn bars_of<'a>(board: &'a Board, area: Rect) -> Paragraph<'a> {
    let shown = board.shown(area.height.saturating_sub(2).into());
    let width = usize::from(area.width.saturating_sub(2)).saturating_sub(NAME + SCORE);
    let more = board.bars.len() - shown.len();
    let title = if more > 0 { format!(" labels, {more} more ") } else { " labels ".into() };
    let lines: Vec<Line<'_>> = shown.into_iter().map(|bar| line_of(bar, width)).collect();
    Paragraph::new(lines).block(Block::bordered().title(title))
}

/// Name, bar with its thresholds, score.
fn line_of(bar: &Bar, width: usize) -> Line<'_> {
    let style = if bar.is_open { Style::new().fg(Color::Green).add_modifier(Modifier::BOLD) } else { Style::new() };
    let name: String = bar.label.chars().take(NAME - 1).collect();
    let mut spans = vec![Span::styled(format!("{name:<NAME$}"), style)];
    spans.extend((0..width).map(|cell| cell_of(bar, cell, width, style)));
    spans.push(Span::styled(format!("{:6.1} %", 100.0 * bar.score), style));
    Line::from(spans)
}

fn cell_of(bar: &Bar, cell: usize, width: usize, style: Style) -> Span<'static> {
    let at = |share: f32| (((share * width as f32) as usize).min(width - 1)) == cell;
    if at(bar.threshold.on) {
        return Span::styled("┃", Style::new().fg(Color::Yellow));
    }
    if at(bar.threshold.off) {
        return Span::styled("╎", Style::new().fg(Color::Yellow));
    }
    let eighths = ((bar.score * width as f32 - cell as f32) * 8.0).round().clamp(0.0, 8.0) as usize;
    let char = eighths.checked_sub(1).map_or(' ', |index| EIGHTHS[index]);
    Span::styled(char.to_string(), style)
}

/// The newest at the bottom.
fn events_of<'a>(board: &'a Board, area: Rect) -> Paragraph<'a> {
    let room = usize::from(area.height.saturating_sub(2));
    let mut lines: Vec<Line<'_>> = board.recent().rev().take(room).map(Line::from).collect();
    lines.reverse();
    Paragraph::new(lines).block(Block::bordered().title(" events "))
}

fn health_of<'a>(board: &'a Board, summary: &Summary) -> Paragraph<'a> {
    let Summary { tally, .. } = summary;
    let title = board.title.as_ref().map_or_else(String::new, |title| format!("  \"{title}\""));
    let rate = summary.kbps().map_or_else(String::new, |kbps| format!("{kbps:.1} kbit/s, "));
    let factor =
        summary.real_time_factor().map_or_else(String::new, |factor| format!(", real-time factor {factor:.5}"));
    let repeated = format!("{} encoded, {} the same as before", summary.encoded(), tally.repeated);
    let lines = vec![
        Line::from(format!("{:.1} s heard, {rate}{}{title}", summary.seconds, board.state)),
        Line::from(format!("{} blocks, {repeated}{factor}", tally.blocks)),
        Line::from(format!(
            "{} gaps, {} blocks of other media, {} reconnects, {} stalls",
            tally.gaps, tally.foreign_blocks, summary.reconnects, summary.stalls
        )),
    ];
    Paragraph::new(lines).block(Block::bordered().title(" stream "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::listen::told::Told;
    use crate::detect::Threshold;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn board(labels: usize) -> Board {
        let labels: Vec<String> = (0..labels).map(|index| format!("label {index}")).collect();
        let thresholds = vec![Some(Threshold { on: 0.75, off: 0.5 }); labels.len()];
        Board::new("http://radio.example/live".into(), "digits".into(), &labels, &thresholds)
    }

    fn summary() -> Summary {
        let mut summary = Summary::new(3);
        (summary.seconds, summary.reconnects, summary.stalls) = (3612.4, 2, 1);
        summary.busy = std::time::Duration::from_millis(7225);
        summary.tally.blocks = 100_344;
        summary.tally.block_bytes = 14_450_000;
        summary.tally.repeated = 44;
        summary.tally.gaps = 3;
        summary
    }

    fn picture(board: &Board, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, board, &summary())).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn bars_events_and_the_health_of_the_stream_are_shown() {
        let mut board = board(3);
        board.scores(&[0.031, 0.9, 0.6], |label| label == 1);
        board.tell(&Told::Title("News".into()), || "  3600.00 s  title      News".into());
        board.tell(&Told::Stalled { seconds: 5.0 }, || "  3610.00 s  stalled    no byte for 5.0 s".into());
        insta::assert_snapshot!(picture(&board, 78, 20));
    }

    #[test]
    fn of_many_labels_the_loudest_are_shown_and_of_many_events_the_newest() {
        let mut board = board(30);
        let scores: Vec<f32> = (0..30).map(|index| (index * 7 % 30) as f32 / 30.0).collect();
        board.scores(&scores, |_| false);
        (0..500).for_each(|index| board.tell(&Told::Resumed { seconds: 1.0 }, || format!("event {index}")));
        insta::assert_snapshot!(picture(&board, 60, 20));
    }

    #[test]
    fn a_terminal_of_any_size_is_drawn_on() {
        let board = board(3);
        for (width, height) in [(1, 1), (10, 3), (24, 5), (40, 8), (300, 2)] {
            picture(&board, width, height);
        }
    }
}
