//! Where in time and frequency the symbols of a control channel stand, and which cell's law they follow.
//!
//! Every start near the candidate's is tried with every base sequence, each symbol shifted at will; the starts that
//! explain most are held against the laws of all cells.

use num_complex::Complex32;

use super::law::{Law, Laws, MAX_SYMBOLS, NUM_LAWS, Slot};
use super::symbols::{Demodulator, Sequences, TONES, Values, energy};
use crate::baseband::Baseband;
use crate::detect::evidence::surprise_nats;
use crate::finding::Segment;
use crate::spec::lte::base_sequence::NUM_GROUPS;
use crate::spec::lte::pucch::NUM_SHIFTS;
use crate::spec::lte::{BLOCK_HZ, CyclicPrefix, SLOT_S, SUBCARRIER_HZ, T_S};

/// Reach of the search about the candidate's start: its error, and a first symbol that LTE-M leaves out to retune.
const REACH_S: f64 = 0.2e-3;
/// Slots looked at for start, frequency and law.
const FIRST_SLOTS: usize = 6;
/// Starts held against the laws.
const MAX_STARTS: usize = 4;
/// Base sequences of a slot held against the laws.
const MAX_SEQUENCES: usize = 4;
/// Frequencies tried about the candidate's centre.
const STEP_HZ: f64 = 750.0;
const REACH_STEPS: i32 = 3;
/// Parts of a shift that delays are tried at.
const DELAYS: i32 = 4;
/// Places tried that differ: starts half a prefix apart, frequencies a tenth of a subcarrier apart, both prefixes.
const NUM_PLACES: f64 = 400.0;
/// A slot with less than this share of the strongest slot's energy is silent.
const LIT_SHARE: f32 = 0.25;
/// Surprise, in nats, that proves a transmission once all that was tried is off: of other signals 1 in 10^6 shows it.
pub(super) const PROOF_NATS: f64 = 14.0;
/// Laws that come this close in surprise to the best are held possible.
const SAME_NATS: f64 = 7.0;
/// Beyond this an edge of the candidate is not the block's: it lost a part, or something else is at its side.
const EDGE_HZ: f64 = 7e3;

/// A control channel found in the first slots of a candidate.
pub(super) struct Found {
    pub(super) prefix: CyclicPrefix,
    /// Start of slot 0.
    pub(super) start_s: f64,
    /// Middle of the block, from the baseband's centre.
    pub(super) center_hz: f64,
    pub(super) law: Law,
    /// Cells of which a law explains as much.
    pub(super) cells: Vec<u16>,
    /// Surprise of what the law explains, all that was tried taken off.
    pub(super) nats: f64,
}

/// Symbols of one slot.
pub(super) type SlotValues = [Values; MAX_SYMBOLS];

/// Looks for a control channel in `extent`.
///
/// # Errors
/// The test that failed.
pub(super) fn search(
    baseband: &Baseband,
    extent: &Segment,
    sequences: &mut Sequences,
    laws: &[Laws; 2],
) -> Result<Found, &'static str> {
    let demodulator = Demodulator::new(baseband);
    let num_slots = ((extent.duration_s() / SLOT_S).round() as usize).clamp(1, FIRST_SLOTS);
    let middle_hz = extent.center_hz - baseband.center_hz;
    let lost_hz = (BLOCK_HZ - extent.bandwidth_hz) / 2.0;
    let centers_hz = [middle_hz, middle_hz + lost_hz, middle_hz - lost_hz];
    let num_centers = if lost_hz.abs() > EDGE_HZ { 3 } else { 1 };
    let mut best: Option<Found> = None;
    for &center_hz in &centers_hz[..num_centers] {
        let table = Table::new(&demodulator, sequences, extent.start_s, center_hz, num_slots);
        for (prefix, laws) in CyclicPrefix::ALL.into_iter().zip(laws) {
            for start_s in table.starts(prefix, num_slots) {
                let mut place = Place { demodulator: &demodulator, prefix, start_s, center_hz };
                let Some(found) = place.settle(sequences, laws, num_slots) else {
                    continue;
                };
                if best.as_ref().is_none_or(|best| found.nats > best.nats) {
                    best = Some(found);
                }
            }
        }
    }
    best.ok_or("no cell's law explains the symbols")
}

/// What each base sequence explains in windows of one symbol, wherever they start.
struct Table {
    first_s: f64,
    step_s: f64,
    /// Energies explained, by window.
    explained: Vec<[f32; NUM_GROUPS as usize]>,
    /// Starts that are tried.
    num_starts: usize,
}

impl Table {
    fn new(
        demodulator: &Demodulator,
        sequences: &mut Sequences,
        start_s: f64,
        center_hz: f64,
        num_slots: usize,
    ) -> Self {
        let step_s = demodulator.step_s();
        let first_s = start_s - REACH_S;
        let num_starts = (2.0 * REACH_S / step_s) as usize + 1;
        let count = num_starts + (num_slots as f64 * SLOT_S / step_s) as usize;
        let prefix_s = f64::from(CyclicPrefix::Normal.prefix_ts(1)) * T_S;
        let explained = (0..count)
            .map(|i| {
                let values = demodulator.symbol(first_s + i as f64 * step_s + prefix_s / 2.0, prefix_s, center_hz);
                std::array::from_fn(|u| sequences.explained(&values, u as u8))
            })
            .collect();
        Self { first_s, step_s, explained, num_starts }
    }

    /// The starts of slots that explain most, best first.
    fn starts(&self, prefix: CyclicPrefix, num_slots: usize) -> Vec<f64> {
        let merit = |start: usize| -> f32 {
            (0..num_slots)
                .map(|slot| {
                    let mut sums = [0.0f32; NUM_GROUPS as usize];
                    for l in 0..prefix.symbols_per_slot() {
                        let after_s = slot as f64 * SLOT_S + prefix.useful_start_s(l)
                            - f64::from(prefix.prefix_ts(l)) * T_S / 2.0;
                        let window = start + (after_s / self.step_s).round() as usize;
                        if let Some(explained) = self.explained.get(window) {
                            sums.iter_mut().zip(explained).for_each(|(sum, e)| *sum += e);
                        }
                    }
                    sums.into_iter().fold(0.0, f32::max)
                })
                .sum()
        };
        let merits: Vec<f32> = (0..self.num_starts).map(merit).collect();
        let mut peaks: Vec<usize> = (0..self.num_starts)
            .filter(|&i| {
                let around = i.saturating_sub(3)..(i + 4).min(self.num_starts);
                around.into_iter().all(|j| merits[j] < merits[i] || (merits[j] == merits[i] && j >= i))
            })
            .collect();
        peaks.sort_by(|&a, &b| merits[b].total_cmp(&merits[a]));
        peaks.truncate(MAX_STARTS);
        peaks.into_iter().map(|i| self.first_s + i as f64 * self.step_s).collect()
    }
}

/// A start and a frequency under test.
struct Place<'a> {
    demodulator: &'a Demodulator<'a>,
    prefix: CyclicPrefix,
    start_s: f64,
    center_hz: f64,
}

impl Place<'_> {
    /// Settles frequency, delay and law; nothing where no law can say more than chance.
    fn settle(&mut self, sequences: &mut Sequences, laws: &Laws, num_slots: usize) -> Option<Found> {
        let groups = self.groups(sequences, num_slots);
        let first_hz = self.center_hz;
        let mut most = (0.0, 0.0);
        for center_hz in (-REACH_STEPS..=REACH_STEPS).map(|k| first_hz + f64::from(k) * STEP_HZ) {
            self.center_hz = center_hz;
            let explained = self.explained(sequences, &groups);
            if explained > most.0 {
                most = (explained, center_hz);
            }
        }
        self.center_hz = most.1;
        let slots = self.lit_slots(num_slots);
        let total: f32 = slots.iter().flatten().map(energy).sum();
        let num_lit = slots.iter().filter(|slot| is_lit(slot)).count();
        let num_blocks = num_lit * self.prefix.symbols_per_slot();
        let surprise = |energy: f32| surprise_nats((energy / total).into(), num_blocks, num_blocks * TONES);
        // No law explains more than shifts at will do.
        if surprise(most.0) < tried_nats(num_lit) {
            return None;
        }
        let (mut best, mut best_delay) = (None, 0.0);
        for delay in (0..DELAYS).map(|i| f64::from(i) / f64::from(DELAYS)) {
            let seen = self.seen(sequences, &groups, &slots, delay);
            let found = laws.best(&seen);
            if let Some((law, explained)) = found
                && best.as_ref().is_none_or(|(_, most, _)| explained > *most)
            {
                best = Some((law, explained, seen));
                best_delay = delay;
            }
        }
        let (law, explained, seen) = best?;
        let nats = self.nats(laws, law, &slots, &seen);
        if nats < PROOF_NATS {
            return None;
        }
        // A delay of one shift is as good as a shift: of such starts the middle one.
        let shift_s = 1.0 / (SUBCARRIER_HZ * TONES as f64);
        let part = if best_delay > 0.5 { best_delay - 1.0 } else { best_delay };
        let least = surprise(explained) - SAME_NATS;
        Some(Found {
            prefix: self.prefix,
            start_s: self.start_s - part * shift_s,
            center_hz: self.center_hz,
            law,
            cells: laws.cells(&seen, |energy| surprise(energy) >= least),
            nats,
        })
    }

    fn values(&self, slot: usize) -> SlotValues {
        slot_values(self.demodulator, self.prefix, self.start_s + slot as f64 * SLOT_S, self.center_hz)
    }

    /// The base sequences that explain most of each slot, each symbol shifted at will.
    fn groups(&self, sequences: &mut Sequences, num_slots: usize) -> Vec<Vec<u8>> {
        (0..num_slots)
            .map(|slot| {
                let values = self.values(slot);
                let of = |u: u8| values.iter().map(|symbol| sequences.explained(symbol, u)).sum::<f32>();
                let mut groups: Vec<(u8, f32)> = (0..NUM_GROUPS).zip((0..NUM_GROUPS).map(of)).collect();
                groups.sort_by(|a, b| b.1.total_cmp(&a.1));
                groups.into_iter().take(MAX_SEQUENCES).map(|(u, _)| u).collect()
            })
            .collect()
    }

    /// Energy that the base sequences explain, each symbol shifted at will.
    fn explained(&self, sequences: &mut Sequences, groups: &[Vec<u8>]) -> f32 {
        let of_slot = |(slot, groups): (usize, &Vec<u8>)| {
            let values = self.values(slot);
            let of = |&u: &u8| values.iter().map(|symbol| sequences.explained(symbol, u)).sum::<f32>();
            groups.iter().map(of).fold(0.0, f32::max)
        };
        groups.iter().enumerate().map(of_slot).sum()
    }

    /// Symbols of the slots that hold energy; zeros for those that do not.
    fn lit_slots(&self, num_slots: usize) -> Vec<SlotValues> {
        let slots: Vec<SlotValues> = (0..num_slots).map(|slot| self.values(slot)).collect();
        let energies: Vec<f32> = slots.iter().map(|slot| slot.iter().map(energy).sum()).collect();
        let least = LIT_SHARE * energies.iter().copied().fold(0.0, f32::max);
        let lit = |(slot, energy): (SlotValues, f32)| {
            if energy >= least { slot } else { [[Complex32::ZERO; TONES]; MAX_SYMBOLS] }
        };
        slots.into_iter().zip(energies).map(lit).collect()
    }

    /// What the slots show of the base sequences that explain most of them, at a delay in shifts.
    fn seen(&self, sequences: &Sequences, groups: &[Vec<u8>], slots: &[SlotValues], delay: f64) -> Vec<Slot> {
        let of_slot = |(groups, values): (&Vec<u8>, &SlotValues)| {
            let at = |l: usize, u: u8, s: usize| sequences.product(&values[l], u, s as f64 + delay).norm_sqr();
            let shifts = |u: u8| std::array::from_fn(|l| std::array::from_fn(|s| at(l, u, s)));
            Slot { by_sequence: groups.iter().map(|&u| (u, shifts(u))).collect() }
        };
        groups.iter().zip(slots).map(of_slot).collect()
    }

    /// Surprise of what `law` explains, with the best symbol of every slot left out: one symbol of a known sequence
    /// other channels have too. A symbol stronger than the slot's middle one counts as much as that: all have one
    /// power, and where a pulse has most of the energy, chance needs to explain only it.
    fn nats(&self, laws: &Laws, law: Law, slots: &[SlotValues], seen: &[Slot]) -> f64 {
        let num_symbols = self.prefix.symbols_per_slot();
        let (mut explained, mut total, mut num_lit) = (0.0f64, 0.0f64, 0);
        for (index, (values, slot)) in slots.iter().zip(seen).enumerate() {
            if !is_lit(values) {
                continue;
            }
            num_lit += 1;
            let u = laws.sequence(law, index);
            let Some((_, shifts)) = slot.by_sequence.iter().find(|(own, _)| *own == u) else {
                total += values.iter().map(|symbol| f64::from(energy(symbol))).sum::<f64>();
                continue;
            };
            let own = laws.own_shift(law, index, shifts).0;
            let mut energies: Vec<f64> = values[..num_symbols].iter().map(|values| energy(values).into()).collect();
            energies.sort_by(f64::total_cmp);
            let middle = energies[num_symbols / 2];
            let of_symbol = |l: usize| {
                let shift = (laws.shifts(law, index)[l] + own) % NUM_SHIFTS;
                let energy = f64::from(energy(&values[l]));
                let weight = if energy > middle { middle / energy } else { 1.0 };
                (weight * f64::from(shifts[l][usize::from(shift)]), weight * energy)
            };
            let best = (0..num_symbols).map(of_symbol).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default();
            let (in_slot, of_slot) =
                (0..num_symbols).map(of_symbol).fold((0.0, 0.0), |sums, of| (sums.0 + of.0, sums.1 + of.1));
            explained += in_slot - best.0;
            total += of_slot - best.1;
        }
        let num_blocks = num_lit * (num_symbols - 1);
        surprise_nats(explained / total.max(f64::MIN_POSITIVE), num_blocks, num_blocks * TONES) - tried_nats(num_lit)
    }
}

/// Surprise that the best of all that is tried for some slots shows by chance.
fn tried_nats(num_slots: usize) -> f64 {
    (NUM_LAWS as f64 * NUM_PLACES).ln() + num_slots as f64 * f64::from(NUM_SHIFTS).ln()
}

fn is_lit(slot: &SlotValues) -> bool {
    slot.iter().any(|symbol| energy(symbol) > 0.0)
}

/// Symbols of the slot that starts at `slot_s`; zeros where the prefix leaves fewer.
pub(super) fn slot_values(demodulator: &Demodulator, prefix: CyclicPrefix, slot_s: f64, center_hz: f64) -> SlotValues {
    std::array::from_fn(|l| {
        if l < prefix.symbols_per_slot() {
            demodulator.symbol_of_slot(prefix, slot_s, l, center_hz)
        } else {
            [Complex32::ZERO; TONES]
        }
    })
}
