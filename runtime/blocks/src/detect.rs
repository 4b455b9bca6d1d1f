//! Tells the three formats apart from the first bytes of a stream.

use crate::verdict::Verdict;
use crate::{jpeg, mp3, opus};

/// A format this crate cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Format {
    /// MPEG audio Layer III, with the tags around it: see [`mp3`].
    Mp3,
    /// Opus in Ogg: see [`opus`].
    OggOpus,
    /// JPEG of any kind, also one that is refused by name: see [`jpeg`].
    Jpeg,
}

impl core::fmt::Display for Format {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Mp3 => "MP3",
            Self::OggOpus => "Ogg Opus",
            Self::Jpeg => "JPEG",
        })
    }
}

/// What the first bytes of a stream say it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Detection {
    /// Too little to tell.
    NeedMore,
    /// One of the three.
    Format(Format),
    /// An Ogg file in which no Opus begins: what its first stream is.
    OtherOgg(opus::HeadError),
    /// None of the three.
    None,
}

/// Tags and first pages of other Ogg streams that are passed at most.
const PASSED_MAX: u8 = 16;

/// The most bytes looked at together: header and segment table of an Ogg page, and what its packet begins with.
const WINDOW_BYTES: usize = opus::FIRST_PAGE_BYTES;

/// What the first bytes of a stream are, or [`Detection::NeedMore`]: `Detector::new().feed(first)`.
///
/// ```
/// use tempest_blocks::{Detection, Format, detect};
///
/// assert_eq!(detect(&[0xFF, 0xD8, 0xFF, 0xE0]), Detection::Format(Format::Jpeg));
/// assert_eq!(detect(b"ID3\x04"), Detection::NeedMore);
/// assert_eq!(detect(b"RIFF"), Detection::None);
/// ```
#[must_use]
pub fn detect(first: &[u8]) -> Detection {
    Detector::new().feed(first)
}

/// Detects the format of a stream that arrives in chunks of any size; the answer does not depend on them.
///
/// | format | what it takes |
/// |---|---|
/// | MP3 | after any tags, a frame that leads exactly to a second one of the same version, layer and sample rate, to a tag or to the end; at most 1473 bytes behind the tags |
/// | Ogg Opus | a page that begins a stream with `OpusHead`, before any page that does not begin one; checksums are not checked |
/// | JPEG | SOI and the next marker: 4 bytes |
///
/// What comes before that is passed without being kept: ID3v2, ID3v1 and APEv2 tags of any length, and the first pages
/// of other Ogg streams, 16 of them at most. An MP3 stream that does not begin with a tag or frame, as where a
/// broadcast is entered, is not searched for: [`mp3::Cutter`] does that. The detector takes less than 512 bytes.
///
/// ```
/// use tempest_blocks::{Detection, Detector, Format};
///
/// let mut detector = Detector::new();
/// // An ID3v2 tag of 20 bytes, of which only its header is needed to know what else it can be.
/// assert_eq!(detector.feed(b"ID3\x04\x00\x00\x00\x00\x00\x0A"), Detection::NeedMore);
/// assert_eq!(detector.candidate(), Some(Format::Mp3));
/// assert_eq!(detector.feed(b"..........RIFF"), Detection::None);
/// ```
#[derive(Clone, Debug)]
pub struct Detector {
    state: State,
    /// Bytes to pass before the window.
    left: u64,
    /// Tags and pages passed so far.
    passed: u8,
    window: [u8; WINDOW_BYTES],
    len: usize,
}

/// What the window is looked at for.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Anything.
    Start,
    /// A frame, or another tag: a tag has been passed.
    Tagged,
    /// What the frame with this header leads to.
    Behind(mp3::FrameHeader),
    /// The next page of an Ogg file whose first stream is this.
    Ogg(opus::HeadError),
    Done(Detection),
}

impl Detector {
    /// A detector at the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::Start, left: 0, passed: 0, window: [0; WINDOW_BYTES], len: 0 }
    }

    /// Looks at the next chunk. An answer other than [`Detection::NeedMore`] is final: later chunks are not looked at.
    pub fn feed(&mut self, chunk: &[u8]) -> Detection {
        let mut rest = chunk;
        loop {
            if let State::Done(detection) = self.state {
                return detection;
            }
            let passed = usize::try_from(self.left).map_or(rest.len(), |left| left.min(rest.len()));
            rest = rest.get(passed..).unwrap_or_default();
            self.left -= passed as u64;
            if self.left > 0 {
                return Detection::NeedMore;
            }
            match self.look() {
                Verdict::Need(_) if rest.is_empty() => return Detection::NeedMore,
                Verdict::Need(bytes) => self.top_up(bytes, &mut rest),
                Verdict::No => self.state = State::Done(Detection::None),
                Verdict::Yes(()) => {}
            }
        }
    }

    /// What the stream is, if it ends here; never [`Detection::NeedMore`].
    #[must_use]
    pub fn finish(&self) -> Detection {
        match self.state {
            State::Done(detection) => detection,
            State::Ogg(first) => Detection::OtherOgg(first),
            State::Behind(_) if self.left == 0 && self.len == 0 => Detection::Format(Format::Mp3),
            _ => Detection::None,
        }
    }

    /// The only format the stream can still be. Two bytes leave one at most, so a stream that cannot be rewound may go
    /// to that format's cutter from there on: its blocks will show what it is.
    #[must_use]
    pub fn candidate(&self) -> Option<Format> {
        match (self.state, self.window.get(..self.len)?) {
            (State::Done(Detection::Format(format)), _) => Some(format),
            (State::Done(_), _) => None,
            (State::Start, [b'O', ..]) | (State::Ogg(_), _) => Some(Format::OggOpus),
            (State::Start, [0xFF, 0xD8, ..]) => Some(Format::Jpeg),
            (State::Start, [] | [0xFF]) => None,
            (State::Start | State::Tagged | State::Behind(_), _) => Some(Format::Mp3),
        }
    }

    /// Decides about the window, as soon as it has the bytes for it.
    fn look(&mut self) -> Verdict<()> {
        let window = self.window.get(..self.len).unwrap_or_default();
        let next = match self.state {
            State::Start => start(window),
            State::Tagged => mp3_start(window),
            State::Behind(header) => mp3::leads_to(header, window).map(|()| Next::Done(Detection::Format(Format::Mp3))),
            State::Ogg(first) => ogg_page(window, Some(first)),
            State::Done(_) => return Verdict::Yes(()),
        };
        next.map(|next| self.go_on(next))
    }

    fn go_on(&mut self, next: Next) {
        let (bytes, state) = match next {
            Next::Pass(..) if self.passed == PASSED_MAX => (0, State::Done(self.finish())),
            Next::Pass(bytes, state) => (bytes, state),
            Next::Done(detection) => (0, State::Done(detection)),
        };
        self.passed += 1;
        self.left = bytes.saturating_sub(self.len as u64);
        self.len = 0;
        self.state = state;
    }

    /// Takes from `rest` until the window has `wanted` bytes, or as many as there are.
    fn top_up(&mut self, wanted: usize, rest: &mut &[u8]) {
        debug_assert!((self.len + 1..=WINDOW_BYTES).contains(&wanted), "no decision reads more than the window");
        let room = self.window.get_mut(self.len..wanted).unwrap_or_default();
        let taken = room.len().min(rest.len());
        room.iter_mut().zip(*rest).for_each(|(to, &from)| *to = from);
        *rest = rest.get(taken..).unwrap_or_default();
        self.len += taken;
    }
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

/// What follows from a window.
enum Next {
    Done(Detection),
    /// What the window begins with has so many bytes, and behind it this is looked for.
    Pass(u64, State),
}

/// The first bytes of a stream.
fn start(window: &[u8]) -> Verdict<Next> {
    match window {
        [b'O', ..] => ogg_page(window, None),
        [0xFF] => Verdict::Need(2),
        [0xFF, 0xD8, ..] => jpeg::begins_image(window).map(|()| Next::Done(Detection::Format(Format::Jpeg))),
        _ => mp3_start(window),
    }
}

fn mp3_start(window: &[u8]) -> Verdict<Next> {
    mp3::start(window).map(|start| match start {
        mp3::Start::Tag(Some(bytes)) => Next::Pass(bytes, State::Tagged),
        // Lyrics3 stands behind the frames.
        mp3::Start::Tag(None) => Next::Done(Detection::None),
        mp3::Start::Frame(header) => Next::Pass(header.frame_bytes() as u64, State::Behind(header)),
    })
}

/// A page of an Ogg file in which `first` has begun.
fn ogg_page(window: &[u8], first: Option<opus::HeadError>) -> Verdict<Next> {
    match (opus::first_page(window), first) {
        (Verdict::No, Some(first)) => Verdict::Yes(Next::Done(Detection::OtherOgg(first))),
        (page, _) => page.map(|page| match page.other {
            None => Next::Done(Detection::Format(Format::OggOpus)),
            Some(other) => Next::Pass(page.page_bytes, State::Ogg(first.unwrap_or(other))),
        }),
    }
}
