//! Two-level FSK of continuous phase with random data: a meter's or remote control's telegram, which is no cellular
//! uplink.

use num_complex::Complex64;

use super::random::Random;
use super::{InvalidParameter, Waveform, require, turn};

/// One telegram.
#[derive(Debug, Clone, PartialEq)]
pub struct Fsk {
    symbol_rate_hz: f64,
    deviation_hz: f64,
    /// +1 or -1 a symbol.
    levels: Vec<i8>,
    /// Sum of the levels before each symbol.
    sums: Vec<i32>,
}

impl Fsk {
    /// A telegram of `duration_s` (whole symbols) at ±`deviation_hz`.
    ///
    /// # Errors
    /// Where a rate or length is not positive and finite, or the telegram exceeds 10⁷ symbols.
    pub fn new(
        duration_s: f64,
        symbol_rate_hz: f64,
        deviation_hz: f64,
        random: &mut Random,
    ) -> Result<Self, InvalidParameter> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        require(positive(symbol_rate_hz), "symbol_rate_hz", symbol_rate_hz, "more than 0")?;
        require(positive(deviation_hz), "deviation_hz", deviation_hz, "more than 0")?;
        let num_symbols = (duration_s * symbol_rate_hz).round();
        require((1.0..=1e7).contains(&num_symbols), "duration_s", duration_s, "1 to 10000000 symbols")?;
        let levels: Vec<i8> = (0..num_symbols as usize).map(|_| if random.bit() { 1 } else { -1 }).collect();
        let sums = levels.iter().scan(0, |sum, &level| Some(std::mem::replace(sum, *sum + i32::from(level)))).collect();
        Ok(Self { symbol_rate_hz, deviation_hz, levels, sums })
    }
}

impl Waveform for Fsk {
    fn at(&self, time_s: f64) -> Complex64 {
        let position = time_s * self.symbol_rate_hz;
        let symbol = (position.max(0.0) as usize).min(self.levels.len() - 1);
        let level_integral = f64::from(self.sums[symbol]) + f64::from(self.levels[symbol]) * (position - symbol as f64);
        turn(self.deviation_hz / self.symbol_rate_hz * level_integral)
    }

    fn duration_s(&self) -> f64 {
        self.levels.len() as f64 / self.symbol_rate_hz
    }

    /// Carson's rule.
    fn occupied_hz(&self) -> f64 {
        2.0 * self.deviation_hz + self.symbol_rate_hz
    }

    fn band_hz(&self) -> (f64, f64) {
        (-self.occupied_hz() / 2.0, self.occupied_hz() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The phase never jumps, and between symbol edges it turns at exactly ±deviation.
    #[test]
    fn phase_is_continuous_and_turns_at_the_deviation() {
        let fsk = Fsk::new(0.02, 2400.0, 5000.0, &mut Random::new(1)).unwrap();
        let step_s = 1e-6;
        let mut both = [false; 2];
        for i in 0..20_000 {
            let t = f64::from(i) * step_s;
            let turned_hz = (fsk.at(t + step_s) * fsk.at(t).conj()).arg() / std::f64::consts::TAU / step_s;
            assert!(turned_hz.abs() < 5000.01, "{t}: {turned_hz}");
            both[usize::from(turned_hz > 0.0)] |= (turned_hz.abs() - 5000.0).abs() < 0.01;
        }
        assert_eq!(both, [true; 2]);
    }

    #[test]
    fn a_telegram_without_symbols_is_refused() {
        assert_eq!(Fsk::new(0.0, 2400.0, 5000.0, &mut Random::new(1)).unwrap_err().key, "duration_s");
        assert!(Fsk::new(f64::NAN, 2400.0, 5000.0, &mut Random::new(1)).is_err());
    }
}
