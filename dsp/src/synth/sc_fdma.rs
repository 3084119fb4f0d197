//! SC-FDMA: successive symbols of a few adjacent subcarriers (TS 36.211 §5.6 and §10.1.5).

use num_complex::{Complex32, Complex64};
use rustfft::FftPlanner;

use super::{Waveform, turn};
use crate::spec::npusch::{GAP_AFTER_S, GAP_S, SYMBOLS_PER_SLOT, Spacing};

/// A run of whole slots on a fixed set of adjacent subcarriers.
#[derive(Debug, Clone, PartialEq)]
pub struct ScFdma {
    spacing: Spacing,
    lowest_hz: f64,
    tones: usize,
    /// Value of every subcarrier at the end of the cyclic prefix, lowest first, symbol after symbol.
    values: Vec<Complex32>,
    gaps: bool,
}

impl ScFdma {
    /// Symbols of `tones` subcarriers each, the lowest of them at `lowest_hz` from the carrier. Values have mean power
    /// 1; symbols that do not fill the last slot are dropped. `gaps` inserts the uplink gaps of §10.1.3.6.
    pub fn new(spacing: Spacing, lowest_hz: f64, tones: usize, mut values: Vec<Complex32>, gaps: bool) -> Self {
        let slot = tones.max(1) * SYMBOLS_PER_SLOT;
        values.truncate(values.len() / slot * slot);
        Self { spacing, lowest_hz, tones, values, gaps }
    }

    fn num_slots(&self) -> usize {
        self.values.len() / (self.tones * SYMBOLS_PER_SLOT).max(1)
    }

    /// From the first symbol's start to the last one's end without gaps.
    fn run_s(&self) -> f64 {
        (self.num_slots() as f64 * self.spacing.slot_s() - self.spacing.guard_s()).max(0.0)
    }

    /// Time without gaps that `time_s` is, and whether it lies in a gap.
    fn without_gaps(&self, time_s: f64) -> (f64, bool) {
        if !self.gaps {
            return (time_s, false);
        }
        let period = (time_s / (GAP_AFTER_S + GAP_S)).floor().max(0.0);
        let within_s = time_s - period * (GAP_AFTER_S + GAP_S);
        (period * GAP_AFTER_S + within_s.min(GAP_AFTER_S), within_s >= GAP_AFTER_S)
    }
}

impl Waveform for ScFdma {
    fn at(&self, time_s: f64) -> Complex64 {
        if self.values.is_empty() {
            return Complex64::ZERO;
        }
        let (run_s, silent) = self.without_gaps(time_s.min(self.duration_s()));
        if silent && time_s < self.duration_s() {
            return Complex64::ZERO;
        }
        let slot = ((run_s.max(0.0) / self.spacing.slot_s()) as usize).min(self.num_slots() - 1);
        let within_s = run_s - slot as f64 * self.spacing.slot_s();
        let pitch_s = self.spacing.symbol_start_s(2) - self.spacing.symbol_start_s(1);
        let after_first_s = within_s - self.spacing.symbol_start_s(1);
        let l = if after_first_s < 0.0 { 0 } else { 1 + (after_first_s / pitch_s) as usize };
        if l >= SYMBOLS_PER_SLOT && slot + 1 < self.num_slots() && self.spacing.guard_s() > 0.0 {
            return Complex64::ZERO;
        }
        let l = l.min(SYMBOLS_PER_SLOT - 1);
        let overrun_s = (time_s - self.duration_s()).max(0.0);
        let since_prefix_s = within_s + overrun_s - self.spacing.symbol_start_s(l) - self.spacing.cyclic_prefix_s(l);
        let first = (slot * SYMBOLS_PER_SLOT + l) * self.tones;
        let values = &self.values[first..first + self.tones];
        polynomial(values, turn(self.spacing.hz() * since_prefix_s)) * turn(self.lowest_hz * since_prefix_s)
    }

    fn duration_s(&self) -> f64 {
        let run_s = self.run_s();
        let num_gaps = if self.gaps { ((run_s - 1e-9) / GAP_AFTER_S).floor().max(0.0) } else { 0.0 };
        run_s + num_gaps * GAP_S
    }

    fn on_s(&self) -> f64 {
        self.num_slots() as f64 * (self.spacing.slot_s() - self.spacing.guard_s())
    }

    fn occupied_hz(&self) -> f64 {
        self.tones as f64 * self.spacing.hz()
    }

    fn band_hz(&self) -> (f64, f64) {
        let low_hz = self.lowest_hz - self.spacing.hz() / 2.0;
        (low_hz, low_hz + self.occupied_hz())
    }
}

/// `Σ values[k] z^k` by Horner's rule on eight interleaved chains, which do not wait for each other.
fn polynomial(values: &[Complex32], z: Complex64) -> Complex64 {
    const CHAINS: usize = 8;
    let leap = z.powu(CHAINS as u32);
    let mut sums = [Complex64::ZERO; CHAINS];
    for chunk in values.chunks(CHAINS).rev() {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum = *sum * leap + Complex64::new(value.re.into(), value.im.into());
        }
    }
    sums.iter().rev().fold(Complex64::ZERO, |sum, chain| sum * z + chain)
}

/// Transform precoding of one symbol (§5.3.3), scaled so that the symbol's mean power is 1.
pub(super) fn precode(symbols: &mut [Complex32], planner: &mut FftPlanner<f32>) {
    planner.plan_fft_forward(symbols.len()).process(symbols);
    let scale = 1.0 / symbols.len() as f32;
    symbols.iter_mut().for_each(|value| *value *= scale);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::nprach::T_S;

    fn values(tones: usize, num_symbols: usize) -> Vec<Complex32> {
        (0..tones * num_symbols)
            .map(|i| Complex32::from_polar((1.0 / tones as f32).sqrt(), (i * i % 97) as f32))
            .collect()
    }

    /// A DFT over each symbol's useful part gives back the subcarriers, and the prefix is its end.
    #[test]
    fn symbols_come_back_from_their_useful_parts() {
        for (spacing, tones) in [(Spacing::Wide, 12), (Spacing::Wide, 3), (Spacing::Wide, 1), (Spacing::Narrow, 1)] {
            let values = values(tones, 21);
            let lowest_hz = spacing.subcarrier_hz(-3);
            let signal = ScFdma::new(spacing, lowest_hz, tones, values.clone(), false);
            for symbol in 0..21 {
                let (start_s, prefix_s) = (spacing.symbol_start_s(symbol), spacing.cyclic_prefix_s(symbol));
                let step_s = spacing.useful_s() / 128.0;
                for tone in 0..tones {
                    let tone_hz = lowest_hz + tone as f64 * spacing.hz();
                    let sum: Complex64 = (0..128)
                        .map(|i| {
                            let t = (f64::from(i) + 0.5) * step_s;
                            signal.at(start_s + prefix_s + t) * turn(-tone_hz * t)
                        })
                        .sum();
                    let expected = values[symbol * tones + tone];
                    let expected = Complex64::new(expected.re.into(), expected.im.into());
                    assert!((sum / 128.0 - expected).norm() < 1e-9, "{spacing:?} symbol {symbol} tone {tone}");
                }
                // Half-odd subcarriers turn sign over one symbol.
                let inside_s = start_s + prefix_s / 2.0;
                let cyclic = signal.at(inside_s) + signal.at(inside_s + spacing.useful_s());
                assert!(cyclic.norm() < 1e-9, "{spacing:?} symbol {symbol}");
            }
        }
    }

    #[test]
    fn guards_and_gaps_are_silent() {
        let signal = ScFdma::new(Spacing::Narrow, 0.0, 1, values(1, 7 * 160), true);
        let guard_s = 2304.0 * T_S;
        assert!((signal.duration_s() - (0.320 - guard_s + 0.040)).abs() < 1e-12);
        assert!((signal.on_s() - 160.0 * (0.002 - guard_s)).abs() < 1e-12);
        for (t, on) in [
            (0.002 - guard_s - 1e-6, true),
            (0.002 - guard_s + 1e-6, false),
            (0.002 + 1e-6, true),
            (0.256 + 1e-6, false),
            (0.296 - 1e-6, false),
            (0.296 + 1e-6, true),
            (signal.duration_s() - 1e-6, true),
            (signal.duration_s() + 1e-6, true),
        ] {
            assert_eq!(signal.at(t).norm() > 0.5, on, "{t}");
        }
        // Exactly 256 ms of uplink end before the gap.
        let signal = ScFdma::new(Spacing::Wide, 0.0, 1, values(1, 7 * 512), true);
        assert!((signal.duration_s() - 0.256).abs() < 1e-12);
        assert!((signal.at(0.256 + 5e-6).norm() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn precoding_keeps_the_power() {
        let mut symbols: Vec<Complex32> = (0..36).map(|i| Complex32::from_polar(1.0, (i * i) as f32)).collect();
        precode(&mut symbols, &mut FftPlanner::new());
        let power: f32 = symbols.iter().map(Complex32::norm_sqr).sum();
        assert!((power - 1.0).abs() < 1e-4);
    }
}
