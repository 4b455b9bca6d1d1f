//! What must hold of any bytes: the checks of the fuzz targets. `tests/corpus.rs` runs them on the corpus.

pub mod jpeg;
pub mod mp3;
pub mod opus;

/// Sizes of chunks, 1 to 4065 bytes, taken from the last bytes of the data: so that a file of a corpus is a plain file of
/// its format, and a fuzzer can still choose how it is chunked.
pub fn chunk_sizes(data: &[u8]) -> Vec<usize> {
    let tail = &data[data.len().saturating_sub(8)..];
    let sizes = tail.iter().map(|&byte| 1 + usize::from(byte).pow(2) / 16);
    if tail.is_empty() { vec![1] } else { sizes.collect() }
}
