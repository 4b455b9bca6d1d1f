use std::collections::VecDeque;

/// The embeddings of the last blocks, and the bytes those blocks have.
#[derive(Debug)]
pub(super) struct Ring {
    embeddings: VecDeque<f32>,
    bytes: VecDeque<u64>,
    total: u64,
    width: usize,
    capacity: usize,
}

impl Ring {
    /// Of `capacity` blocks, `width` floats each.
    pub(super) fn new(capacity: usize, width: usize) -> Self {
        let embeddings = VecDeque::with_capacity(capacity * width);
        Ring { embeddings, bytes: VecDeque::with_capacity(capacity), total: 0, width, capacity }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Blocks whose embedding is held.
    pub(super) fn len(&self) -> usize {
        self.embeddings.len() / self.width
    }

    /// A block arrived that has so many bytes; its embedding follows.
    pub(super) fn note(&mut self, bytes: u64) {
        if self.bytes.len() == self.capacity {
            self.total -= self.bytes.pop_front().unwrap_or_default();
        }
        self.bytes.push_back(bytes);
        self.total += bytes;
    }

    pub(super) fn push(&mut self, embedding: &[f32]) {
        if self.embeddings.len() == self.capacity * self.width {
            self.embeddings.drain(..self.width);
        }
        self.embeddings.extend(embedding);
    }

    /// Bytes of the blocks held.
    pub(super) fn bytes(&self) -> u64 {
        self.total
    }

    /// The embeddings held, the oldest first, to the start of `tokens`.
    pub(super) fn copy_to(&self, tokens: &mut [f32]) {
        let (old, new) = self.embeddings.as_slices();
        tokens[..old.len()].copy_from_slice(old);
        tokens[old.len()..old.len() + new.len()].copy_from_slice(new);
    }

    pub(super) fn clear(&mut self) {
        self.embeddings.clear();
        self.bytes.clear();
        self.total = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Ring;

    #[test]
    fn holds_the_last_blocks_in_order() {
        let mut ring = Ring::new(3, 2);
        for block in 0..5_u8 {
            ring.note(u64::from(block));
            ring.push(&[f32::from(block), 0.5]);
            let first = block.saturating_sub(2);
            let expected: Vec<f32> = (first..=block).flat_map(|block| [f32::from(block), 0.5]).collect();
            let mut tokens = vec![9.0; expected.len()];
            ring.copy_to(&mut tokens);
            assert_eq!((tokens, ring.len()), (expected, usize::from(block - first + 1)));
            assert_eq!(ring.bytes(), (first..=block).map(u64::from).sum::<u64>());
        }
        ring.clear();
        assert_eq!((ring.len(), ring.bytes(), ring.capacity()), (0, 0, 3));
    }
}
