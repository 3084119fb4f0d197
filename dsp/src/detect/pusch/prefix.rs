//! Finds the symbol grid by cyclic prefixes: every symbol begins with a copy of its own end.
//!
//! In: baseband samples of a burst. Out: where slots begin but for whole symbols, which prefix it is, and where
//! subcarriers stand between multiples of 15 kHz. Method: products of samples one useful symbol apart, folded to a slot,
//! summed over the prefixes of a slot at every shift; their phase is the frequency.
//! Reference: TS 36.211 §5.6; J.-J. van de Beek, "ML estimation of time and frequency offset in OFDM systems" (1997).

use num_complex::{Complex32, Complex64};
use std::f64::consts::TAU;

use crate::detect::evidence::surprise_nats;
use crate::spec::lte::{CyclicPrefix, SLOT_S, SUBCARRIER_HZ, T_S};

/// Time looked at at most.
const MAX_S: f64 = 0.064;
const MAX_SAMPLES: usize = 130_000;

/// Share of the energy that a tone may have.
const MAX_TONE_SHARE: f64 = 0.9;

/// A grid of symbols.
#[derive(Debug, Clone, Copy)]
pub(super) struct SymbolGrid {
    pub(super) prefix: CyclicPrefix,
    /// From the first sample of the baseband to the start of a slot, in samples, but for whole symbols.
    pub(super) slot_start: f64,
    /// Subcarriers stand this far above multiples of their spacing from the baseband's centre.
    pub(super) offset_hz: f64,
    /// Surprise that a signal without prefixes shows as much.
    pub(super) nats: f64,
}

/// How much rarer cells with `prefix` are.
fn rarity_nats(prefix: CyclicPrefix) -> f64 {
    match prefix {
        CyclicPrefix::Normal => 0.0,
        CyclicPrefix::Extended => 6.0,
    }
}

/// Products of a burst's samples with those one useful symbol later, folded to a slot.
pub(super) struct Prefixes {
    products: Vec<Complex64>,
    energies: Vec<f64>,
    rate_hz: f64,
    first: usize,
    num_slots: f64,
}

impl Prefixes {
    /// Of the samples from `from` on, `count` of them, of which `useful` are the useful part of a symbol.
    pub(super) fn new(samples: &[Complex32], rate_hz: f64, useful: usize, from: usize, count: usize) -> Option<Self> {
        let period = useful * 15 / 2;
        let count = count.min(MAX_SAMPLES).min((MAX_S * rate_hz) as usize);
        let samples = samples.get(from..(from + count).min(samples.len()))?;
        if samples.len() < period {
            return None;
        }
        let mut products = vec![Complex64::ZERO; period];
        let mut energies = vec![0.0; period];
        for (n, pair) in samples.windows(useful + 1).enumerate() {
            let (early, late) = (pair[0], pair[useful]);
            let product = late * early.conj();
            products[n % period] += Complex64::new(product.re.into(), product.im.into());
            energies[n % period] += f64::from(early.norm_sqr() + late.norm_sqr()) / 2.0;
        }
        // A steady tone, such as the receiver's own at 0 Hz, is a copy of itself everywhere.
        let tone = products.iter().sum::<Complex64>() / period as f64;
        let mean = energies.iter().sum::<f64>() / period as f64;
        products.iter_mut().for_each(|product| *product -= tone);
        energies.iter_mut().for_each(|energy| *energy -= tone.norm().min(MAX_TONE_SHARE * mean));
        let num_slots = samples.len() as f64 / period as f64;
        Some(Self { products, energies, rate_hz, first: from, num_slots })
    }

    /// Rate of the samples.
    pub(super) fn rate_hz(&self) -> f64 {
        self.rate_hz
    }

    /// Time in normal prefixes that was looked at.
    pub(super) fn prefixes_s(&self) -> f64 {
        self.num_slots * f64::from(160 + 6 * 144u16) * T_S
    }

    /// Sum of the products of the prefixes of `grid` with what they are copies of: its phase is the frequency.
    pub(super) fn product(&self, grid: &SymbolGrid) -> Complex64 {
        let products = Sums::new(&self.products);
        let rate = self.rate_hz * T_S;
        (0..grid.prefix.symbols_per_slot())
            .map(|l| {
                let start = grid.slot_start - self.first as f64 + f64::from(grid.prefix.symbol_start_ts(l)) * rate;
                products.between(start, start + f64::from(grid.prefix.prefix_ts(l)) * rate)
            })
            .sum()
    }

    /// Surprise that a signal of `bandwidth_hz` without prefixes shows as much at the place of `grid`.
    pub(super) fn nats(&self, grid: &SymbolGrid, bandwidth_hz: f64) -> f64 {
        let rate = self.rate_hz * T_S;
        let energies = Sums::new(&self.energies);
        let energy: f64 = (0..grid.prefix.symbols_per_slot())
            .map(|l| {
                let start = grid.slot_start - self.first as f64 + f64::from(grid.prefix.symbol_start_ts(l)) * rate;
                energies.between(start, start + f64::from(grid.prefix.prefix_ts(l)) * rate)
            })
            .sum();
        let share = (self.product(grid).norm() / energy.max(f64::MIN_POSITIVE)).min(1.0);
        let values = (self.prefixes_s() * bandwidth_hz).max(2.0);
        surprise_nats(share * share, 1, values.round() as usize)
    }

    /// The grid with `prefix` that explains most, for a signal of `bandwidth_hz`.
    pub(super) fn best(&self, prefix: CyclicPrefix, bandwidth_hz: f64) -> SymbolGrid {
        let period = self.products.len();
        let products = Sums::new(&self.products);
        let energies = Sums::new(&self.energies);
        let rate = self.rate_hz * T_S;
        let spans: Vec<(f64, f64)> = (0..prefix.symbols_per_slot())
            .map(|l| (f64::from(prefix.symbol_start_ts(l)) * rate, f64::from(prefix.prefix_ts(l)) * rate))
            .collect();
        let sums = |shift: f64| {
            let spans = spans.iter().map(|(start, len)| (shift + start, shift + start + len));
            spans
                .fold((Complex64::ZERO, 0.0), |(z, e), (a, b)| (z + products.between(a, b), e + energies.between(a, b)))
        };
        let coherence = |shift: f64| {
            let (product, energy) = sums(shift);
            (product.norm() / energy.max(f64::MIN_POSITIVE)).min(1.0)
        };
        // The first symbol's longer prefix is the only one that tells symbols apart.
        let step = |from: f64, step: f64, num: i32| {
            let shifts = (-num..=num).map(move |i| from + f64::from(i) * step);
            shifts.map(|shift| (coherence(shift), shift)).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((0.0, from))
        };
        let middle = period as f64 / 2.0;
        let (_, coarse) = step(middle, 0.5, period as i32);
        let (share, shift) = step(coarse, 0.125, 4);
        let prefixes_s: f64 = spans.iter().map(|(_, len)| len / self.rate_hz).sum();
        let values = (self.num_slots * prefixes_s * bandwidth_hz).max(2.0);
        let tried = (SLOT_S / prefix.symbols_per_slot() as f64 * bandwidth_hz).max(1.0);
        let (product, _) = sums(shift);
        SymbolGrid {
            prefix,
            slot_start: self.first as f64 + shift.rem_euclid(period as f64),
            offset_hz: product.arg() / TAU * SUBCARRIER_HZ,
            nats: surprise_nats(share * share, 1, values.round() as usize) - tried.ln() - rarity_nats(prefix),
        }
    }
}

/// Sums over any stretch of a periodic sequence, its values spread evenly about their instants.
struct Sums<T> {
    upto: Vec<T>,
}

impl<T> Sums<T>
where
    T: Copy + Default + std::ops::Add<Output = T> + std::ops::Sub<Output = T> + std::ops::Mul<f64, Output = T>,
{
    fn new(values: &[T]) -> Self {
        let mut sum = T::default();
        let mut upto = vec![sum];
        for &value in values {
            sum = sum + value;
            upto.push(sum);
        }
        Self { upto }
    }

    fn at(&self, position: f64) -> T {
        let period = self.upto.len() - 1;
        let position = position + 0.5;
        let turns = (position / period as f64).floor();
        let within = position - turns * period as f64;
        let index = (within as usize).min(period - 1);
        let part = (self.upto[index + 1] - self.upto[index]) * (within - index as f64);
        self.upto[period] * turns + self.upto[index] + part
    }

    fn between(&self, from: f64, to: f64) -> T {
        self.at(to) - self.at(from)
    }
}
