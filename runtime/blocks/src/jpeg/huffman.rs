//! Huffman tables (T.81, annex C and F.2.2.3), made to be walked: an entry says how far a code leads.

use super::error::Cause;

/// DC codes of up to 7 bits are looked up at once; longer ones, rare by construction, are searched for.
pub(super) type DcTable = Table<{ 1 << 7 }>;
/// AC codes of up to 9 bits likewise.
const AC_LOOKUP: usize = 1 << 9;
/// Bits in which two AC codes are looked up at once, with the value between them.
const PASS_BITS: u32 = 8;
/// The longest code (T.81, C.1).
pub(super) const CODE_BITS_MAX: u32 = 16;
/// The largest DC difference of 8-bit samples is 2047 (T.81, table F.1).
const DC_SIZE_MAX: u8 = 11;
/// The largest AC coefficient of 8-bit samples is 1023 (T.81, table F.2).
const AC_SIZE_MAX: u8 = 10;

/// The most bits of a data unit: a DC difference and 63 AC coefficients, each with the longest code.
pub(super) const UNIT_BITS_MAX: usize =
    (CODE_BITS_MAX as usize + DC_SIZE_MAX as usize) + 63 * (CODE_BITS_MAX as usize + AC_SIZE_MAX as usize);

/// Which symbols a table codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Sizes of DC differences.
    Dc,
    /// Runs of zeros and the size of the AC coefficient behind them.
    Ac,
}

/// A table of AC codes.
#[derive(Clone)]
pub(super) struct AcTable {
    pub(super) codes: Table<AC_LOOKUP>,
    /// Indexed by the next [`PASS_BITS`].
    passes: [Pass; 1 << PASS_BITS],
}

/// What one or two codes and the values behind them take; zero where not even one code is known.
///
/// | bits | |
/// |---|---|
/// | 0..5 | bits of codes and values |
/// | 5..9 | of two codes, coefficients that the first covers |
/// | 9..16 | coefficients they cover; [`END_OF_BLOCK`](Entry::END_OF_BLOCK) |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass(u16);

/// What a code means: never zero, so that zero can stand for "no such code here".
///
/// | bits | |
/// |---|---|
/// | 0..5 | bits of the code and of the value behind it |
/// | 5..9 | bits of the value alone |
/// | 9..16 | coefficients it covers: run + 1, [`END_OF_BLOCK`](Entry::END_OF_BLOCK) |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry(u16);

impl Entry {
    const NONE: Self = Self(0);
    /// Leads behind any run that a wrong code could lead to.
    pub(super) const END_OF_BLOCK: usize = 127;

    /// None if the symbol does not occur in 8-bit sequential images.
    fn new(class: Class, symbol: u8, code_bits: u16) -> Option<Self> {
        let (run, size) = match class {
            Class::Dc => (0, symbol),
            Class::Ac => (symbol >> 4, symbol & 15),
        };
        let size_max = if class == Class::Dc { DC_SIZE_MAX } else { AC_SIZE_MAX };
        let covered = match (class, run, size) {
            (_, _, size) if size > size_max => return None,
            (Class::Ac, 0, 0) => Self::END_OF_BLOCK as u16,
            // A run of fifteen zeros and one more (ZRL).
            (Class::Ac, 15, 0) => 16,
            (Class::Ac, _, 0) => return None,
            _ => u16::from(run) + 1,
        };
        Some(Self(covered << 9 | u16::from(size) << 5 | (code_bits + u16::from(size))))
    }

    #[inline(always)]
    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    #[inline(always)]
    pub(super) const fn total_bits(self) -> u32 {
        (self.0 & 31) as u32
    }

    #[inline(always)]
    pub(super) const fn value_bits(self) -> u32 {
        (self.0 >> 5 & 15) as u32
    }

    #[inline(always)]
    pub(super) const fn covered(self) -> usize {
        (self.0 >> 9) as usize
    }
}

/// One table, from its definition until another one takes its place. Codes are looked up by as many bits as index
/// `LOOKUP` entries.
#[derive(Clone)]
pub(super) struct Table<const LOOKUP: usize> {
    class: Class,
    defined: bool,
    lookup: [Entry; LOOKUP],
    /// Indexed by code length less one: the first 16-bit pattern, from the left, behind all codes up to that length.
    limits: [u32; 16],
    /// Indexed likewise: what to add to a code to get the place of its symbol, modulo 2^16.
    bases: [u16; 16],
    symbols: [u8; 256],
}

impl<const LOOKUP: usize> Table<LOOKUP> {
    const LOOKUP_BITS: u32 = LOOKUP.ilog2();

    pub(super) const fn undefined(class: Class) -> Self {
        Self {
            class,
            defined: false,
            lookup: [Entry::NONE; LOOKUP],
            limits: [0; 16],
            bases: [0; 16],
            symbols: [0; 256],
        }
    }

    pub(super) const fn is_defined(&self) -> bool {
        self.defined
    }

    /// Defines the table from its number of codes of each length and its symbols in order of their codes.
    pub(super) fn define(&mut self, counts: &[u8; 16], symbols: &[u8]) -> Result<(), Cause> {
        *self = Self::undefined(self.class);
        let place = self.symbols.get_mut(..symbols.len()).ok_or(Cause::BadTable)?;
        place.copy_from_slice(symbols);

        let (mut code, mut first) = (0_u32, 0_u32);
        for (length, ((&count, limit), base)) in (1..).zip(counts.iter().zip(&mut self.limits).zip(&mut self.bases)) {
            let end = code + u32::from(count);
            if end > 1 << length {
                return Err(Cause::BadTable);
            }
            *limit = end << (CODE_BITS_MAX - length);
            *base = first.wrapping_sub(code) as u16;
            if length <= Self::LOOKUP_BITS {
                let of_length = symbols.get(first as usize..).unwrap_or_default().iter().take(usize::from(count));
                for (code, &symbol) in (code..).zip(of_length) {
                    let entry = Entry::new(self.class, symbol, length as u16).unwrap_or(Entry::NONE);
                    let from = (code << (Self::LOOKUP_BITS - length)) as usize;
                    let places = self.lookup.get_mut(from..from + (1 << (Self::LOOKUP_BITS - length)));
                    places.unwrap_or_default().fill(entry);
                }
            }
            first += u32::from(count);
            code = end << 1;
        }
        self.defined = true;
        Ok(())
    }

    /// The entry of the code at the left of the 64 bits; none if they begin with no code, or with one longer than
    /// [`LOOKUP_BITS`](Self::LOOKUP_BITS).
    #[inline(always)]
    pub(super) fn look_up(&self, bits: u64) -> Entry {
        self.lookup.get((bits >> (64 - Self::LOOKUP_BITS)) as usize).copied().unwrap_or(Entry::NONE)
    }

    /// The entry of a code of any length.
    #[cold]
    pub(super) fn search(&self, bits: u64) -> Option<Entry> {
        let pattern = (bits >> (64 - CODE_BITS_MAX)) as u32;
        let (length, base) = (1_u16..)
            .zip(self.limits.iter().zip(&self.bases))
            .find_map(|(length, (&limit, &base))| (pattern < limit).then_some((length, base)))?;
        let code = (pattern >> (CODE_BITS_MAX - u32::from(length))) as u16;
        let symbol = self.symbols.get(usize::from(code.wrapping_add(base)))?;
        Entry::new(self.class, *symbol, length)
    }
}

impl AcTable {
    pub(super) const fn undefined() -> Self {
        Self { codes: Table::undefined(Class::Ac), passes: [Pass::NONE; 1 << PASS_BITS] }
    }

    /// As [`Table::define`].
    pub(super) fn define(&mut self, counts: &[u8; 16], symbols: &[u8]) -> Result<(), Cause> {
        self.codes.define(counts, symbols)?;
        for (bits, pass) in (0_u64..).zip(&mut self.passes) {
            *pass = Pass::of(&self.codes, bits << (64 - PASS_BITS));
        }
        Ok(())
    }

    /// What the 64 bits begin with.
    #[inline(always)]
    pub(super) fn pass(&self, bits: u64) -> Pass {
        self.passes.get((bits >> (64 - PASS_BITS)) as usize).copied().unwrap_or(Pass::NONE)
    }
}

impl Pass {
    const NONE: Self = Self(0);

    /// Of the codes that lie within the first [`PASS_BITS`].
    fn of(codes: &Table<AC_LOOKUP>, bits: u64) -> Self {
        let within = |entry: Entry, bits: u32| !entry.is_none() && entry.total_bits() - entry.value_bits() <= bits;
        let first = codes.look_up(bits);
        if !within(first, PASS_BITS) {
            return Self::NONE;
        }
        let (total, covered) = (first.total_bits(), first.covered());
        let second = codes.look_up(bits << total);
        if covered > 15 || !PASS_BITS.checked_sub(total).is_some_and(|left| within(second, left)) {
            return Self::new(total, 0, covered);
        }
        Self::new(total + second.total_bits(), covered, Entry::END_OF_BLOCK.min(covered + second.covered()))
    }

    const fn new(total_bits: u32, before: usize, covered: usize) -> Self {
        Self((covered << 9 | before << 5) as u16 | total_bits as u16)
    }

    #[inline(always)]
    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    #[inline(always)]
    pub(super) const fn total_bits(self) -> u32 {
        (self.0 & 31) as u32
    }

    /// Coefficients covered before the last code.
    #[inline(always)]
    pub(super) const fn before(self) -> usize {
        (self.0 >> 5 & 15) as usize
    }

    #[inline(always)]
    pub(super) const fn covered(self) -> usize {
        (self.0 >> 9) as usize
    }
}
