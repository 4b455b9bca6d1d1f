//! A decoder of Layer III for tests, from the standard and nothing else: what this crate reads must sound right. It takes
//! integers and gains from the crate and does the rest in `f64`, slowly.

mod hybrid;
pub mod noise;
mod requantise;
mod synthesis;

use hybrid::Hybrid;
use synthesis::Synthesis;
use tempest_blocks::mp3::{Block, ChannelMode, MainData, Part, SideInfo, parts};

/// Lines of a granule.
const LINES: usize = 576;
/// Subbands, each of 18 lines.
const SUBBANDS: usize = 32;

/// What a decoder remembers from frame to frame.
#[derive(Default)]
pub struct Decoder {
    channels: [(Hybrid, Synthesis); 2],
}

impl Decoder {
    /// The samples of a frame, interleaved, in -1..1. Intensity stereo is not done: the second
    /// channel must have lines up to the last band.
    pub fn decode(&mut self, block: &Block<'_>, main_data: MainData<'_>) -> Vec<f64> {
        let header = block.header;
        let side_info = SideInfo::parse(header, block.bytes).unwrap();
        let middle_side = header.mode() == ChannelMode::JointStereo && header.mode_extension() & 2 != 0;
        let of_frame: Vec<Part<'_>> = parts(header, &side_info, main_data).collect();
        let mut samples = Vec::new();
        for of_granule in of_frame.chunks(header.channels().into()) {
            let mut lines: Vec<_> = of_granule.iter().map(requantise::lines).collect();
            if let ([middle, side], true) = (&mut lines[..], middle_side) {
                requantise::left_right(middle, side);
            }
            let channels = of_granule.iter().zip(lines).zip(&mut self.channels);
            let planes: Vec<_> = channels
                .map(|((part, lines), (hybrid, synthesis))| {
                    let mut lines = requantise::by_frequency(part, &lines);
                    synthesis.samples(&hybrid.subbands(part, &mut lines))
                })
                .collect();
            samples.extend((0..LINES).flat_map(|at| planes.iter().map(move |plane| plane[at])));
        }
        samples
    }
}
