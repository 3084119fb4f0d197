//! The receiver's own carrier at 0 Hz.
//!
//! In: windowed spectra, one a frame. Out: the same without the constant that the receiver adds to every sample.
//! Method: the mean of the complex amplitude at 0 Hz over some frames is what stays the same from frame to frame; it is
//! taken off the frames that follow. Frames count by the inverse of their power, so that a strong burst across 0 Hz
//! does not pass for a constant, and a mean that is less than half of the amplitude is none.
//! Ignores: what of the carrier flickers within those frames.

use num_complex::{Complex32, Complex64};

/// Frames averaged (68 ms).
const FRAMES: u32 = 512;
/// Share of the (harmonic mean) power at 0 Hz that a constant must make up.
const CONSTANT_SHARE: f64 = 0.25;
/// What is left at 0 Hz counts as the carrier's own flicker if it is weaker than the carrier by this (10 dB).
const FLICKER_RATIO: f32 = 10.0;

/// Follows the constant; allocates nothing.
#[derive(Debug, Default)]
pub struct Carrier {
    sum: Complex64,
    weight: f64,
    frames: u32,
    offset: Complex32,
}

impl Carrier {
    /// Learns from a spectrum that nothing has been taken off.
    pub fn learn(&mut self, spectrum: &[Complex32]) {
        let value = spectrum[spectrum.len() / 2];
        let value = Complex64::new(value.re.into(), value.im.into());
        let power = value.norm_sqr();
        if power.is_normal() {
            self.sum += value / power;
            self.weight += 1.0 / power;
            self.frames += 1;
        }
        if self.frames == FRAMES {
            self.settle();
        }
    }

    /// Takes what has been learnt so far for the carrier.
    pub fn settle(&mut self) {
        if self.frames > 0 {
            let mean = self.sum / self.weight;
            let constant = mean.norm_sqr() > CONSTANT_SHARE * f64::from(self.frames) / self.weight;
            self.offset = if constant { Complex32::new(mean.re as f32, mean.im as f32) } else { Complex32::default() };
            (self.sum, self.weight, self.frames) = (Complex64::default(), 0.0, 0);
        }
    }

    /// Takes the carrier off a spectrum: its bin, and half of it with the opposite sign off each neighbour.
    pub fn remove(&self, spectrum: &mut [Complex32]) {
        let middle = spectrum.len() / 2;
        spectrum[middle] -= self.offset;
        spectrum[middle - 1] += self.offset * 0.5;
        spectrum[middle + 1] += self.offset * 0.5;
    }

    /// A line of this power, relative to full scale, at 0 Hz is the carrier's flicker.
    pub fn explains(&self, power: f32) -> bool {
        power * FLICKER_RATIO < self.offset.norm_sqr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Grid;
    use crate::stft::Stft;

    #[test]
    fn a_constant_is_taken_off_and_a_tone_beside_it_stays() {
        let grid = Grid::new(240e3).unwrap();
        let mut stft = Stft::new(&grid);
        let mut carrier = Carrier::default();
        let samples: Vec<Complex32> =
            (0..64 + 32 * 512).map(|n| Complex32::new(0.3, -0.2) + Complex32::cis(n as f32 * 0.7) * 0.01).collect();
        for frame in 0..512 {
            let mut spectrum = stft.transform(&samples[frame * 32..frame * 32 + 64]).to_vec();
            carrier.learn(&spectrum);
            carrier.remove(&mut spectrum);
        }
        let mut spectrum = stft.transform(&samples[..64]).to_vec();
        carrier.remove(&mut spectrum);
        assert!(spectrum[31..34].iter().all(|value| value.norm() < 2e-4), "{:?}", &spectrum[31..34]);
        assert!(spectrum.iter().any(|value| value.norm() > 0.007));
        assert!(carrier.explains(0.003) && !carrier.explains(0.1));
    }

    #[test]
    fn a_strong_burst_across_the_middle_is_no_constant() {
        let mut carrier = Carrier::default();
        let phases = [0.3f32, 2.1, 5.5, 4.0, 1.2, 3.3];
        for frame in 0..512 {
            let mut spectrum = [Complex32::new(1e-3, 0.0); 8];
            spectrum[4] +=
                Complex32::cis(phases[frame * frame % 6] + frame as f32) * if frame < 100 { 1.0 } else { 0.0 };
            carrier.learn(&spectrum);
        }
        assert!((carrier.offset - Complex32::new(1e-3, 0.0)).norm() < 1e-4, "{}", carrier.offset);
        for frame in 0..512 {
            let mut spectrum = [Complex32::default(); 8];
            spectrum[4] = Complex32::cis(phases[frame * frame % 6] + frame as f32);
            carrier.learn(&spectrum);
        }
        assert_eq!(carrier.offset, Complex32::default());
    }
}
