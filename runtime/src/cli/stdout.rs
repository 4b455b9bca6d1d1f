//! Standard output whose reader may go away.

use std::io::{self, BufWriter, ErrorKind, Write};

/// Standard output, buffered. Once its reader is gone (`| head`) what is written is lost, and no error.
pub(super) struct Stdout {
    out: BufWriter<io::Stdout>,
    closed: bool,
}

impl Stdout {
    pub(super) fn new() -> Self {
        Self { out: BufWriter::new(io::stdout()), closed: false }
    }

    /// The reader went away.
    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Something waits to be flushed.
    pub(super) fn is_pending(&self) -> bool {
        !self.out.buffer().is_empty()
    }

    /// What came of a write, and what it gives where there is no reader.
    fn or_closed<T>(&mut self, done: io::Result<T>, lost: T) -> io::Result<T> {
        match done {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                self.out = BufWriter::new(io::stdout());
                Ok(lost)
            }
            other => other,
        }
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        let written = self.out.write(bytes);
        self.or_closed(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.or_closed(flushed, ())
    }
}
