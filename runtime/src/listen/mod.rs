//! A live stream to scores: every block is encoded once, and every hop the window of the last embeddings is classified.
//!
//! bytes -> [`RowStream`] -> rows -> `Ahead`, which encodes them -> `Ring` -> logits

mod ahead;
mod error;
mod ring;
mod tally;

pub use error::ListenError;
pub use tally::Tally;

use crate::classifier::{Classifier, encoder_batch};
use ahead::Ahead;
use ring::Ring;
use tempest_contract::rows::{Foreign, Gap, Item, Row};
use tempest_contract::{Contract, RowStream};
use tempest_engine::{Bundle, Engine};

/// What takes what is heard. Its error is the caller's and ends the call.
pub type Sink<'s, E> = &'s mut dyn FnMut(Heard<'_>) -> Result<(), E>;

/// How a stream is heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ListenOptions {
    /// Seconds that are classified together, at most the model's own window; that of the model where `None`.
    pub window: Option<f64>,
    /// Seconds from one window to the next, at most the window; half a second where `None`.
    pub hop: Option<f64>,
    /// Threads of one run (ONNX Runtime).
    pub threads: usize,
}

impl Default for ListenOptions {
    fn default() -> Self {
        ListenOptions { window: None, hop: None, threads: 1 }
    }
}

/// What happens in a stream. Times are seconds of sound heard since the listener was made.
#[derive(Clone, Copy, Debug)]
pub enum Heard<'a> {
    /// A window was classified.
    Scores(Scores<'a>),
    /// Something is missing or out of place; the window goes on over it.
    Gap {
        /// Where.
        at: f64,
        /// What.
        gap: Gap,
    },
    /// The stream now holds other media than the model reads. Told once, until fitting blocks come again; they begin a
    /// new window.
    Foreign {
        /// Where.
        at: f64,
        /// What it holds.
        foreign: Foreign,
    },
    /// The mean bit rate of the last window is none that the model was trained on. Told once, until it is again.
    Bitrate {
        /// Where.
        at: f64,
        /// In kbit/s.
        kbps: f64,
    },
    /// The stream ended inside a block.
    CutShort {
        /// Where.
        at: f64,
    },
}

/// A classified window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores<'a> {
    /// Begin of the window.
    pub start: f64,
    /// Its end: the end of the last block heard.
    pub end: f64,
    /// Number of the window's first block, counted from 0 over the listener's life.
    pub block: u64,
    /// Blocks of the window.
    pub blocks: usize,
    /// One per label.
    pub logits: &'a [f32],
    /// Softmax of the logits.
    pub probabilities: &'a [f32],
}

/// Hears one stream after the other. All memory is taken when it is made: no block allocates, engines aside.
pub struct Listener {
    model: Classifier,
    stream: RowStream,
    ears: Ears,
}

/// All but the cutter, which lends out its rows.
struct Ears {
    /// Samples a second, and of a block.
    clock: (u32, u32),
    hop: usize,
    ahead: Ahead,
    ring: Ring,
    /// Blocks until the next window.
    due: usize,
    /// The last block is the last of a classified window.
    told: bool,
    foreign: bool,
    strange_rate: bool,
    tally: Tally,
    logits: Vec<f32>,
    probabilities: Vec<f32>,
}

impl Listener {
    /// Loads a bundle for one stream.
    ///
    /// # Errors
    /// [`ListenError`]: media without time, a window or hop out of range, or what the engine says.
    pub fn load(bundle: &Bundle, engine: &dyn Engine, options: &ListenOptions) -> Result<Self, ListenError> {
        let contract = bundle.contract();
        let clock = contract.codec.clock().ok_or_else(|| ListenError::NoTime { media: contract.media() })?;
        let (window, hop) = sizes(contract, clock, options)?;
        let model = Classifier::with_batch(bundle, engine, options.threads, batch(contract, hop))?;
        let labels = contract.labels.len();
        let ears = Ears {
            clock,
            hop,
            ahead: Ahead::new(&model, hop),
            ring: Ring::new(window, model.embedding()),
            due: window,
            told: true,
            foreign: false,
            strange_rate: false,
            tally: Tally::default(),
            logits: vec![0.0; labels],
            probabilities: vec![0.0; labels],
        };
        Ok(Listener { stream: RowStream::new(contract), model, ears })
    }

    /// What the model reads and answers.
    #[must_use]
    pub fn contract(&self) -> &Contract {
        self.model.contract()
    }

    /// Blocks of a window, and from one window to the next.
    #[must_use]
    pub fn window(&self) -> (usize, usize) {
        (self.ears.ring.capacity(), self.ears.hop)
    }

    /// What was heard so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.ears.tally
    }

    /// Seconds of sound heard so far.
    #[must_use]
    pub fn position(&self) -> f64 {
        self.ears.seconds(self.ears.tally.blocks)
    }

    /// Hears the next bytes, however the stream was cut into calls.
    ///
    /// # Errors
    /// What the engine says, and the sink's own.
    pub fn feed<E: From<ListenError>>(&mut self, bytes: &[u8], sink: Sink<'_, E>) -> Result<(), E> {
        self.ears.tally.bytes += bytes.len() as u64;
        let Self { model, stream, ears } = self;
        stream.feed(bytes, &mut |item| ears.item(item, model, sink))
    }

    /// The stream has ended: gives the windows that end with it, and makes ready for another, which begins a window of
    /// its own. Times and counts go on.
    ///
    /// # Errors
    /// As [`Listener::feed`].
    pub fn finish<E: From<ListenError>>(&mut self, sink: Sink<'_, E>) -> Result<(), E> {
        let Self { model, stream, ears } = self;
        let done = stream.finish(&mut |item| ears.item(item, model, sink));
        let done = done.and_then(|()| ears.rest(model, sink));
        *stream = RowStream::new(model.contract());
        ears.clear();
        done
    }
}

impl Ears {
    fn item<E: From<ListenError>>(
        &mut self,
        item: Item<'_>,
        model: &mut Classifier,
        sink: Sink<'_, E>,
    ) -> Result<(), E> {
        let at = self.seconds(self.tally.blocks);
        match item {
            Item::Row(row) => self.row(&row, model, sink),
            Item::Gap(gap) => {
                self.tally.gaps += 1;
                sink(Heard::Gap { at, gap })
            }
            Item::CutShort => sink(Heard::CutShort { at }),
            Item::Foreign(foreign) => {
                self.tally.foreign_blocks += 1;
                if std::mem::replace(&mut self.foreign, true) {
                    return Ok(());
                }
                self.rest(model, sink)?;
                self.clear();
                sink(Heard::Foreign { at, foreign })
            }
        }
    }

    fn row<E: From<ListenError>>(&mut self, row: &Row<'_>, model: &mut Classifier, sink: Sink<'_, E>) -> Result<(), E> {
        self.foreign = false;
        self.told = false;
        self.tally.blocks += 1;
        self.tally.block_bytes += row.bytes;
        self.tally.cut_bytes += row.cut_bytes as u64;
        self.tally.lost_blocks += u64::from(row.main_data_lost);
        self.ring.note(row.bytes);
        self.ahead.push(row.values, &mut self.tally);
        self.due -= 1;
        if self.due == 0 {
            self.due = self.hop;
            return self.classify(model, sink);
        }
        if self.ahead.is_full() {
            self.encode(model)?;
        }
        Ok(())
    }

    /// The window that ends here, where none did yet.
    fn rest<E: From<ListenError>>(&mut self, model: &mut Classifier, sink: Sink<'_, E>) -> Result<(), E> {
        if self.told { Ok(()) } else { self.classify(model, sink) }
    }

    fn clear(&mut self) {
        self.ahead.clear();
        self.ring.clear();
        (self.due, self.told) = (self.ring.capacity(), true);
    }

    fn encode(&mut self, model: &mut Classifier) -> Result<(), ListenError> {
        self.ahead.encode(model, &mut self.ring).map_err(ListenError::from)
    }

    fn classify<E: From<ListenError>>(&mut self, model: &mut Classifier, sink: Sink<'_, E>) -> Result<(), E> {
        self.encode(model)?;
        self.told = true;
        let blocks = self.ring.len();
        model.logits(|tokens| self.ring.copy_to(tokens), blocks, &mut self.logits).map_err(ListenError::from)?;
        let probabilities = model.contract().answers.probabilities(&self.logits);
        self.probabilities.iter_mut().zip(probabilities).for_each(|(to, value)| *to = value as f32);
        self.tally.windows += 1;
        let block = self.tally.blocks - blocks as u64;
        let (start, end) = (self.seconds(block), self.seconds(self.tally.blocks));
        self.rate(model.contract(), end, sink)?;
        let (logits, probabilities) = (self.logits.as_slice(), self.probabilities.as_slice());
        sink(Heard::Scores(Scores { start, end, block, blocks, logits, probabilities }))
    }

    /// Tells when the window's bit rate leaves what the model was trained on.
    fn rate<E>(&mut self, contract: &Contract, at: f64, sink: Sink<'_, E>) -> Result<(), E> {
        let kbps = self.ring.bytes() as f64 / 125.0 / self.seconds(self.ring.len() as u64);
        let strange = !contract.codec.accepts_rate(kbps);
        if strange && !std::mem::replace(&mut self.strange_rate, strange) {
            return sink(Heard::Bitrate { at, kbps });
        }
        self.strange_rate = strange;
        Ok(())
    }

    /// In whole samples until here, so that a year does not drift.
    fn seconds(&self, blocks: u64) -> f64 {
        (blocks * u64::from(self.clock.1)) as f64 / f64::from(self.clock.0)
    }
}

/// Blocks encoded together where the bundle leaves it open: no place in a run stays empty, and few more are in it than
/// run fastest.
fn batch(contract: &Contract, hop: usize) -> usize {
    let most = 2 * encoder_batch(contract.view.kind);
    (1..=most.min(hop)).rev().find(|batch| hop.is_multiple_of(*batch)).unwrap_or(1)
}

/// Blocks of the window and the hop.
fn sizes(contract: &Contract, clock: (u32, u32), options: &ListenOptions) -> Result<(usize, usize), ListenError> {
    let block = f64::from(clock.1) / f64::from(clock.0);
    let most = contract.window.blocks;
    let blocks = |seconds: f64| (seconds / block).round() as usize;
    let window = options.window.map_or(most, blocks);
    if !(1..=most).contains(&window) {
        let (found, most) = (options.window.unwrap_or_default(), most as f64 * block);
        return Err(ListenError::Window { found, block, most });
    }
    let hop = options.hop.map_or_else(|| blocks(0.5).clamp(1, window), blocks);
    if !(1..=window).contains(&hop) {
        let (found, most) = (options.hop.unwrap_or_default(), window as f64 * block);
        return Err(ListenError::Hop { found, block, most });
    }
    Ok((window, hop))
}
