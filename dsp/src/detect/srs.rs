//! LTE sounding reference signal, blind (TS 36.211 §5.5.3, comb of two).
//!
//! In: a short and wide [`Candidate`] and its [`Baseband`] at a rate of 15 kHz · 2ⁿ. Out: a [`Finding`], or the test
//! that failed.
//! Method: a signal on every second subcarrier repeats itself within its symbol, which tells where the symbol stands
//! and, by the turn from one half to the other, where the comb lies. The values of the comb are held against the base
//! sequences of all groups at any delay: what they show is the proof, at odds that say how likely random values are to
//! show it.
//!
//! Not told apart: the sounding signal of NR, which over most widths is the same (named as an alternative).

#[cfg(test)]
mod air;

use std::f64::consts::TAU;

use num_complex::{Complex32, Complex64};
use rustfft::{Fft, FftPlanner};

use crate::baseband::Baseband;
use crate::detect::candidate::Candidate;
use crate::detect::evidence::surprise_nats;
use crate::finding::{Channel, Finding, Parameters, Rejection, Segment, Technology};
use crate::spec::lte::base_sequence::{NUM_GROUPS, TWO_SEQUENCES_FROM, base_sequence};
use crate::spec::lte::srs::{COMB, NUM_SHIFTS, WIDTHS_BLOCKS, num_values};
use crate::spec::lte::{BLOCK_HZ, CyclicPrefix, SUBCARRIER_HZ, T_S, USEFUL_TS};
use crate::spec::nprach::NUM_CELL_IDS;

/// Name under which rejections are counted.
pub const NAME: &str = "srs";

/// Longest candidate that may be one symbol: the frames that see a part of it.
const MAX_DURATION_S: f64 = 0.55e-3;
/// Narrowest signal, and how far the candidate's edges are trusted.
const MIN_WIDTH_HZ: f64 = 4.0 * BLOCK_HZ - EDGE_HZ;
const EDGE_HZ: f64 = 100e3;
/// Reach of the search before and after the candidate.
const REACH_S: f64 = 0.2e-3;
/// Surprise, in nats, that proves a signal once all that was tried is off: of random values 1 in 10^6 shows it.
const PROOF_NATS: f64 = 14.0;
/// Surprise by which other groups must stay below the best for it to be named.
const MARGIN_NATS: f64 = 7.0;
/// The other half of the subcarriers must hold less than this share of the power of the comb.
const OTHER_SHARE: f32 = 0.5;
/// Values at either end that must have this share of the mean power: a preamble of NR is a shorter comb.
const END_VALUES: usize = 4;
const END_SHARE: f32 = 0.3;
/// Energy heard half a symbol away over that in the symbol: a quarter for one symbol, all where it repeats.
const BESIDE_SHARE: f32 = 0.6;
/// Values of the comb by which its first may be off.
const REACH_VALUES: i32 = 4;

/// A sounding signal.
struct Found {
    num_blocks: u16,
    u: u8,
    v: u8,
    /// First value of its comb.
    first: i32,
    /// Group named beyond doubt.
    certain: bool,
    /// Start of the useful part.
    useful_s: f64,
    shift: u8,
    /// Middle of the comb.
    center_hz: f64,
    nats: f64,
    power: f64,
}

/// Says whether `candidate` is a sounding signal, from its `baseband` centred near it.
///
/// # Errors
/// The test that failed.
pub fn classify(baseband: &Baseband, candidate: &Candidate) -> Result<Finding, Rejection> {
    let reject = |reason| Rejection { detector: NAME, reason };
    let extent = &candidate.extent;
    if extent.duration_s().is_nan() || extent.duration_s() > MAX_DURATION_S {
        return Err(reject("longer than a symbol"));
    }
    if extent.bandwidth_hz.is_nan() || extent.bandwidth_hz < MIN_WIDTH_HZ {
        return Err(reject("width is that of no sounding signal"));
    }
    let window = (baseband.sample_rate_hz / SUBCARRIER_HZ).round();
    let exact = (baseband.sample_rate_hz / SUBCARRIER_HZ / window - 1.0).abs() < 1e-3;
    if !exact || window < 64.0 || !(candidate.snr_db.is_finite() && candidate.power_dbfs.is_finite()) {
        return Err(reject("no samples at the wanted rate"));
    }
    let found = search(baseband, extent, window as usize).map_err(reject)?;
    let prefix_s = f64::from(CyclicPrefix::Normal.prefix_ts(1)) * T_S;
    let bandwidth_hz = f64::from(found.num_blocks) * BLOCK_HZ;
    let (start_s, end_s) = (found.useful_s - prefix_s, found.useful_s + f64::from(USEFUL_TS) * T_S);
    // The candidate's power is a mean over longer than the symbol; the noise is what it says.
    let density = 10f64.powf(f64::from(candidate.power_dbfs - candidate.snr_db) / 10.0) / extent.bandwidth_hz;
    let noise = density * bandwidth_hz;
    let signal = (found.power - noise / f64::from(COMB)).max(found.power * 0.01).max(f64::MIN_POSITIVE);
    let snr = signal / noise.max(f64::MIN_POSITIVE);
    let values = num_values(found.num_blocks) as f64 * 2.0 * snr;
    let chance = (-(found.nats - PROOF_NATS / 2.0)).exp();
    let own = |id: &u16| id % u16::from(NUM_GROUPS) == u16::from(found.u);
    Ok(Finding {
        extent: Segment { start_s, end_s, center_hz: found.center_hz, bandwidth_hz },
        segments: Vec::new(),
        power_dbfs: (10.0 * signal.log10()) as f32,
        snr_db: (10.0 * snr.log10()) as f32,
        technology: Technology::Lte,
        channel: Channel::Srs,
        confidence: 0.98 / (1.0 + chance),
        clipped: false,
        parameters: Parameters {
            subcarrier_spacing_hz: Some(SUBCARRIER_HZ),
            n_prb: Some(found.num_blocks),
            base_sequence: found.certain.then_some(found.u),
            cyclic_shift: Some(found.shift.into()),
            cell_ids: found.certain.then(|| (0..NUM_CELL_IDS).filter(own).collect()),
            frequency_sigma_hz: Some(frequency_sigma_hz(snr * bandwidth_hz / baseband.sample_rate_hz, window)),
            start_sigma_s: Some((6.0 / values.max(1e-9)).sqrt() / (TAU * bandwidth_hz)),
            metric: Some(found.nats / PROOF_NATS),
            alternatives: vec!["nr/srs".into()],
            ..Parameters::default()
        },
    })
}

/// Standard deviation of the turn between the halves of a symbol of `window` samples at `snr` a sample, as a frequency.
fn frequency_sigma_hz(snr: f64, window: f64) -> f64 {
    let noise = 1.0 / snr + 0.5 / (snr * snr);
    f64::from(COMB) * SUBCARRIER_HZ / TAU * (noise / (window / 2.0)).sqrt()
}

fn search(baseband: &Baseband, extent: &Segment, window: usize) -> Result<Found, &'static str> {
    let rate_hz = baseband.sample_rate_hz;
    let prefix = (f64::from(CyclicPrefix::Normal.prefix_ts(1)) * T_S * rate_hz) as usize;
    let at = |time_s: f64| ((time_s - baseband.start_s) * rate_hz).max(0.0) as usize;
    let from = at(extent.start_s - REACH_S).min(baseband.samples.len());
    let to = at(extent.end_s + REACH_S).min(baseband.samples.len());
    let samples = &baseband.samples[from..to];
    let (first, turn) = repeated(samples, window / 2, window / 2 + prefix).ok_or("no samples of it")?;
    // One half turns into the other by half a symbol at the frequency of any value of the comb.
    let comb_hz = turn / TAU * 2.0 * SUBCARRIER_HZ;
    let planner = &mut FftPlanner::new();
    let transform = planner.plan_fft_forward(window);
    let comb_at = |begin: usize| {
        let symbol = samples.get(begin..begin + window)?;
        Some(Comb::new(symbol, &*transform, comb_hz / rate_hz, comb_hz + baseband.center_hz))
    };
    // The window begins in the middle of the prefix.
    let begin = first + prefix / 2;
    let comb = comb_at(begin).ok_or("no samples of it")?;
    let begin_s = baseband.start_s + (from + begin) as f64 / rate_hz;
    let early_s = (prefix - prefix / 2) as f64 / rate_hz;
    let mut best: Option<Found> = None;
    for num_blocks in widths(extent.bandwidth_hz) {
        if let Some(found) = comb.held_against(planner, num_blocks, extent, begin_s, early_s)
            && best.as_ref().is_none_or(|best| found.nats > best.nats)
        {
            best = Some(found);
        }
    }
    let best = best.filter(|best| best.nats > PROOF_NATS).ok_or("values are no base sequence's")?;
    if comb.ends(&best) < END_SHARE {
        return Err("values missing at the ends");
    }
    // Half a symbol away only half of a symbol is heard, but all of a preamble that repeats one.
    let mut heard = |comb: Comb| comb.explained(planner, &best);
    let here = heard(comb);
    let beside = [begin.checked_sub(window / 2), Some(begin + window / 2)];
    let beside = beside.into_iter().flatten().filter_map(comb_at).map(heard).fold(0.0, f32::max);
    if beside > BESIDE_SHARE * here { Err("more than one symbol") } else { Ok(best) }
}

/// Widths that a candidate `bandwidth_hz` wide may have.
fn widths(bandwidth_hz: f64) -> impl Iterator<Item = u16> {
    let near = move |blocks: &u16| (f64::from(*blocks) * BLOCK_HZ - bandwidth_hz).abs() < 2.1 * BLOCK_HZ;
    WIDTHS_BLOCKS.into_iter().filter(near)
}

/// Where `span` samples best equal those that come `lag` later; and the turn between the two.
fn repeated(samples: &[Complex32], lag: usize, span: usize) -> Option<(usize, f64)> {
    let count = samples.len().checked_sub(span + lag)?;
    let wide = |z: Complex32| Complex64::new(z.re.into(), z.im.into());
    let product = |i: usize| wide(samples[i + lag]) * wide(samples[i]).conj();
    let mut sum: Complex64 = (0..span).map(product).sum();
    let mut best = (0.0, 0, 0.0);
    for first in 0..=count {
        if sum.norm() > best.0 {
            best = (sum.norm(), first, sum.arg());
        }
        if first < count {
            sum += product(first + span) - product(first);
        }
    }
    (best.0 > 0.0).then_some((best.1, best.2))
}

/// One symbol, its comb on the even bins.
struct Comb {
    bins: Vec<Complex32>,
    /// Frequency of bin 0.
    comb_hz: f64,
}

impl Comb {
    /// The comb of `symbol`, the window of one, whose bin 0 is brought down from `comb_cycles` a sample.
    fn new(symbol: &[Complex32], transform: &dyn Fft<f32>, comb_cycles: f64, comb_hz: f64) -> Self {
        let turned = |(i, sample): (usize, &Complex32)| {
            let turn = Complex64::cis(-TAU * (comb_cycles * i as f64).fract());
            sample * Complex32::new(turn.re as f32, turn.im as f32) / symbol.len() as f32
        };
        let mut bins: Vec<Complex32> = symbol.iter().enumerate().map(turned).collect();
        transform.process(&mut bins);
        Self { bins, comb_hz }
    }

    fn values(&self, first: i32, length: usize) -> impl Iterator<Item = Complex32> {
        (0..length as i32).map(move |i| self.bin(2 * (first + i)))
    }

    /// Energy of the comb that the sequence of `found` explains here.
    fn explained(&self, planner: &mut FftPlanner<f32>, found: &Found) -> f32 {
        let length = num_values(found.num_blocks);
        let delays = planner.plan_fft_forward((2 * length).next_power_of_two());
        let sequence = base_sequence(found.u, found.v, length);
        let products = self.values(found.first, length).zip(sequence).map(|(value, r)| value * r.conj());
        best_delay(&*delays, products.collect()).0
    }

    /// Power of the values at the weaker end of the comb over the mean of all.
    fn ends(&self, found: &Found) -> f32 {
        let length = num_values(found.num_blocks);
        let mean = |first: i32, count: usize| {
            self.values(first, count).map(|value| value.norm_sqr()).sum::<f32>() / count as f32
        };
        let last = found.first + (length - END_VALUES) as i32;
        mean(found.first, END_VALUES).min(mean(last, END_VALUES)) / mean(found.first, length).max(f32::MIN_POSITIVE)
    }

    fn bin(&self, index: i32) -> Complex32 {
        self.bins[index.rem_euclid(self.bins.len() as i32) as usize]
    }

    /// The base sequence over `num_blocks` that explains most, wherever near the candidate the comb begins. The symbol's
    /// window began at `begin_s`, some `early_s` before the useful part.
    fn held_against(
        &self,
        planner: &mut FftPlanner<f32>,
        num_blocks: u16,
        extent: &Segment,
        begin_s: f64,
        early_s: f64,
    ) -> Option<Found> {
        let length = num_values(num_blocks);
        let delays = planner.plan_fft_forward((2 * length).next_power_of_two());
        let step_hz = f64::from(COMB) * SUBCARRIER_HZ;
        let low_hz = extent.center_hz - (length as f64 - 1.0) / 2.0 * step_hz;
        let expected = ((low_hz - self.comb_hz) / step_hz).round() as i32;
        let versions = if length < TWO_SEQUENCES_FROM { 1 } else { 2 };
        let mut results = Vec::new();
        for first in expected - REACH_VALUES..=expected + REACH_VALUES {
            let value = |i: usize, odd: i32| self.bin(2 * (first + i as i32) + odd);
            let power: f32 = (0..length).map(|i| value(i, 0).norm_sqr()).sum();
            let other: f32 = (0..length).map(|i| value(i, 1).norm_sqr()).sum();
            if power <= 0.0 || other > OTHER_SHARE * power {
                continue;
            }
            for (u, v) in (0..NUM_GROUPS).flat_map(|u| (0..versions).map(move |v| (u, v))) {
                let sequence = base_sequence(u, v, length);
                let products: Vec<Complex32> =
                    sequence.iter().enumerate().map(|(i, r)| value(i, 0) * r.conj()).collect();
                let (explained, delay) = best_delay(&*delays, products);
                // Of all the places the one with most power in it: a part of a sequence explains itself too.
                results.push((explained / length as f32, power, (u, v), first, delay));
            }
        }
        let &(explained, power, (u, v), first, delay) = results.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
        let tried = (results.len() * delays.len()) as f64;
        let surprise = |share: f32| surprise_nats(share.into(), 1, length);
        let nats = surprise(explained / power) - tried.ln();
        let rival = results.iter().filter(|r| r.2.0 != u && r.3 == first).map(|r| r.0).fold(0.0, f32::max);
        // A shift turns the comb by an eighth from value to value, the window's lead turns it back.
        let parts = f64::from(delay) * f64::from(NUM_SHIFTS);
        let lead = early_s * step_hz * f64::from(NUM_SHIFTS);
        let shift = (parts + lead).round();
        let lead_s = (shift - parts) / f64::from(NUM_SHIFTS) / step_hz;
        Some(Found {
            num_blocks,
            u,
            v,
            first,
            certain: surprise(rival / power) + MARGIN_NATS < surprise(explained / power),
            useful_s: begin_s + lead_s,
            shift: shift.rem_euclid(f64::from(NUM_SHIFTS)) as u8,
            center_hz: self.comb_hz + (f64::from(first) + (length as f64 - 1.0) / 2.0) * step_hz,
            nats,
            power: power.into(),
        })
    }
}

/// Most energy that `products` of values and sequence show at any delay, and the turn from value to value there.
fn best_delay(transform: &dyn Fft<f32>, mut products: Vec<Complex32>) -> (f32, f32) {
    products.resize(transform.len(), Complex32::ZERO);
    transform.process(&mut products);
    let most = products.iter().map(Complex32::norm_sqr).enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
    most.map_or((0.0, 0.0), |(index, energy)| (energy, index as f32 / transform.len() as f32))
}
