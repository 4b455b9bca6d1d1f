//! What a feed tells, in a form to compare.

use std::time::{Duration, Instant};
use tempest_runtime::source::{Feed, FeedOptions, Signal};

/// What was heard, without times; bytes that follow each other are one.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Bytes(Vec<u8>),
    Connected(u32),
    Lost(String),
    Stalled,
    Resumed,
    Title(String),
    End,
    Failed(String),
}
use Heard::*;

/// Patience that tests can afford; the times that are not to be told are far away.
pub fn options() -> FeedOptions {
    FeedOptions {
        stall: Duration::from_secs(20),
        silence: Duration::from_secs(20),
        connect: Duration::from_secs(5),
        answer: Duration::from_secs(5),
        reconnect: Some(3),
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_millis(5),
    }
}

/// A feed of what this text names.
pub fn open(origin: &str, options: &FeedOptions) -> Feed {
    Feed::open(&origin.parse().unwrap(), options).unwrap()
}

/// The next thing that is not idleness.
pub fn next(feed: &mut Feed) -> Heard {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(10) {
        return match feed.next(Duration::from_millis(50)) {
            Ok(Signal::Idle) => continue,
            Ok(Signal::Bytes(bytes)) => Bytes(bytes.to_vec()),
            Ok(Signal::Connected { attempt, .. }) => Connected(attempt),
            Ok(Signal::Lost { reason, retry_in }) => {
                assert!(retry_in <= Duration::from_millis(5), "{retry_in:?}");
                Lost(reason)
            }
            Ok(Signal::Stalled { seconds }) => {
                assert!(seconds >= 0.0);
                Stalled
            }
            Ok(Signal::Resumed { seconds }) => {
                assert!(seconds >= 0.0);
                Resumed
            }
            Ok(Signal::Title(title)) => Title(title),
            Ok(Signal::End) => End,
            Err(error) => Failed(error.to_string()),
        };
    }
    panic!("nothing for ten seconds");
}

/// Everything up to and including what `last` accepts, the end or a failure.
pub fn until(feed: &mut Feed, last: impl Fn(&[Heard]) -> bool) -> Vec<Heard> {
    let mut all = Vec::new();
    loop {
        match (all.last_mut(), next(feed)) {
            (Some(Bytes(before)), Bytes(bytes)) => before.extend(bytes),
            (_, heard) => all.push(heard),
        }
        if last(&all) || matches!(all.last(), Some(End | Failed(_))) {
            return all;
        }
    }
}

/// Everything there is.
pub fn all(feed: &mut Feed) -> Vec<Heard> {
    until(feed, |_| false)
}

/// Everything until so many bytes have come on one connection.
pub fn until_bytes(feed: &mut Feed, count: usize) -> Vec<Heard> {
    until(feed, |all| matches!(all.last(), Some(Bytes(bytes)) if bytes.len() >= count))
}

/// Bytes that tell where they stand.
pub fn pattern(count: usize) -> Vec<u8> {
    (0..count).map(|n| (n * 31 % 251) as u8).collect()
}
