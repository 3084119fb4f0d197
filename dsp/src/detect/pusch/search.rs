//! From a burst of energy to an allocation whose reference symbols are found.
//!
//! In: a candidate and its baseband. Out: [`Found`], or the test that failed.
//! Method: symbol grid by cyclic prefixes (all shifts where they do not tell), allocations that fit the power of the
//! subcarriers, and for each symbol of a slot the comparison with all base sequences; the least likely to be chance is
//! compared again over more slots.

use std::f64::consts::TAU;

use num_complex::Complex32;
use rustfft::FftPlanner;

use super::allocation::{self, Allocation, Profile};
use super::prefix::{Prefixes, SymbolGrid};
use super::reference::{Match, Matcher, NUM_SHIFTS};
use super::symbols::Demodulator;
use crate::baseband::Baseband;
use crate::detect::candidate::Candidate;
use crate::spec::lte::{BLOCK_HZ, CyclicPrefix, SLOT_S, SUBCARRIER_HZ, T_S};

/// Surprise of cyclic prefixes from which their grid is the only one tried, and below which all are.
const SURE_GRID_NATS: f64 = 12.0;
/// A grid whose prefix is this much less surprising than the other is not tried.
const WORSE_GRID_NATS: f64 = 10.0;
/// Surprise of the prefixes at a place known otherwise, from which their phase tells the frequency better than the
/// middle of the energy.
const TOLD_NATS: f64 = 6.0;
/// Where the prefixes do not tell, grids are tried this many to a symbol.
const BLIND_GRIDS: i32 = 5;

/// Share of the surprise expected of cyclic prefixes that must be there, where it is expected to be plain.
const PREFIX_SHARE: f64 = 0.12;
const PLAIN_NATS: f64 = 60.0;

/// Allocations tried for each grid.
const MAX_ALLOCATIONS: usize = 4;
/// Allocations that fit this much worse than the best are not tried.
const WORSE_FIT_NATS: f64 = 25.0;

/// Allocations whose power fits this much worse are told apart by their reference symbols.
const RIVAL_NATS: f64 = 20.0;
/// How far the offset that prefixes tell is trusted then.
const OFFSET_SIGMA_HZ: f64 = 200.0;
/// Length from which a shift by one subcarrier looks like a delay.
const CHIRP_SUBCARRIERS: usize = 36;

/// Surprise from which a first comparison is worth a second.
const FIRST_NATS: f64 = 1.5;

/// Narrow and weak transmissions, found with less surprise than this, are compared with what cells draw where there are
/// so many slots and the prefixes say something; the most promising places only.
const LAW_NATS: f64 = 25.0;
const LAW_BLOCKS: u16 = 2;
const LAW_SLOTS: usize = 6;
const LAW_GRID_NATS: f64 = 2.0;
const MAX_LEADS: usize = 4;

/// Slots compared in the end, and all their values.
const MAX_SLOTS: usize = 64;
const MAX_VALUES: usize = 20_000;

/// Power over the median of its allocation from which a subcarrier has a tone upon it: twice what data reach over a slot.
const TONE_RATIO: f32 = 6.0;
/// Subcarriers away from a tone at which nothing of it is left.
const TONE_WIDTH: usize = 3;
/// Subcarriers beyond a candidate's ends where a tone may have cut it short.
const TONE_REACH: f64 = 10.0;

/// What was found of a shared channel.
#[derive(Clone)]
pub(super) struct Found {
    /// Its slots begin at candidate's start but for the energy's edges; slot 0 is the first compared.
    pub(super) grid: SymbolGrid,
    pub(super) allocation: Allocation,
    pub(super) matched: Match,
    /// Surprise of the reference symbols, all that was tried taken off, and of what speaks for place and time.
    pub(super) nats: f64,
    /// The latter alone.
    prior_nats: f64,
    /// Whole slots that the candidate covers.
    pub(super) num_slots: usize,
    /// Lowest subcarriers that fit the power nearly as well.
    pub(super) rivals: Vec<i32>,
    /// The base sequences and shifts are those that one cell draws, and could not have been told without that.
    pub(super) by_law: bool,
    /// Subcarriers with a tone upon them, left out.
    pub(super) muted: Vec<i32>,
}

/// Slots that a first look takes: enough for the bars of sensitivity, no more than that costs.
fn first_slots(num_blocks: f64, available: usize) -> usize {
    let wanted = match num_blocks {
        n if n < 1.5 => 32,
        n if n < 3.5 => 16,
        n if n < 7.0 => 8,
        _ => 3,
    };
    available.min(wanted).max(1)
}

/// Looks for a shared channel in `candidate`.
///
/// # Errors
/// The test that failed.
pub(super) fn search(
    baseband: &Baseband<'_>,
    candidate: &Candidate,
    matcher: &mut Matcher,
    planner: &mut FftPlanner<f32>,
) -> Result<Found, &'static str> {
    let extent = &candidate.extent;
    let rate_hz = baseband.sample_rate_hz;
    let useful = (rate_hz / SUBCARRIER_HZ).round() as usize;
    let center_hz = extent.center_hz - baseband.center_hz;
    let start = (extent.start_s - baseband.start_s) * rate_hz;
    let slot = SLOT_S * rate_hz;
    let num_slots = (extent.duration_s() / SLOT_S).round().max(1.0) as usize;
    let slots = first_slots(extent.bandwidth_hz / BLOCK_HZ, num_slots);
    let noise = noise_per_hz(candidate) * SUBCARRIER_HZ;

    let count = (extent.duration_s() * rate_hz) as usize;
    let prefixes = Prefixes::new(baseband.samples, rate_hz, useful, start.max(0.0) as usize, count);
    let prefixes = prefixes.ok_or("shorter than a slot")?;
    let grids = grids(&prefixes, candidate, center_hz)?;

    let mut demodulator = Demodulator::new(baseband, useful, planner);
    let mut values: Vec<Complex32> = Vec::new();
    let mut best: Option<Found> = None;
    let mut leads: Vec<Found> = Vec::new();
    let mut tried = 0.0f64;
    let surest = grids.iter().map(|grid| grid.nats).fold(f64::NEG_INFINITY, f64::max);
    for grid in &grids {
        let symbols_per_slot = grid.prefix.symbols_per_slot();
        // Slot 0 begins no later than the energy does.
        let first = start - slot;
        let grid = SymbolGrid { slot_start: first + (grid.slot_start - first).rem_euclid(slot), ..*grid };
        let margin = allocation::block_numbers(extent.bandwidth_hz).max().unwrap_or(0);
        let half_hz = (f64::from(margin) * BLOCK_HZ).max(extent.bandwidth_hz) / 2.0 + 120e3;
        let low = (((center_hz - half_hz) / SUBCARRIER_HZ) as i32).max(-demodulator.reach());
        let high = (((center_hz + half_hz) / SUBCARRIER_HZ) as i32).min(demodulator.reach());
        let width = usize::try_from(high - low).map_err(|_| "outside of the band")?;
        values.clear();
        for slot in 0..=slots {
            for l in 0..symbols_per_slot {
                demodulator.append(&grid, slot, l, low, width, &mut values);
            }
        }
        let early = ((start - grid.slot_start) / slot * symbols_per_slot as f64).ceil().max(0.0) as usize;
        let mut profile = powers(&values, width, early, slots * symbols_per_slot - 1);
        let tones = tones(&profile, low, (center_hz - grid.offset_hz) / SUBCARRIER_HZ, extent.bandwidth_hz);
        for &(k, without) in &tones {
            profile[k] = without;
            values.iter_mut().skip(k).step_by(width).for_each(|value| *value = Complex32::ZERO);
        }
        let profile = Profile { low, powers: &profile, num_averaged: (slots * symbols_per_slot).min(14), noise };
        let fitting = allocation::fitting(&profile, grid.offset_hz, center_hz, extent.bandwidth_hz, MAX_ALLOCATIONS);
        let least = fitting.first().map_or(0.0, |best| best.nats - WORSE_FIT_NATS);
        for allocation in fitting.iter().filter(|a| a.nats >= least) {
            // Each symbol from the energy's start on may be the first reference symbol.
            let reference = grid.prefix.reference_symbol();
            for l in 0..symbols_per_slot {
                let symbol_s = f64::from(grid.prefix.symbol_start_ts(l)) * T_S;
                let reference_s = f64::from(grid.prefix.symbol_start_ts(reference)) * T_S;
                let moved = grid.slot_start + (symbol_s - reference_s) * rate_hz;
                let later = ((start - moved) / slot).round();
                let first = usize::from(later > 0.5);
                tried += 1.0;
                let symbols: Vec<&[Complex32]> = (first..first + slots)
                    .map(|slot| {
                        let from = (slot * symbols_per_slot + l) * width + (allocation.low - low) as usize;
                        &values[from..from + allocation.num_subcarriers()]
                    })
                    .collect();
                let off_s = (start - moved) / rate_hz - later * SLOT_S;
                let doubt = start_doubt(off_s, grid.prefix);
                let prior_nats = allocation.nats - fitting[0].nats + grid.nats - surest - doubt;
                let matched = matcher.compare(&symbols, FIRST_NATS, planner);
                let nats = matched.as_ref().map_or(f64::NEG_INFINITY, |matched| matched.nats) + prior_nats;
                let leads_on = symbols.len() >= LAW_SLOTS
                    && allocation.num_blocks <= LAW_BLOCKS
                    && grid.nats > LAW_GRID_NATS
                    && prior_nats > -LAW_NATS;
                let is_best = best.as_ref().is_none_or(|best| nats > best.nats) && matched.is_some();
                if is_best || leads_on {
                    let grid = SymbolGrid { slot_start: moved + first as f64 * slot, ..grid };
                    let muted = tones.iter().map(|&(k, _)| low + k as i32).collect();
                    let near = fitting.iter().filter(|a| a.num_blocks == allocation.num_blocks);
                    let rivals = near.filter(|a| a.nats > allocation.nats - RIVAL_NATS).map(|a| a.low).collect();
                    let found = Found {
                        grid,
                        allocation: *allocation,
                        matched: matched.unwrap_or_default(),
                        nats,
                        prior_nats,
                        num_slots,
                        rivals,
                        by_law: false,
                        muted,
                    };
                    if leads_on {
                        let nats = matcher.hopped_nats() + prior_nats;
                        leads.push(Found { nats, by_law: true, matched: Match::default(), ..found.clone() });
                    }
                    if is_best {
                        best = Some(found);
                    }
                }
            }
        }
    }
    if best.as_ref().is_none_or(|best| best.nats < LAW_NATS) {
        leads.sort_by(|a, b| b.nats.total_cmp(&a.nats));
        leads.truncate(MAX_LEADS);
        for mut lead in leads {
            let length = lead.allocation.num_subcarriers();
            let reference = lead.grid.prefix.reference_symbol();
            values.clear();
            demodulator.mute(&lead.muted);
            for slot in 0..slots {
                demodulator.append(&lead.grid, slot, reference, lead.allocation.low, length, &mut values);
            }
            let symbols: Vec<&[Complex32]> = values.chunks_exact(length).collect();
            let Some(matched) = matcher.compare_by_law(&symbols, lead.grid.prefix, planner) else { continue };
            lead.nats = matched.nats + lead.prior_nats;
            lead.matched = matched;
            if best.as_ref().is_none_or(|best| lead.nats > best.nats) {
                best = Some(lead);
            }
        }
    }
    let mut found = best.ok_or("no reference signal")?;
    found.nats -= tried.max(1.0).ln();
    demodulator.mute(&found.muted);
    settle(&mut found, &prefixes, &mut demodulator, matcher, planner);
    Ok(found)
}

/// Compares again over more slots, at the timing and frequency that the reference symbols tell.
fn settle(
    found: &mut Found,
    prefixes: &Prefixes,
    demodulator: &mut Demodulator<'_>,
    matcher: &mut Matcher,
    planner: &mut FftPlanner<f32>,
) {
    let rate_hz = prefixes.rate_hz();
    let num_values = found.allocation.num_subcarriers();
    let slots = found.num_slots.min(MAX_SLOTS).min((MAX_VALUES / num_values).max(2));
    let reference = found.grid.prefix.reference_symbol();
    let by_law = found.by_law;
    let prefix = found.grid.prefix;
    let mut compare = |grid: &SymbolGrid, low: i32, slots: usize| {
        let mut values = Vec::with_capacity(slots * num_values);
        for slot in 0..slots {
            demodulator.append(grid, slot, reference, low, num_values, &mut values);
        }
        let symbols: Vec<&[Complex32]> = values.chunks_exact(num_values).collect();
        if by_law {
            return matcher.compare_by_law(&symbols, prefix, planner);
        }
        matcher.compare(&symbols, 0.0, planner)
    };
    // A twelfth of a symbol late looks like another shift; the prefixes know better.
    let twelfth = 1.0 / SUBCARRIER_HZ / NUM_SHIFTS as f64 * rate_hz;
    let begun = found.grid.slot_start + found.matched.delay / SUBCARRIER_HZ * rate_hz;
    let few = slots.min(8);
    let bandwidth_hz = num_values as f64 * SUBCARRIER_HZ;
    let timed = (-2..=2)
        .map(|i| SymbolGrid { slot_start: begun + f64::from(i) * twelfth, ..found.grid })
        .map(|grid| {
            let told_nats = prefixes.nats(&grid, bandwidth_hz);
            let matched = compare(&grid, found.allocation.low, few);
            (told_nats, matched.map_or(0.0, |matched| matched.nats) + told_nats, grid)
        })
        .max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((told_nats, _, grid)) = timed {
        found.grid = grid;
        // The prefixes tell the offset but for whole subcarriers, which the power of the subcarriers has told.
        let told_hz = prefixes.product(&found.grid).arg() / TAU * SUBCARRIER_HZ;
        let subcarriers = (told_hz - found.grid.offset_hz) / SUBCARRIER_HZ;
        if told_nats > TOLD_NATS {
            found.grid.offset_hz += (subcarriers - subcarriers.round()) * SUBCARRIER_HZ;
        }
    }
    if num_values >= CHIRP_SUBCARRIERS && found.rivals.len() > 1 {
        let likely = |low: i32| {
            let matched = compare(&found.grid, low, slots.min(16))?;
            Some((matched.nats - (residual_hz(&matched, low) / OFFSET_SIGMA_HZ).powi(2) / 2.0, low))
        };
        let best = found.rivals.clone().into_iter().filter_map(likely).max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, low)) = best {
            found.allocation.low = low;
        }
    }
    for adjustments_left in [2, 1, 0] {
        let Some(matched) = compare(&found.grid, found.allocation.low, slots) else { return };
        if adjustments_left > 0 {
            found.grid.slot_start += matched.delay / SUBCARRIER_HZ * rate_hz;
            found.grid.offset_hz += residual_hz(&matched, found.allocation.low);
        }
        found.nats += matched.nats - found.matched.nats;
        found.matched = matched;
    }
}

/// Cycles by which reference symbols of an allocation from `low` on turn from slot to slot.
pub(super) fn turn_per_slot(low: i32) -> f64 {
    0.25 + 0.5 * f64::from(low.rem_euclid(2))
}

/// How far subcarriers lie above the grid, by the turn of reference symbols from slot to slot.
///
/// Symbols start their subcarriers anew (§5.6), so the carrier's own turn remains: a quarter of a cycle a slot and half a
/// cycle for each subcarrier, because allocations begin on even ones (§5.2.3).
fn residual_hz(matched: &Match, low: i32) -> f64 {
    let turn: Complex32 = matched.slots.windows(2).map(|pair| pair[1].gain * pair[0].gain.conj()).sum();
    let cycles = f64::from(turn.arg()) / TAU - turn_per_slot(low);
    (cycles - cycles.round()) / SLOT_S
}

/// Grids to try: the one the prefixes tell, or all.
fn grids(prefixes: &Prefixes, candidate: &Candidate, center_hz: f64) -> Result<Vec<SymbolGrid>, &'static str> {
    let bandwidth_hz = candidate.extent.bandwidth_hz;
    let told = CyclicPrefix::ALL.map(|prefix| prefixes.best(prefix, bandwidth_hz));
    let most = told.iter().map(|grid| grid.nats).fold(0.0, f64::max);
    let snr = 10f64.powf(f64::from(candidate.snr_db) / 10.0);
    let share = (snr / (1.0 + snr)).powi(2).min(0.98);
    let expected = -(1.0 - share).ln() * bandwidth_hz * prefixes.prefixes_s();
    if expected > PLAIN_NATS && most < PREFIX_SHARE * expected {
        return Err("no cyclic prefixes");
    }
    if most > SURE_GRID_NATS {
        return Ok(told.into_iter().filter(|grid| grid.nats > most - WORSE_GRID_NATS).collect());
    }
    let blocks = (bandwidth_hz / BLOCK_HZ).round().max(1.0);
    let middle_hz = center_hz - (12.0 * blocks - 1.0) / 2.0 * SUBCARRIER_HZ;
    let offset_hz = middle_hz - (middle_hz / SUBCARRIER_HZ).round() * SUBCARRIER_HZ;
    let blind = told.iter().flat_map(|grid| {
        (0..BLIND_GRIDS).map(|i| {
            let symbol_s = SLOT_S / grid.prefix.symbols_per_slot() as f64;
            let late = f64::from(i) / f64::from(BLIND_GRIDS) * symbol_s * prefixes.rate_hz();
            SymbolGrid { slot_start: grid.slot_start + late, offset_hz, ..*grid }
        })
    });
    Ok(blind.collect())
}

/// Doubt about slots that begin `off_s` before the energy does: exactly, or a symbol or two where the transmitter was
/// changing its frequency.
fn start_doubt(off_s: f64, prefix: CyclicPrefix) -> f64 {
    const SIGMA_S: f64 = 50e-6;
    const MOST: f64 = 12.0;
    let symbol_s = SLOT_S / prefix.symbols_per_slot() as f64;
    let doubt = |late: f64| ((off_s - late * symbol_s) / SIGMA_S).powi(2) / 2.0 + late * 1.5;
    doubt(0.0).min(doubt(1.0)).min(doubt(2.0)).min(MOST)
}

/// Mean power of each subcarrier over `count` symbols from the one numbered `first`.
fn powers(values: &[Complex32], width: usize, first: usize, count: usize) -> Vec<f32> {
    let mut powers = vec![0.0; width];
    for symbol in values.chunks_exact(width.max(1)).skip(first).take(count) {
        powers.iter_mut().zip(symbol).for_each(|(sum, z)| *sum += z.norm_sqr());
    }
    powers.iter_mut().for_each(|sum| *sum /= count.max(1) as f32);
    powers
}

/// Subcarriers in or near a burst about `center` with a tone upon them, such as the receiver's own at 0 Hz: their index and
/// the power they would have without. What has company is another burst.
fn tones(powers: &[f32], low: i32, center: f64, bandwidth_hz: f64) -> Vec<(usize, f32)> {
    let half = bandwidth_hz / SUBCARRIER_HZ / 2.0;
    let index = |k: f64| ((k - f64::from(low)).max(0.0) as usize).min(powers.len());
    let mut sorted: Vec<f32> = powers[index(center - half)..index(center + half)].to_vec();
    sorted.sort_by(f32::total_cmp);
    let Some(&median) = sorted.get(sorted.len() / 2) else { return Vec::new() };
    let is_loud = |k: usize| powers.get(k).is_some_and(|&power| power > TONE_RATIO * median);
    (index(center - half - TONE_REACH)..index(center + half + TONE_REACH))
        .filter(|&k| is_loud(k) && !is_loud(k + TONE_WIDTH) && !k.checked_sub(TONE_WIDTH).is_some_and(is_loud))
        .map(|k| (k, median))
        .collect()
}

/// Noise power in 1 Hz about a candidate.
pub(super) fn noise_per_hz(candidate: &Candidate) -> f64 {
    let total = 10f64.powf((f64::from(candidate.power_dbfs) - f64::from(candidate.snr_db)) / 10.0);
    total / candidate.extent.bandwidth_hz.max(1.0)
}
