//! One waveform on the air: when, where, how strong, and what the channel does to it.

use num_complex::Complex64;

use super::random::Random;
use super::{Waveform, turn};

/// Block fading: one complex gain a burst, mean power 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Fading {
    /// The line of sight alone: gain 1 with a random phase.
    #[default]
    None,
    /// No line of sight.
    Rayleigh,
    /// A line of sight `k_db` stronger than everything scattered.
    Rice {
        /// Ratio of the two powers.
        k_db: f64,
    },
}

impl Fading {
    /// The gain of one burst.
    pub fn gain(self, random: &mut Random) -> Complex64 {
        let line_of_sight = turn(random.uniform());
        match self {
            Self::None => line_of_sight,
            Self::Rayleigh => random.gaussian(),
            Self::Rice { k_db } => {
                let k = 10f64.powf(k_db / 10.0);
                line_of_sight * (k / (k + 1.0)).sqrt() + random.gaussian() * (1.0 / (k + 1.0)).sqrt()
            }
        }
    }
}

/// One burst as it arrives at the antenna.
pub struct Emission {
    /// What it sounds like.
    pub waveform: Box<dyn Waveform>,
    /// Instant of its first sample at the antenna, propagation included.
    pub start_s: f64,
    /// Its carrier, frequency error included, as an offset from the nominal centre.
    pub carrier_hz: f64,
    /// Amplitude and phase: `|gain|²` is its mean power.
    pub gain: Complex64,
    /// Length of the raised-cosine power ramp before its start and after its end; 0 for hard edges.
    pub ramp_s: f64,
}

impl Emission {
    /// Instant of the last sample, ramp excluded.
    pub fn end_s(&self) -> f64 {
        self.start_s + self.waveform.duration_s()
    }

    /// Mean power while on; 0 dBFS is a tone of amplitude 1.
    pub fn power_dbfs(&self) -> f64 {
        10.0 * self.gain.norm_sqr().log10()
    }

    /// Its contribution at `time_s`.
    pub fn at(&self, time_s: f64) -> Complex64 {
        let since_s = time_s - self.start_s;
        let outside_s = (-since_s).max(since_s - self.waveform.duration_s());
        let ramp = if outside_s <= 0.0 {
            1.0
        } else if outside_s < self.ramp_s {
            0.5 + 0.5 * (std::f64::consts::PI * outside_s / self.ramp_s).cos()
        } else {
            return Complex64::ZERO;
        };
        self.waveform.at(since_s) * self.gain * ramp * turn(self.carrier_hz * time_s)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tone::Tone;
    use super::*;

    #[test]
    fn ramps_rise_before_the_start_and_fall_after_the_end() {
        let emission = Emission {
            waveform: Box::new(Tone { duration_s: 1e-3 }),
            start_s: 0.01,
            carrier_hz: 1234.5,
            gain: Complex64::new(0.0, 0.5),
            ramp_s: 20e-6,
        };
        for (t, level) in [
            (0.01 - 21e-6, 0.0),
            (0.01 - 10e-6, 0.25),
            (0.01, 0.5),
            (0.0105, 0.5),
            (0.011, 0.5),
            (0.011 + 10e-6, 0.25),
            (0.011 + 21e-6, 0.0),
        ] {
            assert!((emission.at(t).norm() - level).abs() < 1e-6, "{t}");
        }
        assert!((emission.power_dbfs() + 6.0206).abs() < 1e-3);
    }

    #[test]
    fn fading_has_mean_power_one_and_the_right_spread() {
        let mut random = Random::new(5);
        for (fading, spread) in
            [(Fading::None, 0.0), (Fading::Rayleigh, 1.0), (Fading::Rice { k_db: 0.0 }, 0.75f64.sqrt())]
        {
            let powers: Vec<f64> = (0..50_000).map(|_| fading.gain(&mut random).norm_sqr()).collect();
            let mean = powers.iter().sum::<f64>() / powers.len() as f64;
            let variance = powers.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / powers.len() as f64;
            assert!((mean - 1.0).abs() < 0.02, "{fading:?}: {mean}");
            assert!((variance.sqrt() - spread).abs() < 0.03, "{fading:?}: {}", variance.sqrt());
        }
    }
}
