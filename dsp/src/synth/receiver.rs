//! What a receiver does to everything it hears.
//!
//! Order: oscillator and sample clock, noise, IQ imbalance, DC, gain, clipping. Quantisation belongs to whoever writes
//! the samples.

use num_complex::{Complex32, Complex64};

use super::random::Random;
use super::{InvalidParameter, require, turn};

/// A receiver and its faults; the default of every fault is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Receiver {
    /// Nominal sample rate.
    pub sample_rate_hz: f64,
    /// Power of the noise within the whole sampled band.
    pub noise_dbfs: f64,
    /// How much too high the oscillator is: everything appears this much lower.
    pub lo_offset_hz: f64,
    /// How much too fast the sample clock is: bursts get longer and frequencies lower by as much.
    pub clock_error_ppm: f64,
    /// Offset added to every sample.
    pub dc: Complex64,
    /// Gain of Q over that of I.
    pub iq_gain_db: f64,
    /// Departure of Q from a right angle to I.
    pub iq_phase_deg: f64,
    /// Full width at half maximum of the oscillator's line; its phase is a random walk.
    pub phase_noise_linewidth_hz: f64,
    /// Gain over the level at which signals were specified; each part beyond ±1 is clipped.
    pub gain_db: f64,
}

impl Receiver {
    /// A perfect receiver with nothing but noise.
    pub fn ideal(sample_rate_hz: f64, noise_dbfs: f64) -> Self {
        Self {
            sample_rate_hz,
            noise_dbfs,
            lo_offset_hz: 0.0,
            clock_error_ppm: 0.0,
            dc: Complex64::ZERO,
            iq_gain_db: 0.0,
            iq_phase_deg: 0.0,
            phase_noise_linewidth_hz: 0.0,
            gain_db: 0.0,
        }
    }

    /// Whether such a receiver can exist.
    ///
    /// # Errors
    /// Where a field is not finite or out of its range.
    pub fn check(&self) -> Result<(), InvalidParameter> {
        let finite = |key, value: f64| require(value.is_finite(), key, value, "a finite number");
        require((1.0..=1e9).contains(&self.sample_rate_hz), "sample_rate_hz", self.sample_rate_hz, "1 to 1e9")?;
        finite("noise_dbfs", self.noise_dbfs)?;
        finite("lo_offset_hz", self.lo_offset_hz)?;
        let ppm = self.clock_error_ppm;
        require(ppm.abs() <= 1000.0, "clock_error_ppm", ppm, "-1000 to 1000")?;
        finite("dc", self.dc.re + self.dc.im)?;
        finite("iq_gain_db", self.iq_gain_db)?;
        require(self.iq_phase_deg.abs() < 90.0, "iq_phase_deg", self.iq_phase_deg, "less than 90 either way")?;
        let linewidth_hz = self.phase_noise_linewidth_hz;
        require(
            linewidth_hz >= 0.0 && linewidth_hz.is_finite(),
            "phase_noise_linewidth_hz",
            linewidth_hz,
            "0 or more",
        )?;
        finite("gain_db", self.gain_db)
    }

    /// Seconds of the capture's own clock for one true second.
    pub fn clock_rate(&self) -> f64 {
        1.0 + self.clock_error_ppm * 1e-6
    }

    /// Where a true instant lies in the capture.
    pub fn capture_s(&self, time_s: f64) -> f64 {
        time_s * self.clock_rate()
    }

    /// Where a true offset from the nominal centre appears in the capture.
    pub fn capture_hz(&self, offset_hz: f64) -> f64 {
        (offset_hz - self.lo_offset_hz) / self.clock_rate()
    }

    /// Mean power a signal needs for an SNR within `bandwidth_hz`.
    pub fn power_for(&self, snr_db: f64, bandwidth_hz: f64) -> f64 {
        10f64.powf((snr_db + self.noise_dbfs) / 10.0) * bandwidth_hz / self.sample_rate_hz
    }

    /// SNR of a signal of mean power `power` within `bandwidth_hz`.
    pub fn snr_db(&self, power: f64, bandwidth_hz: f64) -> f64 {
        10.0 * (power * self.sample_rate_hz / bandwidth_hz).log10() - self.noise_dbfs
    }

    /// Level of a signal's image at the mirrored frequency relative to the signal: `|1 - g e^{jφ}|² / |1 + g e^{-jφ}|²`.
    pub fn image_db(&self) -> f64 {
        let (direct, image) = self.imbalance();
        10.0 * (image.norm_sqr() / direct.norm_sqr()).log10()
    }

    /// Factors of the signal and of its conjugate.
    fn imbalance(&self) -> (Complex64, Complex64) {
        let g = 10f64.powf(self.iq_gain_db / 20.0);
        let q = Complex64::from_polar(g, self.iq_phase_deg.to_radians());
        ((1.0 + q.conj()) / 2.0, (1.0 - q) / 2.0)
    }
}

/// A [`Receiver`] at work: its noise and phase so far.
pub(super) struct Chain {
    lo_offset_hz: f64,
    step_s: f64,
    noise_amplitude: f64,
    noise: Random,
    phase_step_rad: f64,
    phase_noise: Random,
    phase_rad: f64,
    direct: Complex64,
    image: Complex64,
    dc: Complex64,
    gain: f64,
    /// Samples clipped so far.
    pub(super) num_clipped: u64,
}

impl Chain {
    pub(super) fn new(receiver: &Receiver, seed: u64) -> Self {
        let (direct, image) = receiver.imbalance();
        let step_s = 1.0 / (receiver.sample_rate_hz * receiver.clock_rate());
        Self {
            lo_offset_hz: receiver.lo_offset_hz,
            step_s,
            noise_amplitude: 10f64.powf(receiver.noise_dbfs / 20.0),
            noise: Random::stream(seed, 0),
            // A random walk of variance 2π·linewidth·t has a Lorentzian line of that width.
            phase_step_rad: (std::f64::consts::TAU * receiver.phase_noise_linewidth_hz * step_s).sqrt(),
            phase_noise: Random::stream(seed, 1),
            phase_rad: 0.0,
            direct,
            image,
            dc: receiver.dc,
            gain: 10f64.powf(receiver.gain_db / 20.0),
            num_clipped: 0,
        }
    }

    /// True instant of sample `index`.
    pub(super) fn time_s(&self, index: u64) -> f64 {
        index as f64 * self.step_s
    }

    /// The sample that comes of `heard` at the antenna; called once a sample, in order.
    pub(super) fn receive(&mut self, index: u64, heard: Complex64) -> Complex32 {
        let mut mixed = heard;
        if self.lo_offset_hz != 0.0 {
            mixed *= turn(-self.lo_offset_hz * self.time_s(index));
        }
        if self.phase_step_rad > 0.0 {
            self.phase_rad += self.phase_step_rad * std::f64::consts::SQRT_2 * self.phase_noise.gaussian().re;
            mixed *= Complex64::cis(self.phase_rad);
        }
        mixed += self.noise.gaussian() * self.noise_amplitude;
        let sample = (self.direct * mixed + self.image * mixed.conj() + self.dc) * self.gain;
        let clipped = Complex64::new(sample.re.clamp(-1.0, 1.0), sample.im.clamp(-1.0, 1.0));
        self.num_clipped += u64::from(clipped != sample);
        Complex32::new(clipped.re as f32, clipped.im as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// I is untouched, Q has its gain and leans towards I: what the two factors say, said the other way.
    #[test]
    fn imbalance_is_that_of_the_two_branches() {
        let receiver = Receiver { iq_gain_db: 1.0, iq_phase_deg: 5.0, ..Receiver::ideal(1e6, -300.0) };
        let mut chain = Chain::new(&receiver, 1);
        let g = 10f64.powf(0.05);
        for z in [Complex64::new(0.3, 0.0), Complex64::new(0.0, 0.4), Complex64::new(-0.2, 0.5)] {
            let seen = chain.receive(0, z);
            let (sin, cos) = 5f64.to_radians().sin_cos();
            assert!((f64::from(seen.re) - z.re).abs() < 1e-6);
            assert!((f64::from(seen.im) - g * (z.im * cos - z.re * sin)).abs() < 1e-6);
        }
    }

    #[test]
    fn impossible_receivers_are_refused() {
        let ideal = Receiver::ideal(1e6, -40.0);
        assert!(ideal.check().is_ok());
        let wrong = [
            Receiver { sample_rate_hz: 0.0, ..ideal.clone() },
            Receiver { noise_dbfs: f64::NAN, ..ideal.clone() },
            Receiver { clock_error_ppm: 2000.0, ..ideal.clone() },
            Receiver { phase_noise_linewidth_hz: -1.0, ..ideal.clone() },
        ];
        assert!(wrong.iter().all(|receiver| receiver.check().is_err()));
    }
}
