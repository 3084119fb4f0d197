//! LTE uplink numerology (TS 36.211 §4, §5.2, §5.3, §5.6); LTE-M has the same.

pub mod base_sequence;
pub mod pucch;
pub mod srs;

/// Basic time unit (§4).
pub const T_S: f64 = 1.0 / 30.72e6;

/// Spacing of subcarriers (§5.6).
pub const SUBCARRIER_HZ: f64 = 15e3;

/// Subcarriers stand this far above multiples of their spacing from the carrier (§5.6).
pub const HALF_SUBCARRIER_HZ: f64 = SUBCARRIER_HZ / 2.0;

/// Subcarriers of a resource block (§5.2.3).
pub const BLOCK_SUBCARRIERS: u16 = 12;

/// Width of a resource block.
pub const BLOCK_HZ: f64 = SUBCARRIER_HZ * BLOCK_SUBCARRIERS as f64;

/// Length of a slot; two make a subframe, twenty a frame (§4.1).
pub const SLOT_S: f64 = 0.5e-3;

/// Slots of a frame.
pub const SLOTS_PER_FRAME: usize = 20;

/// Useful part of a symbol, `2048 T_s` (§5.6).
pub const USEFUL_TS: u32 = 2048;

/// Resource blocks of the widest carrier (§5.2.1).
pub const MAX_BLOCKS: u16 = 110;

/// Resource blocks of a narrowband of LTE-M (§5.2.4).
pub const NARROWBAND_BLOCKS: u16 = 6;

/// Carrier widths in resource blocks (TS 36.101 Table 5.6-1).
pub const CARRIER_BLOCKS: [u16; 6] = [6, 15, 25, 50, 75, 100];

/// Length of the guard before every symbol (§5.6, Table 5.6-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CyclicPrefix {
    /// Seven symbols in a slot.
    Normal,
    /// Six symbols in a slot.
    Extended,
}

impl CyclicPrefix {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Normal, Self::Extended];

    /// Symbols of a slot.
    pub const fn symbols_per_slot(self) -> usize {
        match self {
            Self::Normal => 7,
            Self::Extended => 6,
        }
    }

    /// `N_CP,l` of symbol `l` in units of `T_s`.
    pub const fn prefix_ts(self, l: usize) -> u32 {
        match (self, l) {
            (Self::Normal, 0) => 160,
            (Self::Normal, _) => 144,
            (Self::Extended, _) => 512,
        }
    }

    /// From a slot's start to the start of the prefix of its symbol `l`, in units of `T_s`; `l` may be
    /// [`Self::symbols_per_slot`], which is the slot's end.
    pub const fn symbol_start_ts(self, l: usize) -> u32 {
        let first = if l > 0 { self.prefix_ts(0) + USEFUL_TS } else { 0 };
        first + (l as u32).saturating_sub(1) * (self.prefix_ts(1) + USEFUL_TS)
    }

    /// From a slot's start to the useful part of its symbol `l`.
    pub fn useful_start_s(self, l: usize) -> f64 {
        f64::from(self.symbol_start_ts(l) + self.prefix_ts(l)) * T_S
    }

    /// Symbol of a slot that carries the reference signal of PUSCH (§5.5.2.1.2).
    pub const fn reference_symbol(self) -> usize {
        match self {
            Self::Normal => 3,
            Self::Extended => 2,
        }
    }
}

/// Middle of subcarrier `k` of a carrier of `carrier_blocks`, from the carrier (§5.6).
pub fn subcarrier_hz(k: u16, carrier_blocks: u16) -> f64 {
    let first = -f64::from(carrier_blocks) * BLOCK_HZ / 2.0;
    first + f64::from(k) * SUBCARRIER_HZ + HALF_SUBCARRIER_HZ
}

/// Whether PUSCH may have this many resource blocks: products of 2, 3 and 5 (§5.3.3).
pub fn is_allocation(num_blocks: u16) -> bool {
    let rest = [2, 3, 5].iter().fold(num_blocks.max(1), |mut n, p| {
        while n.is_multiple_of(*p) {
            n /= p;
        }
        n
    });
    rest == 1 && (1..=MAX_BLOCKS).contains(&num_blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_fill_their_slots() {
        for prefix in CyclicPrefix::ALL {
            let symbols = prefix.symbols_per_slot();
            let total: u32 = (0..symbols).map(|l| prefix.prefix_ts(l) + USEFUL_TS).sum();
            assert_eq!(prefix.symbol_start_ts(symbols), total);
            assert!((f64::from(total) * T_S - SLOT_S).abs() < 1e-15);
        }
        assert_eq!(CyclicPrefix::Normal.symbol_start_ts(3), 160 + 2048 + 2 * (144 + 2048));
    }

    #[test]
    fn allocations_are_products_of_small_primes() {
        let some: Vec<u16> = (0..28).filter(|&n| is_allocation(n)).collect();
        assert_eq!(some, [1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 18, 20, 24, 25, 27]);
        assert!(is_allocation(100) && !is_allocation(99) && !is_allocation(120));
    }

    #[test]
    fn subcarriers_lie_symmetric_about_the_carrier() {
        for blocks in CARRIER_BLOCKS {
            assert_eq!(subcarrier_hz(0, blocks), -subcarrier_hz(12 * blocks - 1, blocks));
        }
    }
}
