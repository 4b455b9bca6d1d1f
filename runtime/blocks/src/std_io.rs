//! Pull reader over [`std::io::Read`]. Feature `std`.

extern crate std;

use std::io;

use crate::cut::Cut;
use crate::pull;

pub use crate::pull::ReadError;

/// Cuts what a [`std::io::Read`] gives: a [`pull::Reader`] with `next`.
///
/// ```no_run
/// use std::fs::File;
/// use tempest_blocks::{mp3, std_io::Reader};
///
/// let mut chunk = [0; 64 << 10];
/// let mut reader = Reader::new(File::open("speech.mp3")?, mp3::Cutter::new(), &mut chunk);
/// while let Some(event) = reader.next()? {
///     if let mp3::Event::Block(block) = event {
///         println!("{} bytes at {}", block.bytes.len(), block.offset);
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Reader<'c, R, C> = pull::Reader<'c, R, C, Io>;

/// The kind of [`Reader`] that this module has.
#[derive(Debug)]
pub enum Io {}

impl<R: io::Read, C: Cut> pull::Reader<'_, R, C, Io> {
    /// The next event, borrowed from chunk or cutter; `None` at the end of the stream. Reads that were interrupted are
    /// done again. After any other error, such as [`WouldBlock`](io::ErrorKind::WouldBlock), it can be called again: no
    /// byte is lost.
    #[expect(clippy::should_implement_trait, reason = "an event borrows from here")]
    pub fn next(&mut self) -> Result<Option<C::Event<'_>>, ReadError<io::Error>> {
        self.next_with(R::read, |error| error.kind() == io::ErrorKind::Interrupted)
    }
}
