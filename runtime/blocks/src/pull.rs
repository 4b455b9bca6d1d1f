//! What the pull readers share. Each kind has a module with its `Reader`, which is this one with `next`.

use core::{error::Error, fmt, marker::PhantomData};

use crate::cut::Cut;
use crate::kept::Input;

/// The stream could not be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReadError<E> {
    /// Offset in the stream of the first byte that was not read.
    pub offset: u64,
    /// What the reader said.
    pub error: E,
}

impl<E: fmt::Display> fmt::Display for ReadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.error)
    }
}

impl<E: Error + 'static> Error for ReadError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// Cuts what a reader gives, chunk by chunk, with any of the cutters.
///
/// It takes what the cutter takes and a few words. How long the chunk is changes no event, only how often blocks are
/// copied.
#[derive(Debug)]
pub struct Reader<'c, R, C, Io> {
    reader: R,
    cutter: C,
    chunk: &'c mut [u8],
    /// What of `chunk` is read, and how much of that is used.
    end: usize,
    used: usize,
    /// Bytes read so far.
    offset: u64,
    /// The reader has no more.
    ended: bool,
    io: PhantomData<Io>,
}

impl<'c, R, C: Cut, Io> Reader<'c, R, C, Io> {
    /// Reads from where `reader` stands, through a chunk of at least a byte.
    pub const fn new<const N: usize>(reader: R, cutter: C, chunk: &'c mut [u8; N]) -> Self {
        const { assert!(N > 0, "nothing can be read into an empty chunk") };
        Self { reader, cutter, chunk, end: 0, used: 0, offset: 0, ended: false, io: PhantomData }
    }

    /// The cutter, to ask what it knows beside the events.
    pub const fn cutter(&self) -> &C {
        &self.cutter
    }

    /// The reader, which may stand behind the last event by up to a chunk.
    pub fn into_inner(self) -> R {
        self.reader
    }

    /// The next event, read for with `read` as often as need be.
    #[cfg(any(feature = "embedded_io_v0_7", feature = "std"))]
    pub(crate) fn next_with<E>(
        &mut self,
        mut read: impl FnMut(&mut R, &mut [u8]) -> Result<usize, E>,
        interrupted: impl Fn(&E) -> bool,
    ) -> Result<Option<C::Event<'_>>, ReadError<E>> {
        loop {
            if let Some(found) = self.advance() {
                return Ok(Some(self.event(found)));
            }
            if self.ended {
                return Ok(None);
            }
            let bytes = read(&mut self.reader, self.chunk);
            self.take(bytes, &interrupted)?;
        }
    }

    /// As [`next_with`](Self::next_with).
    #[cfg(feature = "embedded_io_async_v0_7")]
    pub(crate) async fn next_with_async<E>(
        &mut self,
        mut read: impl AsyncFnMut(&mut R, &mut [u8]) -> Result<usize, E>,
        interrupted: impl Fn(&E) -> bool,
    ) -> Result<Option<C::Event<'_>>, ReadError<E>> {
        loop {
            if let Some(found) = self.advance() {
                return Ok(Some(self.event(found)));
            }
            if self.ended {
                return Ok(None);
            }
            let bytes = read(&mut self.reader, self.chunk).await;
            self.take(bytes, &interrupted)?;
        }
    }

    /// Cuts what is read.
    fn advance(&mut self) -> Option<C::Found> {
        let read = self.chunk.get(..self.end).unwrap_or_default();
        let mut input = Input { bytes: read, used: self.used };
        let found = self.cutter.advance(&mut input, self.ended);
        self.used = input.used;
        found
    }

    fn event(&self, found: C::Found) -> C::Event<'_> {
        self.cutter.event(found, self.chunk.get(..self.end).unwrap_or_default())
    }

    /// Takes what has been read into the chunk. An interrupted read is none.
    fn take<E>(&mut self, read: Result<usize, E>, interrupted: impl Fn(&E) -> bool) -> Result<(), ReadError<E>> {
        match read {
            Ok(bytes) => {
                (self.end, self.used) = (bytes.min(self.chunk.len()), 0);
                self.offset += self.end as u64;
                self.ended = bytes == 0;
                Ok(())
            }
            Err(error) if interrupted(&error) => Ok(()),
            Err(error) => Err(ReadError { offset: self.offset, error }),
        }
    }
}
