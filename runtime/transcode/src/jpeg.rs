//! Pixels to a baseline JPEG image (ITU-T T.81), in one scan, with the Huffman tables of its annex K.

use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};
use serde::{Deserialize, Serialize};

/// What the samples of a pixel are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// One: its brightness.
    Grey,
    /// Three: red, green, blue.
    Rgb,
}

impl Colour {
    /// Samples of a pixel, and components of the image.
    pub fn samples(self) -> usize {
        match self {
            Colour::Grey => 1,
            Colour::Rgb => 3,
        }
    }
}

/// A picture.
#[derive(Debug, Clone, Copy)]
pub struct Pixels<'a> {
    /// Pixels in a row, at least 1.
    pub width: u16,
    /// Rows, at least 1.
    pub height: u16,
    /// What a pixel is.
    pub colour: Colour,
    /// The samples, row by row from the top, width x height x samples of a pixel of them.
    pub samples: &'a [u8],
}

/// How much colour is kept beside brightness. A grey image has no colour: its MCU is 8 x 8 pixels in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// 4:4:4, all of it: an MCU is 8 x 8 pixels.
    Full,
    /// 4:2:2, half of the columns: 16 x 8.
    Columns,
    /// 4:4:0, half of the rows: 8 x 16.
    Rows,
    /// 4:2:0, half of both, as most encoders do it: 16 x 16.
    #[default]
    Both,
}

/// How a picture is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodeParams {
    /// 1 to 100 (best), as libjpeg scales its tables.
    pub quality: u8,
    /// How much colour is kept.
    pub sampling: Sampling,
    /// MCUs between restart markers; 0 for none.
    pub restart_interval: u16,
}

impl Default for EncodeParams {
    /// Quality 75, colour halved both ways, no restart markers.
    fn default() -> Self {
        EncodeParams { quality: 75, sampling: Sampling::Both, restart_interval: 0 }
    }
}

/// Why a picture was not encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Qualities go from 1 to 100.
    #[error("JPEG has no quality {quality}: take 1 to 100 (best)")]
    Quality {
        /// The quality asked for.
        quality: u8,
    },
    /// A picture without pixels.
    #[error("a picture of {width} x {height} pixels is empty")]
    Empty {
        /// Pixels in a row.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// More or fewer samples than the picture has.
    #[error("a picture of {width} x {height} pixels has {expected} samples, not {found}")]
    Samples {
        /// Pixels in a row.
        width: u16,
        /// Rows.
        height: u16,
        /// Samples that it takes.
        expected: usize,
        /// Samples given.
        found: usize,
    },
    /// The encoder refused. This is a bug.
    #[error("the JPEG encoder failed, this is a bug: {reason}")]
    Encoder {
        /// What it said.
        reason: String,
    },
}

impl EncodeParams {
    /// Checks that an image with these parameters exists.
    ///
    /// # Errors
    /// [`EncodeError::Quality`].
    pub fn validate(&self) -> Result<(), EncodeError> {
        match self.quality {
            1..=100 => Ok(()),
            quality => Err(EncodeError::Quality { quality }),
        }
    }
}

impl Pixels<'_> {
    fn check(&self) -> Result<(), EncodeError> {
        let Pixels { width, height, colour, samples } = *self;
        if width == 0 || height == 0 {
            return Err(EncodeError::Empty { width, height });
        }
        let expected = usize::from(width) * usize::from(height) * colour.samples();
        let found = samples.len();
        if found == expected { Ok(()) } else { Err(EncodeError::Samples { width, height, expected, found }) }
    }
}

/// Encodes a picture. Beside it the file says only what JFIF asks for. The same input gives the same bytes.
///
/// # Errors
/// What [`EncodeParams::validate`] says, [`EncodeError::Empty`] or [`EncodeError::Samples`].
pub fn encode(pixels: &Pixels<'_>, params: &EncodeParams) -> Result<Vec<u8>, EncodeError> {
    params.validate()?;
    pixels.check()?;
    let mut image = Vec::new();
    let mut encoder = Encoder::new(&mut image, params.quality);
    encoder.set_sampling_factor(match params.sampling {
        Sampling::Full => SamplingFactor::R_4_4_4,
        Sampling::Columns => SamplingFactor::R_4_2_2,
        Sampling::Rows => SamplingFactor::R_4_4_0,
        Sampling::Both => SamplingFactor::R_4_2_0,
    });
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    encoder.set_restart_interval(params.restart_interval);
    let colour = match pixels.colour {
        Colour::Grey => ColorType::Luma,
        Colour::Rgb => ColorType::Rgb,
    };
    encoder
        .encode(pixels.samples, pixels.width, pixels.height, colour)
        .map_err(|cause| EncodeError::Encoder { reason: cause.to_string() })?;
    Ok(image)
}

/// Name and version of the encoder, for cards and cache keys.
pub fn encoder_name() -> String {
    "jpeg-encoder 0.7".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_pictures_are_named() {
        let pixels = Pixels { width: 3, height: 2, colour: Colour::Rgb, samples: &[0; 18] };
        let params = EncodeParams::default();
        assert!(encode(&pixels, &params).is_ok());
        for quality in [0, 101] {
            let error = encode(&pixels, &EncodeParams { quality, ..params }).unwrap_err();
            assert!(error.to_string().contains(&format!("quality {quality}: take 1 to 100")));
        }
        let found = encode(&Pixels { samples: &[0; 17], ..pixels }, &params);
        assert!(matches!(found, Err(EncodeError::Samples { expected: 18, found: 17, .. })));
        let empty = encode(&Pixels { height: 0, samples: &[], ..pixels }, &params);
        assert!(matches!(empty, Err(EncodeError::Empty { width: 3, height: 0 })));
    }
}
