//! LTE sounding reference signal (TS 36.211 §5.5.3): one symbol on every second subcarrier of a wide band.

use super::BLOCK_SUBCARRIERS;

/// Subcarriers from one value to the next (§5.5.3.2, `K_TC = 2`).
pub const COMB: u16 = 2;

/// Cyclic shifts a terminal may have, `n_SRS^cs` (§5.5.3.1, `K_TC = 2`).
pub const NUM_SHIFTS: u8 = 8;

/// Widths in resource blocks, `m_SRS,b` (Tables 5.5.3.2-1 to 5.5.3.2-4).
pub const WIDTHS_BLOCKS: [u16; 15] = [4, 8, 12, 16, 20, 24, 32, 36, 40, 48, 60, 64, 72, 80, 96];

/// Values of a signal over `num_blocks` resource blocks, `M_sc^RS` (§5.5.3.2).
pub const fn num_values(num_blocks: u16) -> usize {
    (num_blocks * BLOCK_SUBCARRIERS / COMB) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::lte::base_sequence::base_sequence;

    #[test]
    fn every_width_has_its_sequences() {
        for blocks in WIDTHS_BLOCKS {
            let length = num_values(blocks);
            assert_eq!(base_sequence(7, 0, length).len(), length);
            assert_eq!(usize::from(COMB) * length, usize::from(blocks * BLOCK_SUBCARRIERS));
        }
    }
}
