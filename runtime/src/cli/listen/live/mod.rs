//! The live view: the terminal, and what it shows.

mod board;
mod draw;

pub(super) use board::Board;

use super::plain;
use super::summary::Summary;
use super::told::{Moment, Told};
use anyhow::{Context, Result};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use std::time::{Duration, Instant};

/// Time between two pictures: fast enough for the eye.
const PICTURE: Duration = Duration::from_millis(100);

/// A terminal that is given back however this ends: when it is dropped, and by ratatui's hook on a panic.
pub(super) struct Live {
    terminal: DefaultTerminal,
    board: Board,
    drawn: Option<Instant>,
}

impl Live {
    pub(super) fn new(board: Board) -> Result<Self> {
        // Half of it may be done where it fails.
        let terminal = ratatui::try_init().inspect_err(|_| drop(ratatui::try_restore()));
        let terminal = terminal.context("cannot use the terminal; take --plain")?;
        Ok(Self { terminal, board, drawn: None })
    }

    pub(super) fn tell(&mut self, moment: &Moment, told: &Told<'_>, labels: &[String]) {
        self.board.tell(told, || plain::line(moment, told, labels));
    }

    pub(super) fn scores(&mut self, scores: &[f32], is_open: impl Fn(usize) -> bool) {
        self.board.scores(scores, is_open);
    }

    /// Shows how it stands, if it is time to; whether the user wants to leave.
    pub(super) fn refresh(&mut self, summary: &Summary) -> Result<bool> {
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < PICTURE) {
            return Ok(false);
        }
        self.drawn = Some(Instant::now());
        self.terminal.draw(|frame| draw::draw(frame, &self.board, summary)).context("cannot write to the terminal")?;
        wants_to_leave()
    }

    /// Gives the terminal back; the lines that the view told last are for the screen behind it.
    pub(super) fn leave(self) -> Vec<String> {
        self.board.recent().map(str::to_owned).collect()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Reads the keys that are there. In raw mode Ctrl-C is a key like any other.
fn wants_to_leave() -> Result<bool> {
    let mut leave = false;
    while event::poll(Duration::ZERO).context("cannot read the keyboard; take --plain")? {
        if let Event::Key(key) = event::read().context("cannot read the keyboard; take --plain")? {
            let control = key.modifiers.contains(KeyModifiers::CONTROL);
            leave |= matches!((key.code, control), (KeyCode::Char('q'), false) | (KeyCode::Char('c'), true));
        }
    }
    Ok(leave)
}
