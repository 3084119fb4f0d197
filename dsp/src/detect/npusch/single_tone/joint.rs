//! The joint search over what a single-tone transmission that begins with its candidate may be.

use num_complex::Complex32;
use rustfft::FftPlanner;
use std::f64::consts::TAU;

use super::timeline::Timeline;
use crate::detect::evidence::surprise_nats;
use crate::detect::npusch::tone::Tone;
use crate::spec::npusch::{Format, Modulation, SYMBOLS_PER_SLOT, Spacing, reference_symbols, single_tone};

/// Slots whose reference symbols are summed coherently.
const COHERENT_SLOTS: usize = 64;

/// Steps by which the tone's frequency is tried within a slot, either side of its estimate.
pub(super) const FREQUENCY_STEPS: i32 = 4;

/// A transmission as one point of the search.
#[derive(Clone, Copy)]
pub(super) struct Hypothesis {
    pub(super) timeline: Timeline,
    pub(super) format: Format,
    pub(super) modulation: Modulation,
    pub(super) row: u8,
    pub(super) frequency_hz: f64,
    pub(super) reference_match: f64,
    pub(super) spread_nats: f64,
    pub(super) law_match: f64,
    pub(super) score: f64,
}

/// What a single tone may carry.
pub(super) const KINDS: [(Format, Modulation); 3] =
    [(Format::One, Modulation::Bpsk), (Format::One, Modulation::Qpsk), (Format::Two, Modulation::Bpsk)];

/// Says whether symbol `l` of a slot stands on the data's constellation: reference symbols of format 1 do, those of format
/// 2 do not.
pub(super) fn carries(format: Format, spacing: Spacing, l: usize) -> bool {
    format == Format::One || !reference_symbols(format, spacing).contains(&l)
}

/// The joint search over first slot, format, modulation, row and phase step.
pub(super) struct Search {
    spacing: Spacing,
    num_slots: usize,
    pub(super) block: usize,
    pub(super) num_blocks: usize,
    pub(super) size: usize,
    planner: FftPlanner<f32>,
    signs: Vec<f32>,
    pub(super) best: Option<Hypothesis>,
    scored: Vec<Hypothesis>,
}

impl Search {
    pub(super) fn new(spacing: Spacing, num_slots: usize) -> Self {
        let num_blocks = num_slots.div_ceil(COHERENT_SLOTS);
        let block = num_slots / num_blocks;
        Self {
            spacing,
            num_slots,
            block,
            num_blocks,
            size: (2 * block).next_power_of_two().max(32),
            planner: FftPlanner::new(),
            signs: single_tone::signs().take(num_slots).collect(),
            best: None,
            scored: Vec::new(),
        }
    }

    /// Frequencies tried within a slot.
    pub(super) fn step_hz(&self) -> f64 {
        1.0 / (2.0 * FREQUENCY_STEPS as f64 * self.spacing.slot_s())
    }

    /// Energy at each phase step from slot to slot, block by block: `|Σ_n values[n] e^{-j2πqn/size}|²`.
    fn spectrum(&mut self, values: impl Fn(usize) -> Complex32) -> Vec<f32> {
        let fft = self.planner.plan_fft_forward(self.size);
        let mut energy = vec![0.0; self.size];
        let mut buffer = vec![Complex32::ZERO; self.size];
        for block in 0..self.num_blocks {
            buffer.fill(Complex32::ZERO);
            for (i, value) in buffer[..self.block].iter_mut().enumerate() {
                *value = values(block * self.block + i);
            }
            fft.process(&mut buffer);
            energy.iter_mut().zip(&buffer).for_each(|(sum, value)| *sum += value.norm_sqr());
        }
        energy
    }

    /// How well all symbols of `carries` obey a phase law, for each frequency within a slot and each phase step.
    fn law(&mut self, symbols: &[Complex32], modulation: Modulation, carries: impl Fn(usize) -> bool) -> Vec<Vec<f32>> {
        let (power, size) = (order(modulation) as usize, self.size);
        let carried = (0..SYMBOLS_PER_SLOT).filter(|&l| carries(l)).count();
        let dimensions = (carried * carried * self.block * self.block * self.num_blocks) as f32;
        // The law turns `power` times as fast as the symbols: look as far round as half a step of theirs.
        let near = |q: usize| (0..=power).map(move |d| (q * power + size + d - power / 2) % size);
        let share = |energy: &Vec<f32>, q| near(q).map(|i| energy[i]).fold(0.0, f32::max) / dimensions;
        self.lines(symbols, modulation, carries)
            .iter()
            .map(|energy| (0..size).map(|q| share(energy, q)).collect())
            .collect()
    }

    /// Energy of the symbols raised to the order of their modulation, for each frequency within a slot and each turn from
    /// slot to slot.
    pub(super) fn lines(
        &mut self,
        symbols: &[Complex32],
        modulation: Modulation,
        carries: impl Fn(usize) -> bool,
    ) -> Vec<Vec<f32>> {
        let power = order(modulation);
        let raised: Vec<Complex32> = symbols
            .iter()
            .enumerate()
            .map(|(i, z)| {
                let unit = z / z.norm().max(f32::MIN_POSITIVE);
                let turned = unit.powu(power);
                // Both laws turn the power by π from one symbol to the next.
                if !carries(i % SYMBOLS_PER_SLOT) {
                    Complex32::ZERO
                } else if i % 2 == 1 {
                    -turned
                } else {
                    turned
                }
            })
            .collect();
        (-FREQUENCY_STEPS..=FREQUENCY_STEPS)
            .map(|i| {
                let offset_hz = f64::from(i) * self.step_hz();
                let turns: Vec<Complex32> = (0..SYMBOLS_PER_SLOT)
                    .map(|l| {
                        let phase_rad = -TAU * f64::from(power) * offset_hz * self.spacing.symbol_start_s(l);
                        Complex32::from_polar(1.0, phase_rad as f32)
                    })
                    .collect();
                let slot = |n: usize| {
                    let symbols = &raised[n * SYMBOLS_PER_SLOT..(n + 1) * SYMBOLS_PER_SLOT];
                    symbols.iter().zip(&turns).map(|(z, turn)| z * turn).sum()
                };
                self.spectrum(slot)
            })
            .collect()
    }

    /// Scores every hypothesis that starts at `timeline`.
    pub(super) fn score(&mut self, tone: &Tone, timeline: Timeline) {
        let symbols = timeline.symbols(tone, self.num_slots);
        let spacing = self.spacing;
        for (format, modulation) in KINDS {
            let references = reference_symbols(format, self.spacing);
            let law = self.law(&symbols, modulation, |l| carries(format, spacing, l));
            let pilots = Pilots::new(&symbols, format, modulation, references, self.used_slots(), 0);
            for row in 0..single_tone::NUM_ROWS as u8 {
                self.score_row(timeline, format, modulation, row, &pilots, &law);
            }
        }
    }

    fn score_row(
        &mut self,
        timeline: Timeline,
        format: Format,
        modulation: Modulation,
        row: u8,
        pilots: &Pilots,
        law: &[Vec<f32>],
    ) {
        let signs = std::mem::take(&mut self.signs);
        let spectrum = self.spectrum(|n| pilots.slots[n] * signs[n] * single_tone::row(row, n));
        self.signs = signs;
        let scale = 1.0 / (pilots.energy * self.block as f32).max(f32::MIN_POSITIVE);
        let (slots, carried) = (self.used_slots(), self.carried(format));
        let mut best: Option<Hypothesis> = None;
        for (q, &value) in spectrum.iter().enumerate() {
            let reference_match = f64::from(value * scale);
            let reference_score = score(reference_match, slots) + pilots.spread_nats;
            for i in self.frequencies(q) {
                let law_match = f64::from(law[i][q]);
                let score = reference_score + score(law_match, carried * slots);
                if best.is_none_or(|best| score > best.score) {
                    best = Some(Hypothesis {
                        timeline,
                        format,
                        modulation,
                        row,
                        frequency_hz: self.frequency_hz(q, i),
                        reference_match,
                        spread_nats: pilots.spread_nats,
                        law_match,
                        score,
                    });
                }
            }
        }
        self.scored.extend(best);
        if best.is_some_and(|new| self.best.is_none_or(|best| new.score > best.score)) {
            self.best = best;
        }
    }

    pub(super) fn used_slots(&self) -> usize {
        self.block * self.num_blocks
    }

    /// Symbols of a slot that obey the phase law.
    fn carried(&self, format: Format) -> usize {
        match format {
            Format::One => SYMBOLS_PER_SLOT,
            Format::Two => SYMBOLS_PER_SLOT - reference_symbols(format, self.spacing).len(),
        }
    }

    /// Frequencies within a slot that go with phase step `q`: all where guards make the two independent.
    fn frequencies(&self, q: usize) -> std::ops::Range<usize> {
        let all = 2 * FREQUENCY_STEPS as usize;
        match self.spacing {
            Spacing::Narrow => 0..all + 1,
            Spacing::Wide => {
                let steps = (self.signed_bin(q) / self.size as f64 * all as f64).round() as i32;
                let i = (steps + FREQUENCY_STEPS) as usize;
                i..i + 1
            }
        }
    }

    fn signed_bin(&self, q: usize) -> f64 {
        if q < self.size / 2 { q as f64 } else { q as f64 - self.size as f64 }
    }

    fn frequency_hz(&self, q: usize, i: usize) -> f64 {
        match self.spacing {
            Spacing::Narrow => (i as f64 - FREQUENCY_STEPS as f64) * self.step_hz(),
            Spacing::Wide => self.signed_bin(q) / (self.size as f64 * self.spacing.slot_s()),
        }
    }

    /// Rows that explain the transmission nearly as well as the best one does.
    pub(super) fn rows_near(&self, best: &Hypothesis) -> Vec<u8> {
        const MARGIN_NATS: f64 = 7.0;
        let mut rows: Vec<u8> = self
            .scored
            .iter()
            .filter(|h| h.format == best.format && h.timeline.start_s == best.timeline.start_s)
            .filter(|h| h.score > best.score - MARGIN_NATS)
            .map(|h| h.row)
            .collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// Surprise of the reference symbols and of the law, less the logarithm of the number of things tried.
    pub(super) fn surprises(&self, best: &Hypothesis, num_shifts: usize) -> (f64, f64) {
        let slots = self.used_slots();
        let reference = surprise_nats(best.reference_match, self.num_blocks, slots);
        let tried = (num_shifts * single_tone::NUM_ROWS * 3 * self.block) as f64;
        let law = surprise_nats(best.law_match, self.num_blocks, self.carried(best.format) * slots);
        let laws = (3 * self.block) as f64 * (2 * FREQUENCY_STEPS + 1) as f64;
        (reference - tried.ln(), law - laws.ln())
    }
}

/// Power that takes the data off symbols of `modulation`.
pub(super) const fn order(modulation: Modulation) -> u32 {
    match modulation {
        Modulation::Bpsk => 2,
        Modulation::Qpsk => 4,
    }
}

/// A quick stand-in for [`surprise_nats`] that orders hypotheses.
fn score(match_fraction: f64, dimensions: usize) -> f64 {
    -(dimensions as f64) * (1.0 - match_fraction.min(1.0 - 1e-9)).ln()
}

/// Reference symbols of each slot, freed from the phase law and the spreading.
pub(super) struct Pilots {
    /// One value a slot: the mean of its reference symbols.
    pub(super) slots: Vec<Complex32>,
    /// Energy of `slots`.
    pub(super) energy: f32,
    /// Surprise that the reference symbols of a slot agree so well on one spreading (format 2).
    pub(super) spread_nats: f64,
}

impl Pilots {
    /// Of the first `num_slots` slots, which `parity` slots of the transmission precede.
    pub(super) fn new(
        symbols: &[Complex32],
        format: Format,
        modulation: Modulation,
        references: &[usize],
        num_slots: usize,
        parity: usize,
    ) -> Self {
        let turn = Complex32::from_polar(1.0, -modulation.turn_rad() as f32);
        let third = |k: u8| Complex32::from_polar(1.0, -f32::from(k) * std::f32::consts::FRAC_PI_3);
        let count = references.len();
        let mut total = f32::MIN_POSITIVE;
        let slots: Vec<Complex32> = (0..num_slots)
            .map(|n| {
                let received = references.iter().map(|l| {
                    let i = n * SYMBOLS_PER_SLOT + l;
                    if (i + parity) % 2 == 1 { symbols[i] * turn } else { symbols[i] }
                });
                total += received.clone().map(|z| z.norm_sqr()).sum::<f32>();
                let despread = |row: &[u8; 3]| received.clone().zip(row).map(|(z, &k)| z * third(k)).sum::<Complex32>();
                let sum = match format {
                    Format::One => received.sum(),
                    Format::Two => single_tone::SPREADING
                        .iter()
                        .map(despread)
                        .max_by(|a, b| a.norm_sqr().total_cmp(&b.norm_sqr()))
                        .unwrap_or_default(),
                };
                sum / count as f32
            })
            .collect();
        let energy: f32 = slots.iter().map(|z| z.norm_sqr()).sum();
        let agreement = f64::from(energy * count as f32 / total);
        let spread_nats = match format {
            Format::One => 0.0,
            Format::Two => {
                let chosen = num_slots as f64 * (single_tone::SPREADING.len() as f64).ln();
                (surprise_nats(agreement, num_slots, count * num_slots) - chosen).max(0.0)
            }
        };
        Self { slots, energy, spread_nats }
    }
}
