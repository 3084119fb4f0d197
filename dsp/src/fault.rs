//! What the receiver itself made of a strong signal: mirror images and the products of clipping.
//!
//! In: the samples of a candidate, its place, the noise floor. Out: whether the receiver's fault accounts for it.
//! Method: the fault is made once more from the samples (the conjugate spectrum for an image; for clipping, the
//! components at full scale by their sign, which is where and which way the limit bent the signal). As much of the
//! candidate as has a fixed ratio to it over many cells is the receiver's own. What another transmitter sends has no
//! such ratio: over `n` cells chance explains a share of `1 / n`.
//! Ignores: memory in the receiver longer than a few samples.

use num_complex::Complex32;

use crate::grid::Grid;
use crate::history::Stretch;
use crate::stft::Stft;

/// Frames looked at, spread over the candidate.
const MAX_FRAMES: u64 = 16;
/// Bins over which a fault keeps its ratio.
const BLOCK_BINS: usize = 48;
/// Cells below which chance explains too much.
const MIN_CELLS: f32 = 12.0;
/// Share of an image that its cause explains: all of it, but for noise.
const IMAGE_SHARE: f32 = 0.6;
/// Share of a clipping product that the places of clipping explain: the overshoot there is not known, and as an
/// exponential variable its mean explains half of its power.
const PRODUCT_SHARE: f32 = 0.25;

/// Share of full scale that is full scale: kept samples have 12 bits.
const FULL_SHARE: f32 = 1.0 - 1.0 / 2048.0;

/// What may have made a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Imbalance of the two components.
    Image,
    /// Components beyond full scale.
    Clipping,
}

/// Compares candidates with what may have made them; allocates nothing after construction.
pub struct FaultTest {
    grid: Grid,
    full_scale: f32,
    stft: Stft,
    frame: Vec<Complex32>,
    spectrum: Vec<Complex32>,
    bent: Vec<Complex32>,
    /// Of each block: sums of `x r*`, `|r|²`, `|x|²`, and the noise in it.
    sums: Vec<(Complex32, f32, f32, f32)>,
}

impl FaultTest {
    /// For one grid; `full_scale` is the largest value a component of the samples can take.
    pub fn new(grid: &Grid, full_scale: f32) -> Self {
        let len = grid.fft_len();
        let zero = Complex32::new(0.0, 0.0);
        Self {
            grid: *grid,
            full_scale,
            stft: Stft::new(grid),
            frame: vec![zero; len],
            spectrum: vec![zero; len],
            bent: vec![zero; len],
            sums: Vec::with_capacity(len.div_ceil(BLOCK_BINS) + 1),
        }
    }

    /// `samples` hold the candidate's time; it lies from `low_hz` to `high_hz`. `floor` is the noise power of each bin.
    pub fn explains<S: Stretch + ?Sized>(
        &mut self,
        fault: Fault,
        samples: &S,
        low_hz: f64,
        high_hz: f64,
        floor: &[f32],
    ) -> bool {
        let (len, hop) = (self.grid.fft_len(), self.grid.hop());
        let bin = |hz: f64| (self.grid.bin(hz).round().max(1.0) as usize).min(len - 1);
        let (low, high) = (bin(low_hz), bin(high_hz));
        let frames = (samples.len() / hop).saturating_sub(1) as u64;
        if frames == 0 || high < low {
            return false;
        }
        self.sums.clear();
        self.sums.resize((high + 1 - low).div_ceil(BLOCK_BINS), (Complex32::new(0.0, 0.0), 0.0, 0.0, 0.0));
        let looks = frames.min(MAX_FRAMES);
        for look in 0..looks {
            let from = (look * frames / looks) as usize * hop;
            samples.copy_to(from, &mut self.frame);
            self.add_frame(fault, low, high, floor);
        }
        let (mut explained, mut excess) = (0.0, 0.0);
        for (cross, reference, power, noise) in &self.sums {
            let common = match fault {
                Fault::Image => cross.norm_sqr(),
                // The limit takes away: what grows with the sign of its places made them.
                Fault::Clipping => cross.re.min(0.0).powi(2),
            };
            explained += if *reference > 0.0 { common / reference } else { 0.0 };
            excess += (power - noise).max(0.0);
        }
        // Half-overlapped Hann cells are worth about half as many.
        let cells = 0.5 * (looks as usize * (high + 1 - low)) as f32 / self.sums.len() as f32;
        let share = match fault {
            Fault::Image => IMAGE_SHARE,
            Fault::Clipping => PRODUCT_SHARE,
        };
        cells >= MIN_CELLS && explained > share * excess
    }

    fn add_frame(&mut self, fault: Fault, low: usize, high: usize, floor: &[f32]) {
        let len = self.frame.len();
        self.spectrum.copy_from_slice(self.stft.transform(&self.frame));
        if fault == Fault::Clipping {
            let full_scale = FULL_SHARE * self.full_scale;
            let sign = |component: f32| if component.abs() >= full_scale { component.signum() } else { 0.0 };
            for (bent, sample) in self.bent.iter_mut().zip(&self.frame) {
                *bent = Complex32::new(sign(sample.re), sign(sample.im));
            }
            self.stft.transform(&self.bent);
        }
        let reference = self.stft.spectrum();
        for bin in low..=high {
            let x = self.spectrum[bin];
            let r = match fault {
                Fault::Image => self.spectrum[(len - bin) % len].conj(),
                Fault::Clipping => reference[bin],
            };
            let (cross, reference, power, noise) = &mut self.sums[(bin - low) / BLOCK_BINS];
            *cross += x * r.conj();
            *reference += r.norm_sqr();
            *power += x.norm_sqr();
            *noise += floor[bin];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: usize = 64 * 40;

    fn noise(seed: u64) -> impl FnMut() -> f32 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32 / (1u64 << 24) as f32 - 0.5) * 3.46
        }
    }

    /// Noise-like signal of power 1 that fills some 12 of the 64 bins around `center` (cycles a sample).
    fn burst(seed: u64, center: f32) -> Vec<Complex32> {
        let mut next = noise(seed);
        let mut values: Vec<Complex32> = (0..LEN + 21).map(|_| Complex32::new(next(), next())).collect();
        for _ in 0..3 {
            values = values.windows(8).map(|eight| eight.iter().sum::<Complex32>() / 8.0).collect();
        }
        let power = values.iter().map(Complex32::norm_sqr).sum::<f32>() / LEN as f32;
        let turn = |n: usize| Complex32::cis(std::f32::consts::TAU * center * n as f32);
        values.iter().enumerate().map(|(n, value)| value / power.sqrt() * turn(n)).collect()
    }

    fn explains(fault: Fault, samples: &[Complex32], center_hz: f64) -> bool {
        let grid = Grid::new(240e3).unwrap();
        let floor = vec![1.5e-6 / 64.0; 64];
        FaultTest::new(&grid, 1.0).explains(fault, samples, center_hz - 15e3, center_hz + 15e3, &floor)
    }

    #[test]
    fn an_image_has_its_cause_and_a_neighbour_has_none() {
        let strong = burst(1, 0.25);
        let image: Vec<Complex32> = strong.iter().map(|s| s * 0.2 + s.conj() * Complex32::new(0.003, 0.002)).collect();
        assert!(explains(Fault::Image, &image, -60e3));
        let other = burst(2, -0.25);
        let two: Vec<Complex32> = strong.iter().zip(&other).map(|(s, o)| s * 0.2 + o * 0.004).collect();
        assert!(!explains(Fault::Image, &two, -60e3));
    }

    #[test]
    fn a_product_of_clipping_stands_where_the_limit_bent_the_signal() {
        let strong = burst(3, 0.07);
        let limited = |s: Complex32| Complex32::new(s.re.clamp(-1.0, 1.0), s.im.clamp(-1.0, 1.0));
        let clipped: Vec<Complex32> = strong.iter().map(|s| limited(s * 0.7)).collect();
        assert!(explains(Fault::Clipping, &clipped, -50e3));
        let other = burst(4, -50.0 / 240.0);
        let two: Vec<Complex32> = strong.iter().zip(&other).map(|(s, o)| limited(s * 0.7 + o * 0.1)).collect();
        assert!(!explains(Fault::Clipping, &two, -50e3));
        let itself: Vec<Complex32> = strong.iter().map(|s| limited(s * 0.7)).collect();
        assert!(!explains(Fault::Clipping, &itself, 0.07 * 240e3));
    }
}
