//! A single-tone transmission whose beginning its candidate lacks: weak, crossed by another, or after a gap.
//!
//! The sequence that all cells multiply their reference rows with starts with the transmission, so the part received
//! tells how many slots went before. Where the phase law holds it tells the frequency but for whole fractions of a turn
//! a slot; QPSK near the noise shows no law, then frequencies are tried over short blocks, and fewer offsets.
//! In: the tone and its symbol clock. Out: the number of slots gone before, and the kind of transmission.
//! Ignores transmissions that began more than [`FIRST_SLOTS`] earlier, but for those that go on after a gap.

use num_complex::Complex32;
use std::f64::consts::TAU;

use super::joint::{FREQUENCY_STEPS, Hypothesis, KINDS, Pilots, Search, carries, order};
use super::timeline::{Timeline, slot_powers, symbol_s};
use crate::detect::evidence::surprise_nats;
use crate::detect::npusch::tone::Tone;
use crate::spec::npusch::{Format, GAP_AFTER_S, Modulation, SYMBOLS_PER_SLOT, Spacing, reference_symbols, single_tone};

/// Slots of the part received that are looked at.
const SLOTS: usize = 128;

/// Slots since the transmission's start that are tried, all of them …
const FIRST_SLOTS: usize = 512;
/// … and further ones up to this, where a gap has just ended: this many slots about it.
const MAX_SLOTS: usize = 20_480;
const ABOUT_GAP: usize = 16;

/// The same where no law tells the frequency, the slots summed coherently, and how far the frequency may be off.
const LAWLESS_SLOTS: usize = 64;
const LAWLESS_FIRST_SLOTS: usize = 256;
const LAWLESS_BLOCK: usize = 16;
const LAWLESS_REACH_HZ: f64 = 450.0;

/// Symbols by which the candidate may have begun too early: two slots.
const EARLY_SYMBOLS: i32 = 14;

/// Energy over that of the best timeline from which another is tried too.
const LIKE_ENERGY: f64 = 0.97;

/// Slots before those received in which what went before must show: a beginning is lost to an edge placed too late, or to
/// a gap, not to silence. This many standard deviations of a tone's power in noise below its own is silence.
const BEFORE_SLOTS: usize = 2;
const BEFORE_SIGMAS: f64 = 3.0;

/// Where the part received belongs.
#[derive(Clone, Copy)]
pub(super) struct Late {
    timeline: Timeline,
    format: Format,
    modulation: Modulation,
    frequency_hz: f64,
    /// Step in which frequencies were tried.
    pub(super) frequency_step_hz: f64,
    spread_nats: f64,
    row: u8,
    /// Slots sent before those received, since the start or the last gap.
    pub(super) offset_slots: usize,
    /// Surprise of the reference symbols, all that was tried taken off.
    pub(super) reference_nats: f64,
}

impl Late {
    /// Rows that explain it: with guards, turning by half a cycle a slot makes one row look like its neighbour.
    pub(super) fn rows(&self) -> Vec<u8> {
        match self.timeline.spacing {
            Spacing::Narrow => vec![self.row & !1, self.row | 1],
            Spacing::Wide => vec![self.row],
        }
    }

    /// The slots said to have gone before hold power too, as far as they are at hand; `noise` is that of one symbol.
    pub(super) fn goes_back(&self, tone: &Tone, num_slots: usize, noise: f64) -> bool {
        let before = self.offset_slots.min(BEFORE_SLOTS);
        let mean = |powers: &[f32]| powers.iter().map(|&p| f64::from(p)).sum::<f64>() / powers.len().max(1) as f64;
        let earlier = self.timeline.shifted(-(before as f64) * self.timeline.spacing.slot_s());
        let received = mean(&slot_powers(tone, self.timeline, num_slots));
        let signal = (received - noise).max(0.0);
        let sigma = (noise * (noise + 2.0 * signal) / (before * SYMBOLS_PER_SLOT).max(1) as f64).sqrt();
        before == 0 || mean(&slot_powers(tone, earlier, before)) > received - BEFORE_SIGMAS * sigma
    }

    /// This in place of `other`.
    pub(super) fn hypothesis(self, other: Hypothesis) -> Hypothesis {
        let Self { timeline, format, modulation, frequency_hz, spread_nats, .. } = self;
        Hypothesis { timeline, format, modulation, frequency_hz, spread_nats, ..other }
    }
}

/// Looks for the place of what `tone` carries from `timeline` on; `lawful` says that a phase law was seen.
pub(super) fn search(tone: &Tone, timeline: Timeline, num_slots: usize, lawful: bool) -> Option<Late> {
    let spacing = timeline.spacing;
    let mut search = Search::new(spacing, num_slots.min(if lawful { SLOTS } else { LAWLESS_SLOTS }));
    let block = if lawful { search.block } else { LAWLESS_BLOCK.min(search.block) };
    let num_blocks = search.used_slots() / block;
    let used = num_blocks * block;
    let signs: Vec<f32> = single_tone::signs().take(MAX_SLOTS + ABOUT_GAP + used).collect();
    let segment = (GAP_AFTER_S / spacing.slot_s()).round() as usize;
    let offsets = offsets(segment, lawful);
    let timelines = timelines(tone, timeline, used);
    let mut num_tried = 0;

    let mut best: Option<Late> = None;
    for (timeline, begins) in timelines {
        let symbols = timeline.symbols(tone, search.used_slots());
        let offsets = if begins { &offsets[..1] } else { &offsets[..] };
        for (format, modulation) in KINDS {
            let turns = if lawful {
                let lines = search.lines(&symbols, modulation, |l| carries(format, spacing, l));
                let each = lines.iter().enumerate().flat_map(|(i, line)| line.iter().map(move |&e| (e, i)).enumerate());
                let Some((line, (_, step))) = each.max_by(|a, b| a.1.0.total_cmp(&b.1.0)) else { continue };
                let within_hz = (step as f64 - f64::from(FREQUENCY_STEPS)) * search.step_hz();
                turns(spacing, line as f64 / search.size as f64, order(modulation), within_hz)
            } else {
                lawless_turns(spacing, block)
            };
            num_tried += turns.len() * offsets.len();
            let references = reference_symbols(format, spacing);
            let pilots = [0, 1].map(|parity| Pilots::new(&symbols, format, modulation, references, used, parity));
            for (turn, frequency_hz) in turns {
                let turned = pilots.each_ref().map(|pilots| turned(&pilots.slots, turn));
                for &offset in offsets {
                    let pilots = &pilots[offset % 2];
                    let (row, energy) = strongest_row(&turned[offset % 2], &signs[offset..], offset, block);
                    let share = energy / (pilots.energy * block as f32).max(f32::MIN_POSITIVE);
                    let reference_nats = surprise_nats(share.into(), num_blocks, used);
                    if best.is_none_or(|best| reference_nats > best.reference_nats) {
                        best = Some(Late {
                            timeline,
                            format,
                            modulation,
                            frequency_hz,
                            frequency_step_hz: 1.0 / (2.0 * block as f64 * spacing.slot_s()),
                            spread_nats: pilots.spread_nats,
                            row,
                            offset_slots: offset % segment,
                            reference_nats,
                        });
                    }
                }
            }
        }
    }
    let tried_nats = ((num_tried * single_tone::NUM_ROWS) as f64).max(1.0).ln();
    best.map(|best| Late { reference_nats: best.reference_nats - tried_nats, ..best })
}

/// Slots that may have gone before.
fn offsets(segment: usize, lawful: bool) -> Vec<usize> {
    if !lawful {
        return (0..LAWLESS_FIRST_SLOTS).collect();
    }
    let after_gaps = (1..).map(|k| k * segment).skip_while(|&at| at < FIRST_SLOTS).take_while(|&at| at < MAX_SLOTS);
    (0..FIRST_SLOTS).chain(after_gaps.flat_map(|at| at..at + ABOUT_GAP)).collect()
}

/// Where slots may begin: at any symbol, guards as the energy says. Later ones only as a transmission's first.
fn timelines(tone: &Tone, timeline: Timeline, num_slots: usize) -> Vec<(Timeline, bool)> {
    let spacing = timeline.spacing;
    let guards: &[f64] = match spacing {
        Spacing::Wide => &[0.0],
        Spacing::Narrow => &[-1.0, 0.0, 1.0],
    };
    let shifted = |k: i32, guard: f64| timeline.shifted(f64::from(k) * symbol_s(spacing) + guard * spacing.guard_s());
    let all: Vec<(f64, Timeline, bool)> = (-3..=EARLY_SYMBOLS)
        .flat_map(|k| guards.iter().map(move |&guard| (shifted(k, guard), k > 3)))
        .map(|(timeline, begins)| (timeline.energy(tone, num_slots), timeline, begins))
        .collect();
    let most = all.iter().map(|(energy, ..)| *energy).fold(0.0, f64::max);
    all.into_iter().filter(|(energy, ..)| *energy > LIKE_ENERGY * most).map(|(_, t, begins)| (t, begins)).collect()
}

/// Cycles a slot that the tone may turn, and its frequency, where its power of `order` turns by `line`: `order` times as
/// fast. With guards that is another matter than the frequency within a slot, without it must be near it.
fn turns(spacing: Spacing, line: f64, order: u32, within_hz: f64) -> Vec<(f64, f64)> {
    let all = (0..order).map(|m| (line + f64::from(m)) / f64::from(order));
    match spacing {
        Spacing::Narrow => all.map(|turn| (turn, within_hz)).collect(),
        Spacing::Wide => {
            let expected = within_hz * spacing.slot_s();
            let near = all.map(|turn| turn - (turn - expected).round());
            let nearest = near.min_by(|a, b| (a - expected).abs().total_cmp(&(b - expected).abs()));
            nearest.map(|turn| (turn, turn / spacing.slot_s())).into_iter().collect()
        }
    }
}

/// The same where only the energy has told the frequency.
fn lawless_turns(spacing: Spacing, block: usize) -> Vec<(f64, f64)> {
    let step = 1.0 / (2 * block) as f64;
    let reach = match spacing {
        Spacing::Narrow => block as i32,
        Spacing::Wide => (LAWLESS_REACH_HZ * spacing.slot_s() / step) as i32,
    };
    let frequency_hz = |turn| if spacing == Spacing::Narrow { 0.0 } else { turn / spacing.slot_s() };
    (-reach..=reach).map(|i| f64::from(i) * step).map(|turn| (turn, frequency_hz(turn))).collect()
}

/// Turns `slots` back by `turn` cycles a slot.
fn turned(slots: &[Complex32], turn: f64) -> Vec<Complex32> {
    let back = |n: usize| Complex32::from_polar(1.0, (-TAU * (turn * n as f64).fract()) as f32);
    slots.iter().enumerate().map(|(n, z)| z * back(n)).collect()
}

/// The row that explains most if `offset` slots went before, and its energy, summed coherently over each block.
fn strongest_row(slots: &[Complex32], signs: &[f32], offset: usize, block: usize) -> (u8, f32) {
    let mut energies = [0.0f32; single_tone::NUM_ROWS];
    for (b, values) in slots.chunks_exact(block).enumerate() {
        let mut sums = [Complex32::ZERO; single_tone::NUM_ROWS];
        for (i, (value, sign)) in values.iter().zip(&signs[b * block..]).enumerate() {
            sums[(offset + b * block + i) % single_tone::NUM_ROWS] += value * sign;
        }
        hadamard(&mut sums);
        energies.iter_mut().zip(&sums).for_each(|(energy, sum)| *energy += sum.norm_sqr());
    }
    let all = energies.iter().enumerate().map(|(row, &energy)| (row as u8, energy));
    all.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default()
}

/// `sums[u] = Σ_n row(u, n) values[n]` in place.
fn hadamard(values: &mut [Complex32; single_tone::NUM_ROWS]) {
    let mut half = 1;
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_the_standard() {
        for u in 0..single_tone::NUM_ROWS as u8 {
            let mut values = std::array::from_fn(|n| Complex32::from(single_tone::row(u, n)));
            hadamard(&mut values);
            let expected = |row: usize| if row == usize::from(u) { 16.0 } else { 0.0 };
            assert!(values.iter().enumerate().all(|(row, z)| z.re == expected(row)));
        }
    }
}
