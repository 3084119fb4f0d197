//! Training sequences held against a channel, at every start and for every code.
//!
//! The first bit of a sequence turns the phase by what the bit before it was, which is data: it is left out.

use num_complex::Complex32;
use std::f64::consts::TAU;

use super::lines::Channel;
use crate::spec::gsm::{Burst, Pulse, SYMBOL_RATE_HZ, turns};

/// Starts tried in a symbol.
const STEPS_PER_SYMBOL: f64 = 4.0;
/// Symbols at either end of a sequence that data next to it reach into.
const EDGE_SYMBOLS: usize = 1;

/// Shape of every sequence, in phase steps.
pub(super) struct Templates {
    pulse: Pulse,
    normal: Vec<Vec<i8>>,
    access: Vec<Vec<i8>>,
}

impl Default for Templates {
    fn default() -> Self {
        let of = |burst: Burst| {
            (0..burst.num_training()).map(|code| turns(burst.training(code)).collect()).collect::<Vec<Vec<i8>>>()
        };
        Self { pulse: Pulse::default(), normal: of(Burst::Normal), access: of(Burst::Access) }
    }
}

/// A training sequence found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match {
    pub(super) code: usize,
    /// Start of its first symbol.
    pub(super) start_s: f64,
    /// Surprise that data modulated the same way show as much, once all starts and codes are off.
    pub(super) nats: f64,
}

impl Templates {
    /// The sequence of `burst` that fits best where its first symbol starts from `places.0` to `places.1`.
    pub(super) fn search(&self, channel: &Channel, burst: Burst, places: (f64, f64)) -> Option<Match> {
        let rate_hz = channel.rate_hz;
        let all = match burst {
            Burst::Normal => &self.normal,
            Burst::Access => &self.access,
        };
        let used = burst.training_len() - 2 * EDGE_SYMBOLS;
        let count = (used as f64 / SYMBOL_RATE_HZ * rate_hz) as usize;
        // A start that is no whole number of samples away is a template of its own.
        let phases = (STEPS_PER_SYMBOL * SYMBOL_RATE_HZ / rate_hz).ceil().max(1.0) as usize;
        let mut best: Option<(f64, usize, f64)> = None;
        for (code, turns) in all.iter().enumerate() {
            for phase in 0..phases {
                let late = phase as f64 / phases as f64;
                let template: Vec<Complex32> = (0..count)
                    .map(|i| {
                        let symbols = (i as f64 - late) / rate_hz * SYMBOL_RATE_HZ + EDGE_SYMBOLS as f64;
                        Complex32::cis((-TAU * self.pulse.phase_cycles(turns, symbols)) as f32)
                    })
                    .collect();
                let lead = EDGE_SYMBOLS as f64 / SYMBOL_RATE_HZ;
                let position = |time_s: f64| (time_s + lead - channel.start_s) * rate_hz - late;
                let (first, last) = (position(places.0).ceil().max(0.0), position(places.1).floor());
                for index in first as usize..=(last.max(0.0) as usize) {
                    let Some(piece) = channel.samples.get(index..index + count) else { break };
                    let energy: f32 = piece.iter().map(|z| z.norm_sqr()).sum();
                    let sum: Complex32 = piece.iter().zip(&template).map(|(z, t)| z * t).sum();
                    let share = f64::from(sum.norm_sqr() / (energy * count as f32).max(f32::MIN_POSITIVE));
                    if best.is_none_or(|best| share > best.0) {
                        let start_s = channel.start_s + (index as f64 + late) / rate_hz - lead;
                        best = Some((share, code, start_s));
                    }
                }
            }
        }
        let (share, code, start_s) = best?;
        let starts = ((places.1 - places.0) * SYMBOL_RATE_HZ).max(1.0);
        Some(Match { code, start_s, nats: data_nats(share, used) - (starts * all.len() as f64).ln() })
    }
}

/// `-ln P` that `count` random symbols agree with a sequence in as many, or disagree in as many, as explain `share` of
/// the energy: a binomial tail.
fn data_nats(share: f64, count: usize) -> f64 {
    let wrong = (count as f64 * (1.0 - share.clamp(0.0, 1.0).sqrt()) / 2.0) as usize;
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 0..wrong {
        term *= (count - k) as f64 / (k + 1) as f64;
        sum += term;
    }
    (count as f64 * 2f64.ln() - (2.0f64 * sum).ln()).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All right or all wrong are two of 2²⁴; up to one different, fifty.
    #[test]
    fn data_nats_is_the_binomial_tail() {
        assert!((data_nats(1.0, 24) - (f64::from(1 << 24) / 2.0).ln()).abs() < 1e-9);
        assert!((data_nats((22.0f64 / 24.0).powi(2) - 1e-6, 24) - (f64::from(1 << 24) / 50.0).ln()).abs() < 1e-9);
        assert_eq!(data_nats(0.0, 24), data_nats(-1.0, 24));
    }
}
