//! What the tests of every format share.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tempest_blocks::Cut;

/// Adds what the cutter makes of the input.
pub fn feed<C: Cut, P: for<'a> From<C::Event<'a>>>(cutter: &mut C, input: &[u8], pieces: &mut Vec<P>) {
    let mut rest = input;
    while let (Some(event), behind) = cutter.push(rest) {
        pieces.push(event.into());
        rest = behind;
    }
}

/// Adds what the end of the stream decides.
pub fn finish<C: Cut, P: for<'a> From<C::Event<'a>>>(cutter: &mut C, pieces: &mut Vec<P>) {
    while let Some(event) = cutter.finish() {
        pieces.push(event.into());
    }
}

/// What the cutter makes of the stream, in chunks of these sizes over and over.
pub fn cut_chunks<C: Cut, P: for<'a> From<C::Event<'a>>>(cutter: &mut C, data: &[u8], sizes: &[usize]) -> Vec<P> {
    let (mut rest, mut pieces) = (data, Vec::new());
    for &size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, behind) = rest.split_at(size.clamp(1, rest.len()));
        feed(cutter, chunk, &mut pieces);
        rest = behind;
    }
    finish(cutter, &mut pieces);
    pieces
}

/// `SOI 2, 4 x MCU, EOI 2`
pub fn in_words(words: impl IntoIterator<Item = String>) -> String {
    let mut runs: Vec<(String, usize)> = Vec::new();
    for word in words {
        match runs.last_mut() {
            Some((last, count)) if *last == word => *count += 1,
            _ => runs.push((word, 1)),
        }
    }
    let counted = runs.into_iter().map(|(word, count)| if count == 1 { word } else { format!("{count} x {word}") });
    counted.collect::<Vec<_>>().join(", ")
}

/// Asks a future again and again.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
}
