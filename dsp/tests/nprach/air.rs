//! Preambles and noise as the standard's text makes them, independent of the detector and of the generator.

use dsp::spec::nprach::{Format, first_tone_shifts};
use num_complex::Complex32;
use std::f64::consts::TAU;

/// A preamble on the air.
#[derive(Debug, Clone)]
pub(crate) struct Preamble {
    pub(crate) format: Format,
    pub(crate) cell_id: u16,
    pub(crate) first_tone: u8,
    pub(crate) repetitions: usize,
    pub(crate) start_s: f64,
    /// Frequency of the block's lowest tone.
    pub(crate) block_hz: f64,
    /// In one tone's spacing of 3.75 kHz, noise of power 1 over the whole rate.
    pub(crate) snr_db: f64,
    pub(crate) phase: f64,
}

impl Preamble {
    pub(crate) fn new(
        format: Format,
        cell_id: u16,
        first_tone: u8,
        repetitions: usize,
        block_hz: f64,
        snr_db: f64,
    ) -> Self {
        Self { format, cell_id, first_tone, repetitions, start_s: 0.0, block_hz, snr_db, phase: 1.0 }
    }

    /// Every parameter drawn evenly.
    pub(crate) fn random(noise: &mut Noise, format: Format, repetitions: usize, snr_db: f64) -> Self {
        Self {
            format,
            cell_id: (noise.uniform() * 504.0) as u16,
            first_tone: (noise.uniform() * f64::from(format.subcarriers())) as u8,
            repetitions,
            start_s: 0.03 + 0.02 * noise.uniform(),
            block_hz: -80e3 + 100e3 * noise.uniform(),
            snr_db,
            phase: TAU * noise.uniform(),
        }
    }

    pub(crate) fn end_s(&self) -> f64 {
        self.start_s + self.format.repetition_start_s(self.repetitions - 1) + self.format.repetition_s()
    }

    fn tones(&self) -> Vec<u8> {
        first_tone_shifts(self.cell_id, self.format, self.repetitions)
            .into_iter()
            .flat_map(|shift| self.format.hops((self.first_tone + shift) % self.format.subcarriers()))
            .collect()
    }

    /// Frequency of group `index`.
    pub(crate) fn tone_hz(&self, index: usize) -> f64 {
        self.block_hz + f64::from(self.tones()[index]) * self.format.spacing_hz()
    }

    pub(crate) fn add_to(&self, samples: &mut [Complex32], rate: f64) {
        let amplitude = (10f64.powf(self.snr_db / 10.0) * 3750.0 / rate).sqrt();
        for (index, tone) in self.tones().into_iter().enumerate() {
            let (repetition, group) = (index / self.format.groups(), index % self.format.groups());
            let start_s =
                self.start_s + self.format.repetition_start_s(repetition) + group as f64 * self.format.group_s();
            let hz = self.block_hz + f64::from(tone) * self.format.spacing_hz();
            // The phase of every group refers to the end of its cyclic prefix (TS 36.211 §10.1.6.2).
            let zero_s = start_s + self.format.cyclic_prefix_s();
            for n in window(start_s, self.format.group_s(), rate, samples.len()) {
                let phase = TAU * hz * (n as f64 / rate - zero_s) + self.phase;
                samples[n] += Complex32::from_polar(amplitude as f32, (phase % TAU) as f32);
            }
        }
    }
}

fn window(start_s: f64, duration_s: f64, rate: f64, len: usize) -> std::ops::Range<usize> {
    let at = |s: f64| ((s * rate).ceil().max(0.0) as usize).min(len);
    at(start_s)..at(start_s + duration_s)
}

/// One tone of a random phase.
pub(crate) fn add_tone(
    samples: &mut [Complex32],
    rate: f64,
    start_s: f64,
    length_s: f64,
    hz: f64,
    snr_db: f64,
    noise: &mut Noise,
) {
    let amplitude = (10f64.powf(snr_db / 10.0) * 3750.0 / rate).sqrt() as f32;
    let phase = noise.uniform();
    for n in window(start_s, length_s, rate, samples.len()) {
        samples[n] += Complex32::from_polar(amplitude, ((hz * n as f64 / rate + phase).fract() * TAU) as f32);
    }
}

/// Seeded random numbers (xorshift64*).
pub(crate) struct Noise {
    state: u64,
}

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    pub(crate) fn uniform(&mut self) -> f64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        ((self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// White complex noise of power 1.
    pub(crate) fn samples(&mut self, len: usize) -> Vec<Complex32> {
        (0..len)
            .map(|_| {
                let (radius, angle) = ((-self.uniform().ln()).sqrt(), TAU * self.uniform());
                Complex32::from_polar(radius as f32, angle as f32)
            })
            .collect()
    }
}
