//! What the three push parsers have in common.

use crate::kept::Input;

/// A cutter of any of the three formats: [`mp3::Cutter`](crate::mp3::Cutter), [`opus::Cutter`](crate::opus::Cutter) or
/// [`jpeg::Cutter`](crate::jpeg::Cutter).
///
/// ```
/// use tempest_blocks::Cut;
///
/// /// Blocks, skipped runs and errors of a stream.
/// fn count<C: Cut>(mut cutter: C, chunks: &[&[u8]]) -> usize {
///     let mut events = 0;
///     for chunk in chunks {
///         let mut rest = *chunk;
///         while let (Some(_), behind) = cutter.push(rest) {
///             events += 1;
///             rest = behind;
///         }
///     }
///     while cutter.finish().is_some() {
///         events += 1;
///     }
///     events
/// }
///
/// assert_eq!(count(tempest_blocks::mp3::Cutter::new(), &[b"TA", b"G"]), 1);
/// ```
pub trait Cut: Sealed {
    /// What comes next in the stream, borrowed from the input or from the cutter.
    type Event<'a>
    where
        Self: 'a;

    /// Reads on to the next event, and gives the input behind it. Push that rest until there is no event: then all
    /// input is used, and the next chunk is due, or [`finish`](Self::finish).
    #[inline]
    fn push<'p, 'i: 'p>(&'p mut self, input: &'i [u8]) -> (Option<Self::Event<'p>>, &'i [u8]) {
        let mut taken = Input::new(input);
        let found = self.advance(&mut taken, false);
        (found.map(|found| self.event(found, input)), taken.rest())
    }

    /// Says that the stream has ended and gives what that decides: call until `None`.
    fn finish(&mut self) -> Option<Self::Event<'_>> {
        let found = self.advance(&mut Input::new(&[]), true)?;
        Some(self.event(found, &[]))
    }

    /// An event before it is joined with its bytes.
    #[doc(hidden)]
    type Found;

    /// The part of [`push`](Self::push) that changes the cutter.
    #[doc(hidden)]
    fn advance(&mut self, input: &mut Input<'_>, end: bool) -> Option<Self::Found>;

    /// Joins what was found in this input with its bytes.
    #[doc(hidden)]
    fn event<'a>(&'a self, found: Self::Found, input: &'a [u8]) -> Self::Event<'a>;
}

/// Keeps [`Cut`] to the cutters of this crate.
pub trait Sealed {}
