//! What a model costs to run, before and after the passes, beside what it replaces.

use super::tally::Step;
use crate::GraphId;
use crate::graphs::Artefacts;
use crate::ir::Cost;
use serde::Serialize;
use std::fmt;
use tempest_contract::{Contract, ViewKind};
use tempest_engine::GraphName;
use tempest_models::Checkpoint;

/// Figures that follow from shapes alone; what was timed is [`Timing`](super::Timing).
#[derive(Clone, Debug, Serialize)]
pub struct Costs {
    /// Weights that the optimiser moves, the training-only decoder included.
    pub parameters: usize,
    /// Of these, the decoder's: no graph holds them.
    pub decoder_parameters: usize,
    /// Blocks in a second of media.
    pub blocks_per_second: f64,
    /// TPS: tokens that the classifier reads of a second of media.
    pub tokens_per_second: f64,
    /// Bytes of a block at the highest bit rate of the contract; 0 for images, which have none.
    pub bytes_per_block: f64,
    /// TBR: tokens for each byte of media.
    pub token_to_byte_ratio: f64,
    /// Blocks of a full window.
    pub window_blocks: usize,
    /// Elements of an attention matrix over a full window, one head.
    pub attention: u64,
    /// The same of AST on as much audio: patches of 16 x 16, 10 apart, and two tokens less than it has.
    pub ast_attention: u64,
    /// Multiply-accumulates of a block, as built and as emitted.
    pub block_macs: [u64; 2],
    /// Of a full window's classification, as built and as emitted.
    pub window_macs: [u64; 2],
    /// Whether the media are images, which have no seconds: what is said of one is then said of a window.
    pub image: bool,
    /// Of a second of media as a stream: each block once, and one window for each hop.
    pub second_macs: [f64; 2],
    /// Of a clip of one full window.
    pub clip_macs: [u64; 2],
    /// Of a second of that clip: each block encoded once and classified once.
    pub clip_second_macs: [f64; 2],
    /// Of the decoder for a block, in training.
    pub decoder_macs: u64,
    /// Every pass that changed a graph, and what the graph cost then.
    pub steps: Vec<Step>,
}

impl Costs {
    pub(crate) fn of(checkpoint: &Checkpoint, graphs: &Artefacts) -> Self {
        let contract = &checkpoint.contract;
        let both = |name| {
            graphs
                .get(&GraphId::Graph(name))
                .map_or([Cost::default(); 2], |graph| [graph.stats.built, graph.stats.cost])
        };
        let (blocks, windows) =
            (both(GraphName::Encoder).map(|cost| cost.macs), both(GraphName::Classifier).map(|cost| cost.macs));
        // A fixed batch runs several blocks at once.
        let batch = |name| {
            graphs
                .get(&GraphId::Graph(name))
                .and_then(|graph| graph.io.inputs.first()?.shape.first()?.value())
                .unwrap_or(1) as u64
        };
        let per_block = blocks.map(|macs| macs / batch(GraphName::Encoder));
        let per_window = windows.map(|macs| macs / batch(GraphName::Classifier));
        let (rate, window) = (blocks_per_second(contract), contract.window.blocks);
        let tokens = rate * checkpoint.config.tokens_per_block as f64;
        let bytes = f64::from(contract.codec.bitrates_kbps().last().copied().unwrap_or(0)) * 125.0 / rate;
        let hops = rate / contract.window.hop.max(1) as f64;
        let second = |index: usize| rate * per_block[index] as f64 + hops * per_window[index] as f64;
        let clip = [0, 1].map(|index| window as u64 * per_block[index] + per_window[index]);
        let seconds = window.max(1) as f64 / rate;
        let slots = tempest_models::slots(contract, &checkpoint.config).unwrap_or_default();
        let count = |decoder: bool| {
            let counted = slots.values().filter(|slot| slot.trained && (slot.decoder || !decoder));
            counted.map(|slot| slot.shape.iter().product::<usize>()).sum()
        };
        let own = 1 + window * checkpoint.config.tokens_per_block;
        Self {
            parameters: count(false),
            decoder_parameters: count(true),
            blocks_per_second: rate,
            tokens_per_second: tokens,
            bytes_per_block: bytes,
            token_to_byte_ratio: if bytes > 0.0 { tokens / (rate * bytes) } else { 0.0 },
            window_blocks: window,
            attention: (own * own) as u64,
            ast_attention: ast_patches(window as f64 / rate).pow(2),
            block_macs: per_block,
            window_macs: per_window,
            image: contract.codec.blocks_per_second().is_none(),
            second_macs: [second(0), second(1)],
            clip_macs: clip,
            clip_second_macs: clip.map(|macs| macs as f64 / seconds),
            decoder_macs: decoder_macs(checkpoint),
            steps: graphs.values().flat_map(|graph| graph.steps.iter().cloned()).collect(),
        }
    }
}

/// Of images, one window a second.
fn blocks_per_second(contract: &Contract) -> f64 {
    contract.codec.blocks_per_second().unwrap_or(contract.window.blocks as f64)
}

/// Patches of a spectrogram of 128 bands and 100 frames a second: 16 x 16, stride 10.
fn ast_patches(seconds: f64) -> u64 {
    let frames = (100.0 * seconds).round().max(16.0);
    12 * (((frames - 16.0) / 10.0).floor() as u64 + 1)
}

/// View `bytes`: L queries attend to L' tokens, a feed-forward, 257 classes a byte; the other views': none worth counting.
fn decoder_macs(checkpoint: &Checkpoint) -> u64 {
    if checkpoint.contract.view.kind != ViewKind::Bytes {
        return 0;
    }
    let config = &checkpoint.config;
    let [length, dim, ff, tokens] =
        [checkpoint.contract.view.row, config.dim, config.ff, config.tokens_per_block].map(|size| size as u64);
    let attention = 2 * length * dim * dim + 2 * tokens * dim * dim + 2 * length * tokens * dim;
    attention + 2 * length * dim * ff + length * dim * 257
}

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parameters, decoder_parameters, .. } = self;
        let mega = |macs: f64| format!("{:.2}", macs / 1e6);
        let change = |[before, after]: [f64; 2]| {
            format!("{} -> {} MMAC ({:.0} %)", mega(before), mega(after), 100.0 * after / before.max(1.0))
        };
        let integers = |pair: [u64; 2]| change(pair.map(|macs| macs as f64));
        writeln!(
            f,
            "parameters   {:.2} M, {:.2} M of them the decoder's, in no graph",
            *parameters as f64 / 1e6,
            *decoder_parameters as f64 / 1e6
        )?;
        writeln!(
            f,
            "a block      {}; the decoder, in training: {}",
            integers(self.block_macs),
            mega(self.decoder_macs as f64)
        )?;
        writeln!(f, "a window     {} for the classifier on {} blocks", integers(self.window_macs), self.window_blocks)?;
        if self.image {
            return writeln!(f, "an image     {} from its blocks", integers(self.clip_macs));
        }
        writeln!(
            f,
            "a clip       {} for one window from its blocks; {} a second of it",
            integers(self.clip_macs),
            mega(self.clip_second_macs[1])
        )?;
        writeln!(
            f,
            "a second     {} as a stream; {:.2} GFLOP",
            change(self.second_macs),
            2.0 * self.second_macs[1] / 1e9
        )?;
        writeln!(
            f,
            "tokens       {:.1} a second (TPS), {:.4} a byte (TBR), {:.0} bytes a block",
            self.tokens_per_second, self.token_to_byte_ratio, self.bytes_per_block
        )?;
        writeln!(
            f,
            "attention    {} elements over a window; AST has {} on as much audio ({:.0}x)",
            self.attention,
            self.ast_attention,
            self.ast_attention as f64 / self.attention as f64
        )
    }
}
