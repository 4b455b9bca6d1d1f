//! The frame header (T.81, B.2.2) and what follows from it.

use super::error::Cause;

/// Components at most; T.81 lets a sequential frame have 255, but no file format in use does.
pub const MAX_COMPONENTS: usize = 4;

/// Size of a data unit in samples, both ways.
const UNIT_SAMPLES: u32 = 8;

/// How the frame header calls the image; a block cutter treats both alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Process {
    /// SOF0: at most two Huffman tables of each class.
    Baseline,
    /// SOF1: up to four, here with samples of 8 bits.
    Extended,
}

/// A component: a colour plane of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Component {
    /// `C_i`: the number scan headers name it by.
    pub id: u8,
    /// `H_i`: data units across in an MCU, 1 to 4.
    pub horizontal: u8,
    /// `V_i`: data units down in an MCU, 1 to 4.
    pub vertical: u8,
    /// `Tq_i`: which quantisation table it uses.
    pub quantisation: u8,
}

/// What the frame header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Frame {
    process: Process,
    width: u16,
    height: u16,
    components: [Component; MAX_COMPONENTS],
    count: u8,
}

impl Frame {
    /// The body of a SOF0 or SOF1 segment. `None` if its length is wrong.
    pub(super) fn parse(process: Process, body: &[u8]) -> Option<Result<Self, Cause>> {
        let &[precision, y1, y0, x1, x0, count, ref specifications @ ..] = body else { return None };
        if precision != 8 {
            return Some(Err(Cause::Precision(precision)));
        }
        if usize::from(count) > MAX_COMPONENTS {
            return Some(Err(Cause::Components(count)));
        }
        let (specifications, ragged) = specifications.as_chunks::<3>();
        if specifications.len() != usize::from(count) || !ragged.is_empty() {
            return None;
        }
        let mut frame = Self {
            process,
            width: u16::from_be_bytes([x1, x0]),
            height: u16::from_be_bytes([y1, y0]),
            components: [Component::default(); MAX_COMPONENTS],
            count,
        };
        for (component, &[id, sampling, quantisation]) in frame.components.iter_mut().zip(specifications) {
            *component = Component { id, horizontal: sampling >> 4, vertical: sampling & 15, quantisation };
        }
        Some(frame.check())
    }

    fn check(self) -> Result<Self, Cause> {
        let components = self.components();
        let well_sampled = |c: &Component| matches!((c.horizontal, c.vertical), (1..=4, 1..=4));
        let twice = components.iter().enumerate().any(|(i, c)| components.iter().take(i).any(|other| other.id == c.id));
        if self.width == 0 || components.is_empty() || twice || !components.iter().all(well_sampled) {
            return Err(Cause::BadFrame);
        }
        if self.height == 0 {
            return Err(Cause::DeferredHeight);
        }
        Ok(self)
    }

    /// Baseline or extended sequential.
    #[must_use]
    pub const fn process(&self) -> Process {
        self.process
    }

    /// Samples in a line.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Lines.
    #[must_use]
    pub const fn height(&self) -> u16 {
        self.height
    }

    /// The components in order, 1 to 4.
    #[must_use]
    pub fn components(&self) -> &[Component] {
        self.components.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// Columns and rows of the MCUs of a scan that interleaves several components (T.81, A.2.3).
    #[must_use]
    pub fn interleaved_mcus(&self) -> (u32, u32) {
        let (h_max, v_max) = self.sampling_max();
        let across = u32::from(self.width).div_ceil(UNIT_SAMPLES * h_max);
        let down = u32::from(self.height).div_ceil(UNIT_SAMPLES * v_max);
        (across, down)
    }

    /// Columns and rows of the MCUs of a scan of this component alone: one data unit each (T.81, A.1.1 and A.2.2).
    #[must_use]
    pub fn single_mcus(&self, component: &Component) -> (u32, u32) {
        let (h_max, v_max) = self.sampling_max();
        let samples = (u32::from(self.width) * u32::from(component.horizontal)).div_ceil(h_max);
        let lines = (u32::from(self.height) * u32::from(component.vertical)).div_ceil(v_max);
        (samples.div_ceil(UNIT_SAMPLES), lines.div_ceil(UNIT_SAMPLES))
    }

    fn sampling_max(&self) -> (u32, u32) {
        let max = |of: fn(&Component) -> u8| self.components().iter().map(of).max().unwrap_or(1).max(1).into();
        (max(|c| c.horizontal), max(|c| c.vertical))
    }
}
