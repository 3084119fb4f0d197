//! The sum of everything on the air as a receiver's samples, block by block.

use num_complex::{Complex32, Complex64};

use super::receiver::Chain;
use super::{Emission, InvalidParameter, Receiver};

/// Samples of a receiver that hears some emissions; endless, and the same for one seed whatever the block size.
pub struct Stream {
    chain: Chain,
    /// Not yet begun, last to begin first.
    waiting: Vec<Emission>,
    /// On the air, in order of start.
    active: Vec<Emission>,
    next_index: u64,
    /// What is heard in the block at work.
    heard: Vec<Complex64>,
}

impl Stream {
    /// What `receiver` hears of `emissions`.
    ///
    /// # Errors
    /// Where [`Receiver::check`] refuses the receiver.
    pub fn new(receiver: &Receiver, mut emissions: Vec<Emission>, seed: u64) -> Result<Self, InvalidParameter> {
        receiver.check()?;
        emissions.iter_mut().for_each(|emission| emission.ramp_s = emission.ramp_s.clamp(0.0, LONGEST_RAMP_S));
        emissions.sort_by(|a, b| b.start_s.total_cmp(&a.start_s));
        let chain = Chain::new(receiver, seed);
        Ok(Self { chain, waiting: emissions, active: Vec::new(), next_index: 0, heard: Vec::new() })
    }

    /// Fills `block` with the next samples.
    pub fn fill(&mut self, block: &mut [Complex32]) {
        let first_index = self.next_index;
        self.next_index += block.len() as u64;
        let (first_s, end_s) = (self.chain.time_s(first_index), self.chain.time_s(self.next_index));
        // Ramps lie outside the bursts: an emission counts from its ramp to its ramp.
        while let Some(emission) = self.waiting.pop_if(|next| next.start_s - LONGEST_RAMP_S < end_s) {
            self.active.push(emission);
        }
        self.active.retain(|emission| emission.end_s() + LONGEST_RAMP_S >= first_s);
        self.heard.clear();
        self.heard.resize(block.len(), Complex64::ZERO);
        for emission in &self.active {
            let position = |time_s: f64| {
                let samples = (time_s - first_s) / (end_s - first_s) * block.len() as f64;
                (samples.max(0.0) as usize).min(block.len())
            };
            let from = position(emission.start_s - emission.ramp_s).saturating_sub(1);
            let to = (position(emission.end_s() + emission.ramp_s) + 2).min(block.len());
            for (i, heard) in self.heard.iter_mut().enumerate().take(to).skip(from) {
                *heard += emission.at(self.chain.time_s(first_index + i as u64));
            }
        }
        for (i, (sample, &heard)) in block.iter_mut().zip(&self.heard).enumerate() {
            *sample = self.chain.receive(first_index + i as u64, heard);
        }
    }

    /// Samples clipped so far.
    pub fn num_clipped(&self) -> u64 {
        self.chain.num_clipped
    }
}

/// Power ramps longer than this are cut short.
pub const LONGEST_RAMP_S: f64 = 1e-3;

#[cfg(test)]
mod tests {
    use super::super::preamble::Preamble;
    use super::super::tone::Tone;
    use super::super::{Waveform, turn};
    use super::*;
    use crate::spec::nprach::Format;

    fn tone(start_s: f64, duration_s: f64, carrier_hz: f64, amplitude: f64) -> Emission {
        Emission {
            waveform: Box::new(Tone { duration_s }),
            start_s,
            carrier_hz,
            gain: Complex64::new(amplitude, 0.0),
            ramp_s: 10e-6,
        }
    }

    fn samples(receiver: &Receiver, emissions: Vec<Emission>, num_samples: usize, block: usize) -> Vec<Complex32> {
        let mut stream = Stream::new(receiver, emissions, 9).unwrap();
        let mut samples = vec![Complex32::ZERO; num_samples];
        samples.chunks_mut(block).for_each(|chunk| stream.fill(chunk));
        samples
    }

    /// Level of the tone at `frequency_hz`.
    fn level(samples: &[Complex32], rate_hz: f64, frequency_hz: f64) -> f64 {
        let sum: Complex64 = samples
            .iter()
            .enumerate()
            .map(|(i, z)| Complex64::new(z.re.into(), z.im.into()) * turn(-frequency_hz * i as f64 / rate_hz))
            .sum();
        sum.norm() / samples.len() as f64
    }

    fn preamble() -> Emission {
        let waveform = Preamble::new(Format::Zero, 145, 0, 7, 1).unwrap();
        Emission { waveform: Box::new(waveform), ..tone(0.001_234_5, 0.0, 33_333.3, 0.1) }
    }

    #[test]
    fn blocks_of_any_size_hold_the_same_samples() {
        let receiver = Receiver {
            lo_offset_hz: 321.0,
            clock_error_ppm: -20.0,
            phase_noise_linewidth_hz: 10.0,
            ..Receiver::ideal(480e3, -30.0)
        };
        let make = |block| {
            let emissions = vec![preamble(), tone(0.002, 0.001, -5e4, 0.2), tone(0.0049, 0.1, 1e5, 0.1)];
            samples(&receiver, emissions, 6000, block)
        };
        let whole = make(6000);
        for block in [1, 7, 1000, 4096] {
            assert_eq!(make(block), whole, "block {block}");
        }
    }

    /// SNR over the band occupied, measured as power with and without the signal, is the SNR asked for.
    #[test]
    fn snr_is_the_one_requested() {
        let receiver = Receiver::ideal(240e3, -30.0);
        let snr_db = 20.0;
        let waveform = Preamble::new(Format::Zero, 3, 0, 5, 8).unwrap();
        let (occupied_hz, on_s) = (waveform.occupied_hz(), waveform.on_s());
        let gain = receiver.power_for(snr_db, occupied_hz).sqrt();
        let emission = Emission { waveform: Box::new(waveform), ..tone(0.0, 0.0, 0.0, gain) };
        let num = (on_s * 240e3) as usize;
        let power =
            |samples: &[Complex32]| samples.iter().map(|z| f64::from(z.norm_sqr())).sum::<f64>() / samples.len() as f64;
        let noise = samples(&receiver, vec![], 4 * num, 1000);
        let noise_in_band = power(&noise) * occupied_hz / 240e3;
        let signal: Vec<Complex32> = samples(&receiver, vec![emission], num, 1000)
            .iter()
            .zip(&noise)
            .map(|(with, without)| with - without)
            .collect();
        let measured_db = 10.0 * (power(&signal) / noise_in_band).log10();
        assert!((measured_db - snr_db).abs() < 0.1, "{measured_db}");
        assert!((receiver.snr_db(gain * gain, occupied_hz) - snr_db).abs() < 1e-9);
        assert!((10.0 * power(&noise).log10() + 30.0).abs() < 0.1);
    }

    /// The image at the mirrored frequency has the level the formula gives.
    #[test]
    fn the_image_is_as_strong_as_the_formula_says() {
        let receiver = Receiver { iq_gain_db: 0.4, iq_phase_deg: 2.0, ..Receiver::ideal(100e3, -200.0) };
        let seen = samples(&receiver, vec![tone(-1.0, 3.0, 12_000.0, 0.5)], 10_000, 512);
        let measured_db = 20.0 * (level(&seen, 100e3, -12_000.0) / level(&seen, 100e3, 12_000.0)).log10();
        assert!((measured_db - receiver.image_db()).abs() < 0.01, "{measured_db} {}", receiver.image_db());
        assert!((-34.0..-30.0).contains(&measured_db));
    }

    /// A fast clock stretches time and lowers frequency; an oscillator that is too high lowers frequency.
    #[test]
    fn clock_and_oscillator_move_time_and_frequency() {
        let receiver = Receiver { clock_error_ppm: 500.0, lo_offset_hz: 700.0, ..Receiver::ideal(100e3, -200.0) };
        let seen = samples(&receiver, vec![tone(0.5, 1.0, 20_000.0, 0.5)], 200_000, 4096);
        let on: Vec<usize> = (0..seen.len()).filter(|&i| seen[i].norm() > 0.25).collect();
        let (first, last) = (on[0] as f64 / 100e3, on[on.len() - 1] as f64 / 100e3);
        assert!((first - receiver.capture_s(0.5)).abs() < 2e-5 && (first - 0.50025).abs() < 2e-5, "{first}");
        assert!((last - 1.50075).abs() < 2e-5, "{last}");
        let appears_hz = receiver.capture_hz(20_000.0);
        assert!((appears_hz - 19_300.0 / 1.0005).abs() < 1e-9);
        let middle = &seen[60_000..140_000];
        assert!((level(middle, 100e3, appears_hz) - 0.5).abs() < 1e-4);
    }

    #[test]
    fn dc_stands_at_the_centre_and_overload_is_clipped_and_counted() {
        let receiver = Receiver { dc: Complex64::new(0.01, -0.02), ..Receiver::ideal(100e3, -200.0) };
        assert!((level(&samples(&receiver, vec![], 100, 10), 100e3, 0.0) - 0.01 * 5f64.sqrt()).abs() < 1e-6);
        let receiver = Receiver { gain_db: 20.0, ..receiver };
        let mut stream = Stream::new(&receiver, vec![tone(-1.0, 3.0, 1e3, 0.2)], 1).unwrap();
        let mut block = [Complex32::ZERO; 1000];
        stream.fill(&mut block);
        assert!(block.iter().all(|z| z.re.abs() <= 1.0 && z.im.abs() <= 1.0));
        assert!(stream.num_clipped() > 500);
    }

    /// Phase noise is a random walk: its variance grows by 2π·linewidth a second.
    #[test]
    fn phase_noise_has_its_linewidth() {
        let receiver = Receiver { phase_noise_linewidth_hz: 5.0, ..Receiver::ideal(10e3, -200.0) };
        let seen = samples(&receiver, vec![tone(-1.0, 30.0, 0.0, 0.5)], 200_000, 4096);
        let lag = 10;
        let turns: Vec<f64> = seen.windows(lag + 1).map(|w| f64::from((w[lag] * w[0].conj()).arg())).collect();
        let variance = turns.iter().map(|x| x * x).sum::<f64>() / turns.len() as f64;
        let expected = std::f64::consts::TAU * 5.0 * lag as f64 / 10e3;
        assert!((variance / expected - 1.0).abs() < 0.05, "{variance} {expected}");
    }
}
