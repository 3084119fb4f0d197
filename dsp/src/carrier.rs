//! The receiver's own carrier at 0 Hz.
//!
//! In: windowed spectra, one a frame. Out: the same without the constant that the receiver adds to every sample.
//! Method: the mean of the complex amplitude at 0 Hz over some frames is what stays the same from frame to frame; it is
//! taken off the frames that follow. Frames count by the inverse of their power, so that a strong burst across 0 Hz
//! does not pass for a constant, and a mean that is less than half of the amplitude is none.
//! Detectors are given samples, not spectra: [`without_own`] takes the same constant off a piece of baseband.
//! Ignores: what of the carrier flickers within those frames.

use std::f64::consts::TAU;

use num_complex::{Complex32, Complex64};

use crate::baseband::Baseband;

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

/// Energy of a line over that of its neighbourhood from which it is the receiver's own carrier; noise reaches it with a
/// chance of e^-20.
const OWN_LINE: f64 = 20.0;

/// `baseband` without the receiver's own carrier, copied to `cleaned`; nothing where none stands out in it.
///
/// What is taken away is as narrow as the baseband is long, which no wide signal misses.
pub fn without_own<'a>(baseband: &Baseband<'_>, cleaned: &'a mut Vec<Complex32>) -> Option<Baseband<'a>> {
    if baseband.center_hz.abs() > 0.5 * baseband.sample_rate_hz || baseband.samples.is_empty() {
        return None;
    }
    let cycles = -baseband.center_hz / baseband.sample_rate_hz;
    let turn = |i: usize| Complex64::cis(TAU * (cycles * i as f64).fract());
    let wide = |z: &Complex32| Complex64::new(z.re.into(), z.im.into());
    let (mut sum, mut energy) = (Complex64::ZERO, 0.0);
    for (i, sample) in baseband.samples.iter().enumerate() {
        sum += wide(sample) * turn(i).conj();
        energy += f64::from(sample.norm_sqr());
    }
    let count = baseband.samples.len() as f64;
    let own = sum.norm_sqr() / count;
    if own.is_nan() || own <= OWN_LINE * (energy - own) / count {
        return None;
    }
    let level = sum / count;
    cleaned.clear();
    cleaned.extend(baseband.samples.iter().enumerate().map(|(i, sample)| {
        let own = level * turn(i);
        sample - Complex32::new(own.re as f32, own.im as f32)
    }));
    Some(Baseband { samples: cleaned, ..*baseband })
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

    /// Wide noise, for a signal, keeps its samples but for the line, wherever 0 Hz stands in its baseband; without a line
    /// nothing is touched.
    #[test]
    fn a_line_at_the_middle_is_taken_off_a_baseband() {
        let mut random = crate::synth::random::Random::new(3);
        for center_hz in [0.0, 333_333.3, -500e3] {
            let mut noise = || {
                let z = random.gaussian();
                Complex32::new(z.re as f32, z.im as f32)
            };
            let clean: Vec<Complex32> = (0..4000).map(|_| noise()).collect();
            let line = |i: usize| Complex64::cis(-TAU * center_hz * i as f64 / 1.92e6 + 1.0);
            let samples: Vec<Complex32> = clean
                .iter()
                .enumerate()
                .map(|(i, z)| z + Complex32::new(line(i).re as f32, line(i).im as f32))
                .collect();
            let of = |samples| Baseband { samples, sample_rate_hz: 1.92e6, center_hz, start_s: 0.0 };
            let mut buffer = Vec::new();
            let found = without_own(&of(&samples), &mut buffer).unwrap();
            let off = found.samples.iter().zip(&clean).map(|(a, b)| (a - b).norm_sqr()).sum::<f32>() / 4000.0;
            assert!(off < 0.01, "{off}");
            assert!(without_own(&of(&clean), &mut Vec::new()).is_none());
        }
        let empty = Baseband { samples: &[], sample_rate_hz: 1.92e6, center_hz: 0.0, start_s: 0.0 };
        assert!(without_own(&empty, &mut Vec::new()).is_none());
    }
}
