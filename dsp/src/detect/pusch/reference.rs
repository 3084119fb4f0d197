//! Compares symbols with all base sequences at all delays.
//!
//! A cyclic shift and a delay turn a sequence alike (§5.5.1), so one inverse transform of the product with a conjugated
//! sequence tries both. The delay is the same in all slots, the shift is drawn anew in each; the base sequence may stay
//! or hop. Whether it does is decided by which is less likely to be chance.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use num_complex::Complex32;
use rustfft::FftPlanner;

use crate::detect::evidence::surprise_nats;
use crate::spec::gold::octets;
use crate::spec::lte::base_sequence::{NUM_GROUPS, TWO_SEQUENCES_FROM, base_sequence};
use crate::spec::lte::{BLOCK_SUBCARRIERS, CyclicPrefix, SLOTS_PER_FRAME};
use crate::spec::nprach::NUM_CELL_IDS;

/// Cyclic shifts of a reference signal.
pub(super) const NUM_SHIFTS: usize = 12;

/// Subcarriers that the search looks at, at the most: more would only cost.
const MAX_SEARCHED: usize = 16 * BLOCK_SUBCARRIERS as usize;

/// Surprise by which sequences that change from slot to slot must beat one that stays.
const HOP_NATS: f64 = 4.0;

/// Share explained beyond which more is no better evidence: what is left is the transmitter's and the window's.
const MAX_SHARE: f64 = 0.92;

/// One base sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) u: u8,
    pub(super) v: u8,
}

struct Template {
    sequence: Sequence,
    conjugated: Vec<Complex32>,
}

/// Groups of cells that draw alike, and patterns of each.
const NUM_DRAWS: u16 = NUM_CELL_IDS.div_ceil(NUM_GROUPS as u16);

/// What cells draw over the slots of a frame: base sequence groups before the cell's own is added, and cyclic shifts by
/// the cell's own, which is the shift pattern.
struct Draws {
    groups: Vec<u8>,
    shifts: Vec<Vec<u8>>,
}

/// Base sequences by their length and draws by the symbols of a slot, made when first wanted.
#[derive(Default)]
pub(super) struct Library {
    templates: BTreeMap<usize, Vec<Template>>,
    draws: BTreeMap<usize, Vec<Draws>>,
}

impl Library {
    fn draws(&mut self, prefix: CyclicPrefix) -> &[Draws] {
        let symbols = prefix.symbols_per_slot();
        self.draws.entry(symbols).or_insert_with(|| {
            let shifts = |high: u16, pattern: u8| {
                let drawn = octets(u32::from(high) * 32 + u32::from(pattern), symbols, SLOTS_PER_FRAME);
                drawn.into_iter().map(|draw| draw % NUM_SHIFTS as u8).collect()
            };
            let groups = |high: u16| octets(high.into(), 1, SLOTS_PER_FRAME).into_iter().map(|draw| draw % NUM_GROUPS);
            (0..NUM_DRAWS)
                .map(|high| Draws {
                    groups: groups(high).collect(),
                    shifts: (0..NUM_GROUPS).map(|pattern| shifts(high, pattern)).collect(),
                })
                .collect()
        })
    }

    fn of_length(&mut self, length: usize) -> &[Template] {
        self.templates.entry(length).or_insert_with(|| {
            let versions = if length < TWO_SEQUENCES_FROM { 1 } else { 2 };
            let sequences = (0..NUM_GROUPS).flat_map(|u| (0..versions).map(move |v| Sequence { u, v }));
            let conjugated = |s: Sequence| base_sequence(s.u, s.v, length).iter().map(Complex32::conj).collect();
            sequences.map(|sequence| Template { sequence, conjugated: conjugated(sequence) }).collect()
        })
    }
}

/// What the reference symbols of some slots show.
#[derive(Debug, Clone, Default)]
pub(super) struct Match {
    /// Surprise, all that was tried here taken off.
    pub(super) nats: f64,
    /// Share of the symbols' energy explained.
    pub(super) share: f64,
    /// Slots have sequences of their own.
    pub(super) hops: bool,
    /// By how much the next best sequence is less surprising, where it stays.
    pub(super) margin_nats: f64,
    /// Delay in symbols, between plus and minus half a cyclic shift.
    pub(super) delay: f64,
    pub(super) slots: Vec<SlotMatch>,
}

/// What one reference symbol shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlotMatch {
    pub(super) sequence: Sequence,
    /// Cyclic shift in twelfths of a turn.
    pub(super) shift: u8,
    /// `⟨received, sequence⟩` per subcarrier, its phase that of the allocation's lowest subcarrier.
    pub(super) gain: Complex32,
    pub(super) share: f64,
}

impl SlotMatch {
    /// The same with `twelfths` of a symbol taken from its delay.
    fn shifted(self, twelfths: f64) -> Self {
        let shift = (f64::from(self.shift) - twelfths).rem_euclid(NUM_SHIFTS as f64) as u8;
        Self { shift, ..self }
    }
}

/// Transforms with their buffers.
#[derive(Default)]
pub(super) struct Matcher {
    library: Library,
    buffer: Vec<Complex32>,
    scratch: Vec<Complex32>,
    /// Best over shifts, by slot and delay, of the sequence at hand and of all sequences.
    own: Vec<f32>,
    any: Vec<f32>,
    /// Surprise of the last comparison if slots had sequences of their own.
    hopped_nats: f64,
}

/// Template and shift of every slot of a law.
type Law = Vec<(usize, u8)>;

impl Matcher {
    /// How surprising the last comparison was, be it little.
    pub(super) fn hopped_nats(&self) -> f64 {
        self.hopped_nats
    }

    /// Compares `symbols`, one reference symbol of each of successive slots, with what all cells draw in all slots of a
    /// frame (§5.5.1.3, §5.5.2.1.1): slots then tell together what each alone does not. One order of the grant for the
    /// cyclic shift is taken to hold for all.
    pub(super) fn compare_by_law(
        &mut self,
        symbols: &[&[Complex32]],
        prefix: CyclicPrefix,
        planner: &mut FftPlanner<f32>,
    ) -> Option<Match> {
        let length = symbols.first()?.len();
        if length >= TWO_SEQUENCES_FROM {
            return None;
        }
        let fine = 4;
        let size = fine * length;
        let per_shift = size / NUM_SHIFTS;
        let num_slots = symbols.len();
        let energy = symbols.iter().flat_map(|s| s.iter()).map(|z| z.norm_sqr()).sum::<f32>();
        let groups = usize::from(NUM_GROUPS);
        let inverse = planner.plan_fft_inverse(size);
        self.buffer.resize(size, Complex32::ZERO);
        self.scratch.resize(inverse.get_inplace_scratch_len(), Complex32::ZERO);
        // Powers by delay, slot, group and twice over the shifts.
        let row = 2 * NUM_SHIFTS;
        let mut powers = vec![0.0f32; per_shift * num_slots * groups * row];
        for (u, template) in self.library.of_length(length).iter().enumerate() {
            for (slot, symbol) in symbols.iter().enumerate() {
                self.buffer.fill(Complex32::ZERO);
                let products = symbol.iter().zip(&template.conjugated).map(|(a, b)| a * b);
                self.buffer.iter_mut().zip(products).for_each(|(value, product)| *value = product);
                inverse.process_with_scratch(&mut self.buffer, &mut self.scratch);
                for (i, value) in self.buffer.iter().enumerate() {
                    // A later shift comes earlier (see `slot_match`).
                    let (delay, shift) = (i % per_shift, (NUM_SHIFTS - i / per_shift) % NUM_SHIFTS);
                    let at = ((delay * num_slots + slot) * groups + u) * row + shift;
                    powers[at] = value.norm_sqr();
                    powers[at + NUM_SHIFTS] = value.norm_sqr();
                }
            }
        }
        let per_delay = num_slots * groups * row;
        let strongest = |delay: usize| -> f32 {
            let slots = powers[delay * per_delay..(delay + 1) * per_delay].chunks_exact(groups * row);
            slots.map(|slot| slot.iter().copied().fold(0.0, f32::max)).sum()
        };
        let delay = (0..per_shift).max_by(|&a, &b| strongest(a).total_cmp(&strongest(b)))?;
        let slots: Vec<&[f32]> =
            powers[delay * per_delay..(delay + 1) * per_delay].chunks_exact(groups * row).collect();
        let mut best: (f32, Law) = (0.0, Law::new());
        let mut second = 0.0f32;
        for draws in self.library.draws(prefix) {
            for hops in [false, true] {
                for (pattern, shifts) in draws.shifts.iter().enumerate() {
                    let group =
                        |number: usize| (pattern + if hops { usize::from(draws.groups[number]) } else { 0 }) % groups;
                    let mut of_cell: (f32, usize, u8) = (0.0, 0, 0);
                    for first in 0..SLOTS_PER_FRAME {
                        let mut sums = [0.0f32; NUM_SHIFTS];
                        for (i, slot) in slots.iter().enumerate() {
                            let number = (first + i) % SLOTS_PER_FRAME;
                            let from = group(number) * row + usize::from(shifts[number]);
                            sums.iter_mut().zip(&slot[from..]).for_each(|(sum, power)| *sum += power);
                        }
                        for (ordered, &sum) in sums.iter().enumerate() {
                            if sum > of_cell.0 {
                                of_cell = (sum, first, ordered as u8);
                            }
                        }
                    }
                    let (sum, first, ordered) = of_cell;
                    if sum > best.0 {
                        let law = (0..num_slots)
                            .map(|i| (first + i) % SLOTS_PER_FRAME)
                            .map(|number| (group(number), (shifts[number] + ordered) % NUM_SHIFTS as u8));
                        second = best.0;
                        best = (sum, law.collect());
                    } else {
                        second = second.max(sum);
                    }
                }
            }
        }
        let share = |sum: f32| (f64::from(sum) / (f64::from(energy) * length as f64)).min(MAX_SHARE);
        let raw_nats = |sum: f32| surprise_nats(share(sum), num_slots, num_slots * length);
        let tried = 2 * usize::from(NUM_DRAWS) * groups * SLOTS_PER_FRAME * NUM_SHIFTS * per_shift / fine;
        let templates = self.library.of_length(length);
        let matches = |delay: f64| -> Vec<SlotMatch> {
            let each = symbols.iter().zip(&best.1);
            each.map(|(symbol, &(u, shift))| slot_match(symbol, &templates[u], delay, Some(shift))).collect()
        };
        let span = 1.0 / size as f64;
        let fits = (-4..=4).map(|i| delay as f64 / size as f64 + f64::from(i) * span * 0.2).map(|delay| {
            let slots = matches(delay);
            (slots.iter().map(|m| f64::from(m.gain.norm_sqr())).sum::<f64>(), delay, slots)
        });
        let (explained, delay, slots) = fits.max_by(|a, b| a.0.total_cmp(&b.0))?;
        let whole = (delay * NUM_SHIFTS as f64).round();
        Some(Match {
            nats: raw_nats(best.0) - (tried as f64).ln(),
            share: explained * length as f64 / f64::from(energy).max(f64::MIN_POSITIVE),
            hops: slots.windows(2).any(|pair| pair[0].sequence != pair[1].sequence),
            margin_nats: raw_nats(best.0) - raw_nats(second),
            delay: delay - whole / NUM_SHIFTS as f64,
            slots: slots.into_iter().map(|m| m.shifted(whole)).collect(),
        })
    }

    /// Compares `symbols`, one reference symbol of each slot, with all base sequences; says nothing of what is less
    /// surprising than `least_nats`.
    pub(super) fn compare(
        &mut self,
        symbols: &[&[Complex32]],
        least_nats: f64,
        planner: &mut FftPlanner<f32>,
    ) -> Option<Match> {
        let length = symbols.first()?.len();
        let searched = length.min(MAX_SEARCHED);
        // Twice or four times as fine as the sequence resolves, a multiple of the shifts.
        let fine = if length <= 3 * usize::from(BLOCK_SUBCARRIERS) { 4 } else { 2 };
        let size = fine * searched;
        let per_shift = size / NUM_SHIFTS;
        let num_slots = symbols.len();
        let energies: Vec<f32> =
            symbols.iter().map(|s| s[..searched].iter().map(|z| z.norm_sqr()).sum::<f32>()).collect();
        let energy = energies.iter().sum::<f32>();
        if energy.is_nan() || energy <= 0.0 {
            return None;
        }
        let inverse = planner.plan_fft_inverse(size);
        self.buffer.resize(size, Complex32::ZERO);
        self.scratch.resize(inverse.get_inplace_scratch_len(), Complex32::ZERO);
        self.any.clear();
        self.any.resize(num_slots * per_shift, 0.0);
        let templates = self.library.of_length(length);
        let mut fixed: Vec<(f32, usize)> = Vec::with_capacity(templates.len());
        for template in templates {
            self.own.clear();
            self.own.resize(per_shift, 0.0);
            for (slot, symbol) in symbols.iter().enumerate() {
                let products = symbol.iter().zip(&template.conjugated).map(|(a, b)| a * b);
                self.buffer.fill(Complex32::ZERO);
                self.buffer.iter_mut().zip(products.take(searched)).for_each(|(value, product)| *value = product);
                inverse.process_with_scratch(&mut self.buffer, &mut self.scratch);
                for delay in 0..per_shift {
                    let shifts = self.buffer[delay..].iter().step_by(per_shift);
                    let most = shifts.map(|z| z.norm_sqr()).fold(0.0, f32::max);
                    self.own[delay] += most;
                    let any = &mut self.any[slot * per_shift + delay];
                    *any = any.max(most);
                }
            }
            let best = self.own.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default();
            fixed.push((best.1, best.0));
        }
        let hopped = (0..per_shift)
            .map(|delay| ((0..num_slots).map(|slot| self.any[slot * per_shift + delay]).sum::<f32>(), delay))
            .max_by(|a, b| a.0.total_cmp(&b.0))?;
        let (best, most) = fixed.iter().copied().enumerate().max_by(|a, b| a.1.0.total_cmp(&b.1.0))?;
        let second = fixed.iter().enumerate().filter(|(i, _)| *i != best).map(|(_, f)| f.0).fold(0.0, f32::max);

        let dimensions = num_slots * searched;
        let share = |sum: f32| (f64::from(sum) / (f64::from(energy) * searched as f64)).min(MAX_SHARE);
        let raw_nats = |sum: f32| surprise_nats(share(sum), num_slots, dimensions);
        let shifts_nats = num_slots as f64 * (NUM_SHIFTS as f64).ln() + (per_shift as f64 / fine as f64).max(1.0).ln();
        let sequences_nats = (templates.len() as f64).ln();
        let fixed_nats = raw_nats(most.0) - shifts_nats - sequences_nats;
        let hopped_nats = raw_nats(hopped.0) - shifts_nats - num_slots as f64 * sequences_nats;
        self.hopped_nats = hopped_nats;
        let hops = num_slots > 1 && hopped_nats > fixed_nats + HOP_NATS;
        let (nats, coarse) = if hops { (hopped_nats, hopped.1) } else { (fixed_nats, most.1) };
        if nats < least_nats {
            return None;
        }

        // Finer than the grid, on the whole of the symbols.
        let own = if hops { None } else { templates.get(best) };
        let coarse = coarse as f64 / size as f64;
        let evaluate = |delay: f64| -> (f64, Vec<SlotMatch>) {
            let each: Vec<SlotMatch> = symbols
                .iter()
                .map(|symbol| match own {
                    Some(template) => slot_match(symbol, template, delay, None),
                    None => templates
                        .iter()
                        .map(|template| slot_match(symbol, template, delay, None))
                        .max_by(|a, b| a.share.total_cmp(&b.share))
                        .unwrap_or(NO_MATCH),
                })
                .collect();
            let explained: f64 = each.iter().map(|m| f64::from(m.gain.norm_sqr())).sum();
            (explained, each)
        };
        let span = 1.0 / size as f64;
        // Hopping symbols try every sequence anew at each delay; few steps are enough for them.
        let steps: i32 = if hops { 1 } else { 4 };
        let (_, delay, slots) = (-steps..=steps)
            .map(|i| coarse + f64::from(i) * span / f64::from(steps) * 0.75)
            .map(|delay| {
                let (explained, slots) = evaluate(delay);
                (explained, delay, slots)
            })
            .max_by(|a, b| a.0.total_cmp(&b.0))?;
        let all_energy: f64 = symbols.iter().flat_map(|s| s.iter()).map(|z| f64::from(z.norm_sqr())).sum();
        let explained: f64 = slots.iter().map(|m| f64::from(m.gain.norm_sqr())).sum::<f64>() * length as f64;
        let per_twelfth = delay * NUM_SHIFTS as f64;
        let whole = per_twelfth.round();
        let slots = slots.into_iter().map(|m| m.shifted(whole)).collect();
        Some(Match {
            nats,
            share: explained / all_energy.max(f64::MIN_POSITIVE),
            hops,
            margin_nats: raw_nats(most.0) - raw_nats(second),
            delay: (per_twelfth - whole) / NUM_SHIFTS as f64,
            slots,
        })
    }
}

const NO_MATCH: SlotMatch =
    SlotMatch { sequence: Sequence { u: 0, v: 0 }, shift: 0, gain: Complex32::ZERO, share: 0.0 };

/// The best shift, or the one that is `told`, of one sequence in one symbol that comes `delay` symbols late.
fn slot_match(symbol: &[Complex32], template: &Template, delay: f64, told: Option<u8>) -> SlotMatch {
    let turn = Complex32::cis((TAU * delay) as f32);
    let mut phase = Complex32::ONE;
    let mut folded = [Complex32::ZERO; NUM_SHIFTS];
    let mut energy = 0.0;
    for (n, (value, conjugated)) in symbol.iter().zip(&template.conjugated).enumerate() {
        folded[n % NUM_SHIFTS] += value * conjugated * phase;
        phase *= turn;
        energy += value.norm_sqr();
    }
    let length = symbol.len() as f32;
    let best = (0..NUM_SHIFTS)
        .filter(|&shift| told.is_none_or(|told| usize::from(told) == shift))
        .map(|shift| {
            let turns = folded
                .iter()
                .enumerate()
                .map(|(n, z)| z * Complex32::cis((-TAU * (n * shift % NUM_SHIFTS) as f64 / NUM_SHIFTS as f64) as f32));
            (shift, turns.sum::<Complex32>() / length)
        })
        .max_by(|a, b| a.1.norm_sqr().total_cmp(&b.1.norm_sqr()))
        .unwrap_or_default();
    let share = f64::from(best.1.norm_sqr() * length / energy.max(f32::MIN_POSITIVE));
    SlotMatch { sequence: template.sequence, shift: best.0 as u8, gain: best.1, share }
}
