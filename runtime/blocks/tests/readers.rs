//! The pull readers give the events of the slice iterators, whatever the reader does.

#![cfg(all(feature = "std", feature = "embedded_io_v0_7", feature = "embedded_io_async_v0_7"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;
mod jpeg_common;
mod opus_common;

use std::fmt::Debug;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::task::Poll;

use common::shared::block_on;
use tempest_blocks::std_io::ReadError;
use tempest_blocks::{Cut, embedded_io_async_v0_7, embedded_io_v0_7, jpeg, mp3, opus, std_io};

/// Gives a few bytes a time; is interrupted before every read, and fails for good, once, at `fails_at`.
struct Source<'a> {
    rest: &'a [u8],
    offset: usize,
    most: usize,
    fails_at: Option<usize>,
    interrupted: bool,
}

impl<'a> Source<'a> {
    fn new(data: &'a [u8], most: usize, fails_at: Option<usize>) -> Self {
        Self { rest: data, offset: 0, most, fails_at, interrupted: false }
    }

    fn read(&mut self, chunk: &mut [u8]) -> Result<usize, ErrorKind> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(ErrorKind::Interrupted);
        }
        if self.fails_at.is_some_and(|at| at == self.offset) {
            self.fails_at = None;
            return Err(ErrorKind::ConnectionReset);
        }
        let until_failure = self.fails_at.map_or(usize::MAX, |at| at - self.offset);
        let bytes = self.most.min(chunk.len()).min(self.rest.len()).min(until_failure);
        let (read, rest) = self.rest.split_at(bytes);
        chunk[..bytes].copy_from_slice(read);
        self.rest = rest;
        self.offset += bytes;
        Ok(bytes)
    }
}

impl io::Read for Source<'_> {
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        Ok(self.read(chunk)?)
    }
}

impl embedded_io::ErrorType for Source<'_> {
    type Error = embedded_io::ErrorKind;
}

impl embedded_io::Read for Source<'_> {
    fn read(&mut self, chunk: &mut [u8]) -> Result<usize, Self::Error> {
        Ok(self.read(chunk)?)
    }
}

impl embedded_io_async::Read for Source<'_> {
    /// Waits once before each read.
    async fn read(&mut self, chunk: &mut [u8]) -> Result<usize, Self::Error> {
        let mut waited = false;
        poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        Ok(self.read(chunk)?)
    }
}

/// Events, and where reading failed.
type Outcome<P> = (Vec<P>, Vec<u64>);

/// Reads everything, going on behind errors.
macro_rules! read_all {
    ($module:ident, $source:expr, $cutter:expr, $chunk:expr $(, $wait:ident)?) => {{
        let (mut reader, mut outcome) = ($module::Reader::new($source, $cutter, $chunk), Outcome::default());
        loop {
            match $($wait)?(reader.next()) {
                Ok(Some(event)) => outcome.0.push(event.into()),
                Ok(None) => break,
                Err(ReadError { offset, .. }) => outcome.1.push(offset),
            }
        }
        assert!($($wait)?(reader.next()).is_ok_and(|event| event.is_none()), "the end is the end");
        assert!(reader.into_inner().rest.is_empty());
        outcome
    }};
}

fn read_through<C, P, const CHUNK: usize>(cutter: impl Fn() -> C, data: &[u8], expected: &[P])
where
    C: Cut,
    P: for<'a> From<C::Event<'a>> + PartialEq + Debug,
{
    for most in [1, 2, 700, usize::MAX] {
        for fails_at in [None, Some(0), Some(data.len() / 2), Some(data.len())] {
            let source = || Source::new(data, most, fails_at);
            let mut chunk = [0; CHUNK];
            let outcomes: [Outcome<P>; 3] = [
                read_all!(std_io, source(), cutter(), &mut chunk),
                read_all!(embedded_io_v0_7, source(), cutter(), &mut chunk),
                read_all!(embedded_io_async_v0_7, source(), cutter(), &mut chunk, block_on),
            ];
            for (events, failures) in outcomes {
                assert_eq!(events, expected, "{most} bytes a read, chunk of {CHUNK}");
                assert_eq!(failures, Vec::from_iter(fails_at.map(|at| at as u64)));
            }
        }
    }
}

fn read_in_all_chunks<C, P>(cutter: impl Fn() -> C, data: &[u8], expected: &[P])
where
    C: Cut,
    P: for<'a> From<C::Event<'a>> + PartialEq + Debug,
{
    assert!(expected.len() > 5);
    read_through::<C, P, 1>(&cutter, data, expected);
    read_through::<C, P, 100>(&cutter, data, expected);
    read_through::<C, P, 5000>(&cutter, data, expected);
}

#[test]
fn mp3_is_read_as_from_a_slice() {
    use common::*;
    let stream = [id3v2(&[7; 300], false), frames(MPEG1, 5), vec![1; 99], frames(MPEG2_MONO, 3), id3v1()].concat();
    read_in_all_chunks(mp3::Cutter::new, &stream, &cut_slice(&stream).0);
    read_in_all_chunks(mp3::Cutter::new, &stream[..2500], &cut_slice(&stream[..2500]).0);
}

#[test]
fn opus_is_read_as_from_a_slice() {
    let mut writer = opus_common::Writer::opus(7, 4, 600);
    for bytes in [10, 300, 254, 255, 2000, 9] {
        writer.packet(&opus_common::packet(bytes), 960);
    }
    let file = [writer.finish(), b"garbage".to_vec(), opus_common::headers()].concat();
    let expected = opus_common::cut_slice(&file);
    read_in_all_chunks(opus::Cutter::new, &file, &expected);
    read_in_all_chunks(opus::Cutter::<{ opus::MAX_PAGE_BYTES }>::holding, &file, &expected);
}

#[test]
fn jpeg_is_read_as_from_a_slice() {
    use jpeg_common::*;
    let mut file = write(&Spec::new(40, 30, &[(2, 2), (1, 1), (1, 1)]).restart(2)).bytes;
    read_in_all_chunks(jpeg::Cutter::new, &file, &cut_slice(&file));
    let middle = file.len() - 300;
    file[middle..middle + 20].fill(0xFF);
    read_in_all_chunks(jpeg::Cutter::new, &file, &cut_slice(&file));
}

#[test]
fn errors_say_where_and_what() {
    let data = common::frames(common::MPEG1, 3);
    let mut chunk = [0; 100];
    let mut reader = std_io::Reader::new(Source::new(&data, 100, Some(250)), mp3::Cutter::new(), &mut chunk);
    let error = reader.next().unwrap_err();
    assert_eq!((error.offset, error.error.kind()), (250, ErrorKind::ConnectionReset));
    assert_eq!(error.to_string(), "at byte 250: connection reset");
    assert!(std::error::Error::source(&error).is_some());
    assert!(matches!(reader.next(), Ok(Some(mp3::Event::Block(block))) if block.bytes == &data[..417]));
    assert_eq!(reader.cutter().diagnosis(), None);
}

#[test]
fn a_reader_that_lies_about_its_length_does_no_harm() {
    struct Liar(usize);
    impl io::Read for Liar {
        fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
            self.0 = self.0.saturating_sub(1);
            Ok(if self.0 == 0 { 0 } else { chunk.len() + 9 })
        }
    }
    let mut chunk = [0; 10];
    let mut reader = std_io::Reader::new(Liar(4), mp3::Cutter::new(), &mut chunk);
    let event = reader.next().unwrap();
    assert!(matches!(event, Some(mp3::Event::Skipped(garbage)) if garbage.bytes == 30));
}
