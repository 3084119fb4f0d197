//! LTE PUSCH: a phone's data (TS 36.211 §5.3, §5.5.2.1 and §5.6).
//!
//! True to the standard: slots, QPSK, precoding, mapping, the half subcarrier, reference signals without group hopping.
//! Not there: coding and scrambling (the bits are random), 16QAM and 64QAM, intra-subframe hopping.

use num_complex::Complex32;
use rustfft::FftPlanner;

use super::random::Random;
use super::sc_fdma::{ScFdma, precode};
use super::{InvalidParameter, require};
use crate::spec::lte::base_sequence::{base_sequence, pusch_shift_pattern, shift_draw};
use crate::spec::lte::{BLOCK_SUBCARRIERS, CyclicPrefix, is_allocation, subcarrier_hz};
use crate::spec::nprach::NUM_CELL_IDS;
use crate::spec::npusch::{SYMBOLS_PER_SLOT, Spacing};

/// One run of subframes on the same resource blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocation {
    /// Cell it goes to.
    pub cell_id: u16,
    /// Resource blocks of the carrier.
    pub carrier_prb: u16,
    /// First resource block, counted from the carrier's lowest.
    pub first_prb: u16,
    /// Resource blocks.
    pub num_prb: u16,
    /// Subframes of 1 ms.
    pub subframes: u16,
    /// Subframes from the start of frame 0 to the first.
    pub first_subframe: u64,
    /// Cyclic shift that the grant orders, `n_DMRS^(2)` (Table 5.5.2.1.1-1).
    pub cyclic_shift: u8,
}

impl Allocation {
    /// The waveform about the LTE carrier, with random data.
    ///
    /// # Errors
    /// Where the standard knows no such allocation.
    pub fn waveform(&self, random: &mut Random) -> Result<ScFdma, InvalidParameter> {
        require(self.cell_id < NUM_CELL_IDS, "cell_id", self.cell_id, "0 to 503")?;
        require((6..=110).contains(&self.carrier_prb), "resource_blocks", self.carrier_prb, "6 to 110")?;
        let allocations = "1, 2, 3, 4, 5, 6, 8, 9, 10, 12, …: a product of 2, 3 and 5";
        require(is_allocation(self.num_prb), "num_prb", self.num_prb, allocations)?;
        require(
            u32::from(self.first_prb) + u32::from(self.num_prb) <= u32::from(self.carrier_prb),
            "first_prb",
            self.first_prb,
            format!("the last block within the carrier's {}", self.carrier_prb),
        )?;
        require(self.cyclic_shift < 12, "cyclic_shift", self.cyclic_shift, "0 to 11")?;
        require((1..=1000).contains(&self.subframes), "subframes", self.subframes, "1 to 1000")?;
        let tones = usize::from(BLOCK_SUBCARRIERS * self.num_prb);
        let mut planner = FftPlanner::new();
        let mut values = Vec::with_capacity(usize::from(self.subframes) * 2 * SYMBOLS_PER_SLOT * tones);
        for slot in 2 * self.first_subframe..2 * (self.first_subframe + u64::from(self.subframes)) {
            for l in 0..SYMBOLS_PER_SLOT {
                if l == CyclicPrefix::Normal.reference_symbol() {
                    values.extend(self.reference((slot % 20) as usize));
                    continue;
                }
                let start = values.len();
                let quadrant = |bits: u64| Complex32::cis(std::f32::consts::FRAC_PI_4 * (2 * (bits >> 62) + 1) as f32);
                values.extend((0..tones).map(|_| quadrant(random.bits())));
                precode(&mut values[start..], &mut planner);
            }
        }
        let lowest_hz = subcarrier_hz(BLOCK_SUBCARRIERS * self.first_prb, self.carrier_prb);
        Ok(ScFdma::new(Spacing::Wide, lowest_hz, tones, values, false))
    }

    /// Reference symbol of slot `n_s` of a frame: `e^{jαn} r_u(n)`, mean power 1.
    fn reference(&self, n_s: usize) -> Vec<Complex32> {
        let tones = usize::from(BLOCK_SUBCARRIERS * self.num_prb);
        let alpha = std::f64::consts::TAU * f64::from(self.shift_in(n_s)) / 12.0;
        let scale = 1.0 / (tones as f32).sqrt();
        let base = base_sequence(pusch_shift_pattern(self.cell_id, 0), 0, tones);
        base.iter().enumerate().map(|(n, value)| value * Complex32::cis((alpha * n as f64) as f32) * scale).collect()
    }

    /// `n_cs` of slot `n_s` with `n_DMRS^(1)` 0 (§5.5.2.1.1).
    fn shift_in(&self, n_s: usize) -> u32 {
        let draw = shift_draw(self.cell_id, pusch_shift_pattern(self.cell_id, 0), SYMBOLS_PER_SLOT, n_s);
        (u32::from(self.cyclic_shift) + u32::from(draw)) % 12
    }
}

#[cfg(test)]
mod tests {
    use super::super::Waveform;
    use super::*;

    const TEN: Allocation = Allocation {
        cell_id: 257,
        carrier_prb: 50,
        first_prb: 3,
        num_prb: 10,
        subframes: 2,
        first_subframe: 3374,
        cyclic_shift: 0,
    };

    /// Cyclic shifts that another encoder (srsRAN) used in cell 257.
    #[test]
    fn cyclic_shifts_are_those_of_another_encoder() {
        let shifts = |subframe: u64| [0, 1].map(|i| TEN.shift_in((2 * subframe % 20 + i) as usize));
        assert_eq!(shifts(3434), [7, 0]);
        assert_eq!(shifts(3435), [10, 3]);
    }

    #[test]
    fn blocks_lie_on_the_grid_and_the_power_is_one() {
        let waveform = TEN.waveform(&mut Random::new(1)).unwrap();
        assert_eq!(waveform.band_hz(), ((3.0 - 25.0) * 180e3, (13.0 - 25.0) * 180e3));
        assert!((waveform.duration_s() - 0.002).abs() < 1e-12);
        let num = 61_440;
        let power: f64 = (0..num).map(|i| waveform.at((f64::from(i) + 0.3) * 0.002 / f64::from(num)).norm_sqr()).sum();
        assert!((power / f64::from(num) - 1.0).abs() < 0.03, "{power}");
    }

    #[test]
    fn allocations_outside_the_standard_are_refused() {
        let mut random = Random::new(1);
        let key = |allocation: Allocation, random: &mut Random| allocation.waveform(random).unwrap_err().key;
        assert_eq!(key(Allocation { num_prb: 7, ..TEN }, &mut random), "num_prb");
        assert_eq!(key(Allocation { num_prb: 0, ..TEN }, &mut random), "num_prb");
        assert_eq!(key(Allocation { first_prb: 41, ..TEN }, &mut random), "first_prb");
        assert_eq!(key(Allocation { cell_id: 504, ..TEN }, &mut random), "cell_id");
    }
}
