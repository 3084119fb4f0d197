//! Single-tone transmissions: symbol clock, phase law and reference signal (TS 36.211 §10.1.4.1.1, §10.1.5).
//!
//! The tone's frequency and the symbol clock come from the energy that a matched filter collects. What remains is
//! searched jointly: where the transmission's first slot is, how far phase turns from slot to slot, the modulation,
//! the format and the row of the reference signal. A hypothesis is scored by how unlikely its two matches would be by
//! chance: reference symbols against the template, all symbols against the phase law.

use num_complex::Complex32;
use rustfft::FftPlanner;
use std::f64::consts::TAU;

use super::tone::{Narrowed, Tone};
use crate::baseband::Baseband;
use crate::detect::candidate::Candidate;
use crate::detect::evidence::surprise_nats;
use crate::spec::npusch::{
    Format, GAP_AFTER_S, GAP_S, Modulation, SYMBOLS_PER_SLOT, Spacing, reference_symbols, single_tone,
};

/// Slots that tell the tone's frequency and the symbol clock.
const CLOCK_SLOTS: usize = 256;

/// Slots whose reference symbols are summed coherently.
const COHERENT_SLOTS: usize = 64;

/// Slots looked at; what is longer is decided from its beginning.
const MAX_SLOTS: usize = 1024;

/// Steps by which the tone's frequency is tried within a slot, either side of its estimate.
const FREQUENCY_STEPS: i32 = 4;

/// What was found of a single-tone transmission.
pub(super) struct SingleTone {
    pub(super) spacing: Spacing,
    pub(super) format: Format,
    pub(super) modulation: Modulation,
    /// Instant of its first symbol's prefix.
    pub(super) start_s: f64,
    /// Middle of the tone.
    pub(super) center_hz: f64,
    /// Slots until the energy ends.
    pub(super) num_slots: usize,
    /// Gaps of the standard are part of it.
    pub(super) gaps: bool,
    /// Rows of the reference signal that explain it.
    pub(super) rows: Vec<u8>,
    /// Surprise of the reference symbols, all that was tried taken off.
    pub(super) reference_nats: f64,
    /// Surprise that the reference symbols within slots agree on a spreading; any slow signal agrees too.
    pub(super) spread_nats: f64,
    /// Surprise of the phase law, all that was tried taken off.
    pub(super) law_nats: f64,
    /// Energy on the symbol clock over energy half a symbol off it.
    pub(super) clock_ratio: f64,
    /// Mean power of the symbols, noise included.
    pub(super) symbol_power: f64,
    /// Length of what was summed coherently.
    pub(super) coherent_s: f64,
    /// Step of the frequency search.
    pub(super) frequency_step_hz: f64,
    /// Step of the start's search.
    pub(super) start_step_s: f64,
}

/// Instants of symbols from a first one, gaps included where they are part of the transmission.
#[derive(Clone, Copy)]
struct Timeline {
    spacing: Spacing,
    start_s: f64,
    gaps: bool,
}

impl Timeline {
    fn slot_s(&self, slot: usize) -> f64 {
        let elapsed_s = slot as f64 * self.spacing.slot_s();
        let gaps = if self.gaps { ((elapsed_s + 1e-6) / GAP_AFTER_S).floor() } else { 0.0 };
        self.start_s + elapsed_s + gaps * GAP_S
    }

    /// Start of the window that collects symbol `l` of `slot`: half its prefix in.
    fn window_s(&self, slot: usize, l: usize) -> f64 {
        self.slot_s(slot) + self.spacing.symbol_start_s(l) + self.spacing.cyclic_prefix_s(l) / 2.0
    }

    /// Symbols of the first `num_slots` slots.
    fn symbols(&self, tone: &Tone, num_slots: usize) -> Vec<Complex32> {
        (0..num_slots)
            .flat_map(|slot| (0..SYMBOLS_PER_SLOT).map(move |l| (slot, l)))
            .map(|(slot, l)| tone.at(self.window_s(slot, l)))
            .collect()
    }

    fn energy(&self, tone: &Tone, num_slots: usize) -> f64 {
        self.symbols(tone, num_slots).iter().map(|z| f64::from(z.norm_sqr())).sum()
    }

    fn shifted(self, by_s: f64) -> Self {
        Self { start_s: self.start_s + by_s, ..self }
    }
}

/// A transmission as one point of the search.
#[derive(Clone, Copy)]
struct Hypothesis {
    timeline: Timeline,
    format: Format,
    modulation: Modulation,
    row: u8,
    frequency_hz: f64,
    reference_match: f64,
    spread_nats: f64,
    law_match: f64,
    score: f64,
}

/// Energy on the symbol clock over energy off it below which nothing keeps the clock: data at -3 dB has 1.2.
const MIN_CLOCK_RATIO: f64 = 1.06;

/// Looks for a single-tone transmission of `spacing` in `candidate`.
///
/// # Errors
/// The test that failed: fewer than four slots, or no symbol clock.
pub(super) fn search(baseband: &Baseband, candidate: &Candidate, spacing: Spacing) -> Result<SingleTone, &'static str> {
    let extent = &candidate.extent;
    let decimation = (baseband.sample_rate_hz * spacing.useful_s() / 16.0).round().max(1.0) as usize;
    let margin_s = 2.0 * spacing.slot_s() + 0.5e-3;
    let span_s = (extent.start_s - margin_s, extent.end_s + margin_s);
    let narrowed = Narrowed::new(baseband, extent.center_hz - baseband.center_hz, span_s, decimation);

    let gaps = extent.duration_s() > GAP_AFTER_S + GAP_S;
    let pauses_s = if gaps { (extent.duration_s() / (GAP_AFTER_S + GAP_S)).floor() * GAP_S } else { 0.0 };
    let num_slots = ((extent.duration_s() - pauses_s) / spacing.slot_s()).round() as usize;
    if num_slots < 4 {
        return Err("shorter than any single-tone transmission");
    }
    let num_slots = num_slots.min(MAX_SLOTS);
    let (tone_hz, timeline) = clock(&narrowed, Timeline { spacing, start_s: extent.start_s, gaps }, num_slots);
    let tone = narrowed.tone(tone_hz);
    let coarse_slots = num_slots.min(CLOCK_SLOTS);
    let half_symbol_s = (spacing.useful_s() + spacing.cyclic_prefix_s(1)) / 2.0;
    let clock_ratio = timeline.energy(&tone, coarse_slots)
        / timeline.shifted(half_symbol_s).energy(&tone, coarse_slots).max(f64::MIN_POSITIVE);

    if clock_ratio < MIN_CLOCK_RATIO {
        return Err("no symbol clock");
    }
    if super::is_broken(&slot_powers(&tone, timeline, num_slots)) {
        return Err("silent slots");
    }
    let shifts = match spacing {
        Spacing::Wide => -5..=5,
        Spacing::Narrow => -2..=2,
    };
    let mut search = Search::new(spacing, num_slots);
    let num_shifts = shifts.clone().count();
    for shift in shifts {
        search.score(&tone, timeline.shifted(2.0 * half_symbol_s * f64::from(shift)));
    }
    let best = search.best.ok_or("no samples")?;
    let rows = search.rows_near(&best);
    let (reference_nats, law_nats) = search.surprises(&best, num_shifts);
    let noise = noise_density(candidate) / spacing.useful_s();
    let num_slots = super::last_slot(&slot_powers(&tone, best.timeline, num_slots + 3), num_slots, noise);
    let symbol_power = best.timeline.energy(&tone, num_slots) / (num_slots * SYMBOLS_PER_SLOT) as f64;
    Ok(SingleTone {
        spacing,
        format: best.format,
        modulation: best.modulation,
        start_s: best.timeline.start_s,
        center_hz: extent.center_hz + tone_hz + best.frequency_hz,
        num_slots,
        gaps,
        rows,
        reference_nats,
        spread_nats: best.spread_nats,
        law_nats,
        clock_ratio,
        symbol_power,
        coherent_s: search.block as f64 * spacing.slot_s(),
        frequency_step_hz: match spacing {
            Spacing::Narrow => search.step_hz() / 2.0,
            Spacing::Wide => 1.0 / (2.0 * search.size as f64 * spacing.slot_s()),
        },
        start_step_s: tone.step_s(),
    })
}

/// Noise power of a candidate per hertz.
pub(super) fn noise_density(candidate: &Candidate) -> f64 {
    let decibels = f64::from(candidate.power_dbfs - candidate.snr_db);
    10f64.powf(decibels / 10.0) / candidate.extent.bandwidth_hz.max(1.0)
}

/// Frequency of the tone and the symbol clock nearest to the expected start: where symbols hold the most energy.
fn clock(narrowed: &Narrowed, expected: Timeline, num_slots: usize) -> (f64, Timeline) {
    let spacing = expected.spacing;
    let num_slots = num_slots.min(CLOCK_SLOTS);
    let symbol_s = spacing.useful_s() + spacing.cyclic_prefix_s(1);
    let step_hz = spacing.hz() / 16.0;
    let reach = match spacing {
        Spacing::Wide => 3,
        Spacing::Narrow => 9,
    };
    let mut best = (0.0, 0.0, expected);
    let mut energies = Vec::new();
    for i in -reach..=reach {
        let offset_hz = f64::from(i) * step_hz;
        let tone = narrowed.tone(offset_hz);
        let phases = (symbol_s / tone.step_s()).round() as i32;
        let mut most = 0.0;
        for phase in -phases / 2..phases - phases / 2 {
            let timeline = expected.shifted(f64::from(phase) * tone.step_s());
            let energy = timeline.energy(&tone, num_slots);
            if energy > best.0 {
                best = (energy, offset_hz, timeline);
            }
            most = f64::max(most, energy);
        }
        energies.push(most);
    }
    let (_, offset_hz, timeline) = best;
    // A parabola through three points of the main lobe.
    let at = |i: i32| timeline.energy(&narrowed.tone(offset_hz + f64::from(i) * 2.0 * step_hz), num_slots);
    let (low, middle, high) = (at(-1), best.0, at(1));
    let bend = low - 2.0 * middle + high;
    let fine = if bend < 0.0 { ((low - high) / (2.0 * bend)).clamp(-0.5, 0.5) } else { 0.0 };
    (offset_hz + fine * 2.0 * step_hz, timeline)
}

/// Mean power of the symbols of each slot.
fn slot_powers(tone: &Tone, timeline: Timeline, num_slots: usize) -> Vec<f32> {
    let mean = |slot: &[Complex32]| slot.iter().map(|z| z.norm_sqr()).sum::<f32>() / SYMBOLS_PER_SLOT as f32;
    timeline.symbols(tone, num_slots).chunks_exact(SYMBOLS_PER_SLOT).map(mean).collect()
}

/// The joint search over first slot, format, modulation, row and phase step.
struct Search {
    spacing: Spacing,
    num_slots: usize,
    block: usize,
    num_blocks: usize,
    size: usize,
    planner: FftPlanner<f32>,
    signs: Vec<f32>,
    best: Option<Hypothesis>,
    scored: Vec<Hypothesis>,
}

impl Search {
    fn new(spacing: Spacing, num_slots: usize) -> Self {
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
    fn step_hz(&self) -> f64 {
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
        let power = match modulation {
            Modulation::Bpsk => 2,
            Modulation::Qpsk => 4,
        };
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
        let carried = (0..SYMBOLS_PER_SLOT).filter(|&l| carries(l)).count();
        let dimensions = (carried * carried * self.block * self.block * self.num_blocks) as f32;
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
                let energy = self.spectrum(slot);
                // The law turns `power` times as fast as the symbols: look as far round as half a step of theirs.
                let (power, size) = (power as usize, self.size);
                let near = |q: usize| (0..=power).map(move |d| (q * power + size + d - power / 2) % size);
                (0..size).map(|q| near(q).map(|i| energy[i]).fold(0.0, f32::max) / dimensions).collect()
            })
            .collect()
    }

    /// Scores every hypothesis that starts at `timeline`.
    fn score(&mut self, tone: &Tone, timeline: Timeline) {
        let symbols = timeline.symbols(tone, self.num_slots);
        for format in [Format::One, Format::Two] {
            let references = reference_symbols(format, self.spacing);
            let modulations: &[Modulation] = match format {
                Format::One => &[Modulation::Bpsk, Modulation::Qpsk],
                Format::Two => &[Modulation::Bpsk],
            };
            for &modulation in modulations {
                // Reference symbols of format 1 are points of the constellation, those of format 2 are not.
                let law = self.law(&symbols, modulation, |l| format == Format::One || !references.contains(&l));
                let pilots = Pilots::new(&symbols, format, modulation, references, self.used_slots());
                for row in 0..single_tone::NUM_ROWS as u8 {
                    self.score_row(timeline, format, modulation, row, &pilots, &law);
                }
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

    fn used_slots(&self) -> usize {
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
    fn rows_near(&self, best: &Hypothesis) -> Vec<u8> {
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
    fn surprises(&self, best: &Hypothesis, num_shifts: usize) -> (f64, f64) {
        let slots = self.used_slots();
        let reference = surprise_nats(best.reference_match, self.num_blocks, slots);
        let tried = (num_shifts * single_tone::NUM_ROWS * 3 * self.block) as f64;
        let law = surprise_nats(best.law_match, self.num_blocks, self.carried(best.format) * slots);
        let laws = (3 * self.block) as f64 * (2 * FREQUENCY_STEPS + 1) as f64;
        (reference - tried.ln(), law - laws.ln())
    }
}

/// A quick stand-in for [`surprise_nats`] that orders hypotheses.
fn score(match_fraction: f64, dimensions: usize) -> f64 {
    -(dimensions as f64) * (1.0 - match_fraction.min(1.0 - 1e-9)).ln()
}

/// Reference symbols of each slot, freed from the phase law and the spreading.
struct Pilots {
    /// One value a slot: the mean of its reference symbols.
    slots: Vec<Complex32>,
    /// Energy of `slots`.
    energy: f32,
    /// Surprise that the reference symbols of a slot agree so well on one spreading (format 2).
    spread_nats: f64,
}

impl Pilots {
    fn new(
        symbols: &[Complex32],
        format: Format,
        modulation: Modulation,
        references: &[usize],
        num_slots: usize,
    ) -> Self {
        let turn = Complex32::from_polar(1.0, -modulation.turn_rad() as f32);
        let third = |k: u8| Complex32::from_polar(1.0, -f32::from(k) * std::f32::consts::FRAC_PI_3);
        let count = references.len();
        let mut total = f32::MIN_POSITIVE;
        let slots: Vec<Complex32> = (0..num_slots)
            .map(|n| {
                let received = references.iter().map(|l| {
                    let i = n * SYMBOLS_PER_SLOT + l;
                    if i % 2 == 1 { symbols[i] * turn } else { symbols[i] }
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
