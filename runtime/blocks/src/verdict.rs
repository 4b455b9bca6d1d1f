//! How a decision is made on a stream of which only a part is there yet.

/// An answer about the first bytes of a window that more bytes cannot change.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict<T> {
    Yes(T),
    No,
    /// The window is too short to tell: this many bytes are needed, in all.
    Need(usize),
}

impl<T> Verdict<T> {
    pub(crate) fn map<U>(self, of: impl FnOnce(T) -> U) -> Verdict<U> {
        match self {
            Self::Yes(value) => Verdict::Yes(of(value)),
            Self::No => Verdict::No,
            Self::Need(bytes) => Verdict::Need(bytes),
        }
    }

    /// At the end of the stream, what cannot be told is not there.
    pub(crate) fn at_end(self, end: bool) -> Self {
        match self {
            Self::Need(_) if end => Self::No,
            verdict => verdict,
        }
    }
}
