//! How well symbols match the reference sequences, and how surprising that would be of any other signal.

use num_complex::Complex32;
use rustfft::FftPlanner;
use std::f64::consts::TAU;

use super::REFERENCE_SYMBOL;
use super::demodulator::Demodulator;
use crate::detect::evidence::surprise_nats;
use crate::spec::npusch::{multi_tone, num_base_sequences};

/// Share explained beyond which more is no better evidence: what is left is the transmitter's and the window's.
const MAX_SHARE: f64 = 0.98;

/// Slots whose reference symbols are summed coherently.
pub(super) const COHERENT_SLOTS: usize = 32;

/// Spacing of the frequencies that turn reference symbols alike from slot to slot.
pub(super) const STEP_TO_STEP_HZ: f64 = 1000.0;

/// A reference sequence, conjugated.
pub(super) struct Template {
    pub(super) u: u8,
    pub(super) values: Vec<Complex32>,
}

/// Matches of one symbol of some slots at one start and frequency.
pub(super) struct Matches {
    /// `⟨received, template⟩` by slot and template.
    pub(super) products: Vec<Vec<Complex32>>,
    /// Energy of each slot's symbol, and of all.
    pub(super) energies: Vec<f32>,
    pub(super) energy: f32,
}

impl Matches {
    /// Share of the energy that template `i` explains in all slots.
    pub(super) fn fixed(&self, i: usize, tones: usize) -> f32 {
        self.products.iter().map(|slot| slot[i].norm_sqr()).sum::<f32>() / (self.energy * tones as f32)
    }

    /// The template that explains most, and what it explains.
    pub(super) fn best_fixed(&self, tones: usize) -> (usize, f32) {
        let all = (0..self.products[0].len()).map(|i| (i, self.fixed(i, tones)));
        all.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
    }

    /// How far the tones are above the assumed centre, by the turn from slot to slot, to the nearest of the frequencies
    /// [`STEP_TO_STEP_HZ`] apart that explain it.
    ///
    /// Every symbol starts its tones anew (§10.1.5), so a centre `κ` subcarriers from the carrier's turns by `-7.5 κ`
    /// cycles a slot; `κ` is whole for even numbers of tones and half-odd for odd ones.
    pub(super) fn residual_hz(&self, tones: usize) -> f64 {
        let strongest = |slot: &Vec<Complex32>| {
            slot.iter().copied().max_by(|a, b| a.norm_sqr().total_cmp(&b.norm_sqr())).unwrap_or_default()
        };
        let own: Vec<Complex32> = self.products.iter().map(strongest).collect();
        let turn: Complex32 = own.windows(2).map(|pair| pair[1] * pair[0].conj()).sum();
        let cycles = f64::from(turn.arg()) / TAU + if tones % 2 == 1 { 0.25 } else { 0.0 };
        let halves = 2.0 * cycles;
        (halves - halves.round()) * STEP_TO_STEP_HZ
    }

    /// Share explained where every slot may take another template.
    pub(super) fn hopped(&self, tones: usize) -> f32 {
        let best = |slot: &Vec<Complex32>| slot.iter().map(|z| z.norm_sqr()).fold(0.0, f32::max);
        self.products.iter().map(best).sum::<f32>() / (self.energy * tones as f32)
    }
}

/// Matches of symbol `l` of the first `num_slots` slots.
pub(super) fn matches(
    demodulator: &Demodulator,
    templates: &[Template],
    num_slots: usize,
    l: usize,
    (start_s, center_hz): (f64, f64),
) -> Matches {
    let mut values = vec![Complex32::ZERO; demodulator.tones];
    let mut energies = Vec::with_capacity(num_slots);
    let products = (0..num_slots)
        .map(|slot| {
            demodulator.symbol(start_s, slot, l, center_hz, &mut values);
            energies.push(values.iter().map(|z| z.norm_sqr()).sum::<f32>());
            templates.iter().map(|t| t.values.iter().zip(&values).map(|(a, b)| a * b).sum()).collect()
        })
        .collect();
    let energy = energies.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    Matches { products, energies, energy }
}

/// Surprise of a share of energy explained slot by slot, less the choice among `num_templates` (once or in every slot).
pub(super) fn nats(share: f32, num_slots: usize, tones: usize, num_templates: usize, hopped: bool) -> f64 {
    let choices = if hopped { num_slots } else { 1 };
    share_nats(share, num_slots, tones) - choices as f64 * (num_templates as f64).ln()
}

/// Surprise where phase may turn evenly from slot to slot.
pub(super) fn coherent_nats(all: &Matches, template: usize, tones: usize, num_templates: usize) -> f64 {
    let num_slots = all.products.len();
    let num_blocks = num_slots.div_ceil(COHERENT_SLOTS);
    let block = num_slots / num_blocks;
    let size = (2 * block).next_power_of_two().max(8);
    let fft = FftPlanner::new().plan_fft_forward(size);
    let mut energy = vec![0.0f32; size];
    for slots in all.products.chunks_exact(block).take(num_blocks) {
        let mut buffer: Vec<Complex32> = slots.iter().map(|slot| slot[template]).collect();
        buffer.resize(size, Complex32::ZERO);
        fft.process(&mut buffer);
        energy.iter_mut().zip(&buffer).for_each(|(sum, value)| *sum += value.norm_sqr());
    }
    let share = energy.iter().copied().fold(0.0, f32::max) / (all.energy * (tones * block) as f32);
    surprise_nats(share.into(), num_blocks, num_slots * tones) - ((num_templates * block) as f64).ln()
}

/// Surprise of a share of energy explained slot by slot.
pub(super) fn share_nats(share: f32, num_slots: usize, tones: usize) -> f64 {
    surprise_nats(f64::from(share).min(MAX_SHARE), num_slots, num_slots * tones)
}

/// Surprise of the reference symbols of `all` as those of one resource block of LTE, all choices granted: one base
/// sequence, and one of twelve shifts in every slot (TS 36.211 §5.5.2.1).
pub(super) fn shifted_nats(all: &Matches, demodulator: &Demodulator, at: (f64, f64)) -> f64 {
    const NUM_SHIFTS: u16 = 12;
    let tones = demodulator.tones;
    let num_slots = all.products.len();
    let most = (0..num_base_sequences(12))
        .map(|u| {
            let templates: Vec<Template> = (0..2 * NUM_SHIFTS)
                .map(|half| {
                    let shift_rad = TAU as f32 * f32::from(half) / f32::from(2 * NUM_SHIFTS);
                    Template { u, values: multi_tone::reference(12, u, shift_rad).map(|z| z.conj()).collect() }
                })
                .collect();
            let found = matches(demodulator, &templates, num_slots, REFERENCE_SYMBOL, at);
            // Whole shifts lie a whole number of steps apart, wherever the first of them is.
            let share = |parity: usize| {
                let best = |slot: &Vec<Complex32>| {
                    slot.iter().skip(parity).step_by(2).map(|z| z.norm_sqr()).fold(0.0, f32::max)
                };
                found.products.iter().map(best).sum::<f32>() / (found.energy * tones as f32)
            };
            share(0).max(share(1))
        })
        .fold(0.0, f32::max);
    share_nats(most, num_slots, tones)
}

/// The base sequence of `template`, if no other comes near in explaining all slots.
pub(super) fn unrivalled(all: &Matches, templates: &[Template], template: usize, tones: usize) -> Option<u8> {
    const MARGIN_NATS: f64 = 5.0;
    let surprise = |i| surprise_nats(all.fixed(i, tones).into(), all.products.len(), all.products.len() * tones);
    let u = templates[template].u;
    let others = (0..templates.len()).filter(|&i| templates[i].u != u).map(surprise);
    (others.fold(0.0, f64::max) + MARGIN_NATS < surprise(template)).then_some(u)
}
