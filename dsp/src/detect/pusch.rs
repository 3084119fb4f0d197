//! LTE and LTE-M uplink shared channel, blind, by its reference signals (TS 36.211 §5.3 to §5.6).
//!
//! In: a [`Candidate`] and its [`Baseband`] at a rate of 15 kHz · 2ⁿ. Out: a [`Finding`], or the test that failed.
//! Method: the symbol grid comes from cyclic prefixes, the resource blocks from the power of subcarriers on that grid,
//! the name from reference symbols that show one of the standard's base sequences in every slot, at odds that say how
//! likely any other signal is to show it. LTE-M is told from LTE by how subframes repeat; where that is open, so is the
//! answer, and the other one is named as an alternative.
//!
//! Not told apart: one resource block over one to three slots from twelve tones of NB-IoT (named as an alternative).
//! Not heard: allocations of less than a resource block, clustered allocations, several layers.

mod allocation;
mod cells;
mod data;
mod hops;
mod prefix;
mod reference;
mod search;
mod symbols;

#[cfg(test)]
mod generated;
#[cfg(test)]
mod vectors;

pub(crate) use hops::{hop, join};

use std::borrow::Cow;

use num_complex::Complex32;
use rustfft::FftPlanner;

use crate::baseband::Baseband;
use crate::detect::candidate::Candidate;
use crate::finding::{Channel, Finding, Parameters, Rejection, Segment, Technology};
use crate::spec::lte::{BLOCK_HZ, CyclicPrefix, NARROWBAND_BLOCKS, SLOT_S, SUBCARRIER_HZ};
use data::{Repetition, Subframe};
use reference::{Matcher, NUM_SHIFTS, SlotMatch};
use search::Found;
use symbols::Demodulator;

/// Name under which rejections are counted.
pub const NAME: &str = "pusch";

/// Surprise, in nats, from which the reference signal proves a transmission: 1 in 8000 of other signals reach it.
const PROOF_NATS: f64 = 9.0;

/// Share of the signal's energy in reference symbols that the sequences must explain: of narrow allocations, in which
/// echoes are one, and of wide ones.
const REFERENCE_SHARE: f64 = 0.6;
const WIDE_REFERENCE_SHARE: f64 = 0.4;

/// Surprise by which the next best base sequence must stand back for the best to be named.
const MARGIN_NATS: f64 = 3.0;

/// A slot and a half is the least that shows two reference symbols; one slot shows one.
const MIN_DURATION_S: f64 = 0.35e-3;

/// Widths of candidates that may be an allocation.
const MIN_WIDTH_HZ: f64 = 110e3;
const MAX_WIDTH_HZ: f64 = 19.2e6;

/// Values of data symbols looked at.
const MAX_DATA_VALUES: usize = 60_000;

/// Slots from which a shift that stays the same is NB-IoT's.
const STEADY_SLOTS: usize = 4;

/// Subframes from which the length of a run says something of its technology.
const LONG_SUBFRAMES: usize = 4;

/// The detector with its buffers.
#[derive(Default)]
pub struct Detector {
    matcher: Matcher,
    planner: Planner,
}

struct Planner(FftPlanner<f32>);

impl Default for Planner {
    fn default() -> Self {
        Self(FftPlanner::new())
    }
}

impl Detector {
    /// Says whether `candidate` is a shared channel transmission, from its `baseband` centred near it.
    ///
    /// # Errors
    /// The test that failed.
    pub fn classify(&mut self, baseband: &Baseband<'_>, candidate: &Candidate) -> Result<Finding, Rejection> {
        self.attempt(baseband, candidate).map_err(|reason| Rejection { detector: NAME, reason })
    }

    fn attempt(&mut self, baseband: &Baseband<'_>, candidate: &Candidate) -> Result<Finding, &'static str> {
        let extent = &candidate.extent;
        if !(MIN_WIDTH_HZ..MAX_WIDTH_HZ).contains(&extent.bandwidth_hz) {
            return Err("width is that of no allocation");
        }
        if extent.duration_s().is_nan() || extent.duration_s() < MIN_DURATION_S {
            return Err("shorter than a slot");
        }
        if !(candidate.snr_db.is_finite() && candidate.power_dbfs.is_finite() && extent.center_hz.is_finite()) {
            return Err("no level");
        }
        let rate_hz = baseband.sample_rate_hz;
        let useful = rate_hz / SUBCARRIER_HZ;
        if !(16.0..=2048.5).contains(&useful) || (useful / useful.round() - 1.0).abs() > 1e-3 {
            return Err("no samples at the wanted rate");
        }
        let planner = &mut self.planner.0;
        let found = search::search(baseband, candidate, &mut self.matcher, planner)?;
        if found.nats < PROOF_NATS {
            return Err("no reference signal");
        }
        let noise = search::noise_per_hz(candidate) * SUBCARRIER_HZ;
        let burst = Burst::new(baseband, candidate, &found, noise, planner);
        let narrow = found.allocation.num_blocks <= NARROWBAND_BLOCKS;
        let least = if narrow { REFERENCE_SHARE } else { WIDE_REFERENCE_SHARE };
        if found.matched.share < least * burst.signal_share() {
            return Err("reference signal explains too little");
        }
        if found.allocation.num_blocks == 1 {
            if burst.is_control(&found, &mut self.matcher, planner) {
                return Err("every symbol is a reference sequence");
            }
            if is_steady(&found.matched.slots) {
                return Err("cyclic shift that stays: twelve tones of NB-IoT");
            }
        }
        Ok(burst.finding(baseband, candidate, &found))
    }
}

/// All slots have the same cyclic shift, which LTE draws anew for each.
fn is_steady(slots: &[SlotMatch]) -> bool {
    let mut counts = [0usize; NUM_SHIFTS];
    slots.iter().for_each(|slot| counts[usize::from(slot.shift)] += 1);
    slots.len() >= STEADY_SLOTS && 10 * counts.iter().max().unwrap_or(&0) >= 8 * slots.len()
}

/// All symbols of a transmission whose reference symbols are known.
struct Burst {
    per_symbol: usize,
    symbols_per_slot: usize,
    /// Values of the subcarriers, symbol after symbol, from slot 0 on.
    values: Vec<Complex32>,
    /// Signal and noise power of the allocation.
    signal: f64,
    noise: f64,
    /// Symbols that the transmitter left out at its beginning and its end.
    blank_first: usize,
    blank_last: usize,
    /// Constellation points of subframes that begin with slot 0, and with slot 1.
    subframes: [Vec<Subframe>; 2],
}

impl Burst {
    fn new(
        baseband: &Baseband<'_>,
        candidate: &Candidate,
        found: &Found,
        noise_of_subcarrier: f64,
        planner: &mut FftPlanner<f32>,
    ) -> Self {
        let grid = &found.grid;
        let per_symbol = found.allocation.num_subcarriers();
        let symbols_per_slot = grid.prefix.symbols_per_slot();
        let useful = (baseband.sample_rate_hz / SUBCARRIER_HZ).round() as usize;
        let mut demodulator = Demodulator::new(baseband, useful, planner);
        demodulator.mute(&found.muted);
        let num_slots = slots_until_end(baseband, candidate, found);
        let held = num_slots.min((MAX_DATA_VALUES / per_symbol / symbols_per_slot).max(2));
        let mut values = Vec::with_capacity(held * symbols_per_slot * per_symbol);
        for slot in 0..held {
            for l in 0..symbols_per_slot {
                demodulator.append(grid, slot, l, found.allocation.low, per_symbol, &mut values);
            }
        }
        let power = |symbol: &[Complex32]| symbol.iter().map(|z| f64::from(z.norm_sqr())).sum::<f64>();
        let powers: Vec<f64> = values.chunks_exact(per_symbol).map(power).collect();
        let inner = if powers.len() > 8 { &powers[2..powers.len() - 2] } else { &powers[..] };
        let mean = inner.iter().sum::<f64>() / inner.len().max(1) as f64;
        let noise = noise_of_subcarrier * per_symbol as f64;
        let signal = (mean - noise).max(0.01 * mean);
        // A symbol without signal is told from one with where the difference is plain.
        let plain = per_symbol as f64 * (signal / (signal + noise)).powi(2) > 6.0;
        let is_blank = |power: &f64| plain && *power < noise.min(mean) + 0.3 * signal;
        let blank_first = powers.iter().take(2).take_while(|p| is_blank(p)).count();
        let mut last = Vec::new();
        for l in symbols_per_slot - 2..symbols_per_slot {
            demodulator.append(grid, num_slots - 1, l, found.allocation.low, per_symbol, &mut last);
        }
        let blank_last = last.chunks_exact(per_symbol).rev().map(power).take_while(|p| is_blank(p)).count();
        let mut burst = Self {
            per_symbol,
            symbols_per_slot,
            values,
            signal,
            noise,
            blank_first,
            blank_last,
            subframes: [Vec::new(), Vec::new()],
        };
        burst.subframes = [0, 1].map(|first| burst.despread(found, first, planner));
        burst
    }

    /// How subframes repeat; where the number of slots is odd, energy was seen late or left early and either slot may be
    /// the first of one.
    fn repetition(&self, prefix: CyclicPrefix, num_slots: usize) -> Repetition {
        let told = self.subframes.each_ref().map(|s| data::repetition(s, self.per_symbol, prefix, self.snr()));
        match told {
            [first, _] if num_slots.is_multiple_of(2) => first,
            [Repetition::None, Repetition::None] => Repetition::None,
            [first @ (Repetition::Identical | Repetition::Cycling), _] => first,
            [_, second @ (Repetition::Identical | Repetition::Cycling)] => second,
            _ => Repetition::Open,
        }
    }

    fn snr(&self) -> f64 {
        self.signal / self.noise.max(1e-9 * self.signal).max(f64::MIN_POSITIVE)
    }

    fn signal_share(&self) -> f64 {
        self.signal / (self.signal + self.noise)
    }

    fn symbol(&self, slot: usize, l: usize) -> Option<&[Complex32]> {
        self.values.chunks_exact(self.per_symbol).nth(slot * self.symbols_per_slot + l)
    }

    /// Constellation points of whole subframes.
    fn despread(&self, found: &Found, first: usize, planner: &mut FftPlanner<f32>) -> Vec<Subframe> {
        let gains = smooth(&found.matched.slots, found.allocation.low);
        let gains = gains.get(first..).unwrap_or(&[]);
        let reference = found.grid.prefix.reference_symbol();
        let mut subframes = Vec::new();
        for pair in gains.chunks_exact(2).enumerate() {
            let mut points = Vec::with_capacity(2 * self.symbols_per_slot * self.per_symbol);
            for (half, gain) in pair.1.iter().enumerate() {
                for l in (0..self.symbols_per_slot).filter(|&l| l != reference) {
                    let Some(symbol) = self.symbol(first + 2 * pair.0 + half, l) else { return subframes };
                    let from = points.len();
                    let turn = gain.conj() / gain.norm().max(f32::MIN_POSITIVE);
                    points.extend(symbol.iter().map(|z| z * turn));
                    data::despread(&mut points[from..], planner);
                }
            }
            subframes.push(Subframe { points });
        }
        subframes
    }

    /// Whether symbols beside the reference symbols are base sequences too, as those of control channels are.
    fn is_control(&self, found: &Found, matcher: &mut Matcher, planner: &mut FftPlanner<f32>) -> bool {
        let reference = found.grid.prefix.reference_symbol();
        let slots = found.matched.slots.len();
        let others = (0..self.symbols_per_slot).filter(|&l| l != reference);
        let alike = others
            .filter(|&l| {
                let symbols: Vec<&[Complex32]> = (0..slots).filter_map(|slot| self.symbol(slot, l)).collect();
                let matched = matcher.compare(&symbols, PROOF_NATS / 2.0, planner);
                matched.is_some_and(|m| m.nats > 0.5 * found.matched.nats)
            })
            .count();
        2 * alike >= self.symbols_per_slot - 1
    }

    fn finding(&self, baseband: &Baseband<'_>, candidate: &Candidate, found: &Found) -> Finding {
        let rate_hz = baseband.sample_rate_hz;
        let prefix = found.grid.prefix;
        let blocks = found.allocation.num_blocks;
        let num_slots = slots_until_end(baseband, candidate, found);
        let slot_0_s = baseband.start_s + found.grid.slot_start / rate_hz;
        let blank_s = |from: usize, to: usize| {
            f64::from(prefix.symbol_start_ts(to) - prefix.symbol_start_ts(from)) * crate::spec::lte::T_S
        };
        let extent = Segment {
            start_s: slot_0_s + blank_s(0, self.blank_first),
            end_s: slot_0_s + num_slots as f64 * SLOT_S
                - blank_s(self.symbols_per_slot - self.blank_last, self.symbols_per_slot),
            center_hz: baseband.center_hz + found.allocation.center_hz(found.grid.offset_hz),
            bandwidth_hz: f64::from(blocks) * BLOCK_HZ,
        };
        let snr = self.snr();
        let missing = found.muted.len() as f64 / self.per_symbol as f64;
        let noise_share = self.noise / (self.signal + self.noise) + missing;
        let modulation = data::modulation(&self.subframes[0], noise_share);
        let num_subframes = num_slots.div_ceil(2);
        let narrow = blocks <= NARROWBAND_BLOCKS;
        let repetition = if narrow { self.repetition(prefix, num_slots) } else { Repetition::None };
        let matched = &found.matched;
        let named = matched.hops || matched.margin_nats >= MARGIN_NATS;
        let decision = Decision::new(repetition, narrow, modulation, num_subframes);
        let mut alternatives: Vec<Cow<'static, str>> =
            decision.alternatives.iter().map(|name| (*name).into()).collect();
        let mut confidence = 0.995 / (1.0 + (-(found.nats - PROOF_NATS / 2.0)).exp()) * decision.probability;
        if blocks == 1 && is_short(matched.slots.len()) {
            alternatives.push("nb-iot/npusch1".into());
            confidence *= 0.9;
        }
        let first = matched.slots.first();
        let sigma_hz = frequency_sigma_hz(matched.slots.len(), self.per_symbol as f64 * snr);
        let parameters = Parameters {
            repetitions: matches!(repetition, Repetition::Identical | Repetition::Cycling)
                .then(|| u16::try_from(num_subframes).unwrap_or(u16::MAX)),
            subcarrier_spacing_hz: Some(SUBCARRIER_HZ),
            modulation: modulation.map(Cow::from),
            n_prb: Some(blocks),
            base_sequence: first.filter(|_| named).map(|slot| slot.sequence.u),
            base_sequences: if named { matched.slots.iter().map(|slot| slot.sequence.u).collect() } else { Vec::new() },
            cyclic_shift: first.map(|slot| u16::from(slot.shift)),
            cyclic_prefix: Some(match prefix {
                CyclicPrefix::Normal => "normal".into(),
                CyclicPrefix::Extended => "extended".into(),
            }),
            cell_ids: named.then(|| cells::consistent(&matched.slots, prefix)).filter(|ids| !ids.is_empty()),
            frequency_sigma_hz: Some(sigma_hz),
            start_sigma_s: Some(
                1.0 / (f64::from(blocks) * BLOCK_HZ * (matched.slots.len() as f64 * snr).sqrt().max(1.0)),
            ),
            metric: Some(found.nats / PROOF_NATS),
            alternatives,
            ..Parameters::default()
        };
        Finding {
            extent,
            segments: Vec::new(),
            power_dbfs: (10.0 * self.signal.max(f64::MIN_POSITIVE).log10()) as f32,
            snr_db: (10.0 * snr.log10()) as f32,
            technology: decision.technology,
            channel: Channel::Pusch,
            confidence,
            clipped: false,
            parameters,
        }
    }
}

/// So few slots that NB-IoT's steady shift may be chance.
fn is_short(num_slots: usize) -> bool {
    num_slots < STEADY_SLOTS
}

/// Whole slots from slot 0 to the energy's end.
fn slots_until_end(baseband: &Baseband<'_>, candidate: &Candidate, found: &Found) -> usize {
    let slot_0_s = baseband.start_s + found.grid.slot_start / baseband.sample_rate_hz;
    ((candidate.extent.end_s - slot_0_s) / SLOT_S).round().max(1.0) as usize
}

/// Gains of slots averaged with their neighbours', which turn as the carrier does.
fn smooth(slots: &[SlotMatch], low: i32) -> Vec<Complex32> {
    let turn =
        |slots: f64| Complex32::cis((std::f64::consts::TAU * (search::turn_per_slot(low) * slots).fract()) as f32);
    (0..slots.len())
        .map(|i| {
            let near = i.saturating_sub(2)..(i + 3).min(slots.len());
            near.map(|j| slots[j].gain * turn(i as f64 - j as f64)).sum()
        })
        .collect()
}

/// Cramér-Rao bound of the frequency from `num_slots` reference symbols of `energy` over noise each, half a slot apart.
fn frequency_sigma_hz(num_slots: usize, energy: f64) -> f64 {
    let n = num_slots.max(2) as f64;
    let spread = n * (n * n - 1.0) / 12.0;
    1.0 / (std::f64::consts::TAU * SLOT_S * (2.0 * energy.max(1e-9) * spread).sqrt())
}

/// LTE or LTE-M.
struct Decision {
    technology: Technology,
    /// That this is right.
    probability: f64,
    alternatives: &'static [&'static str],
}

impl Decision {
    fn new(repetition: Repetition, narrow: bool, modulation: Option<&str>, num_subframes: usize) -> Self {
        let of = |technology, probability, alternatives| Self { technology, probability, alternatives };
        // Subframes that repeat are sent with QPSK (TS 36.213 §8.6.1).
        let plain = modulation == Some("16qam");
        match repetition {
            _ if !narrow => of(Technology::Lte, 0.99, &[]),
            Repetition::Identical | Repetition::Cycling => of(Technology::LteM, 0.98, &[]),
            Repetition::None => of(Technology::Lte, 0.97, &[]),
            Repetition::Open if plain && num_subframes >= LONG_SUBFRAMES => of(Technology::Lte, 0.9, &["lte-m/pusch"]),
            Repetition::Open => of(Technology::Lte, 0.7, &["lte-m/pusch"]),
        }
    }
}
