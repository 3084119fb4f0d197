//! Transmissions on 3, 6 and 12 tones (TS 36.211 §10.1.4.1.2): reference signal at one delay in every slot.
//!
//! Every start near the candidate's, every frequency near its centre and every base sequence is tried on the reference
//! symbols of the first slots; the best is refined on all of them. Whether the base sequence is the same in all slots
//! or hops is decided by which is less likely to be chance. An LTE data channel of one resource block uses the same
//! twelve-tone sequences, but shifts them anew in every slot; only over one or two slots can the two look alike.

use num_complex::Complex32;
use rustfft::FftPlanner;
use std::f64::consts::TAU;

use crate::baseband::Baseband;
use crate::detect::candidate::Candidate;
use crate::detect::evidence::surprise_nats;
use crate::spec::npusch::{
    Format, SYMBOLS_PER_SLOT, Spacing, multi_tone, num_base_sequences, reference_symbols, slots_per_unit,
};

/// Reference values the first pass looks at.
const FIRST_VALUES: usize = 96;

/// Values that place start and frequency by the data symbols, and the step of the latter.
const DATA_VALUES: usize = 144;
const DATA_STEP_HZ: f64 = 900.0;

/// How far a candidate's start is trusted.
const START_SIGMA_S: f64 = 0.12e-3;

/// Share explained beyond which more is no better evidence: what is left is the transmitter's and the window's.
const MAX_SHARE: f64 = 0.98;

/// Doubt about a start that leaves a slot without energy.
const SILENT_NATS: f64 = 10.0;

/// How far a candidate's centre is trusted.
const CENTER_SIGMA_HZ: f64 = 1000.0;

/// Surprise of the data symbols' phases from which they tell the frequency.
const LINE_NATS: f64 = 3.0;

/// Share of noise that a sequence of twelve tones explains at the best of its shifts.
const CHANCE_SHARE: f64 = 0.25;

/// Slots looked at in all.
const MAX_SLOTS: usize = 256;

/// Slots whose reference symbols are summed coherently.
const COHERENT_SLOTS: usize = 32;

/// Reach of the search about the candidate's start.
const REACH_S: f64 = 0.35e-3;

/// Frequencies tried: this step, this many either side of the candidate's centre.
const STEP_HZ: f64 = 1500.0;
const REACH_STEPS: i32 = 1;

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
    /// Mean power over all tones, noise included.
    pub(super) power: f64,
    /// One standard deviation of `center_hz`.
    pub(super) frequency_sigma_hz: f64,
    /// One standard deviation of `start_s`.
    pub(super) start_sigma_s: f64,
}

/// A reference sequence, conjugated.
struct Template {
    u: u8,
    values: Vec<Complex32>,
}

/// Symbols of an allocation as values per tone.
struct Demodulator<'a> {
    baseband: &'a Baseband<'a>,
    tones: usize,
    window: usize,
}

impl Demodulator<'_> {
    /// Values of the tones in symbol `l` of `slot`, as they stand at the end of its prefix; zero outside the stream.
    ///
    /// The window starts half a prefix early, so that both its ends lie inside the symbol.
    fn symbol(&self, start_s: f64, slot: usize, l: usize, center_hz: f64, values: &mut [Complex32]) {
        let spacing = Spacing::Wide;
        values.fill(Complex32::ZERO);
        let rate_hz = self.baseband.sample_rate_hz;
        let symbol_s = start_s + slot as f64 * spacing.slot_s() + spacing.symbol_start_s(l);
        let prefix_end = (symbol_s + spacing.cyclic_prefix_s(l) - self.baseband.start_s) * rate_hz;
        let first = (prefix_end - spacing.cyclic_prefix_s(l) / 2.0 * rate_hz).round();
        if first < 0.0 {
            return;
        }
        let Some(samples) = self.baseband.samples.get(first as usize..first as usize + self.window) else { return };
        let middle = (self.tones as f64 - 1.0) / 2.0;
        for (k, value) in values.iter_mut().enumerate() {
            let offset_hz = (k as f64 - middle) * spacing.hz();
            let step = Complex32::from_polar(1.0, (-TAU * (offset_hz + center_hz) / rate_hz) as f32);
            // The tone's phase counts from the prefix's end, the centre's from the stream's start.
            let cycles = (offset_hz * (first - prefix_end) + center_hz * first) / rate_hz;
            let mut turn = Complex32::from_polar(1.0, (-TAU * cycles.fract()) as f32);
            for sample in samples {
                *value += sample * turn;
                turn *= step;
            }
            *value /= self.window as f32;
        }
    }
}

/// Matches of the reference symbols of some slots at one start and frequency.
struct Matches {
    /// `⟨received, template⟩` by slot and template.
    products: Vec<Vec<Complex32>>,
    energies: Vec<f32>,
    energy: f32,
}

impl Matches {
    /// Share of the energy that template `i` explains in all slots.
    fn fixed(&self, i: usize, tones: usize) -> f32 {
        self.products.iter().map(|slot| slot[i].norm_sqr()).sum::<f32>() / (self.energy * tones as f32)
    }

    /// The template that explains most, and what it explains.
    fn best_fixed(&self, tones: usize) -> (usize, f32) {
        let all = (0..self.products[0].len()).map(|i| (i, self.fixed(i, tones)));
        all.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
    }

    /// How far the tones are above the assumed centre, by the turn from slot to slot, to the nearest of the frequencies
    /// [`STEP_TO_STEP_HZ`] apart that explain it.
    ///
    /// Every symbol starts its tones anew (§10.1.5), so a centre `κ` subcarriers from the carrier's turns by `-7.5 κ`
    /// cycles a slot; `κ` is whole for even numbers of tones and half-odd for odd ones.
    fn residual_hz(&self, tones: usize) -> f64 {
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
    fn hopped(&self, tones: usize) -> f32 {
        let best = |slot: &Vec<Complex32>| slot.iter().map(|z| z.norm_sqr()).fold(0.0, f32::max);
        self.products.iter().map(best).sum::<f32>() / (self.energy * tones as f32)
    }
}

fn matches(
    demodulator: &Demodulator,
    templates: &[Template],
    num_slots: usize,
    start_s: f64,
    center_hz: f64,
) -> Matches {
    let l = reference_symbols(Format::One, Spacing::Wide)[0];
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

/// Spacing of the frequencies that turn reference symbols alike from slot to slot.
const STEP_TO_STEP_HZ: f64 = 1000.0;

/// Shares of the reference symbols and of the phase law's surprise that leave no need to try shifted sequences.
const PLAIN_SHARE: f64 = 0.85;
const PLAIN_LAW_SHARE: f64 = 0.7;

/// Surprise by which sequences that change from slot to slot must beat one that stays.
const HOP_NATS: f64 = 5.0;

/// Surprise by which a shifted sequence must beat the plain ones.
const SHIFT_NATS: f64 = 15.0;

/// Ratio beyond which transmitter and receiver limit how well phases are kept.
const MAX_SNR: f64 = 16.0;

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

    let first_slots = num_slots.min(FIRST_VALUES / tones);
    let merit = |m: &Matches| {
        let (_, fixed) = m.best_fixed(tones);
        let slots = m.products.len();
        let hopped = nats(m.hopped(tones), slots, tones, templates.len(), true);
        let silent = super::num_silent(&m.energies) as f64 * SILENT_NATS;
        nats(fixed, slots, tones, num_templates, false).max(hopped) - silent
    };
    let reach = (REACH_S / step_s) as i32;
    let coarse = (-reach..=reach).flat_map(|i| (-REACH_STEPS..=REACH_STEPS).map(move |k| (i, k)));
    let (first_nats, mut start_s, mut center_hz) = coarse
        .map(|(i, k)| {
            let at = (extent.start_s + f64::from(i) * step_s, expected_hz + f64::from(k) * STEP_HZ);
            let doubt = ((at.0 - extent.start_s) / START_SIGMA_S).powi(2) / 2.0;
            (merit(&matches(&demodulator, &templates, first_slots, at.0, at.1)) - doubt, at.0, at.1)
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
            .map(|at| (merit(&matches(&demodulator, &templates, num_slots.min(COHERENT_SLOTS), at.0, at.1)), at))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, at)) = best {
            (start_s, center_hz) = at;
        }
    }

    // Reference symbols know the frequency hardly, few tones leave the delay open by some samples: data symbols know both.
    let slots = num_slots.min(DATA_VALUES / tones);
    let reach = if tones < 12 { 3 } else { 0 };
    let around = (-reach..=reach).flat_map(|i| (-2..=2).map(move |k| (i, k)));
    let (_, moved, mut data) = around
        .map(|(i, k)| {
            // Sequences of few tones differ by turns of π/4 from tone to tone: two samples of delay.
            let (start_s, center_hz) = (start_s + f64::from(2 * i) * step_s, expected_hz + f64::from(k) * DATA_STEP_HZ);
            let found = matches(&demodulator, &templates, slots, start_s, center_hz);
            let data = Data::new(&demodulator, &found, &templates, start_s, center_hz);
            let doubt = ((center_hz - expected_hz) / CENTER_SIGMA_HZ).powi(2) / 2.0;
            (merit(&found) + data.law_nats - doubt, (start_s, center_hz), data)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .ok_or("no samples")?;
    (start_s, center_hz) = moved;
    let slots = num_slots.min(COHERENT_SLOTS);
    for _ in 0..3 {
        // A line of chance shows any offset; a true one lies within a step of those tried.
        if data.law_nats < LINE_NATS || data.offset_hz.abs() > DATA_STEP_HZ {
            break;
        }
        center_hz += data.offset_hz;
        let found = matches(&demodulator, &templates, slots, start_s, center_hz);
        data = Data::new(&demodulator, &found, &templates, start_s, center_hz);
    }

    let all = matches(&demodulator, &templates, num_slots, start_s, center_hz);
    let (template, fixed) = all.best_fixed(tones);
    let starts = (2.0 * REACH_S * tones as f64 * spacing.hz()).ceil();
    let tried = starts.ln();
    let hopped = nats(all.hopped(tones), num_slots, tones, templates.len(), true);
    let same =
        nats(fixed, num_slots, tones, num_templates, false).max(coherent_nats(&all, template, tones, num_templates));
    let base_sequence = (same + HOP_NATS >= hopped).then(|| unrivalled(&all, &templates, template, tones)).flatten();
    let share = f64::from(if same + HOP_NATS >= hopped { fixed } else { all.hopped(tones) });

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
        hops: same + HOP_NATS < hopped,
        base_sequence,
        reference_nats: if same + HOP_NATS < hopped { hopped } else { same } - tried,
        law_nats: data.law_nats,
        expected_law_nats: surprise_nats(four_phase_share(snr), 1, data.num_values) - data.tried_nats,
        reference_share: (share * (1.0 + snr) - 1.0 / tones as f64) / snr,
        data_share: (data.share * (1.0 + snr) - CHANCE_SHARE) / snr,
        evenness: data.evenness,
        power,
        frequency_sigma_hz,
        start_sigma_s: (6.0 / values).sqrt() / (TAU * tones as f64 * spacing.hz()),
    })
}

/// Share of energy that the fourth power of unit QPSK values leaves in one line, `|E e^{j4δ}|²` for noise at `snr`.
fn four_phase_share(snr: f64) -> f64 {
    let snr = snr.min(MAX_SNR);
    // The mean of e^{j4δ} over the phase δ of 1 + noise, by its series' limits: snr²/12 where small, 1 - 4/snr where large.
    let mean = 1.0 / (1.0 + 4.0 / snr + 12.0 / (snr * snr));
    mean * mean
}

/// Surprise of a share of energy explained slot by slot, less the choice among `num_templates` (once or in every slot).
fn nats(share: f32, num_slots: usize, tones: usize, num_templates: usize, hopped: bool) -> f64 {
    let choices = if hopped { num_slots } else { 1 };
    surprise_nats(f64::from(share).min(MAX_SHARE), num_slots, num_slots * tones)
        - choices as f64 * (num_templates as f64).ln()
}

/// Surprise where phase may turn evenly from slot to slot.
fn coherent_nats(all: &Matches, template: usize, tones: usize, num_templates: usize) -> f64 {
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

/// The base sequence of `template`, if no other comes near in explaining all slots.
fn unrivalled(all: &Matches, templates: &[Template], template: usize, tones: usize) -> Option<u8> {
    const MARGIN_NATS: f64 = 5.0;
    let surprise = |i| surprise_nats(all.fixed(i, tones).into(), all.products.len(), all.products.len() * tones);
    let u = templates[template].u;
    let others = (0..templates.len()).filter(|&i| templates[i].u != u).map(surprise);
    (others.fold(0.0, f64::max) + MARGIN_NATS < surprise(template)).then_some(u)
}

/// Mean power of the symbols of each slot, all tones together.
fn slot_powers(demodulator: &Demodulator, start_s: f64, center_hz: f64, num_slots: usize) -> Vec<f32> {
    let mut values = vec![Complex32::ZERO; demodulator.tones];
    let mut power = |slot, l| {
        demodulator.symbol(start_s, slot, l, center_hz, &mut values);
        values.iter().map(|z| z.norm_sqr()).sum::<f32>()
    };
    (0..num_slots)
        .map(|slot| (0..SYMBOLS_PER_SLOT).map(|l| power(slot, l)).sum::<f32>() / SYMBOLS_PER_SLOT as f32)
        .collect()
}

/// What the data symbols tell.
struct Data {
    /// Surprise of their four phases, less the phase steps tried.
    law_nats: f64,
    tried_nats: f64,
    num_values: usize,
    /// How far the tones are above the assumed centre, from the turn of the phases within symbols.
    offset_hz: f64,
    share: f64,
    evenness: f64,
}

impl Data {
    fn new(demodulator: &Demodulator, all: &Matches, templates: &[Template], start_s: f64, center_hz: f64) -> Self {
        let tones = demodulator.tones;
        let reference = reference_symbols(Format::One, Spacing::Wide)[0];
        let num_slots = all.products.len();
        let size = (2 * SYMBOLS_PER_SLOT * num_slots).next_power_of_two();
        let turns: Vec<Complex32> =
            (0..tones.max(12)).map(|i| Complex32::from_polar(1.0, (TAU * i as f64 / tones as f64) as f32)).collect();
        let mut values = vec![Complex32::ZERO; tones];
        let mut raised = vec![vec![Complex32::ZERO; size]; tones];
        let mut powers = vec![0.0f32; tones];
        let (mut matched, mut total) = (0.0f32, f32::MIN_POSITIVE);
        for (slot, products) in all.products.iter().enumerate() {
            let own = (0..products.len()).max_by(|&a, &b| products[a].norm_sqr().total_cmp(&products[b].norm_sqr()));
            let own = &templates[own.unwrap_or_default()].values;
            for l in (0..SYMBOLS_PER_SLOT).filter(|&l| l != reference) {
                demodulator.symbol(start_s, slot, l, center_hz, &mut values);
                for (m, raised) in raised.iter_mut().enumerate() {
                    let sample: Complex32 = values.iter().enumerate().map(|(k, z)| z * turns[k * m % tones]).sum();
                    raised[slot * SYMBOLS_PER_SLOT + l] = (sample / sample.norm().max(f32::MIN_POSITIVE)).powu(4);
                }
                let shifted = |s: usize| {
                    let each = own.iter().zip(&values).enumerate();
                    each.map(|(k, (a, b))| a * b * turns[k * s % tones]).sum::<Complex32>().norm_sqr()
                };
                matched += (0..tones).map(shifted).fold(0.0, f32::max);
                powers.iter_mut().zip(&values).for_each(|(sum, z)| *sum += z.norm_sqr());
            }
        }
        total += powers.iter().sum::<f32>() * tones as f32;
        let mut sum: Vec<Complex32> = (0..size).map(|i| raised.iter().map(|values| values[i]).sum()).collect();
        FftPlanner::new().plan_fft_forward(size).process(&mut sum);
        let (line, most) =
            sum.iter().map(|z| z.norm_sqr()).enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default();
        let by_sample: Vec<Complex32> = raised
            .iter()
            .map(|values| {
                let turn =
                    |i: usize| Complex32::from_polar(1.0, (-TAU * (line * i % size) as f64 / size as f64) as f32);
                values.iter().enumerate().map(|(i, z)| z * turn(i)).sum()
            })
            .collect();
        let step: Complex32 = by_sample.windows(2).map(|pair| pair[1] * pair[0].conj()).sum();
        let num_values = num_slots * (SYMBOLS_PER_SLOT - 1) * tones;
        let tried_nats = ((SYMBOLS_PER_SLOT * num_slots) as f64).ln();
        let share = f64::from(most) / (num_values * num_values) as f64;
        let (weakest, strongest) = powers.iter().fold((f32::MAX, 0.0f32), |(a, b), &p| (a.min(p), b.max(p)));
        Self {
            law_nats: surprise_nats(share, 1, num_values) - tried_nats,
            tried_nats,
            num_values,
            offset_hz: f64::from(step.arg()) * tones as f64 / (4.0 * TAU * Spacing::Wide.useful_s()),
            share: f64::from(matched / total),
            evenness: f64::from(weakest / strongest.max(f32::MIN_POSITIVE)),
        }
    }
}
