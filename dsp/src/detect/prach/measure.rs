//! Where exactly a preamble lies that has been found: format, start, frequency, delay; and its proofs.
//!
//! In: a seed's samples and what the search hit. Out: the preamble measured, or the proof that failed.
//! Method: samples times the conjugate of the endless sequence are a tone while the preamble lasts, whatever its
//! format; the length and start that hold it best are found by likelihood. The sequence moved by whole subcarriers is
//! itself with another delay, so that these are told apart only by the edges of the band, and where noise hides the
//! edges, by the raster the channel lies on.
//! Reference: TS 36.211 §5.7.
//! Ignores: paths other than the strongest.

use std::f64::consts::TAU;

use num_complex::{Complex32, Complex64};
use rustfft::FftPlanner;

use super::interference::{clean, weights};
use super::reference::{HALF, PERIOD, Transforms, Turner};
use crate::spec::prach::{Format, N_ZC, RASTER_HZ, SPACING_HZ, inverse};

/// Subcarriers that the middle of the band may lie from where it was looked for.
const MAX_SHIFT: usize = 150;
/// Subcarriers it may lie from there in the end: the samples hold half of it at least.
const MAX_TOTAL_SHIFT: f64 = 320.0;
/// Passes in which the band must be found.
const MAX_PASSES: usize = 5;
/// Subcarriers of half a band of six resource blocks.
const HALF_BAND: usize = 432;
/// Samples summed before the envelope is sought.
const CHUNK: usize = 16;
/// Samples are limited to this many times their root mean square; noise exceeds it once in 500 times.
const LIMIT: f32 = 2.5;
/// Frequencies tried for the envelope, either side, and their distance in subcarriers.
const MAX_TURNS: i32 = 8;
const TURN_BINS: f64 = 0.08;
/// Receivers and transmitters are this exact, mostly (standard deviation); worse is worth no more than this.
const CARRIER_SIGMA_HZ: f64 = 1500.0;
const MAX_CARRIER_PENALTY: f64 = 3.0;
/// Parts of a preamble in time and in frequency that must add up.
const PARTS: usize = 8;
const BLOCKS: usize = 4;
/// Sum over parts of a steady tone is 1 by [`coherence`]; of a signal that lasts half as long 0.5, of noise 1/8.
const MIN_STEADY: f64 = 0.55;
/// As much over frequency, where fading takes some.
const MIN_FLAT: f64 = 0.4;
/// Share of a part's energy that may go on before the start and after the end.
const MAX_OUTSIDE: f64 = 0.35;
/// The start is measured to less than a sample from this many samples either side of an edge, where a sample holds so
/// much more than its noise.
const EDGE_SAMPLES: usize = 4;
const EDGE_SNR: f64 = 4.0;
/// Time of the transmitter's ramps.
const RAMP_S: f64 = 20e-6;

/// What the search hit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) root: usize,
    /// First sample of the period looked at.
    pub(super) window: usize,
    /// Middle of the band in subcarriers from the samples' 0 Hz.
    pub(super) shift_bins: f64,
    /// Delay of the sequence in the period looked at, in its own samples.
    pub(super) delay: f64,
    /// Exponential of mean 1 in noise.
    pub(super) peak: f32,
}

/// A preamble measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Preamble {
    /// As hit, with window, shift and delay measured.
    pub(super) hit: Hit,
    pub(super) format: Format,
    /// Samples within it.
    pub(super) start: usize,
    pub(super) end: usize,
    /// How much later it is than [`Self::start`], samples.
    pub(super) late: f64,
    pub(super) cyclic_shift: u16,
    /// Of the sequence with mean power 1, at the first sample of the hit's window.
    pub(super) amplitude: Complex32,
    /// Standard deviation of the middle of the band.
    pub(super) shift_sigma_bins: f64,
}

/// What is given to measure in.
pub(super) struct Scene<'a> {
    pub(super) samples: &'a [Complex32],
    pub(super) sample_rate_hz: f64,
    /// Offset of the samples' 0 Hz from the stream's centre.
    pub(super) center_hz: f64,
}

struct Envelope {
    format: Format,
    start: usize,
    end: usize,
    turn_bins: f64,
}

/// Measures what was hit.
///
/// # Errors
/// The proof that failed.
pub(super) fn measure(
    scene: &Scene,
    hit: &Hit,
    transforms: &mut Transforms,
    planner: &mut FftPlanner<f32>,
) -> Result<Preamble, &'static str> {
    let mut hit = *hit;
    let seen = hit.window;
    let mut bins = Vec::new();
    let mut reach = HALF + MAX_SHIFT;
    for _ in 0..MAX_PASSES {
        let window = scene.samples.get(hit.window..).ok_or("outside of the samples")?;
        transforms.bins(window, hit.shift_bins, reach, &mut bins);
        let weights = weights(&bins, reach);
        let mut cleaned = clean(planner, scene.samples, hit.shift_bins, &weights);
        limit(&mut cleaned, seen);
        let (tone, power) = mixed(&cleaned, &hit, transforms);
        let envelope = envelope(&tone, &power, scene.sample_rate_hz).ok_or("no beginning or end")?;
        if envelope.start > seen + PERIOD / 2 || envelope.end < seen + PERIOD / 2 {
            return Err("not where it was seen");
        }
        hit.shift_bins += envelope.turn_bins;
        let sequence_start = envelope.start as f64 + envelope.format.cyclic_prefix_s() * scene.sample_rate_hz;
        hit.window = sequence_start.round() as usize;
        let total = sequences(&cleaned, &hit, envelope.format, reach, transforms).ok_or("outside of the samples")?;
        let middle = &total[reach - HALF..=reach + HALF];
        hit.delay = transforms.delay(middle, hit.root).0;
        let (shift, _) = band_shift(scene, &hit, &total, reach, transforms);
        hit.shift_bins += shift as f64;
        hit.delay -= (inverse(hit.root) as i64 * shift).rem_euclid(N_ZC as i64) as f64;
        if hit.shift_bins.abs() > MAX_TOTAL_SHIFT {
            break;
        }
        // At the limit the band may lie further on.
        if (shift.unsigned_abs() as usize) < reach - HALF {
            if reach == HALF_BAND {
                return finish(scene, hit, transforms, planner);
            }
            reach = HALF_BAND;
        }
    }
    Err("outside of the band looked at")
}

/// Last pass, in the band just found.
fn finish(
    scene: &Scene,
    mut hit: Hit,
    transforms: &mut Transforms,
    planner: &mut FftPlanner<f32>,
) -> Result<Preamble, &'static str> {
    let mut bins = Vec::new();
    let window = scene.samples.get(hit.window..).ok_or("outside of the samples")?;
    transforms.bins(window, hit.shift_bins, HALF_BAND, &mut bins);
    let weights = weights(&bins, HALF_BAND);
    let mut cleaned = clean(planner, scene.samples, hit.shift_bins, &weights);
    limit(&mut cleaned, hit.window);
    let (tone, power) = mixed(&cleaned, &hit, transforms);
    let envelope = envelope(&tone, &power, scene.sample_rate_hz).ok_or("no beginning or end")?;
    let total = sequences(&cleaned, &hit, envelope.format, HALF_BAND, transforms).ok_or("outside of the samples")?;
    let middle = &total[HALF_BAND - HALF..=HALF_BAND + HALF];
    let products: Vec<Complex64> = straight(&hit, middle, 0, transforms).collect();
    if coherence(&products, BLOCKS) < MIN_FLAT {
        return Err("part of the band");
    }
    let mut turner = Turner::new(-envelope.turn_bins / PERIOD as f64, 0.0);
    let steady: Vec<Complex64> = tone.iter().map(|z| widen(z * turner.next())).collect();
    prove_duration(&steady, &envelope, scene.sample_rate_hz)?;
    hit.shift_bins += envelope.turn_bins;
    let (_, shift_sigma_bins) = band_shift(scene, &hit, &total, HALF_BAND, transforms);
    let gain = f64::from(weights[HALF_BAND - HALF..=HALF_BAND + HALF].iter().sum::<f32>()) / N_ZC as f64;
    let sum: Complex64 = steady[envelope.start..envelope.end].iter().sum();
    // The turner above counted from the first sample, the hit from its window.
    let phase = Complex64::cis(TAU * envelope.turn_bins * hit.window as f64 / PERIOD as f64);
    let own: f64 = power[envelope.start..envelope.end].iter().sum();
    let mean = sum / own;
    let amplitude = mean * phase / gain.max(1e-3);
    let late = late(&steady, &power, &envelope, mean);
    let sequence_start = envelope.start as f64 + late + envelope.format.cyclic_prefix_s() * scene.sample_rate_hz;
    let shift = (sequence_start - hit.window as f64) * N_ZC as f64 / PERIOD as f64 - hit.delay;
    let cyclic_shift = (shift.round() as i64).rem_euclid(N_ZC as i64) as u16;
    Ok(Preamble {
        hit,
        format: envelope.format,
        start: envelope.start,
        end: envelope.end,
        late,
        cyclic_shift,
        amplitude: Complex32::new(amplitude.re as f32, amplitude.im as f32),
        shift_sigma_bins,
    })
}

/// Limits samples to what is usual in the period from `window` on: a stronger burst before or after a preamble must not
/// decide where that begins and ends.
fn limit(samples: &mut [Complex32], window: usize) {
    let inside = &samples[window.min(samples.len())..(window + PERIOD).min(samples.len())];
    let power = inside.iter().map(|z| z.norm_sqr()).sum::<f32>() / inside.len().max(1) as f32;
    let limit = LIMIT * power.sqrt();
    for sample in samples {
        let magnitude = sample.norm();
        if magnitude > limit {
            *sample *= limit / magnitude;
        }
    }
}

/// Samples times the conjugate of the endless sequence, and the sequence's power at each of them.
fn mixed(samples: &[Complex32], hit: &Hit, transforms: &mut Transforms) -> (Vec<Complex32>, Vec<f64>) {
    let period = transforms.period(hit.root, hit.delay);
    let lead = hit.window % PERIOD;
    let mut turner = Turner::new(-hit.shift_bins / PERIOD as f64, hit.shift_bins * hit.window as f64 / PERIOD as f64);
    let endless = period.iter().cycle().skip(PERIOD - lead);
    samples.iter().zip(endless).map(|(z, s)| (z * s.conj() * turner.next(), f64::from(s.norm_sqr()))).unzip()
}

/// The format, start and frequency that hold most of a tone.
fn envelope(tone: &[Complex32], power: &[f64], sample_rate_hz: f64) -> Option<Envelope> {
    let chunks: Vec<Complex64> = tone.chunks_exact(CHUNK).map(|c| c.iter().map(|z| widen(*z)).sum()).collect();
    let len = |format: Format| (format.duration_s() * sample_rate_hz).round() as usize;
    let mut best = (0.0, Format::Zero, 0, 0.0);
    let mut sums = Vec::with_capacity(chunks.len() + 1);
    for turn in -MAX_TURNS..=MAX_TURNS {
        let turn_bins = f64::from(turn) * TURN_BINS;
        running_sums(&chunks, turn_bins * CHUNK as f64, &mut sums);
        for format in Format::ALL {
            let held = len(format) / CHUNK;
            for first in 0..sums.len().saturating_sub(held) {
                let likelihood = (sums[first + held] - sums[first]).norm_sqr() / held as f64;
                if likelihood > best.0 {
                    best = (likelihood, format, first, turn_bins);
                }
            }
        }
    }
    let (likelihood, format, first, coarse_bins) = best;
    if likelihood <= 0.0 {
        return None;
    }
    running_sums(&chunks, coarse_bins * CHUNK as f64, &mut sums);
    let held = len(format) / CHUNK;
    let (half, end) = (first + held / 2, first + held / 2 * 2);
    let phase = ((sums[end] - sums[half]) * (sums[half] - sums[first]).conj()).arg();
    let turn_bins = coarse_bins + phase / TAU * PERIOD as f64 / ((held / 2 * CHUNK) as f64);
    let tone: Vec<Complex64> = tone.iter().map(|z| widen(*z)).collect();
    running_sums(&tone, turn_bins, &mut sums);
    let held = len(format);
    let from = (first * CHUNK).saturating_sub(2 * CHUNK);
    let to = ((first + 2) * CHUNK).min(tone.len().checked_sub(held)?);
    // The sequence's own power swings from sample to sample, so that only its sum is a fair measure of length.
    let mut own: f64 = power[from..from + held].iter().sum();
    let mut best = (0.0, from);
    for start in from..=to {
        let likelihood = (sums[start + held] - sums[start]).norm_sqr() / own;
        if likelihood > best.0 {
            best = (likelihood, start);
        }
        own += power.get(start + held).copied().unwrap_or(0.0) - power[start];
    }
    let start = best.1;
    Some(Envelope { format, start, end: start + held, turn_bins })
}

/// How much later than its envelope a strong preamble is, by the energy about its edges; `mean` is its amplitude.
fn late(tone: &[Complex64], power: &[f64], envelope: &Envelope, mean: Complex64) -> f64 {
    let on = envelope.start..envelope.end;
    let noise: f64 = on.clone().map(|n| (tone[n] - mean * power[n]).norm_sqr()).sum::<f64>() / on.len() as f64;
    let reach = EDGE_SAMPLES;
    if mean.norm_sqr() < EDGE_SNR * noise || envelope.start < reach || envelope.end + reach > tone.len() {
        return 0.0;
    }
    let held = |n: usize| (tone[n] * mean.conj()).re / mean.norm_sqr();
    let before = reach as f64 - samples_held(held, power, (envelope.start - reach..envelope.start + reach).rev());
    let after = samples_held(held, power, envelope.end - reach..envelope.end + reach) - reach as f64;
    (0.5 * (before + after)).clamp(-1.0, 1.0)
}

/// How many of the samples, from the first on, the energy held by all of them fills.
fn samples_held(held: impl Fn(usize) -> f64, power: &[f64], samples: impl Iterator<Item = usize> + Clone) -> f64 {
    let mut left: f64 = samples.clone().map(held).sum();
    let mut filled = 0.0;
    for n in samples {
        let share = left / power[n].max(1e-9);
        if share < 1.0 {
            return filled + share.max(0.0);
        }
        left -= power[n];
        filled += 1.0;
    }
    filled
}

/// Running sums of values turned down by `turn_bins` subcarriers, a step being one sample.
fn running_sums(values: &[Complex64], turn_bins: f64, sums: &mut Vec<Complex64>) {
    let mut turner = Turner::new(-turn_bins / PERIOD as f64, 0.0);
    let mut total = Complex64::ZERO;
    sums.clear();
    sums.push(total);
    sums.extend(values.iter().map(|value| {
        total += value * widen(turner.next());
        total
    }));
}

/// Sum of the spectra of a preamble's sequences.
fn sequences(
    samples: &[Complex32],
    hit: &Hit,
    format: Format,
    reach: usize,
    transforms: &mut Transforms,
) -> Option<Vec<Complex32>> {
    let mut total = vec![Complex32::ZERO; 2 * reach + 1];
    let mut bins = Vec::new();
    for number in 0..format.sequences() {
        let window = samples.get(hit.window + number * PERIOD..)?;
        transforms.bins(window, hit.shift_bins, reach, &mut bins);
        let turned = Complex64::cis(-TAU * hit.shift_bins.fract() * number as f64);
        let turned = Complex32::new(turned.re as f32, turned.im as f32);
        total.iter_mut().zip(&bins).for_each(|(sum, bin)| *sum += bin * turned);
    }
    Some(total)
}

/// Bins from subcarrier `first` on with the sequence and its delay taken out: all alike for a preamble.
fn straight<'a>(
    hit: &Hit,
    bins: &'a [Complex32],
    first: i64,
    transforms: &'a Transforms,
) -> impl Iterator<Item = Complex64> + 'a {
    let turns = hit.delay / N_ZC as f64;
    let mut turner = Turner::new(turns, turns * first as f64);
    bins.iter().zip(transforms.spectrum(hit.root, first)).map(move |(bin, x)| widen(bin * x.conj() * turner.next()))
}

/// How many subcarriers higher the band lies, with the standard deviation of that.
fn band_shift(scene: &Scene, hit: &Hit, total: &[Complex32], reach: usize, transforms: &Transforms) -> (i64, f64) {
    let max_shift = reach - HALF;
    let products: Vec<Complex64> = straight(hit, total, -(max_shift as i64), transforms).collect();
    let mut sums = Vec::new();
    running_sums(&products, 0.0, &mut sums);
    let explained = |first: usize| (sums[first + N_ZC] - sums[first]).norm_sqr() / N_ZC as f64;
    let strongest = (0..=2 * max_shift).map(explained).fold(0.0, f64::max);
    let energy: f64 = products[max_shift..max_shift + N_ZC].iter().map(|z| z.norm_sqr()).sum();
    let noise = ((energy - strongest) / (N_ZC - 1) as f64).max(1e-6 * energy / N_ZC as f64).max(f64::MIN_POSITIVE);
    let posterior = |first: usize| {
        let center_hz = scene.center_hz + (hit.shift_bins + first as f64 - max_shift as f64) * SPACING_HZ;
        let error_hz = center_hz - (center_hz / RASTER_HZ).round() * RASTER_HZ;
        let penalty = (0.5 * (error_hz / CARRIER_SIGMA_HZ).powi(2)).min(MAX_CARRIER_PENALTY);
        (explained(first) - strongest) / noise - penalty
    };
    let all: Vec<f64> = (0..=2 * max_shift).map(posterior).collect();
    let best = (0..all.len()).max_by(|&a, &b| all[a].total_cmp(&all[b])).unwrap_or(max_shift);
    let (mut mass, mut spread) = (0.0, 0.0);
    for (first, value) in all.iter().enumerate() {
        let probability = (value - all[best]).exp();
        mass += probability;
        spread += probability * (first as f64 - best as f64).powi(2);
    }
    (best as i64 - max_shift as i64, (spread / mass).sqrt())
}

/// The tone is on for the whole time, and before and after it is not.
fn prove_duration(tone: &[Complex64], envelope: &Envelope, sample_rate_hz: f64) -> Result<(), &'static str> {
    let on = &tone[envelope.start..envelope.end];
    if coherence(on, PARTS) < MIN_STEADY {
        return Err("part of the time");
    }
    let part = on.len() / PARTS;
    let sums: Vec<Complex64> = on.chunks_exact(part).map(|chunk| chunk.iter().sum()).collect();
    let mean = sums.iter().sum::<Complex64>() / sums.len() as f64;
    let noise = sums.iter().map(|sum| (sum - mean).norm_sqr()).sum::<f64>() / (sums.len() - 1) as f64;
    // Noise exceeds its mean sixfold once in 400 times.
    let limit = MAX_OUTSIDE * mean.norm_sqr() + 6.0 * noise;
    let ramp = (RAMP_S * sample_rate_hz) as usize;
    let before = envelope.start.checked_sub(ramp + part).map(|from| from..from + part);
    let after = Some(envelope.end + ramp..envelope.end + ramp + part).filter(|range| range.end <= tone.len());
    for range in before.into_iter().chain(after) {
        if tone[range].iter().sum::<Complex64>().norm_sqr() > limit {
            return Err("goes on outside of its time");
        }
    }
    Ok(())
}

/// Energy of a sum over the energy that its parts could have given: 1 where all agree.
fn coherence(values: &[Complex64], parts: usize) -> f64 {
    let part = values.len() / parts;
    if part == 0 {
        return 0.0;
    }
    let sums: Vec<Complex64> = values.chunks_exact(part).map(|chunk| chunk.iter().sum()).collect();
    let energy: f64 = sums.iter().map(|sum| sum.norm_sqr()).sum();
    let total: Complex64 = sums.iter().sum();
    if energy > 0.0 { total.norm_sqr() / (sums.len() as f64 * energy) } else { 0.0 }
}

fn widen(value: Complex32) -> Complex64 {
    Complex64::new(value.re.into(), value.im.into())
}
