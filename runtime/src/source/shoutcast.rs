//! Lets SHOUTcast servers, which answer `ICY 200 OK`, pass for servers of HTTP/1.0.
//!
//! ureq parses heads with a library that knows HTTP alone. It lets a transport stand between it and the socket, and there
//! the first bytes of an answer are put right: redirects, TLS, proxies, time-outs and limits stay those of any other
//! server, where a GET of our own would need its own of each. That part of ureq's interface may change with its minor
//! versions; `Cargo.lock` pins one.

use std::fmt;
use std::io::{self, Read, Write};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

/// Start of the status line of SHOUTcast.
const ICY: &[u8] = b"ICY ";

/// What ureq reads in its place. HTTP/1.0: the answer ends with the connection unless a `Content-Length` says otherwise.
const HTTP: &[u8] = b"HTTP/1.0 ";

/// A link of a chain of connectors, after those that open the socket and encrypt it.
#[derive(Debug)]
pub(super) struct StatusLine;

impl<In: Transport> Connector<In> for StatusLine {
    type Out = Rewriting<In>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let config = details.config;
        Ok(chained.map(|transport| Rewriting {
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
            stream: TransportAdapter::new(transport, details.current_time.clone()),
            begun: false,
        }))
    }
}

pub(super) struct Rewriting<T: Transport> {
    buffers: LazyBuffers,
    stream: TransportAdapter<T>,
    begun: bool,
}

impl<T: Transport> Transport for Rewriting<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.set_timeout(timeout);
        Ok(self.stream.write_all(&self.buffers.output()[..amount])?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.set_timeout(timeout);
        let input = self.buffers.input_append_buf();
        let count = if self.begun { self.stream.read(input)? } else { begin(&mut self.stream, input)? };
        self.begun = true;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        self.stream.get_ref().is_tls()
    }
}

impl<T: Transport> fmt::Debug for Rewriting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rewriting").field(self.stream.get_ref()).finish()
    }
}

/// Reads the start of an answer until it is told from [`ICY`], which it replaces. `input` has room for both.
fn begin(stream: &mut impl Read, input: &mut [u8]) -> io::Result<usize> {
    let room = input.len().saturating_sub(HTTP.len() - ICY.len());
    let mut filled = 0;
    while filled < ICY.len() && ICY.starts_with(&input[..filled]) {
        match stream.read(&mut input[filled..room])? {
            0 => break,
            count => filled += count,
        }
    }
    if !input[..filled].starts_with(ICY) {
        return Ok(filled);
    }
    input.copy_within(ICY.len()..filled, HTTP.len());
    input[..HTTP.len()].copy_from_slice(HTTP);
    Ok(filled + HTTP.len() - ICY.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(buffer.len()).min(1);
            self.0.read(&mut buffer[..count])
        }
    }

    fn begun(mut stream: impl Read) -> Vec<u8> {
        let mut input = [0; 64];
        let count = begin(&mut stream, &mut input).unwrap();
        let mut whole = input[..count].to_vec();
        stream.read_to_end(&mut whole).unwrap();
        whole
    }

    #[test]
    fn only_the_status_line_of_shoutcast_changes() {
        for (answer, expected) in [
            ("ICY 200 OK\r\nicy-name: ICY \r\n", "HTTP/1.0 200 OK\r\nicy-name: ICY \r\n"),
            ("ICY ", "HTTP/1.0 "),
            ("HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n"),
            ("ICYCLE 200 OK\r\n", "ICYCLE 200 OK\r\n"),
            ("IC", "IC"),
            ("", ""),
        ] {
            assert_eq!(begun(answer.as_bytes()), expected.as_bytes());
            assert_eq!(begun(Drip(answer.as_bytes())), expected.as_bytes());
        }
    }
}
