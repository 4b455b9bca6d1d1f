//! Pull reader over [`embedded_io_async::Read`], version 0.7. Feature `embedded_io_async_v0_7`.

use embedded_io_async::{Error, ErrorKind, Read};

use crate::cut::Cut;
use crate::pull;

pub use crate::pull::ReadError;

/// Cuts what an [`embedded_io_async::Read`] gives: a [`pull::Reader`] with `next`.
///
/// ```
/// use embedded_io_async::Read;
/// use tempest_blocks::{embedded_io_async_v0_7::{ReadError, Reader}, opus};
///
/// async fn packets<R: Read>(radio: R) -> Result<u64, ReadError<R::Error>> {
///     let (mut chunk, mut packets) = ([0; 256], 0);
///     let mut reader = Reader::new(radio, opus::Cutter::new(), &mut chunk);
///     while let Some(event) = reader.next().await? {
///         packets += u64::from(matches!(event, opus::Event::Block(_)));
///     }
///     Ok(packets)
/// }
/// ```
pub type Reader<'c, R, C> = pull::Reader<'c, R, C, Io>;

/// The kind of [`Reader`] that this module has.
#[derive(Debug)]
pub enum Io {}

impl<R: Read, C: Cut> pull::Reader<'_, R, C, Io> {
    /// The next event, borrowed from chunk or cutter; `None` at the end of the stream. Reads that were interrupted are
    /// done again. After any other error it can be called again: no byte is lost. The future may be dropped at any
    /// time if that of the reader may.
    pub async fn next(&mut self) -> Result<Option<C::Event<'_>>, ReadError<R::Error>> {
        self.next_with_async(R::read, |error| error.kind() == ErrorKind::Interrupted).await
    }
}
