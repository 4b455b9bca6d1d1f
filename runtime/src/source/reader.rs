//! The thread of a feed: connects, reads, waits, connects again.

use super::SourceError;
use super::backoff::Backoff;
use std::convert::Infallible;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

/// A way to get a stream, as often as it takes.
pub(super) trait Dial: Send {
    /// Opens the stream. `heard`: it brought bytes before.
    fn dial(&mut self, heard: bool) -> Result<Connection, Halt>;
}

/// A stream that is open.
pub(super) struct Connection {
    pub body: Box<dyn Body>,
    /// What a server says of it; `None` for what is no connection over a network.
    pub greeting: Option<Greeting>,
}

/// What a server says of its stream.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    pub content_type: Option<String>,
    pub name: Option<String>,
}

/// The bytes of a stream.
pub(super) trait Body {
    /// Waits for bytes and gives how many there are, at least one; or why there are no more.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Halt>;

    /// The title that came with the bytes last read.
    fn title(&mut self) -> Option<String> {
        None
    }
}

/// Why reading does not go on.
#[derive(Debug)]
pub(super) enum Halt {
    /// The stream is whole.
    Ended,
    /// Another attempt may help.
    Lost(String),
    /// None will.
    Failed(SourceError),
    /// Nobody listens any more.
    Dropped,
}

/// What the reader tells the caller.
pub(super) enum Message {
    Bytes(Chunk),
    Connected(u32, Greeting),
    Title(String),
    Lost { reason: String, retry_in: Duration },
    End,
    Failed(SourceError),
}

/// A buffer that goes round.
pub(super) struct Chunk {
    bytes: Box<[u8]>,
    length: usize,
}

impl Chunk {
    pub(super) fn new(capacity: usize) -> Self {
        Self { bytes: vec![0; capacity].into(), length: 0 }
    }

    pub(super) fn filled(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// What ends a blocked read when it is dropped.
pub(super) struct Hangup(Option<Box<dyn FnOnce() + Send>>);

impl Hangup {
    pub(super) fn new(shut: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(shut)))
    }

    /// For reads that nothing ends.
    pub(super) const fn none() -> Self {
        Self(None)
    }
}

impl Drop for Hangup {
    fn drop(&mut self) {
        if let Some(shut) = self.0.take() {
            shut();
        }
    }
}

/// The ends of the channels that the reader holds.
pub(super) struct Ends {
    pub messages: SyncSender<Message>,
    pub free: Receiver<Chunk>,
    /// Closed when the feed is dropped; nothing is ever sent.
    pub alive: Receiver<Infallible>,
}

pub(super) struct Reader {
    origin: String,
    dial: Box<dyn Dial>,
    backoff: Backoff,
    ends: Ends,
    spare: Option<Chunk>,
    attempts: u32,
    heard: bool,
}

impl Reader {
    pub(super) fn new(origin: String, dial: Box<dyn Dial>, backoff: Backoff, ends: Ends) -> Self {
        Self { origin, dial, backoff, ends, spare: None, attempts: 0, heard: false }
    }

    /// Reads until the stream is over or nobody listens.
    pub(super) fn run(mut self) {
        let last = loop {
            let mut sound = Duration::ZERO;
            let halt = match self.attempt(&mut sound) {
                Ok(never) => match never {},
                Err(halt) => halt,
            };
            let reason = match halt {
                Halt::Lost(reason) => reason,
                Halt::Ended => break Message::End,
                Halt::Failed(error) => break Message::Failed(error),
                Halt::Dropped => return,
            };
            let Some(retry_in) = self.backoff.wait(sound) else { break Message::Failed(self.given_up(reason)) };
            if self.tell(Message::Lost { reason, retry_in }).and_then(|()| self.pause(retry_in)).is_err() {
                return;
            }
        };
        // Nobody listening is one way to be done.
        let _ = self.tell(last);
    }

    /// One connection, until it halts; `sound` is the time that bytes came for.
    fn attempt(&mut self, sound: &mut Duration) -> Result<Infallible, Halt> {
        self.attempts = self.attempts.saturating_add(1);
        let Connection { mut body, greeting } = self.dial.dial(self.heard)?;
        if let Some(greeting) = greeting {
            self.tell(Message::Connected(self.attempts, greeting))?;
        }
        let mut first = None;
        loop {
            self.pass_on(&mut *body)?;
            self.heard = true;
            *sound = first.get_or_insert_with(Instant::now).elapsed();
        }
    }

    /// Reads once, into a buffer that the caller has given back.
    fn pass_on(&mut self, body: &mut dyn Body) -> Result<(), Halt> {
        let mut chunk = match self.spare.take() {
            Some(chunk) => chunk,
            None => self.ends.free.recv().map_err(|_| Halt::Dropped)?,
        };
        match body.read(&mut chunk.bytes) {
            Ok(length) => chunk.length = length,
            Err(halt) => {
                self.spare = Some(chunk);
                return Err(halt);
            }
        }
        if let Some(title) = body.title() {
            self.tell(Message::Title(title))?;
        }
        self.tell(Message::Bytes(chunk))
    }

    fn tell(&self, message: Message) -> Result<(), Halt> {
        self.ends.messages.send(message).map_err(|_| Halt::Dropped)
    }

    fn pause(&self, time: Duration) -> Result<(), Halt> {
        match self.ends.alive.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => Err(Halt::Dropped),
            Ok(never) => match never {},
        }
    }

    fn given_up(&self, reason: String) -> SourceError {
        SourceError::GivenUp { origin: self.origin.clone(), reason, attempts: self.attempts }
    }
}

/// Reads what is there, at least one byte but at the end, past interruptions by signals.
pub(super) fn read_some(source: &mut (impl Read + ?Sized), buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
