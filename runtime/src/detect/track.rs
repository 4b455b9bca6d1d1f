use super::{Cause, Hop, Kind, ROUNDING, Settings, Threshold};

/// One label: off, rising or on.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    threshold: Option<Threshold>,
    minimum: f64,
    refractory: f64,
    state: State,
    /// No run begins before.
    rests_until: f64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Off,
    /// A run, not yet `minimum` long.
    Rising(Run),
    /// A run whose start is told.
    On(Run),
}

#[derive(Clone, Copy, Debug)]
struct Run {
    first: Hop,
    last: Hop,
    peak: f32,
    sum: f64,
    hops: u64,
}

impl Track {
    pub(crate) fn new(settings: &Settings, threshold: Option<Threshold>) -> Self {
        let Settings { minimum, refractory, .. } = *settings;
        Self { threshold, minimum, refractory, state: State::Off, rests_until: f64::NEG_INFINITY }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::On(_))
    }

    /// What the score of the next window decides, and the first window of the run it is about.
    pub(crate) fn step(&mut self, at: Hop, score: f32) -> Option<(Hop, Kind)> {
        let Threshold { on, off } = self.threshold?;
        match self.state {
            State::Off if score >= on && at.end >= self.rests_until - ROUNDING => self.rise(Run::new(at, score), score),
            State::Off => None,
            State::Rising(_) | State::On(_) if score < off => self.close(at, Cause::Quiet),
            State::Rising(run) => self.rise(run.with(at, score), score),
            State::On(run) => {
                self.state = State::On(run.with(at, score));
                None
            }
        }
    }

    /// A run that is long enough is told.
    fn rise(&mut self, run: Run, score: f32) -> Option<(Hop, Kind)> {
        if run.last.end - run.first.end < self.minimum - ROUNDING {
            self.state = State::Rising(run);
            return None;
        }
        self.state = State::On(run);
        Some((run.first, Kind::Start { score }))
    }

    /// Ends the run; what of it was told ends too.
    pub(crate) fn close(&mut self, at: Hop, cause: Cause) -> Option<(Hop, Kind)> {
        let State::On(run) = std::mem::replace(&mut self.state, State::Off) else { return None };
        self.rests_until = at.end + self.refractory;
        let Run { first, last, peak, sum, hops } = run;
        Some((first, Kind::End { last, peak, mean: (sum / hops as f64) as f32, hops, cause }))
    }
}

impl Run {
    fn new(at: Hop, score: f32) -> Self {
        Self { first: at, last: at, peak: score, sum: score.into(), hops: 1 }
    }

    fn with(self, at: Hop, score: f32) -> Self {
        let Run { first, peak, sum, hops, .. } = self;
        Self { first, last: at, peak: peak.max(score), sum: sum + f64::from(score), hops: hops + 1 }
    }
}
