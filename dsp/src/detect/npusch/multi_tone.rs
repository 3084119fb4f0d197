//! Transmissions on 3, 6 and 12 tones (TS 36.211 §10.1.4.1.2): reference signal at one delay in every slot.
//!
//! Every start near the candidate's, every frequency near its centre and every base sequence is tried on the reference
//! symbols of the first slots; the best is refined on all of them. Whether the base sequence is the same in all slots
//! or hops is decided by which is less likely to be chance. How surprising a match is, is judged by how well the six
//! data symbols of the same slots match: signals that resemble the sequences resemble them there too.
//! An LTE data channel of one resource block uses the same twelve-tone sequences, but shifts them anew in every slot:
//! how much better that explains the reference symbols is told too. Only over one or two slots can the two look alike.

mod data;
mod demodulator;
mod reference;

use std::f64::consts::TAU;

use super::columns::{flicker_nats, unevenness_nats};
use crate::baseband::Baseband;
use crate::detect::candidate::Candidate;
use crate::spec::npusch::{
    Format, SYMBOLS_PER_SLOT, Spacing, multi_tone, num_base_sequences, reference_symbols, slots_per_unit,
};
use data::Data;
use demodulator::{Demodulator, slot_powers};
use reference::{
    COHERENT_SLOTS, Matches, STEP_TO_STEP_HZ, Template, coherent_nats, matches, nats, share_nats, shifted_nats,
    unrivalled,
};

/// Symbol of a slot that carries the reference signal.
const REFERENCE_SYMBOL: usize = reference_symbols(Format::One, Spacing::Wide)[0];

/// Reference values the first pass looks at.
const FIRST_VALUES: usize = 96;

/// Values that place start and frequency by the data symbols, and the step of the latter.
const DATA_VALUES: usize = 144;
const DATA_STEP_HZ: f64 = 900.0;

/// How far a candidate's start is trusted.
const START_SIGMA_S: f64 = 0.12e-3;

/// Doubt about a start that leaves a slot without energy.
const SILENT_NATS: f64 = 10.0;

/// How far a candidate's centre is trusted.
const CENTER_SIGMA_HZ: f64 = 1000.0;

/// Surprise of the data symbols' phases from which they tell the frequency.
const LINE_NATS: f64 = 3.0;

/// Share of noise that a sequence of twelve tones explains at the best of its shifts.
const CHANCE_SHARE: f64 = 0.25;

/// Slots whose data symbols tell the frequency in the end.
const LINE_SLOTS: usize = 128;

/// What the freedom to move the delay by half a shift explains of noise.
const LTE_SLACK_NATS: f64 = 6.0;

/// Slots whose symbols are compared with each other, the first and the last left out: edges may be off.
const FLICKER_SLOTS: usize = 20;

/// Slots looked at in all.
const MAX_SLOTS: usize = 256;

/// Reach of the search about the candidate's start.
const REACH_S: f64 = 0.35e-3;

/// Frequencies tried: in these steps, one either side of the candidate's centre; and where few slots let weak outer tones
/// be lost, as far as would make up for what its width lacks.
const STEP_HZ: f64 = 1500.0;
const FEW_SLOTS: usize = 8;

/// What was found of a transmission on several tones.
pub(super) struct MultiTone {
    pub(super) tones: u16,
    /// Instant of its first symbol's prefix.
    pub(super) start_s: f64,
    /// Middle of the tones.
    pub(super) center_hz: f64,
    /// Slots until the energy ends.
    pub(super) num_slots: usize,
    /// Slots took base sequences of their own.
    pub(super) hops: bool,
    /// Base sequence, where one explains every slot and no other does.
    pub(super) base_sequence: Option<u8>,
    /// Surprise of the reference symbols, all that was tried taken off.
    pub(super) reference_nats: f64,
    /// Surprise of the data symbols' four phases, all that was tried taken off.
    pub(super) law_nats: f64,
    /// Surprise of the data symbols' four phases that a transmission of this level would show.
    pub(super) expected_law_nats: f64,
    /// Share of the signal's energy in reference symbols that the sequence explains.
    pub(super) reference_share: f64,
    /// Share of the signal's energy in data symbols that the same sequence explains at some shift.
    pub(super) data_share: f64,
    /// Mean power of the weakest tone over that of the strongest.
    pub(super) evenness: f64,
    /// Surprise that the seven symbols of the slots differ so much in power, if they are those of one transmission.
    pub(super) unevenness_nats: f64,
    /// Surprise that the symbols within each slot differ so much in power, if they are those of one transmission.
    pub(super) flicker_nats: f64,
    /// How much likelier its reference symbols are those of one resource block of LTE, which shifts its sequence anew in
    /// every slot.
    pub(super) lte_nats: f64,
    /// Mean power over all tones, noise included.
    pub(super) power: f64,
    /// One standard deviation of `center_hz`.
    pub(super) frequency_sigma_hz: f64,
    /// One standard deviation of `start_s`.
    pub(super) start_sigma_s: f64,
}

/// Shares of the reference symbols and of the phase law's surprise that leave no need to try shifted sequences.
const PLAIN_SHARE: f64 = 0.85;
const PLAIN_LAW_SHARE: f64 = 0.7;

/// Surprise by which sequences that change from slot to slot must beat one that stays.
const HOP_NATS: f64 = 5.0;

/// Surprise by which a shifted sequence must beat the plain ones.
const SHIFT_NATS: f64 = 15.0;

/// Mean surprise, in nats, that the six data symbols of a transmission hardly exceed: of three tones, with the most
/// likenesses, it is 2.2 with a standard deviation of 0.8.
const CHANCE_NATS: f64 = 3.0;

/// Surprise below which the first pass gives up.
const FIRST_NATS: f64 = 1.0;

/// Looks for a transmission on `tones` tones in `candidate`.
///
/// A cyclic shift of the sequences looks like a delay, and with few tones like another sequence; the cell is taken to
/// shift them only where nothing is found without.
///
/// # Errors
/// The test that failed: fewer than two slots, or nothing like a reference signal.
pub(super) fn search(baseband: &Baseband, candidate: &Candidate, tones: u16) -> Result<MultiTone, &'static str> {
    let shifts = multi_tone::cyclic_shifts_rad(tones);
    let plain = search_shifts(baseband, candidate, tones, &shifts[..1]);
    let complete = |found: &MultiTone| {
        found.reference_share > PLAIN_SHARE && found.law_nats > PLAIN_LAW_SHARE * found.expected_law_nats
    };
    if shifts.len() == 1 || plain.as_ref().is_ok_and(complete) {
        return plain;
    }
    let evidence = |found: &MultiTone| found.reference_nats + found.law_nats.max(0.0);
    match (&plain, search_shifts(baseband, candidate, tones, shifts)) {
        (Ok(plain), Ok(shifted)) if evidence(&shifted) > evidence(plain) + SHIFT_NATS => Ok(shifted),
        (Err(_), shifted) => shifted,
        _ => plain,
    }
}

fn search_shifts(
    baseband: &Baseband,
    candidate: &Candidate,
    tones: u16,
    shifts_rad: &[f32],
) -> Result<MultiTone, &'static str> {
    let extent = &candidate.extent;
    let spacing = Spacing::Wide;
    let num_slots = ((extent.duration_s() / spacing.slot_s()).round() as usize).min(MAX_SLOTS);
    // Edges may be a fraction of a slot off, a transmission is whole units.
    let unit = slots_per_unit(Format::One, spacing, tones).unwrap_or(2);
    let whole = (extent.duration_s() / (unit as f64 * spacing.slot_s())).round() as usize * unit;
    let num_slots = if whole.abs_diff(num_slots) <= 1 { whole.min(MAX_SLOTS) } else { num_slots };
    if 4 * num_slots < 3 * unit || extent.duration_s() < 0.65 * unit as f64 * spacing.slot_s() {
        return Err("shorter than a resource unit");
    }
    let templates: Vec<Template> = shifts_rad
        .iter()
        .flat_map(|&alpha_rad| (0..num_base_sequences(tones)).map(move |u| (u, alpha_rad)))
        .map(|(u, alpha_rad)| Template {
            u,
            values: multi_tone::reference(tones, u, alpha_rad).map(|z| z.conj()).collect(),
        })
        .collect();
    // Sequences of three tones differ, but for a delay, in the bend of their phases alone: four bends.
    let num_templates = if tones == 3 { 4 } else { templates.len() };
    let window = (spacing.useful_s() * baseband.sample_rate_hz).round() as usize;
    let demodulator = Demodulator { baseband, tones: usize::from(tones), window };
    let tones = usize::from(tones);
    let expected_hz = extent.center_hz - baseband.center_hz;
    let step_s = 1.0 / baseband.sample_rate_hz;

    let at_symbol = |l, num_slots, at| matches(&demodulator, &templates, num_slots, l, at);
    let at_reference = |num_slots, at| at_symbol(REFERENCE_SYMBOL, num_slots, at);
    let first_slots = num_slots.min(FIRST_VALUES / tones);
    let merit = |m: &Matches| {
        let (_, fixed) = m.best_fixed(tones);
        let slots = m.products.len();
        let hopped = nats(m.hopped(tones), slots, tones, templates.len(), true);
        let silent = super::num_silent(&m.energies) as f64 * SILENT_NATS;
        nats(fixed, slots, tones, num_templates, false).max(hopped) - silent
    };
    let reach = (REACH_S / step_s) as i32;
    let lacking_hz = (tones as f64 * spacing.hz() - extent.bandwidth_hz) / 2.0;
    let lost_steps = if num_slots > FEW_SLOTS { 0.0 } else { (lacking_hz / STEP_HZ - 1.0).clamp(0.0, 10.0) };
    let steps = 1 + lost_steps.ceil() as i32;
    let coarse = (-reach..=reach).flat_map(|i| (-steps..=steps).map(move |k| (i, k)));
    let (first_nats, mut start_s, mut center_hz) = coarse
        .map(|(i, k)| {
            let at = (extent.start_s + f64::from(i) * step_s, expected_hz + f64::from(k) * STEP_HZ);
            let doubt = ((at.0 - extent.start_s) / START_SIGMA_S).powi(2) / 2.0;
            (merit(&at_reference(first_slots, at)) - doubt, at.0, at.1)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .ok_or("no samples")?;
    if first_nats < FIRST_NATS {
        return Err("no reference signal");
    }
    for (time_step_s, frequency_step_hz) in [(step_s / 2.0, 500.0), (step_s / 4.0, 170.0)] {
        let around = (-1..=1).flat_map(|i| (-1..=1).map(move |k| (i, k)));
        let best = around
            .map(|(i, k)| (start_s + f64::from(i) * time_step_s, center_hz + f64::from(k) * frequency_step_hz))
            .map(|at| (merit(&at_reference(num_slots.min(COHERENT_SLOTS), at)), at))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, at)) = best {
            (start_s, center_hz) = at;
        }
    }

    // Reference symbols know the frequency hardly, few tones leave the delay open by some samples: data symbols know both.
    let slots = num_slots.min(DATA_VALUES / tones);
    let reach = if tones < 12 { 3 } else { 0 };
    let is_far = (center_hz - expected_hz).abs() > 2.0 * STEP_HZ;
    let expected_hz = if is_far { center_hz } else { expected_hz };
    let around = (-reach..=reach).flat_map(|i| (-2..=2).map(move |k| (i, k)));
    let (_, moved, mut data) = around
        .map(|(i, k)| {
            // Sequences of few tones differ by turns of π/4 from tone to tone: two samples of delay.
            let (start_s, center_hz) = (start_s + f64::from(2 * i) * step_s, expected_hz + f64::from(k) * DATA_STEP_HZ);
            let found = at_reference(slots, (start_s, center_hz));
            let data = Data::new(&demodulator, &found, &templates, start_s, center_hz);
            let doubt = ((center_hz - expected_hz) / CENTER_SIGMA_HZ).powi(2) / 2.0;
            (merit(&found) + data.law_nats - doubt, (start_s, center_hz), data)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .ok_or("no samples")?;
    (start_s, center_hz) = moved;
    let slots = num_slots.min(LINE_SLOTS);
    for _ in 0..3 {
        // A line of chance shows any offset; a true one lies within a step of those tried.
        if data.law_nats < LINE_NATS || data.offset_hz.abs() > DATA_STEP_HZ {
            break;
        }
        center_hz += data.offset_hz;
        let found = at_reference(slots, (start_s, center_hz));
        data = Data::new(&demodulator, &found, &templates, start_s, center_hz);
    }

    let columns: Vec<Matches> = (0..SYMBOLS_PER_SLOT).map(|l| at_symbol(l, num_slots, (start_s, center_hz))).collect();
    let all = &columns[REFERENCE_SYMBOL];
    let surprise = |m: &Matches| {
        let (template, fixed) = m.best_fixed(tones);
        let same = nats(fixed, num_slots, tones, num_templates, false);
        let same = same.max(coherent_nats(m, template, tones, num_templates));
        (template, same, nats(m.hopped(tones), num_slots, tones, templates.len(), true))
    };
    let (template, same, hopped) = surprise(all);
    let hops = same + HOP_NATS < hopped;
    let others = (0..SYMBOLS_PER_SLOT).filter(|&l| l != REFERENCE_SYMBOL).map(|l| surprise(&columns[l]));
    let others_nats = others.map(|(_, same, hopped)| same.max(hopped).max(0.0)).sum::<f64>();
    let scale = (others_nats / (SYMBOLS_PER_SLOT - 1) as f64 / CHANCE_NATS).max(1.0);
    let tried = (2.0 * REACH_S * tones as f64 * spacing.hz()).ceil().ln() + (1.0 + 2.0 * lost_steps.ceil()).ln();
    let base_sequence = if hops { None } else { unrivalled(all, &templates, template, tones) };
    let share = f64::from(if hops { all.hopped(tones) } else { all.fixed(template, tones) });

    // Cramér-Rao bounds: of the turn of the fourth power within a symbol, and of the delay over the tones.
    let line = (data.law_nats + data.tried_nats).max(1.0);
    let mut frequency_sigma_hz = (6.0 / line).sqrt() / (4.0 * TAU * spacing.useful_s());
    if frequency_sigma_hz < STEP_TO_STEP_HZ / 6.0 {
        center_hz += all.residual_hz(tones);
        frequency_sigma_hz /= num_slots as f64;
    } else {
        frequency_sigma_hz = CENTER_SIGMA_HZ;
    }

    let noise = super::single_tone::noise_density(candidate) * spacing.hz() * tones as f64;
    if super::is_broken(&all.energies) {
        return Err("silent slots");
    }
    let values = num_slots * tones;
    let column_powers = std::array::from_fn(|l| f64::from(columns[l].energy) / values as f64);
    let residue = f64::from(all.energy) / values as f64 * (1.0 - share) * tones as f64 / (tones as f64 - 1.0);
    let unevenness_nats = unevenness_nats(&column_powers, values, residue.max(noise / tones as f64));
    let whole_slots = 1..num_slots.clamp(2, FLICKER_SLOTS) - 1;
    let by_slot: Vec<[f64; SYMBOLS_PER_SLOT]> =
        whole_slots.map(|slot| std::array::from_fn(|l| f64::from(columns[l].energies[slot]) / tones as f64)).collect();
    let flicker_nats = flicker_nats(&by_slot, tones, residue.max(noise / tones as f64));
    let own_nats = if hops { hopped } else { same };
    let lte_nats = if tones == 12 {
        let choices = |n: u16| (num_slots - 1) as f64 * f64::from(n).ln();
        let better = shifted_nats(all, &demodulator, (start_s, center_hz)) - share_nats(share as f32, num_slots, tones);
        better.min(0.0) + (better - LTE_SLACK_NATS).max(0.0) - choices(12) + if hops { choices(30) } else { 0.0 }
    } else {
        f64::NEG_INFINITY
    };
    let powers = slot_powers(&demodulator, start_s, center_hz, num_slots + 2);
    let num_slots = super::last_slot(&powers, num_slots, noise);
    let power = powers[..num_slots].iter().map(|&power| f64::from(power)).sum::<f64>() / num_slots as f64;
    let snr = (power / noise - 1.0).max(0.01);
    let values = (num_slots * tones) as f64 * snr;
    Ok(MultiTone {
        tones: tones as u16,
        start_s,
        center_hz: center_hz + baseband.center_hz,
        num_slots,
        hops,
        base_sequence,
        reference_nats: own_nats / scale - tried,
        law_nats: data.law_nats,
        expected_law_nats: data.expected_law_nats(snr),
        reference_share: (share * (1.0 + snr) - 1.0 / tones as f64) / snr,
        data_share: (data.share * (1.0 + snr) - CHANCE_SHARE) / snr,
        evenness: data.evenness,
        unevenness_nats,
        flicker_nats,
        lte_nats,
        power,
        frequency_sigma_hz,
        start_sigma_s: (6.0 / values).sqrt() / (TAU * tones as f64 * spacing.hz()),
    })
}
