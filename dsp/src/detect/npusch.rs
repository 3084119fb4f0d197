//! Narrowband uplink shared channel, blind: formats 1 and 2, one tone or several (TS 36.211 §10.1).
//!
//! In: a [`Candidate`] and its [`Baseband`] at [`RATE_HZ`]. Out: a [`Finding`], or the test that failed.
//! A candidate is compared with every allocation its width allows. None is taken for being the nearest: the reference
//! signal must be there, at odds that say how likely any other signal is to show it, and the data symbols must follow
//! their phase law as far as their level lets them. Positions are those of the standard's timeline; cell identities are
//! the set that fits if the cell does not hop its base sequences.
//!
//! Not told apart: twelve tones over one or two slots from an LTE data channel of one resource block (named as an
//! alternative).

mod columns;
mod multi_tone;
mod pieces;
mod single_tone;
mod tone;

#[cfg(test)]
mod generated;
#[cfg(test)]
mod lte_block;
#[cfg(test)]
mod reliability;
#[cfg(test)]
mod scenes;

pub use pieces::{is_piece, whole};

use multi_tone::MultiTone;
use single_tone::SingleTone;

use crate::baseband::Baseband;
use crate::detect::candidate::Candidate;
use crate::finding::{Channel, Finding, Parameters, Rejection, Segment, Technology};
use crate::spec::nprach::NUM_CELL_IDS;
use crate::spec::npusch::{
    Format, GAP_AFTER_S, GAP_S, Modulation, REPETITIONS, RESOURCE_UNITS, Spacing, num_base_sequences, slots_per_unit,
};

/// Name under which rejections are counted.
pub const NAME: &str = "npusch";

/// Rate of the baseband [`classify`] wants: sixteen samples in a symbol of 15 kHz.
pub const RATE_HZ: f64 = 240e3;

/// Width of the widest candidate it wants to see.
pub const MAX_WIDTH_HZ: f64 = 260e3;

/// Samples it wants before and after the candidate.
pub const MARGIN_S: f64 = 5e-3;

/// Surprise, in nats, from which the reference signal alone proves a transmission: 1 in 10^6 of other signals reach it,
/// of which a busy band has thousands in a second.
const PROOF_NATS: f64 = 14.0;

/// Surprises that prove it together, where they sum up to it and symbols also keep the clock by [`CLOCK_RATIO`]: of
/// reference and phase law.
const JOINT_NATS: (f64, f64) = (4.0, 6.0);

/// Energy on the symbol clock over energy off it that no constant envelope reaches; clean data has 2.
const CLOCK_RATIO: f64 = 1.3;

/// Share of the reference symbols' signal that the sequence must explain; a few symbols in noise show 0.2 too little.
const REFERENCE_SHARE: f64 = 0.6;

/// Share of the surprise expected of the data symbols' phases that must be there, once what chance may take is off.
const LAW_SHARE: f64 = 0.2;
const LAW_SLACK_NATS: f64 = 10.0;

/// Share of twelve-tone data symbols that a sequence explains at the best of twelve shifts only in control channels.
const DATA_SHARE: f64 = 0.5;

/// Surprise, in nats, of the powers of a slot's symbols beyond which they are not one transmission's: 1 in 10 000 of true
/// ones is lost to it. Below, what it is less likely by is taken off the evidence.
const UNEVEN_NATS: f64 = 9.2;

/// Power of the weakest tone over the strongest below which `tones` are not one allocation: three times the spread
/// that data shows over one resource unit, and what the tone next to a bare carrier gets stays below.
const fn least_evenness(tones: u16) -> f64 {
    match tones {
        3 => 0.35,
        6 => 0.25,
        _ => 0.12,
    }
}

/// Surprise, in nats, of a length that no grant orders: only pieces have one, and few bursts are pieces.
const ODD_LENGTH_NATS: f64 = 9.0;

/// Most by which a finding begins before its candidate.
pub const LATE_S: f64 = GAP_AFTER_S;

/// Most by which it ends before the next piece of the same transmission begins.
pub const PAUSE_S: f64 = GAP_S + 1e-3;

/// Time by which a candidate may reach beyond its samples.
const SLACK_S: f64 = 1e-3;

/// Says whether `candidate` is an NPUSCH transmission, from its `baseband` centred near it.
///
/// # Errors
/// The test that failed, of the allocation that came furthest.
pub fn classify(baseband: &Baseband, candidate: &Candidate) -> Result<Finding, Rejection> {
    let reject = |reason| Err(Rejection { detector: NAME, reason });
    let width_hz = candidate.extent.bandwidth_hz;
    let extent = &candidate.extent;
    let held_s = baseband.samples.len() as f64 / RATE_HZ;
    let held = baseband.start_s <= extent.start_s + SLACK_S && extent.end_s <= baseband.start_s + held_s + SLACK_S;
    if !held || extent.duration_s().is_nan() || !(candidate.snr_db.is_finite() && candidate.power_dbfs.is_finite()) {
        return reject("no samples of all of it");
    }
    if baseband.sample_rate_hz.is_nan() || (baseband.sample_rate_hz / RATE_HZ - 1.0).abs() > 1e-3 {
        return reject("no samples at the wanted rate");
    }
    let mut failed = None;
    let mut found: Option<(f64, Finding)> = None;
    let mut note = |outcome: Result<(f64, Finding), &'static str>| match outcome {
        Ok(new) if found.as_ref().is_none_or(|best| new.0 > best.0) => found = Some(new),
        Ok(_) => (),
        Err(reason) => failed = Some(reason),
    };
    for (spacing, widths_hz) in [(Spacing::Narrow, 0.0..12e3), (Spacing::Wide, 6e3..30e3)] {
        if widths_hz.contains(&width_hz) {
            note(single_tone::search(baseband, candidate, spacing).and_then(|tone| judge_single(tone, candidate)));
        }
    }
    for (tones, widths_hz) in [(3, 25e3..75e3), (6, 55e3..140e3), (12, 120e3..260e3)] {
        if widths_hz.contains(&width_hz) {
            note(multi_tone::search(baseband, candidate, tones).and_then(|tones| judge_multi(tones, candidate)));
        }
    }
    match found {
        Some((_, finding)) if finding.confidence < 0.5 => reject("likelier something else"),
        Some((_, finding)) => Ok(finding),
        None => reject(failed.unwrap_or("width is that of no allocation")),
    }
}

fn judge_single(tone: SingleTone, candidate: &Candidate) -> Result<(f64, Finding), &'static str> {
    let clocked = tone.clock_ratio >= CLOCK_RATIO;
    if tone.unevenness_nats > UNEVEN_NATS {
        return Err("symbols of unequal power");
    }
    let reference_nats = tone.reference_nats + if clocked { tone.spread_nats } else { 0.0 } - tone.unevenness_nats;
    let joint = clocked
        && reference_nats >= JOINT_NATS.0
        && tone.law_nats >= JOINT_NATS.1
        && reference_nats + tone.law_nats >= PROOF_NATS;
    if reference_nats < PROOF_NATS && !joint {
        return Err(if tone.law_nats >= JOINT_NATS.1 { "no reference signal" } else { "no phase law" });
    }
    let modulus = usize::from(num_base_sequences(1));
    let noise = single_tone::noise_density(candidate) / tone.spacing.useful_s();
    let (power_dbfs, snr_db) = levels(tone.symbol_power, noise);
    let evidence = reference_nats + tone.law_nats.max(0.0);
    let timing = Timing { format: tone.format, spacing: tone.spacing, tones: 1, gaps: tone.gaps };
    let (extent, resource_units) = timing.extent(tone.start_s, tone.num_slots, tone.center_hz);
    let snr = 10f64.powf(f64::from(snr_db) / 10.0);
    let seconds = (tone.num_slots as f64 * tone.spacing.slot_s()).min(tone.coherent_s);
    let parameters = Parameters {
        subcarrier_spacing_hz: Some(tone.spacing.hz()),
        tones: Some(1),
        modulation: Some(match tone.modulation {
            Modulation::Bpsk => "pi/2-bpsk".into(),
            Modulation::Qpsk => "pi/4-qpsk".into(),
        }),
        resource_units,
        base_sequence: (tone.rows.len() == 1).then(|| tone.rows[0]),
        cell_ids: (tone.rows.len() <= modulus / 2).then(|| cells(&tone.rows, modulus)),
        frequency_sigma_hz: Some(tone.frequency_step_hz.max(frequency_sigma_hz(seconds, snr * tone.spacing.hz()))),
        start_sigma_s: Some(tone.start_step_s / 12f64.sqrt()),
        metric: Some(reference_nats / PROOF_NATS),
        ..Parameters::default()
    };
    let channel = match tone.format {
        Format::One => Channel::Npusch1,
        Format::Two => Channel::Npusch2,
    };
    Ok((evidence, finding(extent, channel, power_dbfs, snr_db, confidence(evidence, resource_units), parameters)))
}

/// The data symbols keep to four phases as far as their level lets them; where every slot may have a sequence of its
/// own they must in any case, because to choose among so many is to find one that fits a lone tone.
fn lawful(found: &MultiTone) -> bool {
    let expected = LAW_SHARE * (found.expected_law_nats - LAW_SLACK_NATS);
    let least = if found.hops { expected.max(JOINT_NATS.1) } else { expected };
    least <= 0.0 || found.law_nats >= least
}

fn judge_multi(found: MultiTone, candidate: &Candidate) -> Result<(f64, Finding), &'static str> {
    if found.unevenness_nats.max(found.flicker_nats) > UNEVEN_NATS {
        return Err("symbols of unequal power");
    }
    let reference_nats = found.reference_nats - found.unevenness_nats;
    let evidence = reference_nats + found.law_nats.max(0.0);
    let proven = reference_nats >= PROOF_NATS || (reference_nats >= JOINT_NATS.0 && evidence >= PROOF_NATS);
    if !proven || found.reference_share < REFERENCE_SHARE {
        return Err("no reference signal");
    }
    if found.tones == 12 && found.data_share > DATA_SHARE {
        return Err("every symbol is a reference sequence");
    }
    if found.evenness < least_evenness(found.tones) {
        return Err("tones of unequal power");
    }
    if !lawful(&found) {
        return Err("no phase law");
    }
    let spacing = Spacing::Wide;
    let noise = single_tone::noise_density(candidate) * spacing.hz() * f64::from(found.tones);
    let (power_dbfs, snr_db) = levels(found.power, noise);
    let timing = Timing { format: Format::One, spacing, tones: found.tones, gaps: false };
    let (extent, resource_units) = timing.extent(found.start_s, found.num_slots, found.center_hz);
    let modulus = usize::from(num_base_sequences(found.tones));
    let mut confidence = confidence(evidence, resource_units);
    let mut alternatives = Vec::new();
    if found.tones == 12 {
        // There are some ten of its blocks to one of these.
        const LTE_ODDS: f64 = 10.0;
        let odds = LTE_ODDS * found.lte_nats.min(100.0).exp();
        confidence /= 1.0 + odds;
        if found.num_slots <= 4 {
            alternatives.extend(["lte/pusch".into(), "lte-m/pusch".into()]);
        }
    }
    let parameters = Parameters {
        subcarrier_spacing_hz: Some(spacing.hz()),
        tones: Some(found.tones),
        modulation: Some("qpsk".into()),
        resource_units,
        base_sequence: found.base_sequence,
        cell_ids: found.base_sequence.map(|u| cells(&[u], modulus)),
        frequency_sigma_hz: Some(found.frequency_sigma_hz),
        start_sigma_s: Some(found.start_sigma_s),
        metric: Some(evidence / PROOF_NATS),
        alternatives,
        ..Parameters::default()
    };
    Ok((evidence, finding(extent, Channel::Npusch1, power_dbfs, snr_db, confidence, parameters)))
}

/// Slots nearly without energy.
fn num_silent(slot_powers: &[f32]) -> usize {
    let floor = 0.25 * slot_powers.iter().sum::<f32>() / slot_powers.len() as f32;
    slot_powers.iter().filter(|&&power| power < floor).count()
}

/// More than an eighth of the slots are silent: chance would show far better matches than reckoned.
fn is_broken(slot_powers: &[f32]) -> bool {
    8 * num_silent(slot_powers) > slot_powers.len()
}

/// Number of slots until the energy ends, of which `expected` should hold some.
fn last_slot(slot_powers: &[f32], expected: usize, noise: f64) -> usize {
    let mean = slot_powers[..expected].iter().map(|&power| f64::from(power)).sum::<f64>() / expected as f64;
    let threshold = (mean + noise.min(mean)) / 2.0;
    let mut sum = 0.0;
    let mut most = (0.0, expected);
    for (slot, &power) in slot_powers.iter().enumerate() {
        sum += f64::from(power) - threshold;
        if sum > most.0 {
            most = (sum, slot + 1);
        }
    }
    most.1
}

fn finding(
    extent: Segment,
    channel: Channel,
    power_dbfs: f32,
    snr_db: f32,
    confidence: f64,
    parameters: Parameters,
) -> Finding {
    Finding {
        extent,
        segments: Vec::new(),
        power_dbfs,
        snr_db,
        technology: Technology::NbIot,
        channel,
        confidence,
        clipped: false,
        parameters,
    }
}

/// Probability that it is what it seems: the odds of chance, and a doubt about lengths no grant orders.
fn confidence(evidence_nats: f64, resource_units: Option<u16>) -> f64 {
    let doubt_nats = PROOF_NATS / 2.0 + if resource_units.is_some() { 0.0 } else { ODD_LENGTH_NATS };
    0.995 / (1.0 + (doubt_nats - evidence_nats).exp())
}

/// Power without the noise in it, and its ratio to the noise.
fn levels(power: f64, noise: f64) -> (f32, f32) {
    let signal = (power - noise).max(power * 0.01).max(f64::MIN_POSITIVE);
    ((10.0 * signal.log10()) as f32, (10.0 * (signal / noise.max(f64::MIN_POSITIVE)).log10()) as f32)
}

/// Cramér-Rao bound of a tone's frequency over `seconds` at `snr_hz` of carrier to noise density.
fn frequency_sigma_hz(seconds: f64, snr_hz: f64) -> f64 {
    6f64.sqrt() / (std::f64::consts::TAU * seconds * (seconds * snr_hz).max(1e-9).sqrt())
}

/// Cells whose identity leaves one of `residues` modulo `modulus`.
fn cells(residues: &[u8], modulus: usize) -> Vec<u16> {
    (0..NUM_CELL_IDS).filter(|&id| residues.contains(&((usize::from(id) % modulus) as u8))).collect()
}

/// Lengths a transmission may have.
struct Timing {
    format: Format,
    spacing: Spacing,
    tones: u16,
    gaps: bool,
}

impl Timing {
    /// The extent of `num_slots` slots counted by energy, as a whole number of resource units where that is near; and
    /// that number, where a grant can order it.
    fn extent(&self, start_s: f64, num_slots: usize, center_hz: f64) -> (Segment, Option<u16>) {
        let unit = slots_per_unit(self.format, self.spacing, self.tones).unwrap_or(1);
        let units = (num_slots + unit / 2) / unit;
        let near = (units * unit).abs_diff(num_slots) <= 1 + num_slots / 32;
        let (units, num_slots) =
            if near && units > 0 { (u16::try_from(units).ok(), units * unit) } else { (None, num_slots) };
        let elapsed_s = num_slots as f64 * self.spacing.slot_s();
        let gaps = if self.gaps { ((elapsed_s - 1e-6) / GAP_AFTER_S).floor() } else { 0.0 };
        let end_s = start_s + elapsed_s + gaps * GAP_S - self.spacing.guard_s();
        let bandwidth_hz = f64::from(self.tones) * self.spacing.hz();
        (Segment { start_s, end_s, center_hz, bandwidth_hz }, units.filter(|&units| self.can_be_granted(units)))
    }

    fn can_be_granted(&self, units: u16) -> bool {
        match self.format {
            Format::One => {
                REPETITIONS.iter().any(|&n| units.is_multiple_of(n) && RESOURCE_UNITS.contains(&(units / n)))
            }
            Format::Two => REPETITIONS.contains(&units),
        }
    }
}
