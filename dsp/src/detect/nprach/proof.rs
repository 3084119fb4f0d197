//! The proofs a preamble must pass, and the finding made of it.

use crate::baseband::Baseband;
use crate::finding::{Channel, Finding, Parameters, Rejection, Segment, Technology};
use crate::spec::nprach::{Format, NUM_CELL_IDS};
use crate::statistics::ln_gamma_tail;

use super::hypotheses::Cells;
use super::plane::{LIMIT, Plane};
use super::refine::{Preamble, rejection};

/// Groups within this ratio of the median are of equal power (8 dB).
const EQUAL_RATIO: f32 = 6.3;
/// Energy elsewhere in the block must be less than this share of the tone's (7 dB).
const SILENCE_SHARE: f32 = 0.2;
/// Mean energy of a group above the noise from which a single group's power means something (10 dB).
const CLEAR_ENERGY: f32 = 10.0;
/// Cells whose likelihood is within `e^7` of the best are consistent with what was heard.
const CELL_MARGIN_NATS: f64 = 7.0;

/// From four repetitions on the hops speak for few cells; more than these, and they speak for none.
const MAX_CELL_IDS: usize = 126;
/// Tones on either side by which the evidence is judged, and the cells of pure noise counted among them.
const AROUND_TONES: i16 = 12;
const NOISE_CELLS: f32 = 32.0;
/// Groups before and after the preamble in which its tones should be silent too, and standard deviation of the mean of
/// one of noise, as [`lower_mean`] learns it.
const LASTING_GROUPS: i32 = 12;
const LASTING_SPREAD: f32 = 1.15;
/// Share of a tone's energy that its sidelobes may hold two tones away, where the row is not exactly aligned (20 dB).
const SIDELOBE_SHARE: f32 = 0.01;
/// Least distinction from eight repetitions on: the best of some 10⁷ tests of data that hops by no pattern reaches 5.4.
const DISTINCTION: f32 = 6.2;
/// Largest share of clear groups' energy that their surroundings may hide.
const MOST_HIDDEN: f32 = 0.4;

/// Tests a preamble and describes it.
pub(super) fn prove(
    plane: &Plane,
    cells: &Cells,
    preamble: &Preamble,
    baseband: &Baseband,
    noise_per_hz: f32,
) -> Result<Finding, Rejection> {
    let format = plane.format;
    let noise = noise_per_hz.max(f32::MIN_POSITIVE);
    let groups = Groups::new(plane, preamble);
    let energy = (groups.mean_energy() - 1.0).max(0.1);
    let typical = groups.upper_quartile_energy();
    if typical > CLEAR_ENERGY {
        let equal = groups.own.iter().filter(|e| **e * EQUAL_RATIO > typical && **e < typical * EQUAL_RATIO).count();
        if 4 * equal < 3 * groups.own.len() {
            return Err(rejection("groups of unequal power"));
        }
    }
    let (nats, scale) = groups.evidence();
    // Where the surroundings are not noise their tail is heavier than two moments tell.
    if nats < preamble.account.nats_needed * f64::from(scale.min(2.0)) {
        return Err(rejection("no better than the rest of the block"));
    }
    if typical > CLEAR_ENERGY && groups.hidden_share() > MOST_HIDDEN {
        return Err(rejection("hidden by its surroundings"));
    }
    if preamble.account.heard >= 8 && preamble.account.distinction < DISTINCTION {
        return Err(rejection("other hops do as well"));
    }
    // Median of exponential noise is ln 2 of its mean; what is above that must be little against the tones.
    let quiet = |values: &[f32]| {
        let spread = 3.0 / (values.len() as f32).sqrt();
        median(values) < (1.0 + spread) * std::f32::consts::LN_2 + SILENCE_SHARE * energy
    };
    if !quiet(&groups.crossed) {
        return Err(rejection("tones that do not hop"));
    }
    if !quiet(&groups.elsewhere) {
        return Err(rejection("no silence in the rest of the block"));
    }
    if preamble.account.heard <= 2 && groups.goes_on(energy) {
        return Err(rejection("goes on before or after"));
    }
    let origins = Origins::new(plane, cells, preamble, energy);
    if preamble.account.heard >= 4 && origins.cell_ids.len() > MAX_CELL_IDS {
        return Err(rejection("hops of no cell"));
    }
    Ok(describe(format, preamble, &origins, baseband, noise, energy))
}

/// Mean of exponential values, learnt from the lower seven in eight of them: the rest may be other preambles.
fn lower_mean(mut values: Vec<f32>) -> f32 {
    /// Mean of the lower seven in eight, relative to that of all: `1 - ln(8) / 7`.
    const SHARE: f32 = 0.702_9;
    values.sort_unstable_by(f32::total_cmp);
    let kept = (7 * values.len() / 8).max(1).min(values.len());
    values[..kept].iter().sum::<f32>() / (kept.max(1) as f32 * SHARE)
}

fn median(values: &[f32]) -> f32 {
    let mut values = values.to_vec();
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// Energies at the groups' times, relative to the noise.
struct Groups {
    /// Of the groups' own tones.
    own: Vec<f32>,
    /// Of the tones of the other groups of the same repetition.
    crossed: Vec<f32>,
    /// Of the rest of the block.
    elsewhere: Vec<f32>,
    /// Limited energies of the own tones, and of the surroundings at the same times without what the own tones'
    /// sidelobes explain.
    own_limited: Vec<f32>,
    around_limited: Vec<f32>,
    /// Strongest tone of those used, in each of the two group times before and after the preamble.
    outside: Vec<f32>,
}

impl Groups {
    fn new(plane: &Plane, preamble: &Preamble) -> Self {
        let format = plane.format;
        let hz = |tone: f64| preamble.fit.block_hz + tone * format.spacing_hz();
        let energy = |start_s: f64, tone: f64| plane.row_at(start_s).map(|row| plane.raw_at(row, hz(tone)));
        let mut groups = Self {
            own: vec![],
            crossed: vec![],
            elsewhere: vec![],
            own_limited: vec![],
            around_limited: vec![],
            outside: vec![],
        };
        let per_repetition = format.groups();
        let repetitions = preamble.tones.chunks(per_repetition).zip(preamble.offsets_s.chunks(per_repetition));
        let (lowest, highest) = preamble.range();
        for (tones, offsets_s) in repetitions {
            for (own, offset_s) in tones.iter().zip(offsets_s) {
                let start_s = preamble.fit.start_s + offset_s;
                for tone in lowest..=highest {
                    let Some(energy) = energy(start_s, f64::from(tone)) else { continue };
                    if tone == *own {
                        groups.own.push(energy);
                    } else if tones.contains(&tone) {
                        groups.crossed.push(energy);
                    } else {
                        groups.elsewhere.push(energy);
                    }
                }
            }
        }
        let lasting = Lasting::new(plane, preamble);
        for (own, offset_s) in preamble.tones.iter().zip(&preamble.offsets_s) {
            let Some(row) = plane.row_at(preamble.fit.start_s + offset_s) else { continue };
            let own_hz = hz(f64::from(*own));
            groups.own_limited.push(plane.limited_at(row, own_hz) / lasting.level(i16::from(*own)));
            let leak = plane.raw_at(row, own_hz) * SIDELOBE_SHARE;
            for away in (-AROUND_TONES..=AROUND_TONES).filter(|away| away.abs() > 1) {
                let tone = i16::from(*own) + away;
                let limited = plane.limited_at(row, hz(f64::from(tone))) / lasting.level(tone);
                let hidden = plane.raw_at(row, hz(f64::from(tone))) < leak;
                groups.around_limited.push(if hidden { limited.min(1.0) } else { limited });
            }
        }
        let end_s = preamble.offsets_s.last().copied().unwrap_or_default() + format.group_s();
        for offset_s in [-2.0 * format.group_s(), -format.group_s(), end_s, end_s + format.group_s()] {
            let strongest = (lowest..=highest)
                .filter_map(|tone| energy(preamble.fit.start_s + offset_s, f64::from(tone)))
                .fold(0.0, f32::max);
            groups.outside.push(strongest);
        }
        groups
    }

    /// Mean of the groups' energies, those that an interferer raised limited to 8 dB above the median.
    fn mean_energy(&self) -> f32 {
        let limit = EQUAL_RATIO * median(&self.own);
        self.own.iter().map(|e| e.min(limit)).sum::<f32>() / self.own.len().max(1) as f32
    }

    fn upper_quartile_energy(&self) -> f32 {
        let mut own = self.own.clone();
        let at = own.len() * 3 / 4;
        if at < own.len() { *own.select_nth_unstable_by(at, f32::total_cmp).1 } else { 0.0 }
    }

    /// Negative logarithm of the probability that cells like those around do as well as the groups.
    ///
    /// Their mean and variance make a gamma variable; noise alone makes it the one the threshold is for. Second, that
    /// variable's scale: 1 for noise.
    fn evidence(&self) -> (f64, f32) {
        let limit = EQUAL_RATIO * median(&self.own).max(1.0);
        let evidence: f32 = self.own_limited.iter().map(|e| e.min(limit)).sum();
        let count = self.around_limited.len() as f32 + NOISE_CELLS;
        let mean = (self.around_limited.iter().sum::<f32>() + NOISE_CELLS) / count;
        let square = (self.around_limited.iter().map(|e| e * e).sum::<f32>() + 2.0 * NOISE_CELLS) / count;
        let mean = mean.max(1.0);
        let scale = ((square - mean * mean) / mean).max(1.0);
        let shape = self.own_limited.len() as f32 * mean / scale;
        (-ln_gamma_tail(f64::from(shape), f64::from(evidence / scale)), scale)
    }

    /// Share of the groups' limited energy that the whitening took: their surroundings are not silent.
    fn hidden_share(&self) -> f32 {
        let open: f32 = self.own.iter().map(|e| e.min(LIMIT)).sum();
        1.0 - self.own_limited.iter().map(|e| e.min(LIMIT)).sum::<f32>() / open.max(f32::MIN_POSITIVE)
    }

    /// Tones as strong as the preamble's in two of the four group times around it.
    fn goes_on(&self, energy: f32) -> bool {
        self.outside.iter().filter(|outside| **outside > 0.25 * energy + 6.0).count() >= 2
    }
}

/// What every tone in and around the block holds while the preamble is on other tones.
///
/// A hopping tone is silent where it is not. What stays on its frequency, like the reference symbols of an empty
/// downlink, makes some tones strong at all times, and some of all patterns go from one of them to the next.
struct Lasting {
    /// Tone of the first level.
    lowest: i16,
    levels: Vec<f32>,
}

impl Lasting {
    fn new(plane: &Plane, preamble: &Preamble) -> Self {
        let format = plane.format;
        let group_s = format.group_s();
        let starts_s = || preamble.offsets_s.iter().map(|offset_s| preamble.fit.start_s + offset_s);
        let end_s = starts_s().next_back().unwrap_or_default();
        let outside = (1..=LASTING_GROUPS).map(|n| f64::from(n) * group_s);
        let outside = outside.flat_map(|away_s| [preamble.fit.start_s - away_s, end_s + away_s]);
        let rows: Vec<(Option<u8>, usize)> = preamble
            .tones
            .iter()
            .map(|tone| Some(*tone))
            .zip(starts_s())
            .chain(outside.map(|start_s| (None, start_s)))
            .filter_map(|(own, start_s)| Some((own, plane.row_at(start_s)?)))
            .collect();
        let lowest = -AROUND_TONES;
        let level = |tone: i16| {
            let hz = preamble.fit.block_hz + f64::from(tone) * format.spacing_hz();
            let beside = |own: &Option<u8>| own.is_none_or(|own| tone.abs_diff(i16::from(own)) > 1);
            let energies: Vec<f32> =
                rows.iter().filter(|(own, _)| beside(own)).map(|(_, row)| plane.limited_at(*row, hz)).collect();
            let level = lower_mean(energies.clone());
            if level > 1.0 + LASTING_SPREAD / (energies.len().max(1) as f32).sqrt() { level } else { 1.0 }
        };
        let highest = i16::from(format.subcarriers()) + AROUND_TONES;
        Self { lowest, levels: (lowest..highest).map(level).collect() }
    }

    /// In units of the noise's mean, 1 where it is not clearly more.
    fn level(&self, tone: i16) -> f32 {
        usize::try_from(tone - self.lowest).ok().and_then(|at| self.levels.get(at)).copied().unwrap_or(1.0)
    }
}

impl Preamble {
    /// Lowest and highest tone used.
    fn range(&self) -> (u8, u8) {
        self.tones.iter().fold((u8::MAX, 0), |(low, high), tone| (low.min(*tone), high.max(*tone)))
    }
}

/// The block's possible origins, and the cells that hop like this from one of them.
struct Origins {
    /// Tones by which the likeliest origin lies above the fitted one.
    shift: i16,
    /// The origin is known.
    unique: bool,
    cell_ids: Vec<u16>,
}

impl Origins {
    fn new(plane: &Plane, cells: &Cells, preamble: &Preamble, energy: f32) -> Self {
        let format = plane.format;
        let block = i16::from(format.subcarriers());
        let (lowest, highest) = preamble.range();
        let skipped = (preamble.account.first as i64 - preamble.account.start) as usize;
        let shifts: Vec<i16> = (i16::from(highest) + 1 - block..=i16::from(lowest)).filter(|s| s % 2 == 0).collect();
        // A wider view than the fitted origin's: another origin may explain what noise has hidden.
        let shifts: Vec<i16> = if shifts.is_empty() { vec![0] } else { shifts };
        let mut scores: Vec<(f64, i16, u16)> = Vec::new();
        for &shift in &shifts {
            let weights = first_tone_weights(plane, preamble, shift, energy);
            for cell_id in 0..NUM_CELL_IDS {
                for first_tone in 0..format.subcarriers() {
                    let score = (0..preamble.account.heard)
                        .map(|k| weights[k][usize::from(cells.first_tone(cell_id, first_tone, skipped + k))])
                        .sum();
                    scores.push((score, shift, cell_id));
                }
            }
        }
        let best = scores.iter().map(|s| s.0).fold(f64::NEG_INFINITY, f64::max);
        let mut weight_of = vec![0.0f64; shifts.len()];
        let mut cell_ids = Vec::new();
        for (score, shift, cell_id) in scores {
            if score >= best - CELL_MARGIN_NATS {
                cell_ids.push(cell_id);
                let weight = (score - best).exp();
                if let Some(at) = shifts.iter().position(|s| *s == shift) {
                    weight_of[at] += weight;
                }
            }
        }
        cell_ids.sort_unstable();
        cell_ids.dedup();
        let heaviest = weight_of.iter().copied().fold(0.0, f64::max);
        let likely: Vec<i16> =
            shifts.iter().zip(&weight_of).filter(|(_, w)| **w > 0.5 * heaviest).map(|(s, _)| *s).collect();
        Self { shift: likely.get(likely.len() / 2).copied().unwrap_or_default(), unique: likely.len() == 1, cell_ids }
    }
}

/// Log-likelihood of every repetition for every first tone, from an origin `shift` tones above the fitted one.
fn first_tone_weights(plane: &Plane, preamble: &Preamble, shift: i16, energy: f32) -> Vec<Vec<f64>> {
    let format = plane.format;
    // Beyond 14 dB a larger share of certainty would only hang on interference.
    let clear = energy.min(25.0);
    let likelihood = |e: f32| {
        let x = 2.0 * f64::from((clear * (e * clear / energy).min(2.0 * clear)).max(0.0)).sqrt();
        ln_bessel_i0(x)
    };
    preamble
        .offsets_s
        .chunks(format.groups())
        .map(|offsets_s| {
            (0..format.subcarriers())
                .map(|first| {
                    format
                        .hops(first)
                        .iter()
                        .zip(offsets_s)
                        .map(|(tone, offset_s)| {
                            let tone = f64::from(*tone) + f64::from(shift);
                            let hz = preamble.fit.block_hz + tone * format.spacing_hz();
                            let row = plane.row_at(preamble.fit.start_s + offset_s);
                            likelihood(row.map_or(0.0, |row| plane.raw_at(row, hz)))
                        })
                        .sum()
                })
                .collect()
        })
        .collect()
}

/// Logarithm of the modified Bessel function of order 0 (series below 4, asymptotic above; within 0.01).
fn ln_bessel_i0(x: f64) -> f64 {
    if x < 4.0 {
        let q = 0.25 * x * x;
        let (mut term, mut sum) = (1.0, 1.0);
        for k in 1..20 {
            term *= q / f64::from(k * k);
            sum += term;
        }
        f64::ln(sum)
    } else {
        x - 0.5 * (std::f64::consts::TAU * x).ln() + 1.0 / (8.0 * x) + 1.0 / (16.0 * x * x)
    }
}

fn describe(
    format: Format,
    preamble: &Preamble,
    origins: &Origins,
    baseband: &Baseband,
    noise: f32,
    energy: f32,
) -> Finding {
    let fit = &preamble.fit;
    let spacing = format.spacing_hz();
    let block_hz = fit.block_hz + f64::from(origins.shift) * spacing;
    // Nothing is said of what was not received.
    let received_s = baseband.start_s + baseband.samples.len() as f64 / baseband.sample_rate_hz;
    let segments: Vec<Segment> = preamble
        .tones
        .iter()
        .zip(&preamble.offsets_s)
        .map(|(tone, offset_s)| Segment {
            start_s: (fit.start_s + offset_s).max(baseband.start_s),
            end_s: (fit.start_s + offset_s + format.group_s()).min(received_s),
            center_hz: fit.block_hz + f64::from(*tone) * spacing,
            bandwidth_hz: spacing,
        })
        .filter(|segment| segment.end_s > segment.start_s)
        .collect();
    let start_s = fit.start_s.max(baseband.start_s);
    let end_s = segments.last().map_or(start_s, |s| s.end_s);
    let block = f64::from(format.subcarriers());
    let (lowest, highest) = preamble.range();
    let center_hz = block_hz + 0.5 * (block - 1.0) * spacing;
    // With the origin unknown only the band of the tones heard is certain.
    let bandwidth_hz = if origins.unique { block * spacing } else { f64::from(highest - lowest + 1) * spacing };
    let signal = fit.power * energy / (energy + 1.0);
    let num_groups = preamble.tones.len() as f64;
    let energy_ratio = f64::from(energy) * num_groups;
    // Cramér-Rao bound of a tone of unknown phase, all groups together.
    let frequency_sigma_hz = (6.0 / (2.0 * energy_ratio)).sqrt() / (std::f64::consts::TAU * format.group_s());
    // The likelihood of the start has a corner: its error falls with the energy itself, not its root.
    let start_sigma_s = format.group_s() / energy_ratio.max(1.0) + 0.5 / baseband.sample_rate_hz;
    let metric = preamble.account.nats / preamble.account.nats_needed;
    Finding {
        extent: Segment { start_s, end_s, center_hz, bandwidth_hz },
        segments,
        power_dbfs: 10.0 * signal.log10(),
        snr_db: 10.0 * (signal / (noise * spacing as f32)).log10(),
        technology: Technology::NbIot,
        channel: Channel::Nprach,
        confidence: if preamble.account.heard > 1 { 0.998 } else { 0.98 },
        clipped: false,
        parameters: Parameters {
            format: Some(format.number()),
            repetitions: Some(preamble.account.heard as u16),
            subcarrier_spacing_hz: Some(spacing),
            tones: Some(1),
            cell_ids: (preamble.account.heard > 1).then(|| origins.cell_ids.clone()),
            hop_pattern: Some(
                preamble.tones.iter().map(|tone| (i16::from(*tone) - origins.shift).clamp(0, 255) as u8).collect(),
            ),
            frequency_sigma_hz: Some(frequency_sigma_hz),
            start_sigma_s: Some(start_sigma_s),
            metric: Some(metric),
            ..Parameters::default()
        },
    }
}
