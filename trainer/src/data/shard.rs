//! The file format of the cache: the streams of up to some hundred clips in one file, sealed with a hash.
//!
//! ```text
//! magic  8 bytes "TMPSHRD1"
//! key   32 bytes, SHA-256 of everything that determines the content
//! part   u32     number of the part within its set, from 0
//! clips  u32
//! clip by clip:
//!   0u8  variants u32, then for each: length u32, bytes
//!   1u8  length u32, why the clip was skipped in UTF-8
//! seal  32 bytes, SHA-256 of all of the above
//! ```
//! Numbers are little-endian. A file is either whole and of the expected set, or it is not used.

use std::fs;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

const MAGIC: &[u8; 8] = b"TMPSHRD1";
const SEAL_BYTES: usize = 32;

/// What became of one clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// The bytes of each variant.
    Streams(Vec<Vec<u8>>),
    /// Why there are none.
    Skipped(String),
}

/// Which part of which set a file must be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Address<'a> {
    pub(super) key: &'a [u8; 32],
    pub(super) part: u32,
    pub(super) clips: usize,
}

/// What was found in place of a part.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Whole(Vec<Entry>),
    Absent,
    /// Cut short, altered, unreadable, or of another set.
    Damaged,
}

/// Reads the part at `path`.
pub(super) fn read(path: &Path, address: Address<'_>) -> Found {
    match fs::read(path) {
        Ok(bytes) => unpack(&bytes, address).map_or(Found::Damaged, Found::Whole),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Found::Absent,
        Err(_) => Found::Damaged,
    }
}

/// Writes a part so that `path` holds all of it or what it held before.
pub(super) fn write(path: &Path, address: Address<'_>, entries: &[Entry]) -> io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = fs::write(&temporary, pack(address, entries)?).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to report; what is left behind is only a temporary file.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn pack(address: Address<'_>, entries: &[Entry]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(address.key);
    out.extend_from_slice(&address.part.to_le_bytes());
    push_len(&mut out, entries.len())?;
    for entry in entries {
        match entry {
            Entry::Streams(streams) => {
                out.push(0);
                push_len(&mut out, streams.len())?;
                for stream in streams {
                    push_len(&mut out, stream.len())?;
                    out.extend_from_slice(stream);
                }
            }
            Entry::Skipped(reason) => {
                out.push(1);
                push_len(&mut out, reason.len())?;
                out.extend_from_slice(reason.as_bytes());
            }
        }
    }
    let seal = Sha256::digest(&out);
    out.extend_from_slice(&seal);
    Ok(out)
}

fn push_len(out: &mut Vec<u8>, length: usize) -> io::Result<()> {
    let length = u32::try_from(length).map_err(io::Error::other)?;
    out.extend_from_slice(&length.to_le_bytes());
    Ok(())
}

fn unpack(bytes: &[u8], address: Address<'_>) -> Option<Vec<Entry>> {
    let (sealed, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL_BYTES)?)?;
    if Sha256::digest(sealed).as_slice() != seal {
        return None;
    }
    let mut rest = sealed;
    let ours = take(&mut rest, MAGIC.len())? == MAGIC
        && take(&mut rest, address.key.len())? == address.key
        && take_u32(&mut rest)? == address.part
        && take_u32(&mut rest)? as usize == address.clips;
    if !ours {
        return None;
    }
    let entries = (0..address.clips).map(|_| take_entry(&mut rest)).collect::<Option<Vec<_>>>()?;
    rest.is_empty().then_some(entries)
}

fn take_entry(rest: &mut &[u8]) -> Option<Entry> {
    match take(rest, 1)? {
        [0] => {
            let variants = take_u32(rest)?;
            (0..variants).map(|_| take_block(rest).map(<[u8]>::to_vec)).collect::<Option<_>>().map(Entry::Streams)
        }
        [1] => String::from_utf8(take_block(rest)?.to_vec()).ok().map(Entry::Skipped),
        _ => None,
    }
}

fn take_block<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_u32(rest)?;
    take(rest, length as usize)
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    take(rest, 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];
    const ADDRESS: Address<'_> = Address { key: &KEY, part: 2, clips: 3 };

    fn entries() -> Vec<Entry> {
        let streams = Entry::Streams(vec![vec![1, 2, 3], Vec::new()]);
        vec![streams, Entry::Skipped("x.wav: corrupt".to_owned()), Entry::Streams(vec![vec![9; 1_000], vec![8]])]
    }

    #[test]
    fn a_part_comes_back_as_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.shard");
        assert_eq!(read(&path, ADDRESS), Found::Absent);
        write(&path, ADDRESS, &entries()).unwrap();
        assert_eq!(read(&path, ADDRESS), Found::Whole(entries()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn any_change_and_any_cut_is_noticed() {
        let whole = pack(ADDRESS, &entries()).unwrap();
        for length in 0..whole.len() {
            assert_eq!(unpack(&whole[..length], ADDRESS), None, "cut to {length}");
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            assert_eq!(unpack(&changed, ADDRESS), None, "changed at {at}");
        }
    }

    #[test]
    fn parts_of_other_sets_are_not_taken() {
        let whole = pack(ADDRESS, &entries()).unwrap();
        assert!(unpack(&whole, ADDRESS).is_some());
        assert!(unpack(&whole, Address { key: &[8; 32], ..ADDRESS }).is_none());
        assert!(unpack(&whole, Address { part: 3, ..ADDRESS }).is_none());
        assert!(unpack(&whole, Address { clips: 2, ..ADDRESS }).is_none());
    }
}
