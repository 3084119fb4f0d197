//! Single-tone transmissions: symbol clock, phase law and reference signal (TS 36.211 §10.1.4.1.1, §10.1.5).
//!
//! The tone's frequency and the symbol clock come from the energy that a matched filter collects. What remains is
//! searched jointly: where the transmission's first slot is, how far phase turns from slot to slot, the modulation,
//! the format and the row of the reference signal. A hypothesis is scored by how unlikely its two matches would be by
//! chance: reference symbols against the template, all symbols against the phase law.
//! Where the law holds and no reference signal begins here, the transmission may have begun earlier: [`late`].

mod joint;
mod late;
mod timeline;

use super::columns::unevenness_nats;
use super::tone::Narrowed;
use crate::baseband::Baseband;
use crate::detect::candidate::Candidate;
use crate::spec::npusch::{Format, GAP_AFTER_S, GAP_S, Modulation, SYMBOLS_PER_SLOT, Spacing};
use joint::Search;
use timeline::{CLOCK_SLOTS, Timeline, clock, slot_powers, symbol_s};

/// Symbols by which a weak candidate's start may be off.
const EDGE_SYMBOLS: i32 = 5;

/// Slots looked at; what is longer is decided from its beginning.
const MAX_SLOTS: usize = 1024;

/// Surprise of reference symbols below which, and of the phase law above which, the start is sought earlier.
const SURE_NATS: f64 = 9.0;
const LATE_LAW_NATS: f64 = 6.0;

/// Slots and energy on the symbol clock over energy off it from which it is sought without a law.
const LATE_SLOTS: usize = 16;
const LATE_CLOCK_RATIO: f64 = 1.25;

/// What was found of a single-tone transmission.
pub(super) struct SingleTone {
    pub(super) spacing: Spacing,
    pub(super) format: Format,
    pub(super) modulation: Modulation,
    /// Instant of its first symbol's prefix.
    pub(super) start_s: f64,
    /// Middle of the tone.
    pub(super) center_hz: f64,
    /// Slots until the energy ends.
    pub(super) num_slots: usize,
    /// Gaps of the standard are part of it.
    pub(super) gaps: bool,
    /// Rows of the reference signal that explain it.
    pub(super) rows: Vec<u8>,
    /// Surprise of the reference symbols, all that was tried taken off.
    pub(super) reference_nats: f64,
    /// Surprise that the reference symbols within slots agree on a spreading; any slow signal agrees too.
    pub(super) spread_nats: f64,
    /// Surprise of the phase law, all that was tried taken off.
    pub(super) law_nats: f64,
    /// Surprise that the seven symbols of the slots differ so much in power, if they are those of one transmission.
    pub(super) unevenness_nats: f64,
    /// Energy on the symbol clock over energy half a symbol off it.
    pub(super) clock_ratio: f64,
    /// Mean power of the symbols, noise included.
    pub(super) symbol_power: f64,
    /// Length of what was summed coherently.
    pub(super) coherent_s: f64,
    /// Step of the frequency search.
    pub(super) frequency_step_hz: f64,
    /// Step of the start's search.
    pub(super) start_step_s: f64,
}

/// Energy on the symbol clock over energy off it below which nothing keeps the clock: data at -3 dB has 1.2.
const MIN_CLOCK_RATIO: f64 = 1.06;

/// Looks for a single-tone transmission of `spacing` in `candidate`.
///
/// # Errors
/// The test that failed: fewer than four slots, or no symbol clock.
pub(super) fn search(baseband: &Baseband, candidate: &Candidate, spacing: Spacing) -> Result<SingleTone, &'static str> {
    let extent = &candidate.extent;
    let decimation = (baseband.sample_rate_hz * spacing.useful_s() / 16.0).round().max(1.0) as usize;
    let margin_s = 2.0 * spacing.slot_s() + 0.5e-3;
    let span_s = (extent.start_s - margin_s, extent.end_s + margin_s);
    let narrowed = Narrowed::new(baseband, extent.center_hz - baseband.center_hz, span_s, decimation);

    let gaps = extent.duration_s() > GAP_AFTER_S + GAP_S;
    let pauses_s = if gaps { (extent.duration_s() / (GAP_AFTER_S + GAP_S)).floor() * GAP_S } else { 0.0 };
    let num_slots = ((extent.duration_s() - pauses_s) / spacing.slot_s()).round() as usize;
    if num_slots < 4 {
        return Err("shorter than any single-tone transmission");
    }
    let num_slots = num_slots.min(MAX_SLOTS);
    let (tone_hz, timeline) = clock(&narrowed, Timeline { spacing, start_s: extent.start_s, gaps }, num_slots);
    let tone = narrowed.tone(tone_hz);
    let coarse_slots = num_slots.min(CLOCK_SLOTS);
    let half_symbol_s = symbol_s(spacing) / 2.0;
    let clock_ratio = timeline.energy(&tone, coarse_slots)
        / timeline.shifted(half_symbol_s).energy(&tone, coarse_slots).max(f64::MIN_POSITIVE);

    if clock_ratio < MIN_CLOCK_RATIO {
        return Err("no symbol clock");
    }
    if super::is_broken(&slot_powers(&tone, timeline, num_slots)) {
        return Err("silent slots");
    }
    let mut search = Search::new(spacing, num_slots);
    let num_shifts = 2 * EDGE_SYMBOLS as usize + 1;
    for shift in -EDGE_SYMBOLS..=EDGE_SYMBOLS {
        search.score(&tone, timeline.shifted(2.0 * half_symbol_s * f64::from(shift)));
    }
    let mut best = search.best.ok_or("no samples")?;
    let mut rows = search.rows_near(&best);
    let (mut reference_nats, law_nats) = search.surprises(&best, num_shifts);
    let mut offset_slots = 0;
    let noise = noise_density(candidate) / spacing.useful_s();
    let lawful = law_nats > LATE_LAW_NATS;
    let clocked = clock_ratio > LATE_CLOCK_RATIO && num_slots >= LATE_SLOTS;
    let is_late = reference_nats < SURE_NATS && (lawful || clocked);
    let late = is_late.then(|| late::search(&tone, timeline, num_slots, lawful)).flatten();
    let late =
        late.filter(|late| late.reference_nats > reference_nats.max(0.0) && late.goes_back(&tone, num_slots, noise));
    if let Some(late) = &late {
        best = late.hypothesis(best);
        (reference_nats, offset_slots, rows) = (late.reference_nats, late.offset_slots, late.rows());
    }
    let num_slots = super::last_slot(&slot_powers(&tone, best.timeline, num_slots + 3), num_slots, noise);
    let symbols = best.timeline.symbols(&tone, num_slots);
    let column_powers = std::array::from_fn(|l| {
        let column = symbols.iter().skip(l).step_by(SYMBOLS_PER_SLOT);
        column.map(|z| f64::from(z.norm_sqr())).sum::<f64>() / num_slots as f64
    });
    let symbol_power = column_powers.iter().sum::<f64>() / SYMBOLS_PER_SLOT as f64;
    Ok(SingleTone {
        spacing,
        format: best.format,
        modulation: best.modulation,
        start_s: best.timeline.start_s - offset_slots as f64 * spacing.slot_s(),
        center_hz: extent.center_hz + tone_hz + best.frequency_hz,
        num_slots: offset_slots + num_slots,
        gaps,
        rows,
        reference_nats,
        spread_nats: best.spread_nats,
        law_nats,
        unevenness_nats: unevenness_nats(&column_powers, num_slots, noise),
        clock_ratio,
        symbol_power,
        coherent_s: search.block as f64 * spacing.slot_s(),
        frequency_step_hz: match (spacing, late) {
            (Spacing::Wide, Some(late)) => late.frequency_step_hz,
            (Spacing::Narrow, _) => search.step_hz() / 2.0,
            (Spacing::Wide, None) => 1.0 / (2.0 * search.size as f64 * spacing.slot_s()),
        },
        start_step_s: tone.step_s(),
    })
}

/// Noise power of a candidate per hertz.
pub(super) fn noise_density(candidate: &Candidate) -> f64 {
    let decibels = f64::from(candidate.power_dbfs - candidate.snr_db);
    10f64.powf(decibels / 10.0) / candidate.extent.bandwidth_hz.max(1.0)
}
