//! A picture that codes like a photograph.

/// Numbers that look random (xorshift64*).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// From 0 to 1.
    pub(crate) fn unit(&mut self) -> f32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as f32 / (1 << 24) as f32
    }
}

/// RGB samples: clouds of all sizes, the large ones strong, with borders where a cloud meets another, and the noise of
/// a sensor.
pub fn photo(width: usize, height: usize) -> Vec<u8> {
    let mut random = Random(11);
    let mut planes = vec![[0.0_f32; 3]; width * height];
    for octave in 2..10 {
        add_clouds(&mut planes, width, 1 << octave, &mut random);
    }
    let pixel = |plane: &[f32; 3], random: &mut Random| {
        // Light and shade meet at a border.
        let light = plane[0] + if plane[0] > 0.0 { 40.0 } else { -10.0 };
        [0.0, plane[1], plane[2]].map(|tint| {
            let noise = random.unit() + random.unit() + random.unit() - 1.5;
            (110.0 + light + 0.3 * tint + 4.0 * noise).clamp(0.0, 255.0) as u8
        })
    };
    planes.iter().flat_map(|plane| pixel(plane, &mut random)).collect()
}

/// Random values on a grid of this step, and straight lines in between.
fn add_clouds(planes: &mut [[f32; 3]], width: usize, step: usize, random: &mut Random) {
    let strength = 6.0 * (step as f32).sqrt().min(12.0);
    let (columns, rows) = (width / step + 2, planes.len() / width / step + 2);
    let grid: Vec<[f32; 3]> = (0..columns * rows).map(|_| [0; 3].map(|_| strength * (random.unit() - 0.5))).collect();
    for (at, plane) in planes.iter_mut().enumerate() {
        let (x, y) = (at % width, at / width);
        let corner = y / step * columns + x / step;
        let (right, down) = ((x % step) as f32 / step as f32, (y % step) as f32 / step as f32);
        let mix = |from: f32, to: f32, how_far: f32| from + (to - from) * how_far;
        for (n, value) in plane.iter_mut().enumerate() {
            let above = mix(grid[corner][n], grid[corner + 1][n], right);
            let below = mix(grid[corner + columns][n], grid[corner + columns + 1][n], right);
            *value += mix(above, below, down);
        }
    }
}
