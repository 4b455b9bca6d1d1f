//! The bytes of a stream as they arrive, and what happens to it.

use super::backoff::Backoff;
use super::reader::{Chunk, Ends, Hangup, Message, Reader};
use super::{Origin, Signal, SourceError, http, local, tcp};
use std::convert::Infallible;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Buffers that go round between the reader and the caller.
const BUFFERS: usize = 4;

/// Bytes of a buffer: half a second at 256 kbit/s.
const BUFFER_BYTES: usize = 1 << 14;

/// How patient a [`Feed`] is. Times below a millisecond or above a day are taken as that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedOptions {
    /// Time without a byte after which [`Signal::Stalled`] is told. Default 5 s.
    pub stall: Duration,
    /// Time without a byte after which a connection is given up and made again. Default 30 s.
    pub silence: Duration,
    /// Time a connection may take, name and TLS included. Default 10 s.
    pub connect: Duration,
    /// Time an HTTP server may take to answer. Default 10 s.
    pub answer: Duration,
    /// Connections made again in a row, none of which brought bytes for a minute; `None` for any number, the default.
    /// Standard input and files are read once.
    pub reconnect: Option<u32>,
    /// Wait before the first of them; doubles with each. Default 0.5 s. Chance shortens every wait by up to a half.
    pub first_wait: Duration,
    /// Longest of the waits. Default 30 s.
    pub longest_wait: Duration,
}

impl Default for FeedOptions {
    fn default() -> Self {
        Self {
            stall: Duration::from_secs(5),
            silence: Duration::from_secs(30),
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(10),
            reconnect: None,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
        }
    }
}

impl FeedOptions {
    /// Sockets know no time of 0, and clocks no time without end.
    fn bounded(&self) -> Self {
        let bounded = |time: Duration| time.clamp(Duration::from_millis(1), Duration::from_secs(86_400));
        Self {
            stall: bounded(self.stall),
            silence: bounded(self.silence),
            connect: bounded(self.connect),
            answer: bounded(self.answer),
            reconnect: self.reconnect,
            first_wait: bounded(self.first_wait),
            longest_wait: bounded(self.longest_wait),
        }
    }
}

/// A stream that a thread reads.
///
/// Memory is bounded: the reader waits when the caller does not take the bytes. Dropping a feed never waits: sockets are
/// shut down, which ends the thread; one that is blocked in a read of standard input or of a pipe, or in the look-up of a
/// name, is left behind and ends when that returns.
pub struct Feed {
    origin: String,
    stall: Duration,
    // Dropped before the hang-up: a connection made meanwhile finds nobody to tell and is closed by its thread.
    messages: Receiver<Message>,
    free: SyncSender<Chunk>,
    current: Option<Chunk>,
    held: Option<Chunk>,
    silent_since: Instant,
    stalled: bool,
    over: bool,
    _alive: mpsc::Sender<Infallible>,
    _hangup: Hangup,
}

impl Feed {
    /// Opens a stream. Connections are made by the reader: what becomes of them is told by [`Feed::next`].
    ///
    /// # Errors
    /// A file that is not there or is a folder, no thread to be had.
    pub fn open(origin: &Origin, options: &FeedOptions) -> Result<Self, SourceError> {
        let options = options.bounded();
        let (dial, hangup) = match origin {
            Origin::Stdin => local::stdin(),
            Origin::File(path) => local::file(path)?,
            Origin::Tcp { host, port } => tcp::dial(host, *port, &options),
            Origin::Http(url) => http::dial(url, &options),
        };
        let (sender, messages) = sync_channel(BUFFERS);
        let (free, taken) = sync_channel(BUFFERS);
        let (alive, still_alive) = mpsc::channel();
        for _ in 0..BUFFERS {
            // Room for all of them: never full.
            let _ = free.try_send(Chunk::new(BUFFER_BYTES));
        }
        let backoff = Backoff::new(options.first_wait, options.longest_wait, options.reconnect);
        let name = origin.to_string();
        let reader =
            Reader::new(name.clone(), dial, backoff, Ends { messages: sender, free: taken, alive: still_alive });
        thread::Builder::new()
            .name("tempest-feed".into())
            .spawn(move || reader.run())
            .map_err(|cause| SourceError::Io { origin: name.clone(), cause })?;
        Ok(Self {
            origin: name,
            stall: options.stall,
            messages,
            free,
            current: None,
            held: None,
            silent_since: Instant::now(),
            stalled: false,
            over: false,
            _alive: alive,
            _hangup: hangup,
        })
    }

    /// What comes next, waiting for it at most `timeout`. Nothing is allocated for bytes.
    ///
    /// # Errors
    /// The stream cannot be read, or no longer; it is over then.
    pub fn next(&mut self, timeout: Duration) -> Result<Signal<'_>, SourceError> {
        if let Some(chunk) = self.current.take() {
            // Room for all of them: full never, closed where the reader has ended.
            let _ = self.free.try_send(chunk);
        }
        if self.over {
            return Ok(Signal::End);
        }
        if let Some(chunk) = self.held.take() {
            return Ok(self.bytes(chunk));
        }
        match self.messages.recv_timeout(self.patience(timeout)) {
            Ok(message) => self.tell(message),
            Err(RecvTimeoutError::Timeout) => Ok(self.quiet()),
            Err(RecvTimeoutError::Disconnected) => {
                self.over = true;
                Err(SourceError::Reader { origin: self.origin.clone() })
            }
        }
    }

    fn silence(&self) -> Duration {
        self.silent_since.elapsed()
    }

    /// Time to wait for a message: until the caller's time is up or there is a stall to tell.
    fn patience(&self, timeout: Duration) -> Duration {
        if self.stalled {
            return timeout;
        }
        timeout.min((self.silent_since + self.stall).saturating_duration_since(Instant::now()))
    }

    fn quiet(&mut self) -> Signal<'static> {
        let silence = self.silence();
        if self.stalled || silence < self.stall {
            return Signal::Idle;
        }
        self.stalled = true;
        Signal::Stalled { seconds: silence.as_secs_f64() }
    }

    fn tell(&mut self, message: Message) -> Result<Signal<'_>, SourceError> {
        match message {
            Message::Bytes(chunk) if self.stalled => {
                self.stalled = false;
                self.held = Some(chunk);
                Ok(Signal::Resumed { seconds: self.silence().as_secs_f64() })
            }
            Message::Bytes(chunk) => Ok(self.bytes(chunk)),
            Message::Title(title) => Ok(Signal::Title(title)),
            Message::Connected(attempt, greeting) => {
                Ok(Signal::Connected { attempt, content_type: greeting.content_type, name: greeting.name })
            }
            Message::Lost { reason, retry_in } => {
                // No byte is due before the next attempt.
                (self.stalled, self.silent_since) = (false, Instant::now() + retry_in);
                Ok(Signal::Lost { reason, retry_in })
            }
            Message::End => {
                self.over = true;
                Ok(Signal::End)
            }
            Message::Failed(error) => {
                self.over = true;
                Err(error)
            }
        }
    }

    fn bytes(&mut self, chunk: Chunk) -> Signal<'_> {
        self.silent_since = Instant::now();
        Signal::Bytes(self.current.insert(chunk).filled())
    }
}
