//! The bytes of a packet, which in a file may lie on several pages.

use core::fmt;

use super::page;

/// The bytes of a packet or frame, in order.
///
/// From a [`Cutter`](super::Cutter) they are always one slice. [`events`](super::events) copies nothing, so there a
/// packet that lies on several pages is as many slices. Two payloads are equal if their bytes are.
#[derive(Clone, Copy)]
pub struct Payload<'a> {
    /// From the first byte of the packet on, page headers included if it is split.
    stream: &'a [u8],
    split: Option<Split>,
    /// What of the packet this is.
    start: usize,
    len: usize,
}

/// A packet on several pages, with only whole pages in between.
#[derive(Clone, Copy)]
struct Split {
    /// Bytes on its first page.
    first: usize,
    /// The logical stream it belongs to.
    serial: u32,
}

impl<'a> Payload<'a> {
    pub(super) const fn whole(bytes: &'a [u8]) -> Self {
        Self { stream: bytes, split: None, start: 0, len: bytes.len() }
    }

    /// The first `len` bytes of a packet that `stream` begins with and that has `first` bytes on its first page.
    pub(super) fn split(stream: &'a [u8], first: usize, serial: u32, len: usize) -> Self {
        match stream.get(..len) {
            Some(whole) if len <= first => Self::whole(whole),
            _ => Self { stream, split: Some(Split { first, serial }), start: 0, len },
        }
    }

    /// How many bytes there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes as one slice; `None` if they lie on several pages.
    #[must_use]
    pub fn as_slice(&self) -> Option<&'a [u8]> {
        let mut parts = self.parts();
        let first = parts.next().unwrap_or_default();
        (first.len() == self.len).then_some(first)
    }

    /// The slices in order, none empty.
    #[must_use]
    pub fn parts(&self) -> Parts<'a> {
        let first = self.split.map_or(self.stream.len(), |split| split.first);
        Parts {
            stream: self.stream,
            serial: self.split.map(|split| split.serial),
            next: (0, first),
            page_end: first,
            start: self.start,
            len: self.len,
        }
    }

    /// The byte at `at`.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<u8> {
        if self.split.is_none() {
            return self.stream.get(self.start..)?.get(..self.len)?.get(at).copied();
        }
        self.range(at, 1).parts().next()?.first().copied()
    }

    /// Copies as many bytes as fit and says how many they were.
    pub fn copy_to(&self, out: &mut [u8]) -> usize {
        let mut at = 0;
        for part in self.parts() {
            let Some(room) = out.get_mut(at..) else { break };
            room.iter_mut().zip(part).for_each(|(to, &from)| *to = from);
            at += part.len().min(room.len());
        }
        at
    }

    /// `len` bytes from `start`, fewer where there are not so many.
    pub(super) fn range(&self, start: usize, len: usize) -> Self {
        let skipped = start.min(self.len);
        Self { start: self.start + skipped, len: len.min(self.len - skipped), ..*self }
    }
}

impl PartialEq for Payload<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.parts().flatten().eq(other.parts().flatten())
    }
}

impl Eq for Payload<'_> {}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.parts().flatten()).finish()
    }
}

/// See [`Payload::parts`].
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    stream: &'a [u8],
    serial: Option<u32>,
    /// Where the next part lies in `stream`.
    next: (usize, usize),
    /// End of the page that part lies on.
    page_end: usize,
    /// Bytes of the packet still to be passed over.
    start: usize,
    /// Bytes still to be given.
    len: usize,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while self.len > 0 {
            let (from, to) = self.next;
            let part = self.stream.get(from..to)?;
            self.turn();
            let skipped = self.start.min(part.len());
            self.start -= skipped;
            let part = part.get(skipped..)?;
            let part = part.get(..self.len).unwrap_or(part);
            self.len -= part.len();
            if !part.is_empty() {
                return Some(part);
            }
        }
        None
    }
}

impl Parts<'_> {
    /// On to the next page.
    fn turn(&mut self) {
        let page = self.serial.and_then(|serial| page::continuation(self.stream.get(self.page_end..)?, serial));
        // Out of range ends the iteration; only a part of the one slice gets there.
        let (from, to, page_bytes) = page.unwrap_or((usize::MAX, usize::MAX, 0));
        self.next = (self.page_end.saturating_add(from), self.page_end.saturating_add(to));
        self.page_end += page_bytes;
    }
}
