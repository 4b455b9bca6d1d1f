//! What the view `bytes` of every format does.

/// The token behind the end of a block that is shorter than its row.
pub const PAD: i32 = 256;

/// Fills the row with bytes as tokens, then [`PAD`].
pub(crate) fn fill<'a>(parts: impl IntoIterator<Item = &'a [u8]>, out: &mut [i32]) {
    let mut rest = out;
    for part in parts {
        let (tokens, behind) = rest.split_at_mut(part.len().min(rest.len()));
        tokens.iter_mut().zip(part).for_each(|(token, &byte)| *token = byte.into());
        rest = behind;
    }
    rest.fill(PAD);
}
