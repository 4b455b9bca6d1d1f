//! How long to wait before a lost connection is tried again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A connection that brought bytes for so long was sound: the waits start from the first again.
const SOUND: Duration = Duration::from_secs(60);

/// Waits that double, each shortened by chance to between half and all of it, so that the listeners of a server that
/// was away do not return in step.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    limit: Option<u32>,
    losses: u32,
}

impl Backoff {
    /// `limit` is the number of waits in a row, `None` for any number.
    pub(super) const fn new(first: Duration, longest: Duration, limit: Option<u32>) -> Self {
        Self { first, longest, limit, losses: 0 }
    }

    /// The wait after a connection whose bytes came for `sound`; `None` where the limit is reached.
    pub(super) fn wait(&mut self, sound: Duration) -> Option<Duration> {
        if sound >= SOUND {
            self.losses = 0;
        }
        if self.limit.is_some_and(|limit| self.losses >= limit) {
            return None;
        }
        let doubled = self.first.saturating_mul(1_u32.checked_shl(self.losses).unwrap_or(u32::MAX));
        self.losses = self.losses.saturating_add(1);
        Some(doubled.min(self.longest).mul_f64(0.5 + 0.5 * chance()))
    }
}

/// A number in 0..1 from the keys that the standard library draws for its hash maps: no generator is worth a dependency.
fn chance() -> f64 {
    (RandomState::new().hash_one(0) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(30);

    fn within(wait: Duration, full: Duration) -> bool {
        (full / 2..=full).contains(&wait)
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::new(FIRST, LONGEST, None);
        for full in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
            let wait = backoff.wait(Duration::ZERO).unwrap();
            assert!(within(wait, Duration::from_secs_f64(full)), "{wait:?} of {full} s");
        }
        assert!((0..100).all(|_| within(backoff.wait(SOUND / 2).unwrap(), LONGEST)));
    }

    #[test]
    fn a_minute_of_bytes_starts_again() {
        let mut backoff = Backoff::new(FIRST, LONGEST, Some(2));
        for _ in 0..3 {
            assert!(within(backoff.wait(SOUND).unwrap(), FIRST));
            assert!(within(backoff.wait(Duration::from_secs(59)).unwrap(), FIRST * 2));
            assert_eq!(backoff.wait(Duration::ZERO), None);
        }
    }

    #[test]
    fn no_wait_where_none_is_allowed_and_none_too_long_to_count() {
        assert_eq!(Backoff::new(FIRST, LONGEST, Some(0)).wait(Duration::ZERO), None);
        let mut endless = Backoff::new(Duration::MAX, Duration::MAX, None);
        assert!((0..100).all(|_| endless.wait(Duration::ZERO).unwrap() >= Duration::MAX / 4));
    }

    #[test]
    fn chance_varies() {
        let draws: Vec<f64> = (0..64).map(|_| chance()).collect();
        assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
        assert!(draws.iter().any(|draw| *draw < 0.5) && draws.iter().any(|draw| *draw >= 0.5), "{draws:?}");
    }
}
