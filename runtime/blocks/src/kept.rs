//! What every push parser keeps of a stream: the bytes that wait for a decision, when a chunk ends before it can be made.

use core::ops::Range;

/// A chunk, and how many of its bytes are used.
#[derive(Clone, Copy, Debug)]
pub struct Input<'i> {
    pub(crate) bytes: &'i [u8],
    pub(crate) used: usize,
}

impl<'i> Input<'i> {
    pub(crate) const fn new(bytes: &'i [u8]) -> Self {
        Self { bytes, used: 0 }
    }

    /// What is not used yet.
    pub(crate) fn rest(&self) -> &'i [u8] {
        self.bytes.get(self.used..).unwrap_or_default()
    }

    /// Uses the first bytes of the rest, as many as there are, and says where they lie.
    fn take(&mut self, bytes: usize) -> Range<usize> {
        let start = self.used;
        self.used = start.saturating_add(bytes).min(self.bytes.len());
        start..self.used
    }
}

/// Where bytes of the stream lie.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Input(Range<usize>),
    Kept(Range<usize>),
}

/// `start..end` of a buffer. Bytes are taken in only while a decision wants them, so most are used up where they came in.
#[derive(Clone)]
pub(crate) struct Kept<const N: usize> {
    bytes: [u8; N],
    start: usize,
    end: usize,
}

impl<const N: usize> Kept<N> {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], start: 0, end: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.end - self.start
    }

    /// What is decided about: the bytes kept; if there are none, the input.
    #[inline]
    pub(crate) fn window<'w>(&'w self, input: &Input<'w>) -> &'w [u8] {
        if self.len() == 0 { input.rest() } else { self.bytes.get(self.start..self.end).unwrap_or_default() }
    }

    /// Where the first `len` bytes of the window lie. They stay there until the next [`top_up`](Self::top_up).
    #[inline]
    pub(crate) fn place(&self, len: usize, input: &Input<'_>) -> Place {
        match self.len() {
            0 => Place::Input(input.clone().take(len)),
            kept => Place::Kept(self.start..self.start + len.min(kept)),
        }
    }

    /// Uses up the first bytes of the window.
    #[inline]
    pub(crate) fn pass(&mut self, used: usize, input: &mut Input<'_>) {
        match self.len() {
            0 => drop(input.take(used)),
            kept => self.start += used.min(kept),
        }
    }

    /// The bytes that lie at a place, `input` being what it was then.
    #[inline]
    pub(crate) fn get<'a>(&'a self, place: Place, input: &'a [u8]) -> &'a [u8] {
        match place {
            Place::Input(range) => input.get(range),
            Place::Kept(range) => self.bytes.get(range),
        }
        .unwrap_or_default()
    }

    /// Takes from the input until `wanted` bytes are kept; false if it was too short.
    ///
    /// Bytes move to the front only where there is no room behind them. MP3 and JPEG have an `N` above the most that is
    /// ever wanted, by a good part of it: so each byte moves a bounded number of times however a search goes. In Opus
    /// what is moved is summed up too, and that is bounded.
    pub(crate) fn top_up(&mut self, wanted: usize, input: &mut Input<'_>) -> bool {
        debug_assert!(wanted <= N, "no decision reads more than can be kept");
        if self.start + wanted > N || self.len() == 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let added = input.rest();
        let added = added.get(..wanted.saturating_sub(self.len())).unwrap_or(added);
        if let Some(room) = self.bytes.get_mut(self.end..self.end + added.len()) {
            room.copy_from_slice(added);
            self.end += added.len();
            input.take(added.len());
        }
        self.len() >= wanted
    }

    /// Gives the bytes back to the input if they all came from it: so that what follows a block across chunks is
    /// borrowed again.
    pub(crate) fn give_back(&mut self, input: &mut Input<'_>) {
        if let Some(used) = input.used.checked_sub(self.len()) {
            input.used = used;
            self.start = self.end;
        }
    }
}
