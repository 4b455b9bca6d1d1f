use super::Smoothing;

/// Probabilities to scores, of all labels at once.
#[derive(Clone, Debug)]
pub(super) struct Smooth {
    scores: Vec<f32>,
    memory: Memory,
}

#[derive(Clone, Debug)]
enum Memory {
    /// Rows of the newest hops; `held` of them, the next one goes to `next`.
    Mean { hops: usize, rows: Vec<f32>, held: usize, next: usize },
    /// The averages, and when they last moved.
    Ema { seconds: f64, averages: Vec<f64>, moved: Option<f64> },
}

impl Smooth {
    pub(super) fn new(smoothing: Smoothing, labels: usize) -> Self {
        let memory = match smoothing {
            Smoothing::Mean(hops) => Memory::Mean { hops, rows: vec![0.0; hops * labels], held: 0, next: 0 },
            Smoothing::Ema(seconds) => Memory::Ema { seconds, averages: vec![0.0; labels], moved: None },
        };
        Self { scores: vec![0.0; labels], memory }
    }

    pub(super) fn scores(&self) -> &[f32] {
        &self.scores
    }

    pub(super) fn clear(&mut self) {
        match &mut self.memory {
            Memory::Mean { held, next, .. } => (*held, *next) = (0, 0),
            Memory::Ema { moved, .. } => *moved = None,
        }
        self.scores.fill(0.0);
    }

    pub(super) fn push(&mut self, end: f64, probabilities: &[f32]) {
        match &mut self.memory {
            Memory::Mean { hops, rows, held, next } => {
                let labels = self.scores.len();
                (0..labels).for_each(|label| rows[*next * labels + label] = probability(probabilities, label));
                *next = (*next + 1) % *hops;
                *held = (*held + 1).min(*hops);
                means(rows, *next + *hops - *held, *held, &mut self.scores);
            }
            Memory::Ema { seconds, averages, moved } => {
                let share = moved.map_or(1.0, |moved| 1.0 - (-(end - moved).max(0.0) / *seconds).exp());
                *moved = Some(end);
                for (label, (score, average)) in self.scores.iter_mut().zip(averages).enumerate() {
                    *average += share * (f64::from(probability(probabilities, label)) - *average);
                    *score = *average as f32;
                }
            }
        }
    }
}

/// Means of `held` rows of a ring, from `first` on: summed from the oldest each time, so that nothing drifts.
fn means(rows: &[f32], first: usize, held: usize, scores: &mut [f32]) {
    let (labels, size) = (scores.len(), rows.len());
    for (label, score) in scores.iter_mut().enumerate() {
        let sum: f64 = (first..first + held).map(|row| f64::from(rows[(row * labels + label) % size])).sum();
        *score = (sum / held as f64) as f32;
    }
}

fn probability(probabilities: &[f32], label: usize) -> f32 {
    probabilities.get(label).copied().filter(|value| value.is_finite()).unwrap_or(0.0)
}
