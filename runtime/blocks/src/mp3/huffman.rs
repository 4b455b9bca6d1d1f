//! Huffman codes looked up several bits at a time. The lookup tables are made at compile time from the code tables.

use super::codebooks::*;

/// The most bits one lookup takes. Longer codes take another; the longest has 19 bits, so three at most.
const MAX_STEP: u32 = 9;
const MAX_STEPS: u32 = 3;

/// Marks an entry that leads on: 4 bits of width below, 11 bits of position below that.
const LINK: u16 = 0x8000;

/// How many values a code stands for. Behind it come the signs of those that are not 0.
#[derive(Clone, Copy)]
enum Group {
    /// Two, of four bits each.
    Pair,
    /// Four, of one bit each.
    Quad,
}

impl Group {
    const fn signs(self, values: u8) -> u32 {
        match self {
            Self::Pair => (values & 0xF0 != 0) as u32 + (values & 0x0F != 0) as u32,
            Self::Quad => values.count_ones(),
        }
    }
}

/// One code, ready for lookup.
#[derive(Debug)]
pub(super) struct Code {
    /// Leaves (bits left in this step, with those of the signs << 8 | values) and links.
    entries: &'static [u16],
    /// Bits of the first lookup.
    step: u32,
}

/// The code of a region of large values.
#[derive(Debug)]
pub(super) struct PairCode {
    code: Code,
    /// Bits that follow a 15 and are added to it.
    pub(super) linbits: u32,
}

impl Code {
    /// The values of the code the window begins with, and the bits of the code and the signs behind it.
    #[inline]
    pub(super) fn look_up(&self, mut window: u64) -> (u8, u32) {
        let (mut base, mut step, mut passed) = (0, self.step, 0);
        for _ in 0..MAX_STEPS {
            let index = base + (window >> (64 - step)) as usize;
            let entry = self.entries.get(index).copied().unwrap_or_default();
            if entry & LINK == 0 {
                return (entry as u8, passed + u32::from(entry >> 8));
            }
            window <<= step;
            passed += step;
            step = u32::from(entry >> 11 & 0xF);
            base = usize::from(entry & 0x7FF);
        }
        (0, passed)
    }
}

impl PairCode {
    /// The code that `table_select` names; `None` for table 0, which codes zeros in no bits, and for 4 and 14, which do
    /// not exist.
    #[inline]
    pub(super) fn select(table_select: u8) -> Option<&'static Self> {
        PAIR_CODES.get(usize::from(table_select)).filter(|pair| !pair.code.entries.is_empty())
    }

    /// The pair the window begins with, and the bits of the code and the signs.
    #[inline]
    pub(super) fn look_up(&self, window: u64) -> (u8, u32) {
        self.code.look_up(window)
    }
}

/// The lookup table of a code table, in a `static` of just its size.
macro_rules! code {
    ($leaves:expr) => {
        code!($leaves, Group::Pair)
    };
    ($leaves:expr, $group:expr) => {{
        const LEN: usize = build(&$leaves, $group, &mut []);
        static ENTRIES: [u16; LEN] = {
            let mut entries = [0; LEN];
            build(&$leaves, $group, &mut entries);
            entries
        };
        Code { entries: &ENTRIES, step: first_step(&$leaves) }
    }};
}
/// Tables A and B, as `count1table_select` names them.
pub(super) static QUAD_CODES: [Code; 2] = [code!(TABLE_A, Group::Quad), code!(TABLE_B, Group::Quad)];

static PAIR_CODES: [PairCode; 32] = [
    NO_CODE,
    PairCode { code: code!(TABLE_1), linbits: 0 },
    PairCode { code: code!(TABLE_2), linbits: 0 },
    PairCode { code: code!(TABLE_3), linbits: 0 },
    NO_CODE,
    PairCode { code: code!(TABLE_5), linbits: 0 },
    PairCode { code: code!(TABLE_6), linbits: 0 },
    PairCode { code: code!(TABLE_7), linbits: 0 },
    PairCode { code: code!(TABLE_8), linbits: 0 },
    PairCode { code: code!(TABLE_9), linbits: 0 },
    PairCode { code: code!(TABLE_10), linbits: 0 },
    PairCode { code: code!(TABLE_11), linbits: 0 },
    PairCode { code: code!(TABLE_12), linbits: 0 },
    PairCode { code: code!(TABLE_13), linbits: 0 },
    NO_CODE,
    PairCode { code: code!(TABLE_15), linbits: 0 },
    pair_code_16(1),
    pair_code_16(2),
    pair_code_16(3),
    pair_code_16(4),
    pair_code_16(6),
    pair_code_16(8),
    pair_code_16(10),
    pair_code_16(13),
    pair_code_24(4),
    pair_code_24(5),
    pair_code_24(6),
    pair_code_24(7),
    pair_code_24(8),
    pair_code_24(9),
    pair_code_24(11),
    pair_code_24(13),
];

const NO_CODE: PairCode = PairCode { code: Code { entries: &[], step: 0 }, linbits: 0 };

const fn pair_code_16(linbits: u32) -> PairCode {
    PairCode { code: code!(TABLE_16), linbits }
}

const fn pair_code_24(linbits: u32) -> PairCode {
    PairCode { code: code!(TABLE_24), linbits }
}

const fn first_step(leaves: &[u16]) -> u32 {
    let (mut longest, mut at) = (0, 0);
    while at < leaves.len() {
        longest = max(longest, leaves[at] as u32 >> 8);
        at += 1;
    }
    min(longest, MAX_STEP)
}

/// Writes as many entries as there is room for and gives how many there are.
const fn build(leaves: &[u16], group: Group, entries: &mut [u16]) -> usize {
    let step = first_step(leaves);
    let (used, len) = fill((leaves, group), 0, 0, (0, step), 1 << step, entries);
    assert!(used == leaves.len(), "the codes fill their space exactly");
    assert!(len <= 1 << 11, "a link can name every position");
    len
}

/// Fills the part of the lookup table for the codes from leaf `at` on, whose first `passed` bits are looked up already.
/// The part lies at `base` and is looked up with `step` bits; parts it links to lie from `len` on. Gives the first leaf
/// that does not belong to it, and the new `len`.
const fn fill(
    (leaves, group): (&[u16], Group),
    mut at: usize,
    passed: u32,
    (base, step): (usize, u32),
    mut len: usize,
    entries: &mut [u16],
) -> (usize, usize) {
    let mut slot = 0;
    while slot < 1 << step {
        let left = (leaves[at] as u32 >> 8) - passed;
        if left <= step {
            let end = slot + (1 << (step - left));
            while slot < end {
                let bits = left + group.signs(leaves[at] as u8);
                put(entries, base + slot, (bits << 8) as u16 | leaves[at] & 0xFF);
                slot += 1;
            }
            at += 1;
        } else {
            let passed = passed + step;
            let next = (len, min(longest_under(leaves, at, passed), MAX_STEP));
            put(entries, base + slot, LINK | (next.1 << 11) as u16 | len as u16);
            (at, len) = fill((leaves, group), at, passed, next, len + (1 << next.1), entries);
            slot += 1;
        }
    }
    (at, len)
}

/// The most bits that the codes from leaf `at` on, which share their first `passed` bits, have behind those.
const fn longest_under(leaves: &[u16], mut at: usize, passed: u32) -> u32 {
    let (mut longest, mut space) = (0, 1_u64 << 32);
    while space > 0 {
        let left = (leaves[at] as u32 >> 8) - passed;
        longest = max(longest, left);
        space -= 1 << (32 - left);
        at += 1;
    }
    longest
}

const fn put(entries: &mut [u16], at: usize, entry: u16) {
    if at < entries.len() {
        entries[at] = entry;
    }
}

const fn min(a: u32, b: u32) -> u32 {
    if a < b { a } else { b }
}

const fn max(a: u32, b: u32) -> u32 {
    if a > b { a } else { b }
}

#[cfg(test)]
pub(super) mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    /// Length and code of each value, as the standard prints a table.
    pub(in crate::mp3) fn printed(leaves: &[u16]) -> Vec<(u8, u32, u32)> {
        let mut next = 0_u64;
        let mut codes = Vec::new();
        for leaf in leaves {
            let len = u32::from(leaf >> 8);
            codes.push((*leaf as u8, len, (next >> (32 - len)) as u32));
            assert_eq!(next << (32 + len), 0, "a code ends where its length says");
            next += 1 << (32 - len);
        }
        assert_eq!(next, 1 << 32, "Kraft's sum is 1");
        codes.sort();
        codes
    }

    /// The leaves that `table_select` means.
    pub(in crate::mp3) fn leaves(table_select: u8) -> &'static [u16] {
        match table_select {
            1 => &TABLE_1,
            2 => &TABLE_2,
            3 => &TABLE_3,
            5 => &TABLE_5,
            6 => &TABLE_6,
            7 => &TABLE_7,
            8 => &TABLE_8,
            9 => &TABLE_9,
            10 => &TABLE_10,
            11 => &TABLE_11,
            12 => &TABLE_12,
            13 => &TABLE_13,
            15 => &TABLE_15,
            16..24 => &TABLE_16,
            24..32 => &TABLE_24,
            _ => &[],
        }
    }

    /// FNV-1a over length (one byte) and code (two) of each value in turn. The sums were made from the tables of LAME
    /// 3.100, which lists codes and lengths one by one.
    #[test]
    fn tables_are_those_of_the_standard() {
        let sums = [
            (1, 2, 0x43B1_C640_B633_F1CD),
            (2, 3, 0x616F_0E96_BAB8_F15A),
            (3, 3, 0xAFEA_9CC0_82C3_3789),
            (5, 4, 0xE645_619B_B38E_DBA0),
            (6, 4, 0x56EE_5589_AA85_A8BF),
            (7, 6, 0x4AA4_C55B_FF11_C64D),
            (8, 6, 0x560A_5EA8_5D7A_3D94),
            (9, 6, 0xCB03_D851_6C81_C7D0),
            (10, 8, 0x4B16_73D0_B3EF_7EDA),
            (11, 8, 0xAC7C_548A_D9CB_3FCB),
            (12, 8, 0xDB7E_2487_B331_9C66),
            (13, 16, 0xA68F_7F41_CB5C_A912),
            (15, 16, 0x9EE0_A7D2_2490_270A),
            (16, 16, 0x7688_B4A8_7FF2_5877),
            (24, 16, 0x484A_F5CF_6DA4_8574),
        ];
        for (table, side, sum) in sums {
            let codes = printed(leaves(table));
            let values: Vec<_> = codes.iter().map(|code| code.0).collect();
            let all: Vec<_> = (0..side).flat_map(|x| (0..side).map(move |y| x << 4 | y)).collect();
            assert_eq!(values, all, "table {table}");
            assert_eq!(fnv(&codes), sum, "table {table}");
        }
        let codes = printed(&TABLE_A);
        assert!(codes.iter().map(|code| code.0).eq(0..16));
        assert_eq!(fnv(&codes), 0x94F8_9BB8_F8E5_098C, "table A");
    }

    fn fnv(codes: &[(u8, u32, u32)]) -> u64 {
        let bytes = codes.iter().flat_map(|&(_, len, code)| [len as u8, (code >> 8) as u8, code as u8]);
        bytes.fold(0xCBF2_9CE4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
    }

    #[test]
    fn every_code_is_found_whatever_follows() {
        let pairs = (0..32).filter_map(|select| Some((&PairCode::select(select)?.code, leaves(select), 4)));
        let quads = QUAD_CODES.iter().zip([&TABLE_A, &TABLE_B]).map(|(code, leaves)| (code, leaves.as_slice(), 1));
        for (code, leaves, width) in pairs.chain(quads) {
            for (values, len, bits) in printed(leaves) {
                let signs = (0..8 / width).filter(|nth| values >> (nth * width) & ((1 << width) - 1) != 0).count();
                for tail in [0, u64::MAX, 0xA5A5_5A5A_0FF0_1234] {
                    let window = u64::from(bits) << (64 - len) | tail >> len;
                    assert_eq!(code.look_up(window), (values, len + signs as u32));
                }
            }
        }
    }

    #[test]
    fn tables_that_code_nothing() {
        let empty: Vec<_> = (0..=255).filter(|&select| PairCode::select(select).is_none()).take(4).collect();
        assert_eq!(empty, [0, 4, 14, 32]);
    }
}
