use crate::cli::listen::told::Told;
use crate::detect::Threshold;
use std::collections::VecDeque;

/// Lines kept of what was told.
const RECENT: usize = 200;

/// What the live view shows, whatever the terminal.
pub(in crate::cli::listen) struct Board {
    pub(super) source: String,
    pub(super) model: String,
    pub(super) bars: Vec<Bar>,
    /// How the source is.
    pub(super) state: String,
    pub(super) title: Option<String>,
    recent: VecDeque<String>,
}

/// One label.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) threshold: Threshold,
    pub(super) score: f32,
    pub(super) is_open: bool,
    /// Index of the label.
    index: usize,
}

impl Board {
    /// Labels that are never told have no bar.
    pub(in crate::cli::listen) fn new(
        source: String,
        model: String,
        labels: &[String],
        thresholds: &[Option<Threshold>],
    ) -> Self {
        let bar = |(index, (label, threshold)): (usize, (&String, &Option<Threshold>))| {
            Some(Bar { label: label.clone(), threshold: (*threshold)?, score: 0.0, is_open: false, index })
        };
        let bars = labels.iter().zip(thresholds).enumerate().filter_map(bar).collect();
        Self { source, model, bars, state: "waiting".into(), title: None, recent: VecDeque::new() }
    }

    pub(super) fn scores(&mut self, scores: &[f32], is_open: impl Fn(usize) -> bool) {
        "listening".clone_into(&mut self.state);
        for bar in &mut self.bars {
            bar.score = scores.get(bar.index).copied().unwrap_or(0.0);
            bar.is_open = is_open(bar.index);
        }
    }

    /// `line` is what of it is kept; windows and titles are shown elsewhere.
    pub(super) fn tell(&mut self, told: &Told<'_>, line: impl FnOnce() -> String) {
        match told {
            Told::Scores { .. } | Told::Summary(_) => return,
            Told::Title(title) => self.title = Some(title.clone()),
            Told::Connected { .. } => self.state = "connected".into(),
            Told::Lost { reason, retry_in } => self.state = format!("lost: {reason}; again in {retry_in:.1} s"),
            Told::Stalled { seconds } => self.state = format!("stalled: no byte for {seconds:.0} s"),
            Told::Resumed { .. } => self.state = "listening".into(),
            Told::Foreign { found, .. } => self.state = format!("not heard: {found}"),
            _ => {}
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(line());
    }

    /// The lines that were told, oldest first.
    pub(super) fn recent(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.recent.iter().map(String::as_str)
    }

    /// As many bars as there is room for: all in the order of the labels, or those with the highest scores.
    pub(super) fn shown(&self, room: usize) -> Vec<&Bar> {
        let mut bars: Vec<&Bar> = self.bars.iter().collect();
        if bars.len() > room {
            bars.sort_by(|a, b| b.score.total_cmp(&a.score));
            bars.truncate(room);
        }
        bars
    }
}
