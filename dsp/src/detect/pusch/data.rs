//! What data symbols tell: modulation, repetition, and whether they are data at all.
//!
//! In: the values of an allocation's subcarriers in all symbols, and what the reference symbols showed. Out: [`Data`].
//! Method: data symbols are turned by the reference symbol of their slot and transformed back (§5.3.3); repetitions are
//! sought subframe against subframe. LTE-M repeats in two ways (§5.3.4, TS 36.213 §8.0): with scrambling that stays for
//! four subframes, which are then identical; or cycling through four redundancy versions with scrambling that changes,
//! where subframes four apart differ by a sequence that only their numbers in the frame tell.

use std::f64::consts::TAU;

use num_complex::{Complex32, Complex64};
use rustfft::FftPlanner;

use crate::spec::gold::Gold;
use crate::spec::lte::{CyclicPrefix, USEFUL_TS};

/// Redundancy versions cycled through (TS 36.213 §8.0).
const CYCLE: usize = 4;

/// Subframes of a frame.
const SUBFRAMES: usize = 10;

/// Mean fourth power over the squared mean power of the constellations.
const QPSK_KURTOSIS: f64 = 1.0;
const QAM16_KURTOSIS: f64 = 1.32;

/// Standard deviations by which a repetition must show.
const PROOF_SIGMAS: f64 = 6.0;
/// Standard deviations that repetitions would show, from which their absence tells.
const EXPECTED_SIGMAS: f64 = 9.0;

/// Data symbols of a subframe at the most.
const MAX_SYMBOLS: usize = 12;

/// Subcarriers after which the turn from symbol to symbol comes round again.
const TURNS: i32 = 128;

/// How subframes repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repetition {
    /// Neighbours are identical.
    Identical,
    /// Subframes four apart carry the same bits under other scrambling.
    Cycling,
    /// Neither, where either would have shown.
    None,
    /// It cannot be told.
    Open,
}

/// Constellation points of one subframe, symbol after symbol, turned against its reference symbols.
pub(super) struct Subframe {
    pub(super) points: Vec<Complex32>,
}

/// Turns the values of one symbol back into its constellation points.
pub(super) fn despread(values: &mut [Complex32], planner: &mut FftPlanner<f32>) {
    planner.plan_fft_inverse(values.len()).process(values);
    let scale = 1.0 / (values.len() as f32).sqrt();
    values.iter_mut().for_each(|value| *value *= scale);
}

/// Modulation by the spread of powers, where it tells; `noise` is the noise power over the points' mean power.
pub(super) fn modulation(subframes: &[Subframe], noise: f64) -> Option<&'static str> {
    let powers = || subframes.iter().flat_map(|s| &s.points).map(|z| f64::from(z.norm_sqr())).filter(|&p| p > 0.0);
    let num = powers().count() as f64;
    let mean = powers().sum::<f64>() / num.max(1.0);
    let fourth = powers().map(|p| p * p).sum::<f64>() / num.max(1.0);
    let noise = noise.min(0.9) * mean;
    let signal = mean - noise;
    let kurtosis = (fourth - 4.0 * noise * signal - 2.0 * noise * noise) / (signal * signal).max(f64::MIN_POSITIVE);
    // Spread of a mean of squared exponential-like powers.
    let sigma = (fourth * 2.0 + 4.0 * noise * mean) / (signal * signal).max(f64::MIN_POSITIVE) / num.max(1.0).sqrt();
    let middle = (QPSK_KURTOSIS + QAM16_KURTOSIS) / 2.0;
    if num < 40.0 || (kurtosis - middle).abs() < 0.8 * sigma {
        return None;
    }
    Some(if kurtosis < middle { "qpsk" } else { "16qam" })
}

/// Whether subframes of symbols of `per_symbol` points repeat; `snr` is that of a point.
pub(super) fn repetition(subframes: &[Subframe], per_symbol: usize, prefix: CyclicPrefix, snr: f64) -> Repetition {
    let identical = Agreement::of(subframes, 1, per_symbol, |_| None);
    if identical.sigmas(prefix, |_| 0.0) > PROOF_SIGMAS {
        return Repetition::Identical;
    }
    if subframes.len() <= CYCLE {
        return Repetition::Open;
    }
    let length = subframes.iter().map(|s| s.points.len()).max().unwrap_or(0);
    // What is the same in all sequences of the generator drops out of the difference of two (§5.3.1).
    let scrambling: Vec<Vec<bool>> =
        (0..SUBFRAMES).map(|number| Gold::new((number as u32) << 9).take(2 * length).collect()).collect();
    let pitch_cycles = f64::from(USEFUL_TS + prefix.prefix_ts(1)) / f64::from(USEFUL_TS);
    let mut most = 0.0f64;
    let mut num = 0.0;
    for first in 0..SUBFRAMES {
        let agreement = Agreement::of(subframes, CYCLE, per_symbol, |i| {
            Some((&scrambling[(first + i) % SUBFRAMES][..], &scrambling[(first + i + CYCLE) % SUBFRAMES][..]))
        });
        num = agreement.num;
        for subcarrier in 0..TURNS {
            // A symbol turns against the one before it by its distance from the carrier, half a subcarrier included.
            let cycles = (f64::from(subcarrier) + 0.5) * pitch_cycles;
            most = most.max(agreement.sigmas(prefix, |steps| -2.0 * cycles * steps));
        }
    }
    let expected = snr / (1.0 + snr) * num.sqrt();
    match most {
        sigmas if sigmas > PROOF_SIGMAS => Repetition::Cycling,
        sigmas if expected > EXPECTED_SIGMAS && sigmas < 0.5 * expected => Repetition::None,
        _ => Repetition::Open,
    }
}

/// Products of bits that should agree, for each data symbol of a subframe: those that stay whatever the symbol's turn, and
/// those that turn twice with it.
struct Agreement {
    fixed: f64,
    turning: Vec<Complex64>,
    power: f64,
    /// Bits compared.
    num: f64,
}

impl Agreement {
    /// Of all subframes `lag` apart; `scrambling` gives the sequences of the two where they differ.
    fn of<'a>(
        subframes: &[Subframe],
        lag: usize,
        per_symbol: usize,
        scrambling: impl Fn(usize) -> Option<(&'a [bool], &'a [bool])>,
    ) -> Self {
        let mut agreement = Self { fixed: 0.0, turning: vec![Complex64::ZERO; MAX_SYMBOLS], power: 0.0, num: 0.0 };
        for (i, (early, late)) in subframes.iter().zip(subframes.iter().skip(lag)).enumerate() {
            let sequences = scrambling(i);
            for (n, (a, b)) in early.points.iter().zip(&late.points).enumerate() {
                let differs = |bit: usize| sequences.is_some_and(|(x, y)| x.get(bit) != y.get(bit));
                let unlike = a * b.conj();
                match (differs(2 * n), differs(2 * n + 1)) {
                    (false, false) => agreement.fixed += f64::from(unlike.re),
                    (true, true) => agreement.fixed -= f64::from(unlike.re),
                    (first, _) => {
                        let like = if first { -(a * b) } else { a * b };
                        if let Some(sum) = agreement.turning.get_mut(n / per_symbol.max(1)) {
                            *sum += Complex64::new(like.re.into(), like.im.into());
                        }
                    }
                }
                agreement.power += f64::from(a.norm_sqr() * b.norm_sqr()) / 2.0;
            }
            agreement.num += 2.0 * early.points.len() as f64;
        }
        agreement
    }

    /// Agreement in standard deviations where the symbol `n` after the reference symbol is turned by `cycles(n)`.
    fn sigmas(&self, prefix: CyclicPrefix, cycles: impl Fn(f64) -> f64) -> f64 {
        let per_slot = prefix.symbols_per_slot() - 1;
        let after = |number: usize| {
            let l = number % per_slot;
            let reference = prefix.reference_symbol();
            (l + usize::from(l >= reference)) as f64 - reference as f64
        };
        let turning = self.turning.iter().enumerate();
        let turned: Complex64 = turning.map(|(l, sum)| sum * Complex64::cis(TAU * cycles(after(l)).fract())).sum();
        (self.fixed + turned.re) / self.power.sqrt().max(f64::MIN_POSITIVE)
    }
}
