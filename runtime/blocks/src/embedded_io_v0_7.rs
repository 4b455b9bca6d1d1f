//! Pull reader over [`embedded_io::Read`], version 0.7. Feature `embedded_io_v0_7`.

use embedded_io::{Error, ErrorKind, Read};

use crate::cut::Cut;
use crate::pull;

pub use crate::pull::ReadError;

/// Cuts what an [`embedded_io::Read`] gives: a [`pull::Reader`] with `next`.
///
/// ```
/// use tempest_blocks::{embedded_io_v0_7::Reader, mp3};
///
/// # let mut frame = [0_u8; 208];
/// # frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x50, 0xC0]);
/// # let file = [frame, frame].concat();
/// # let uart = file.as_slice();
/// let mut chunk = [0; 64];
/// let mut reader = Reader::new(uart, mp3::Cutter::new(), &mut chunk);
/// while let Some(event) = reader.next()? {
///     if let mp3::Event::Block(block) = event {
///         assert_eq!(block.bytes.len(), 208);
///     }
/// }
/// # Ok::<(), tempest_blocks::embedded_io_v0_7::ReadError<core::convert::Infallible>>(())
/// ```
pub type Reader<'c, R, C> = pull::Reader<'c, R, C, Io>;

/// The kind of [`Reader`] that this module has.
#[derive(Debug)]
pub enum Io {}

impl<R: Read, C: Cut> pull::Reader<'_, R, C, Io> {
    /// The next event, borrowed from chunk or cutter; `None` at the end of the stream. Reads that were interrupted are
    /// done again. After any other error it can be called again: no byte is lost.
    #[expect(clippy::should_implement_trait, reason = "an event borrows from here")]
    pub fn next(&mut self) -> Result<Option<C::Event<'_>>, ReadError<R::Error>> {
        self.next_with(R::read, |error| error.kind() == ErrorKind::Interrupted)
    }
}
