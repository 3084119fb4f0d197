//! One GSM burst of a mobile: GMSK, its training sequence, random bits for everything else (TS 45.002 §5.2.3, §5.2.7).

use num_complex::Complex64;

use super::random::Random;
use super::{InvalidParameter, Waveform, require, turn};
use crate::spec::gsm::{Burst, CHANNEL_HZ, EXTENDED_TAIL, Pulse, SYMBOL_RATE_HZ, turns};

/// A burst; power ramps shape what lies before and after it.
#[derive(Debug, Clone)]
pub struct GsmBurst {
    pulse: Pulse,
    turns: Vec<i8>,
}

impl GsmBurst {
    /// A burst with the training sequence numbered `training`, or random bits in its place.
    ///
    /// # Errors
    /// Where there is no such training sequence.
    pub fn new(burst: Burst, training: Option<usize>, random: &mut Random) -> Result<Self, InvalidParameter> {
        let mut bits: Vec<bool> = (0..burst.num_symbols()).map(|_| random.bit()).collect();
        let tail = bits.len() - 3;
        bits[tail..].fill(false);
        match burst {
            Burst::Normal => bits[..3].fill(false),
            Burst::Access => bits[..8].copy_from_slice(&EXTENDED_TAIL),
        }
        if let Some(code) = training {
            let most = burst.num_training() - 1;
            require(code <= most, "training_sequence", code, format!("0 to {most}"))?;
            bits.iter_mut().skip(burst.training_start()).zip(burst.training(code)).for_each(|(bit, own)| *bit = own);
        }
        Ok(Self { pulse: Pulse::default(), turns: turns(bits.into_iter()).collect() })
    }
}

impl Waveform for GsmBurst {
    fn at(&self, time_s: f64) -> Complex64 {
        turn(self.pulse.phase_cycles(&self.turns, time_s * SYMBOL_RATE_HZ))
    }

    fn duration_s(&self) -> f64 {
        self.turns.len() as f64 / SYMBOL_RATE_HZ
    }

    fn occupied_hz(&self) -> f64 {
        CHANNEL_HZ
    }

    fn band_hz(&self) -> (f64, f64) {
        (-CHANNEL_HZ / 2.0, CHANNEL_HZ / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_is_constant_and_the_training_sequence_is_where_it_belongs() {
        let mut random = Random::new(3);
        for burst in Burst::ALL {
            let made = GsmBurst::new(burst, Some(1), &mut random).unwrap();
            assert!((made.duration_s() * SYMBOL_RATE_HZ - burst.num_symbols() as f64).abs() < 1e-9);
            let training: Vec<i8> = turns(burst.training(1)).skip(1).collect();
            let start = burst.training_start() + 1;
            assert_eq!(made.turns[start..start + training.len()], training);
            for i in 0..500 {
                assert!((made.at(f64::from(i) * 1e-6).norm() - 1.0).abs() < 1e-12);
            }
        }
        assert_eq!(GsmBurst::new(Burst::Access, Some(3), &mut random).unwrap_err().key, "training_sequence");
    }
}
