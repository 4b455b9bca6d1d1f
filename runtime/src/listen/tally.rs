/// What a listener heard over its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes fed.
    pub bytes: u64,
    /// Blocks with a row.
    pub blocks: u64,
    /// Bytes of those blocks.
    pub block_bytes: u64,
    /// Blocks not encoded again because a recent one had the same row, as in digital silence.
    pub repeated: u64,
    /// Blocks of other media than the model reads.
    pub foreign_blocks: u64,
    /// Blocks whose main data begins in frames that are not there.
    pub lost_blocks: u64,
    /// Bytes of blocks beyond the model's L.
    pub cut_bytes: u64,
    /// Places where something was missing or damaged.
    pub gaps: u64,
    /// Windows classified.
    pub windows: u64,
}
