//! Where the symbols of a single-tone transmission lie, and the clock they keep.

use num_complex::Complex32;

use crate::detect::npusch::tone::{Narrowed, Tone};
use crate::spec::npusch::{GAP_AFTER_S, GAP_S, SYMBOLS_PER_SLOT, Spacing};

/// Slots that tell the tone's frequency and the symbol clock.
pub(super) const CLOCK_SLOTS: usize = 256;

/// Instants of symbols from a first one, gaps included where they are part of the transmission.
#[derive(Clone, Copy)]
pub(super) struct Timeline {
    pub(super) spacing: Spacing,
    pub(super) start_s: f64,
    pub(super) gaps: bool,
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
    pub(super) fn symbols(&self, tone: &Tone, num_slots: usize) -> Vec<Complex32> {
        (0..num_slots)
            .flat_map(|slot| (0..SYMBOLS_PER_SLOT).map(move |l| (slot, l)))
            .map(|(slot, l)| tone.at(self.window_s(slot, l)))
            .collect()
    }

    pub(super) fn energy(&self, tone: &Tone, num_slots: usize) -> f64 {
        self.symbols(tone, num_slots).iter().map(|z| f64::from(z.norm_sqr())).sum()
    }

    pub(super) fn shifted(self, by_s: f64) -> Self {
        Self { start_s: self.start_s + by_s, ..self }
    }
}

/// Frequency of the tone and the symbol clock nearest to the expected start: where symbols hold the most energy.
pub(super) fn clock(narrowed: &Narrowed, expected: Timeline, num_slots: usize) -> (f64, Timeline) {
    let spacing = expected.spacing;
    let num_slots = num_slots.min(CLOCK_SLOTS);
    let symbol_s = symbol_s(spacing);
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

/// Length of a symbol with its prefix, but for the first of a slot.
pub(super) const fn symbol_s(spacing: Spacing) -> f64 {
    spacing.useful_s() + spacing.cyclic_prefix_s(1)
}

/// Mean power of the symbols of each slot.
pub(super) fn slot_powers(tone: &Tone, timeline: Timeline, num_slots: usize) -> Vec<f32> {
    let mean = |slot: &[Complex32]| slot.iter().map(|z| z.norm_sqr()).sum::<f32>() / SYMBOLS_PER_SLOT as f32;
    timeline.symbols(tone, num_slots).chunks_exact(SYMBOLS_PER_SLOT).map(mean).collect()
}
