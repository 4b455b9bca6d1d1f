//! Pictures, and their variants: the same as another hand and another scanner would have it.

use std::fmt;
use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempest_transcode::jpeg::{Colour, Pixels};

use super::variant::{Augment, bell};

/// Range of the contrast.
const CONTRAST: std::ops::RangeInclusive<f32> = 0.7..=1.0;
/// Farthest that a picture moves, in pixels, either way.
const MAX_SHIFT: f32 = 2.0;
/// Range of the size.
const SIZE: std::ops::RangeInclusive<f32> = 0.9..=1.1;
/// Farthest that a picture is turned, in degrees, either way.
const MAX_TURN: f32 = 10.0;
/// Largest standard deviation of the noise, of 255.
const MAX_NOISE: f32 = 4.0;

/// One grey picture of a file that holds many.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels in a row, at least 1.
    pub width: u16,
    /// Rows, at least 1.
    pub height: u16,
    /// Its number in the file, from 0.
    pub index: u32,
    /// The pixels of all of the file's pictures.
    pub(super) pixels: Arc<Vec<u8>>,
}

impl Picture {
    /// Its pixels, row by row from the top.
    pub fn pixels(&self) -> &[u8] {
        let length = usize::from(self.width) * usize::from(self.height);
        &self.pixels[self.index as usize * length..][..length]
    }

    /// What an encoder takes, of this picture or one of its size.
    pub fn grey<'a>(&self, samples: &'a [u8]) -> Pixels<'a> {
        Pixels { width: self.width, height: self.height, colour: Colour::Grey, samples }
    }

    /// The pixel next to a place that may lie between pixels or outside.
    fn at(&self, pixels: &[u8], x: f32, y: f32) -> f32 {
        let (left, top) = (x.floor(), y.floor());
        let (right, below) = (x - left, y - top);
        let pixel = |x: f32, y: f32| {
            let x = (x.max(0.0) as usize).min(usize::from(self.width) - 1);
            let y = (y.max(0.0) as usize).min(usize::from(self.height) - 1);
            f32::from(pixels[y * usize::from(self.width) + x])
        };
        let row = |y: f32| pixel(left, y) * (1.0 - right) + pixel(left + 1.0, y) * right;
        row(top) * (1.0 - below) + row(top + 1.0) * below
    }
}

/// Says which picture it is; the pixels would fill pages.
impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({} x {}, number {})", self.width, self.height, self.index)
    }
}

/// What is done to the pixels of one variant of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureVariant {
    /// Factor of every pixel.
    pub contrast: f32,
    /// Pixels that it moves to the right and down.
    pub shift: [f32; 2],
    /// Size; 1.1 makes it larger.
    pub size: f32,
    /// Turn in degrees.
    pub turn: f32,
    /// Standard deviation of the noise, of 255; 0 for none.
    pub noise: f32,
    /// Where the noise starts from.
    pub noise_seed: u64,
}

impl PictureVariant {
    /// The picture as it is.
    const PLAIN: Self =
        PictureVariant { contrast: 1.0, shift: [0.0; 2], size: 1.0, turn: 0.0, noise: 0.0, noise_seed: 0 };

    /// Draws one; without a generator it is the picture as it is. See [`super::variant::generator`].
    pub fn draw(random: Option<&mut ChaCha8Rng>, augment: Augment) -> Self {
        let Some(random) = random else { return Self::PLAIN };
        let contrast = random.random_range(CONTRAST);
        let shift = [0; 2].map(|_| random.random_range(-MAX_SHIFT..=MAX_SHIFT));
        let (size, turn) = (random.random_range(SIZE), random.random_range(-MAX_TURN..=MAX_TURN));
        let (noise, noise_seed) = (random.random_range(0.0..=MAX_NOISE), random.random());
        PictureVariant {
            contrast: if augment.gain { contrast } else { 1.0 },
            shift: if augment.shift { shift } else { [0.0; 2] },
            size: if augment.speed { size } else { 1.0 },
            turn: if augment.speed { turn } else { 0.0 },
            noise: if augment.noise { noise } else { 0.0 },
            noise_seed,
        }
    }

    /// The picture's pixels as this variant has them: turned and sized about the middle, moved, with contrast and noise.
    pub fn apply(&self, picture: &Picture) -> Vec<u8> {
        let pixels = picture.pixels();
        if *self == (PictureVariant { noise_seed: self.noise_seed, ..Self::PLAIN }) {
            return pixels.to_vec();
        }
        let (sin, cos) = self.turn.to_radians().sin_cos();
        let middle = [picture.width, picture.height].map(|length| f32::from(length - 1) / 2.0);
        let mut noise = ChaCha8Rng::seed_from_u64(self.noise_seed);
        let places = (0..picture.height).flat_map(|y| (0..picture.width).map(move |x| (f32::from(x), f32::from(y))));
        places
            .map(|(x, y)| {
                let (x, y) = (x - middle[0] - self.shift[0], y - middle[1] - self.shift[1]);
                let (x, y) = ((x * cos + y * sin) / self.size, (y * cos - x * sin) / self.size);
                let value = self.contrast * picture.at(pixels, x + middle[0], y + middle[1]);
                let noise = if self.noise > 0.0 { self.noise * bell(&mut noise) } else { 0.0 };
                (value + noise).round().clamp(0.0, 255.0) as u8
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::variant::generator;

    /// 9 x 7, black but for one pixel.
    fn dot(x: usize, y: usize) -> Picture {
        let mut pixels = vec![0; 2 * 63];
        pixels[63 + y * 9 + x] = 200;
        Picture { width: 9, height: 7, index: 1, pixels: Arc::new(pixels) }
    }

    /// The brightest pixel and its brightness.
    fn brightest(pixels: &[u8]) -> (usize, usize, u8) {
        let (at, value) = pixels.iter().enumerate().max_by_key(|(_, value)| **value).unwrap();
        (at % 9, at / 9, *value)
    }

    #[test]
    fn variant_zero_is_the_picture() {
        let picture = dot(3, 2);
        assert_eq!(PictureVariant::draw(None, Augment::ALL).apply(&picture), picture.pixels());
        let none = PictureVariant::draw(generator(1, "a", 3).as_mut(), Augment::NONE);
        assert_eq!(none.apply(&picture), picture.pixels());
    }

    #[test]
    fn operations_do_what_they_say() {
        let plain = PictureVariant::PLAIN;
        let apply = |variant: PictureVariant, (x, y)| brightest(&variant.apply(&dot(x, y)));
        assert_eq!(apply(PictureVariant { shift: [2.0, -1.0], ..plain.clone() }, (3, 3)), (5, 2, 200));
        assert_eq!(apply(PictureVariant { contrast: 0.5, ..plain.clone() }, (3, 3)), (3, 3, 100));
        // The middle is (4, 3): a quarter turn takes what is right of it below it.
        assert_eq!(apply(PictureVariant { turn: 90.0, ..plain.clone() }, (6, 3)), (4, 5, 200));
        assert_eq!(apply(PictureVariant { size: 2.0, ..plain.clone() }, (5, 3)), (6, 3, 200));
        let noisy = PictureVariant { noise: 4.0, ..plain }.apply(&dot(0, 0));
        assert!(noisy.iter().filter(|value| **value > 0).count() > 10);
    }

    #[test]
    fn draws_stay_in_their_ranges_and_repeat() {
        let picture = dot(4, 3);
        for index in 1..200 {
            let draw = || PictureVariant::draw(generator(1, "a", index).as_mut(), Augment::ALL);
            let variant = draw();
            assert!(variant.shift.iter().all(|shift| shift.abs() <= 2.0) && variant.turn.abs() <= 10.0);
            assert!(CONTRAST.contains(&variant.contrast) && SIZE.contains(&variant.size));
            assert_eq!(variant.apply(&picture), draw().apply(&picture));
        }
    }
}
