//! What a feed tells, and the errors that end it.

use std::io;
use std::time::Duration;
use thiserror::Error;

/// What a [`Feed`](super::Feed) has to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal<'a> {
    /// The next bytes of the stream, at least one.
    Bytes(&'a [u8]),
    /// A connection is made, over a network only; its first byte starts the stream anew.
    Connected {
        /// Number of the attempt since the feed was opened, 1 for the first.
        attempt: u32,
        /// `Content-Type` of an HTTP answer.
        content_type: Option<String>,
        /// Name of the station (`icy-name`).
        name: Option<String>,
    },
    /// A connection broke, or could not be made; the next attempt is under way by itself.
    Lost {
        /// Why, in a few words.
        reason: String,
        /// Time until the next attempt.
        retry_in: Duration,
    },
    /// No byte for [`FeedOptions::stall`](super::FeedOptions::stall), from the last one or from the start of an attempt. Told once, until bytes come
    /// ([`Signal::Resumed`]) or the connection is given up ([`Signal::Lost`]).
    Stalled {
        /// Seconds without a byte so far.
        seconds: f64,
    },
    /// Bytes come again after [`Signal::Stalled`]; they follow with the next signal.
    Resumed {
        /// Seconds without a byte.
        seconds: f64,
    },
    /// The station plays something else now (`StreamTitle`). Told before the bytes it arrived among.
    Title(String),
    /// Nothing within the time the caller gave.
    Idle,
    /// The stream is over: a file was read to its end. Stays so.
    End,
}

/// Why a stream cannot be read, or no longer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The operating system refuses.
    #[error("cannot read {origin}: {cause}")]
    Io {
        /// What was to be read.
        origin: String,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The server refuses, and will do so again.
    #[error("{url}: the server answers {status}; {advice}")]
    Status {
        /// What was asked for.
        url: String,
        /// Code and meaning.
        status: String,
        /// What to do.
        advice: &'static str,
    },
    /// The server's answer cannot be read, now or later.
    #[error("{url}: {reason}")]
    Answer {
        /// What was asked for.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// As many attempts failed as were allowed.
    #[error("{origin}: {reason}; given up after attempt {attempts}")]
    GivenUp {
        /// Where the stream came from.
        origin: String,
        /// Why the last connection broke.
        reason: String,
        /// Connections that were tried since the feed was opened.
        attempts: u32,
    },
    /// A broken invariant.
    #[error("{origin}: the reading thread is gone; this is a bug")]
    Reader {
        /// What was read.
        origin: String,
    },
}
