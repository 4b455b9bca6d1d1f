//! Where a stream comes from, and its bytes as they arrive: [`Origin`] -> [`Feed`] -> [`Signal`].
//!
//! A thread reads into a few buffers that go round; the caller takes what is there, or learns that nothing came, that a
//! connection was lost or is back. A stream that stops never looks like one that is quiet.
//!
//! ```no_run
//! use std::time::Duration;
//! use tempest_runtime::source::{Feed, FeedOptions, Signal};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut feed = Feed::open(&"https://radio.example/live.mp3".parse()?, &FeedOptions::default())?;
//! loop {
//!     match feed.next(Duration::from_millis(200))? {
//!         Signal::Bytes(bytes) => println!("{} bytes", bytes.len()),
//!         Signal::Lost { reason, retry_in } => eprintln!("{reason}; again in {:.1} s", retry_in.as_secs_f64()),
//!         Signal::End => break,
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod backoff;
mod feed;
mod http;
mod icy;
mod local;
mod origin;
mod reader;
mod shoutcast;
mod signal;
mod tcp;

pub use feed::{Feed, FeedOptions};
pub use icy::IcyReader;
pub use origin::{Origin, OriginError};
pub use signal::{Signal, SourceError};
