//! LTE physical uplink control channel (TS 36.211 §5.4 and §5.5.2.2), formats 1, 1a, 1b, 2, 2a and 2b: one resource
//! block in which every symbol is the cell's base sequence of twelve subcarriers at a cyclic shift of its own.

use super::base_sequence::NUM_GROUPS;
use super::{BLOCK_SUBCARRIERS, CyclicPrefix, SLOTS_PER_FRAME};
use crate::spec::gold::Gold;

/// Cyclic shifts of the base sequence: one for each subcarrier of a resource block (§5.4.1).
pub const NUM_SHIFTS: u8 = BLOCK_SUBCARRIERS as u8;

/// What the channel carries, as far as its symbols show (Table 5.4-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Formats 1, 1a and 1b: one symbol of data spread over a slot by an orthogonal sequence (§5.4.1).
    One,
    /// Formats 2, 2a and 2b: one symbol of data in every symbol that is not reference signal (§5.4.2).
    Two,
}

impl Format {
    /// Both.
    pub const ALL: [Self; 2] = [Self::One, Self::Two];

    /// The standard's number.
    pub const fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// Symbols of a slot that carry the reference signal (Table 5.5.2.2.2-1).
    pub const fn reference_symbols(self, prefix: CyclicPrefix) -> &'static [usize] {
        match (self, prefix) {
            (Self::One, CyclicPrefix::Normal) => &[2, 3, 4],
            (Self::One, CyclicPrefix::Extended) => &[2, 3],
            (Self::Two, CyclicPrefix::Normal) => &[1, 5],
            (Self::Two, CyclicPrefix::Extended) => &[3],
        }
    }
}

/// Orthogonal sequences that transmissions of format 1 may be spread with (Tables 5.4.1-2 and 5.5.2.2.1-2).
pub const NUM_SPREADINGS: u8 = 3;

/// `w(m)` of the data of format 1, `N_SF = 4` (Table 5.4.1-2), in quarters of a turn.
const DATA_QUARTERS: [[u8; 4]; 3] = [[0, 0, 0, 0], [0, 2, 0, 2], [0, 2, 2, 0]];

/// `w̄(m)` of the reference signal of format 1 with the normal prefix (Table 5.5.2.2.1-2), in thirds of a turn; with
/// the extended prefix, in halves.
const REFERENCE_THIRDS: [[u8; 3]; 3] = [[0, 0, 0], [0, 1, 2], [0, 2, 1]];
const REFERENCE_HALVES: [[u8; 2]; 3] = [[0, 0], [0, 1], [0, 0]];

/// Turn of symbol `l` of a slot of format 1 that is spread with sequence `spreading`, in cycles; and whether it carries
/// data, whose own turn comes on top.
pub fn spreading_cycles(prefix: CyclicPrefix, spreading: u8, l: usize) -> (f64, bool) {
    let references = Format::One.reference_symbols(prefix);
    let row = usize::from(spreading % NUM_SPREADINGS);
    match references.iter().position(|&reference| reference == l) {
        Some(m) if prefix == CyclicPrefix::Normal => (f64::from(REFERENCE_THIRDS[row][m % 3]) / 3.0, false),
        Some(m) => (f64::from(REFERENCE_HALVES[row][m % 2]) / 2.0, false),
        None => {
            let m = l - references.iter().filter(|&&reference| reference < l).count();
            (f64::from(DATA_QUARTERS[row][m % 4]) / 4.0, true)
        }
    }
}

/// `n_cs^cell(n_s, l) mod 12` of a whole frame, slot after slot and symbol after symbol (§5.4): the shift that a cell
/// gives each symbol, to which a transmission adds its own of the slot.
pub fn cell_shifts(cell_id: u16, prefix: CyclicPrefix) -> Vec<u8> {
    let count = prefix.symbols_per_slot() * SLOTS_PER_FRAME;
    let mut bits = Gold::new(cell_id.into());
    let mut octet = || (0..8).fold(0u8, |sum, i| sum | u8::from(bits.next().unwrap_or_default()) << i);
    (0..count).map(|_| octet() % NUM_SHIFTS).collect()
}

/// Base sequences `u` of a whole frame, slot after slot (§5.5.1.3).
pub fn base_sequences(cell_id: u16, group_hopping: bool) -> [u8; SLOTS_PER_FRAME] {
    let mut bits = Gold::new(u32::from(cell_id) / u32::from(NUM_GROUPS));
    let mut octet = || (0..8).fold(0u32, |sum, i| sum | u32::from(bits.next().unwrap_or_default()) << i);
    let f_ss = u32::from(cell_id) % u32::from(NUM_GROUPS);
    std::array::from_fn(|_| {
        let f_gh = if group_hopping { octet() } else { 0 };
        ((f_gh + f_ss) % u32::from(NUM_GROUPS)) as u8
    })
}

/// The resource block of slot `slot` for block index `m` in a carrier of `carrier_blocks` (§5.4.3): a transmission of
/// LTE changes sides at every slot.
pub fn resource_block(m: u16, slot: usize, carrier_blocks: u16) -> u16 {
    let from_edge = m / 2;
    if (usize::from(m) + slot % 2).is_multiple_of(2) { from_edge } else { carrier_blocks.saturating_sub(1 + from_edge) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_complex::Complex64;

    #[test]
    fn spreadings_are_orthogonal() {
        let value = |prefix, row, l: usize| Complex64::cis(std::f64::consts::TAU * spreading_cycles(prefix, row, l).0);
        for prefix in CyclicPrefix::ALL {
            for (a, b) in [(0, 1), (0, 2), (1, 2)] {
                let product = |l| value(prefix, a, l) * value(prefix, b, l).conj();
                let data = (0..prefix.symbols_per_slot()).filter(|&l| spreading_cycles(prefix, a, l).1);
                assert_eq!(data.clone().count(), 4);
                assert!(data.map(product).sum::<Complex64>().norm() < 1e-9);
                if prefix == CyclicPrefix::Normal {
                    let references = Format::One.reference_symbols(prefix).iter().copied();
                    assert!(references.map(product).sum::<Complex64>().norm() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn shifts_are_drawn_eight_bits_a_symbol() {
        let shifts = cell_shifts(61, CyclicPrefix::Normal);
        assert_eq!(shifts.len(), 140);
        for (slot, l) in [(0, 0), (3, 5), (19, 6)] {
            let bits = Gold::new(61).skip(8 * 7 * slot + 8 * l).take(8);
            let drawn: u32 = bits.enumerate().map(|(i, bit)| u32::from(bit) << i).sum();
            assert_eq!(u32::from(shifts[7 * slot + l]), drawn % 12);
        }
        assert_eq!(cell_shifts(61, CyclicPrefix::Extended).len(), 120);
    }

    /// Base sequences that another encoder (srsRAN) used in cells 61, 63 and 65.
    #[test]
    fn base_sequences_are_those_of_another_encoder() {
        let pair = |cell_id, hopping, subframe: usize| {
            [0, 1].map(|i| base_sequences(cell_id, hopping)[2 * subframe % SLOTS_PER_FRAME + i])
        };
        assert_eq!([7, 8, 9].map(|subframe| pair(61, true, subframe)), [[26, 23], [3, 21], [22, 19]]);
        assert_eq!(pair(63, false, 9), [3, 3]);
        assert_eq!([4, 5, 6].map(|subframe| pair(65, true, subframe)), [[8, 26], [15, 21], [16, 26]]);
    }

    #[test]
    fn transmissions_change_sides_at_every_slot() {
        let blocks = |m| [14, 15].map(|slot| resource_block(m, slot, 25));
        assert_eq!([blocks(0), blocks(1), blocks(2)], [[0, 24], [24, 0], [1, 23]]);
    }
}
