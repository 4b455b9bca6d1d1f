//! Streams as a listener gets them: real servers on 127.0.0.1, files, a pipe.
#![allow(clippy::unwrap_used, missing_docs, reason = "a failing test should panic")]

mod bounds;
mod heard;
mod http;
mod local;
mod losses;
mod serve;
mod stations;
