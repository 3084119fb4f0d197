//! LTE and LTE-M uplink control channel, blind: formats 1, 1a, 1b, 2, 2a and 2b (TS 36.211 §5.4).
//!
//! In: a [`Candidate`] and its [`Baseband`] at [`RATE_HZ`]. Out: a [`Finding`], or the test that failed.
//! Every symbol of the channel is one cell's base sequence, shifted symbol by symbol as a pseudo-random sequence of the
//! cell orders. That is the proof: what the law of some cell explains of a slot's energy, against the share that any of
//! all laws explains of random symbols. One slot of 0.5 ms suffices, and tells the cell. Slots of the candidate that
//! are silent belong to a transmission that changes sides at every slot; several in a row are LTE-M's.
//!
//! Not here: formats 3 to 5, whose data symbols are no sequences; several transmissions of like level in one block.

mod law;
mod phases;
mod search;
mod symbols;

#[cfg(test)]
mod air;
#[cfg(test)]
pub(super) mod vectors;

use num_complex::Complex32;

use crate::baseband::Baseband;
use crate::detect::candidate::Candidate;
use crate::finding::{Channel, Finding, Parameters, Rejection, Segment, Technology};
use crate::spec::lte::{BLOCK_HZ, CyclicPrefix, SLOT_S, SUBCARRIER_HZ, T_S, USEFUL_TS};
use law::Laws;
use phases::Amplitudes;
use search::{Found, PROOF_NATS, slot_values};
use symbols::{Demodulator, Sequences, energy};

/// Name under which rejections are counted.
pub const NAME: &str = "pucch";

/// Rate of the baseband [`Detector::classify`] wants: sixteen samples in a symbol.
pub const RATE_HZ: f64 = 240e3;

/// Widths of candidates that may be a resource block.
const WIDTHS_HZ: std::ops::Range<f64> = 100e3..260e3;
/// Shortest candidate: most of a slot.
const MIN_S: f64 = 0.35e-3;
/// Slots that settle frequency and start.
const SETTLE_SLOTS: usize = 16;
/// First step of the frequency's refinement.
const FIRST_STEP_HZ: f64 = 600.0;
/// What the neighbours of a symbol, blurred over its prefix, may add to its frequency.
const BIAS_HZ: f64 = 300.0;
/// Slots looked at in all.
const MAX_SLOTS: usize = 512;
/// Share of a slot's energy that the law must explain, and of the mean explained energy, where the slot is on.
const ON_SHARE: f32 = 0.3;
/// Share of what is above the noise that the law must explain: another transmission in the block may be 3 dB weaker.
const OWN_SHARE: f64 = 0.6;
/// A symbol with less than this share of the mean is left out: LTE-M retunes.
const LEFT_OUT: f32 = 0.2;
/// Time by which a candidate may reach beyond its samples.
const SLACK_S: f64 = 1e-3;

/// The detector with its tables.
pub struct Detector {
    sequences: Sequences,
    /// By prefix, normal first.
    laws: [Laws; 2],
}

impl Default for Detector {
    fn default() -> Self {
        Self { sequences: Sequences::default(), laws: CyclicPrefix::ALL.map(Laws::new) }
    }
}

impl Detector {
    /// Says whether `candidate` is a control channel transmission, from its `baseband` centred near it.
    ///
    /// # Errors
    /// The test that failed.
    pub fn classify(&mut self, baseband: &Baseband, candidate: &Candidate) -> Result<Finding, Rejection> {
        let reject = |reason| Rejection { detector: NAME, reason };
        let extent = &candidate.extent;
        if !WIDTHS_HZ.contains(&extent.bandwidth_hz) {
            return Err(reject("width is not that of a resource block"));
        }
        if extent.duration_s().is_nan() || extent.duration_s() < MIN_S {
            return Err(reject("shorter than a slot"));
        }
        if baseband.sample_rate_hz.is_nan() || (baseband.sample_rate_hz / RATE_HZ - 1.0).abs() > 1e-3 {
            return Err(reject("no samples at the wanted rate"));
        }
        let held_s = baseband.samples.len() as f64 / RATE_HZ;
        if extent.start_s + SLACK_S < baseband.start_s
            || extent.start_s + MIN_S > baseband.start_s + held_s
            || !(candidate.snr_db.is_finite() && candidate.power_dbfs.is_finite())
        {
            return Err(reject("no samples of it"));
        }
        let found = search::search(baseband, extent, &mut self.sequences, &self.laws).map_err(reject)?;
        Whole::new(baseband, extent, found, &self.sequences, &self.laws).finding(baseband, candidate).map_err(reject)
    }
}

/// All slots of a transmission whose law is known.
struct Whole {
    found: Found,
    slots: Vec<OneSlot>,
}

/// One slot under the law.
struct OneSlot {
    /// Base sequence.
    sequence: u8,
    /// Shift the transmission adds to the cell's.
    own_shift: u8,
    /// Amplitudes of the symbols, sequence and shift taken off.
    amplitudes: Amplitudes,
    /// Mean power of its symbols, and what of it the law explains.
    power: f32,
    explained: f32,
}

impl Whole {
    fn new(baseband: &Baseband, extent: &Segment, found: Found, sequences: &Sequences, laws: &[Laws; 2]) -> Self {
        let laws = &laws[usize::from(found.prefix == CyclicPrefix::Extended)];
        let demodulator = Demodulator::new(baseband);
        let num_slots = (((extent.end_s - found.start_s) / SLOT_S).round() as usize).clamp(1, MAX_SLOTS);
        let mut whole = Self { found, slots: Vec::new() };
        let settling = num_slots.min(SETTLE_SLOTS);
        let shift_s = 1.0 / BLOCK_HZ;
        let mut settle = |delay_s: f64, turn_hz: f64, top: fn([f64; 3]) -> f64| {
            let at = |k: f64| (whole.found.start_s + k * delay_s, whole.found.center_hz + k * turn_hz);
            let merit = |k| -> f64 {
                let slots = whole.slots_at(&demodulator, sequences, laws, settling, at(k));
                slots.iter().map(|slot| f64::from(slot.explained)).sum()
            };
            let k = top([merit(-1.0), merit(0.0), merit(1.0)]);
            (whole.found.start_s, whole.found.center_hz) = at(k);
        };
        settle(shift_s / 4.0, 0.0, vertex);
        // A whole shift of delay is told from a shift of the sequence by the symbols' ends alone.
        settle(shift_s, 0.0, best_of);
        for part in [1.0, 2.0, 4.0, 8.0, 16.0] {
            settle(0.0, FIRST_STEP_HZ / part, vertex);
            settle(shift_s / 4.0 / part, 0.0, vertex);
        }
        let at = (whole.found.start_s, whole.found.center_hz);
        whole.slots = whole.slots_at(&demodulator, sequences, laws, num_slots, at);
        whole
    }

    fn slots_at(
        &self,
        demodulator: &Demodulator,
        sequences: &Sequences,
        laws: &Laws,
        num_slots: usize,
        (start_s, center_hz): (f64, f64),
    ) -> Vec<OneSlot> {
        let prefix = self.found.prefix;
        let num_symbols = prefix.symbols_per_slot();
        (0..num_slots)
            .map(|index| {
                let values = slot_values(demodulator, prefix, start_s + index as f64 * SLOT_S, center_hz);
                let u = laws.sequence(self.found.law, index);
                let product = |l: usize, shift: usize| sequences.product(&values[l], u, shift as f64);
                let shifts = std::array::from_fn(|l| std::array::from_fn(|s| product(l, s).norm_sqr()));
                let (own_shift, explained) = laws.own_shift(self.found.law, index, &shifts);
                let mut amplitudes = [Complex32::ZERO; law::MAX_SYMBOLS];
                for (l, (amplitude, n)) in amplitudes.iter_mut().zip(laws.shifts(self.found.law, index)).enumerate() {
                    *amplitude = product(l, usize::from((n + own_shift) % 12));
                }
                OneSlot {
                    sequence: u,
                    own_shift,
                    amplitudes,
                    power: values.iter().map(energy).sum::<f32>() / num_symbols as f32,
                    explained: explained / num_symbols as f32,
                }
            })
            .collect()
    }

    fn finding(&self, baseband: &Baseband, candidate: &Candidate) -> Result<Finding, &'static str> {
        let strongest = self.slots.iter().map(|slot| slot.explained).fold(0.0, f32::max);
        let is_on = |slot: &OneSlot| slot.explained > ON_SHARE * strongest && slot.explained > ON_SHARE * slot.power;
        let on: Vec<&OneSlot> = self.slots.iter().filter(|slot| is_on(slot)).collect();
        let other = self.slots.iter().filter(|slot| !is_on(slot) && slot.power > strongest).count();
        let Some(first) = on.first() else { return Err("no slot follows the law") };
        if other > on.len() {
            return Err("most slots follow no law");
        }
        let runs: Vec<&[OneSlot]> = self.slots.chunk_by(|a, b| is_on(a) == is_on(b)).collect();
        let mut segments = Vec::new();
        let mut index = 0;
        let mut longest = 0;
        for run in runs {
            if is_on(&run[0]) {
                segments.push(self.segment(run, index, baseband.center_hz));
                longest = longest.max(run.len());
            }
            index += run.len();
        }
        let (Some(begin), Some(end)) = (segments.first(), segments.last()) else {
            return Err("no slot follows the law");
        };
        let extent = Segment { end_s: end.end_s, ..*begin };
        if segments.len() == 1 {
            segments.clear();
        }
        let density =
            10f64.powf(f64::from(candidate.power_dbfs - candidate.snr_db) / 10.0) / candidate.extent.bandwidth_hz;
        let noise = density * BLOCK_HZ;
        let power = on.iter().map(|slot| f64::from(slot.power)).sum::<f64>() / on.len() as f64;
        let signal = (power - noise).max(power * 0.01).max(f64::MIN_POSITIVE);
        let snr = signal / noise.max(f64::MIN_POSITIVE);
        let explained = on.iter().map(|slot| f64::from(slot.explained)).sum::<f64>() / on.len() as f64;
        if explained / power < OWN_SHARE * snr / (1.0 + snr) {
            return Err("most of what is above the noise follows no law");
        }
        let num_symbols = on.len().min(SETTLE_SLOTS) * self.found.prefix.symbols_per_slot();
        let amplitudes: Vec<Amplitudes> = on.iter().take(SETTLE_SLOTS).map(|slot| slot.amplitudes).collect();
        let chance = (-(self.found.nats - PROOF_NATS / 2.0)).exp();
        let repeats = longest >= 2;
        Ok(Finding {
            extent,
            segments,
            power_dbfs: (10.0 * signal.log10()) as f32,
            snr_db: (10.0 * snr.log10()) as f32,
            technology: if repeats { Technology::LteM } else { Technology::Lte },
            channel: Channel::Pucch,
            confidence: 0.995 / (1.0 + chance),
            clipped: false,
            parameters: Parameters {
                format: phases::format(self.found.prefix, &amplitudes).map(|format| format.number()),
                subcarrier_spacing_hz: Some(SUBCARRIER_HZ),
                n_prb: Some(1),
                repetitions: repeats.then(|| u16::try_from(longest / 2).unwrap_or(u16::MAX)),
                base_sequence: Some(first.sequence),
                cyclic_shift: Some(first.own_shift.into()),
                cell_ids: Some(self.found.cells.clone()),
                frequency_sigma_hz: Some(frequency_sigma_hz(snr, num_symbols)),
                start_sigma_s: Some(start_sigma_s(snr, num_symbols)),
                metric: Some(self.found.nats / PROOF_NATS),
                alternatives: if repeats { vec!["lte/pucch".into()] } else { Vec::new() },
                ..Parameters::default()
            },
        })
    }

    /// The extent of a run of slots, the first of which is slot `index`.
    fn segment(&self, run: &[OneSlot], index: usize, baseband_hz: f64) -> Segment {
        let prefix = self.found.prefix;
        let last = prefix.symbols_per_slot() - 1;
        let mean = run.iter().map(|slot| slot.explained).sum::<f32>() / run.len() as f32;
        let left_out =
            |slot: Option<&OneSlot>, l: usize| slot.is_some_and(|slot| slot.amplitudes[l].norm_sqr() < LEFT_OUT * mean);
        let slot_s = |slots: usize| self.found.start_s + (index + slots) as f64 * SLOT_S;
        let start_ts = if left_out(run.first(), 0) { prefix.symbol_start_ts(1) } else { 0 };
        let end_s = if left_out(run.last(), last) {
            slot_s(run.len() - 1) + f64::from(prefix.symbol_start_ts(last)) * T_S
        } else {
            slot_s(run.len())
        };
        Segment {
            start_s: slot_s(0) + f64::from(start_ts) * T_S,
            end_s,
            center_hz: self.found.center_hz + baseband_hz,
            bandwidth_hz: BLOCK_HZ,
        }
    }
}

/// Where a parabola through the merits of -1, 0 and 1 has its top; not far outside of them.
fn vertex(merits: [f64; 3]) -> f64 {
    let [before, here, after] = merits;
    let bend = 2.0 * here - before - after;
    if bend > 0.0 { ((after - before) / (2.0 * bend)).clamp(-2.5, 2.5) } else { best_of(merits) }
}

/// Which of -1, 0 and 1 has most merit.
fn best_of([before, here, after]: [f64; 3]) -> f64 {
    if before > here && before > after {
        -1.0
    } else if after > here {
        1.0
    } else {
        0.0
    }
}

/// Cramér-Rao bound of the frequency of `num_symbols` known symbols, the phase of each free, and the bias of windows of
/// sixteen samples.
fn frequency_sigma_hz(snr: f64, num_symbols: usize) -> f64 {
    let useful_s = f64::from(USEFUL_TS) * T_S;
    let energy = (useful_s * BLOCK_HZ * snr * num_symbols as f64).max(1e-9);
    ((6.0 / energy).sqrt() / (std::f64::consts::TAU * useful_s)).hypot(BIAS_HZ / (num_symbols as f64).sqrt())
}

/// Cramér-Rao bound of the delay of `num_symbols` known symbols over one resource block.
fn start_sigma_s(snr: f64, num_symbols: usize) -> f64 {
    let energy = (12.0 * snr * num_symbols as f64).max(1e-9);
    (6.0 / energy).sqrt() / (std::f64::consts::TAU * BLOCK_HZ)
}
