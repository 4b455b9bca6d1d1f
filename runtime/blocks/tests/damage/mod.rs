//! What happens to a stream on its way: bits flip, bytes are lost, inserted or come twice.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// A change to a stream, at places given as fractions of it.
#[derive(Clone, Debug)]
pub enum Damage {
    Flip(Index, u8),
    Cut(Index, usize),
    Insert(Index, Vec<u8>),
    Duplicate(Index, usize),
}

/// Damage of every kind: up to `longest` bytes are lost or come twice, `insert` are put in.
pub fn damage(longest: usize, insert: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Damage> {
    prop_oneof![
        2 => (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        1 => (any::<Index>(), 1..longest).prop_map(|(at, bytes)| Damage::Cut(at, bytes)),
        1 => (any::<Index>(), insert).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        1 => (any::<Index>(), 1..longest).prop_map(|(at, bytes)| Damage::Duplicate(at, bytes)),
    ]
}

/// Damage that inserts any bytes.
pub fn any_damage(longest: usize) -> impl Strategy<Value = Damage> {
    damage(longest, vec(any::<u8>(), 1..50))
}

/// What became of a stream: the bytes before `kept` are as they were, those from `touched.end` on lie `shift` further.
#[derive(Clone, Debug)]
pub struct Touched {
    /// Bytes of the stream as it was.
    pub touched: Range<usize>,
    pub shift: isize,
}

impl Damage {
    pub fn apply(&self, stream: &mut Vec<u8>) -> Touched {
        let len = stream.len();
        let place = |at: &Index| at.index(len + 1);
        match self {
            Self::Flip(at, bit) => {
                let at = place(at);
                if let Some(byte) = stream.get_mut(at) {
                    *byte ^= 1 << bit;
                }
                Touched { touched: at..(at + 1).min(len), shift: 0 }
            }
            Self::Cut(at, bytes) => {
                let at = place(at);
                let touched = at..(at + bytes).min(len);
                stream.drain(touched.clone());
                Touched { shift: -(touched.len() as isize), touched }
            }
            Self::Insert(at, bytes) => {
                let at = place(at);
                stream.splice(at..at, bytes.iter().copied());
                Touched { touched: at..at, shift: bytes.len() as isize }
            }
            Self::Duplicate(at, bytes) => {
                let at = place(at);
                let copy = stream[at..(at + bytes).min(len)].to_vec();
                let shift = copy.len() as isize;
                stream.splice(at..at, copy);
                Touched { touched: at..at, shift }
            }
        }
    }
}
