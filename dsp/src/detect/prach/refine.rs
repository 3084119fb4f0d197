//! Second stage: which preambles a seed holds, in samples of its own.
//!
//! In: the seed's band at [`REFINE_RATE_HZ`]. Out: findings, or why there is none.
//! Method: spectra of 0.8 ms at steps that the cyclic prefix allows, as they are and half a subcarrier higher; all
//! roots at once over limited bins; the best of them by exact correlation; the strongest measured, proved and taken
//! out, and the rest searched again.
//! Reference: TS 36.211 §5.7.
//! Ignores: preambles that begin before the samples or end after them.

use num_complex::Complex32;
use rustfft::FftPlanner;

use super::gate::Seed;
use super::measure::{Hit, Preamble, Scene, measure};
use super::reference::{HALF, PERIOD, Transforms, Turner};
use super::roots::{Roots, Scored};
use crate::baseband::Baseband;
use crate::finding::{Channel, Finding, Parameters, Rejection, Segment, Technology};
use crate::spec::prach::{BANDWIDTH_HZ, RASTER_HZ, SPACING_HZ};

/// Rate of the refinement's baseband: a sequence is 1536 samples.
pub const REFINE_RATE_HZ: f64 = 1.92e6;
/// Width the baseband must be flat over, so that it has that rate and room for a middle not known exactly.
pub const REFINE_WIDTH_HZ: f64 = 1.4e6;
/// Error of the rate that moves no sample by half its length within a seed.
const MAX_RATE_ERROR: f64 = 2e-5;
/// Time from one spectrum to the next; the shortest cyclic prefix is 0.1 ms.
const STEP_S: f64 = 0.2e-3;
const THOROUGH_STEP_S: f64 = 0.1e-3;
/// How far a preamble may begin before a seed or end after it.
const SLACK_S: f64 = 0.1e-3;
/// Roots that are correlated exactly.
const EXACT_ROOTS: usize = 16;
/// Exact correlations (exponential of mean 1 in noise) above this are preambles. An hour of 10 MHz has 1e16 of them if
/// every root, sample of delay, half subcarrier, 0.1 ms and 100 kHz is counted: one false alarm an hour.
const THRESHOLD: f32 = 36.9;
/// Most preambles taken from one seed.
const MAX_PREAMBLES: usize = 6;
/// What is weaker than the strongest by more than this may be left over from it.
const LEFT_OVER_DB: f32 = 25.0;
/// Nepers above the threshold that make doubt smaller by a factor of e.
const DOUBT_NEPERS: f64 = 4.0;
/// Doubt about whole subcarriers (standard deviation) with which one of them is still told.
const MAX_SHIFT_SIGMA: f64 = 0.5;
const MAX_CONFIDENCE: f64 = 0.99;

const fn rejection(reason: &'static str) -> Rejection {
    Rejection { detector: "prach", reason }
}

/// Looks at seeds closely.
pub struct Refiner {
    planner: FftPlanner<f32>,
    transforms: Transforms,
    roots: Roots,
    bins: Vec<Complex32>,
}

impl Default for Refiner {
    fn default() -> Self {
        let mut planner = FftPlanner::new();
        let (transforms, roots) = (Transforms::new(&mut planner), Roots::new(&mut planner));
        Self { planner, transforms, roots, bins: Vec::new() }
    }
}

impl Refiner {
    /// Looks for preambles in a seed's region.
    ///
    /// `baseband` should be centred on [`Seed::center_hz`] and hold [`Seed::wanted_s`].
    /// `noise_per_hz` is the mean noise power in 1 Hz, full scale 1.
    ///
    /// # Errors
    /// Why the strongest was none, where nothing was found.
    pub fn refine(&mut self, baseband: &Baseband, seed: &Seed, noise_per_hz: f32) -> Result<Vec<Finding>, Rejection> {
        if (baseband.sample_rate_hz / REFINE_RATE_HZ - 1.0).abs() > MAX_RATE_ERROR {
            return Err(rejection("no samples at its rate"));
        }
        let mut samples = baseband.samples.to_vec();
        let windows = windows(baseband, seed);
        let mut found: Vec<Preamble> = Vec::new();
        while found.len() < MAX_PREAMBLES {
            let Some(hit) = self.strongest(&samples, &windows, seed.thorough) else { break };
            let scene =
                Scene { samples: &samples, sample_rate_hz: baseband.sample_rate_hz, center_hz: baseband.center_hz };
            match measure(&scene, &hit, &mut self.transforms, &mut self.planner) {
                Ok(preamble) => {
                    if found.first().is_some_and(|first| excess_db(first, &preamble) > LEFT_OVER_DB) {
                        break;
                    }
                    self.take_out(&mut samples, &preamble);
                    found.push(preamble);
                }
                Err(reason) if found.is_empty() => return Err(rejection(reason)),
                Err(_) => break,
            }
        }
        if found.is_empty() {
            return Err(rejection("no root above threshold"));
        }
        Ok(found.iter().map(|preamble| describe(preamble, baseband, noise_per_hz)).collect())
    }

    fn strongest(&mut self, samples: &[Complex32], windows: &[usize], thorough: bool) -> Option<Hit> {
        let mut best: Vec<(Scored, usize, f64)> = Vec::new();
        let mut bins = std::mem::take(&mut self.bins);
        for &window in windows {
            for shift_bins in [0.0, 0.5] {
                self.transforms.bins(&samples[window..], shift_bins, HALF, &mut bins);
                self.roots.limit(&mut bins);
                self.roots.search(&bins, thorough, |scored| best.push((scored, window, shift_bins)));
            }
        }
        best.sort_by(|(a, ..), (b, ..)| b.score.total_cmp(&a.score));
        best.truncate(EXACT_ROOTS);
        let mut strongest: Option<Hit> = None;
        for (Scored { root, .. }, window, shift_bins) in best {
            self.transforms.bins(&samples[window..], shift_bins, HALF, &mut bins);
            self.roots.limit(&mut bins);
            let (delay, peak) = self.transforms.delay(&bins, root);
            if peak > strongest.map_or(THRESHOLD, |hit| hit.peak) {
                strongest = Some(Hit { root, window, shift_bins, delay, peak });
            }
        }
        self.bins = bins;
        strongest
    }

    fn take_out(&mut self, samples: &mut [Complex32], preamble: &Preamble) {
        let hit = &preamble.hit;
        let period = self.transforms.period(hit.root, hit.delay);
        let turns = hit.shift_bins / PERIOD as f64;
        let mut turner = Turner::new(turns, turns * (preamble.start as f64 - hit.window as f64));
        let first = (preamble.start as i64 - hit.window as i64).rem_euclid(PERIOD as i64) as usize;
        let endless = period.iter().cycle().skip(first);
        for (sample, s) in samples[preamble.start..preamble.end].iter_mut().zip(endless) {
            *sample -= preamble.amplitude * s * turner.next();
        }
    }
}

/// First samples of the periods that may lie within a preamble.
fn windows(baseband: &Baseband, seed: &Seed) -> Vec<usize> {
    let rate_hz = baseband.sample_rate_hz;
    let Some(last) = baseband.samples.len().checked_sub(PERIOD) else { return Vec::new() };
    let at = |instant_s: f64| ((instant_s - baseband.start_s) * rate_hz).clamp(0.0, last as f64);
    let (from, to) = (at(seed.start_s - SLACK_S), at(seed.end_s + SLACK_S - PERIOD as f64 / rate_hz));
    let step_s = if seed.thorough { THOROUGH_STEP_S } else { STEP_S };
    let steps = ((to - from) / (step_s * rate_hz)).ceil().max(1.0);
    (0..=steps as usize).map(|step| (from + (to - from).max(0.0) * step as f64 / steps) as usize).collect()
}

fn excess_db(stronger: &Preamble, weaker: &Preamble) -> f32 {
    10.0 * (stronger.amplitude.norm_sqr() / weaker.amplitude.norm_sqr()).log10()
}

fn describe(preamble: &Preamble, baseband: &Baseband, noise_per_hz: f32) -> Finding {
    let power = preamble.amplitude.norm_sqr();
    let snr = f64::from(power) / (f64::from(noise_per_hz) * BANDWIDTH_HZ);
    let instant_s = |sample: usize| baseband.start_s + (sample as f64 + preamble.late) / baseband.sample_rate_hz;
    let bin_hz = baseband.sample_rate_hz / PERIOD as f64;
    let center_hz = baseband.center_hz + preamble.hit.shift_bins * bin_hz;
    let doubt = 0.5 * (-f64::from(preamble.hit.peak - THRESHOLD) / DOUBT_NEPERS).exp();
    Finding {
        extent: Segment {
            start_s: instant_s(preamble.start),
            end_s: instant_s(preamble.end),
            center_hz,
            bandwidth_hz: BANDWIDTH_HZ,
        },
        segments: Vec::new(),
        power_dbfs: 10.0 * power.log10(),
        snr_db: 10.0 * snr.log10() as f32,
        technology: Technology::Lte,
        channel: Channel::Prach,
        confidence: (1.0 - doubt).min(MAX_CONFIDENCE),
        clipped: false,
        parameters: Parameters {
            format: Some(preamble.format.number()),
            repetitions: Some(1),
            subcarrier_spacing_hz: Some(SPACING_HZ),
            root: Some(preamble.hit.root as u16),
            cyclic_shift: Some(preamble.cyclic_shift),
            frequency_error_hz: frequency_error_hz(preamble, center_hz),
            frequency_sigma_hz: Some(frequency_sigma_hz(preamble, snr, bin_hz)),
            metric: Some(f64::from(preamble.hit.peak / THRESHOLD)),
            alternatives: vec!["lte-m/prach".into(), "nr/prach".into()],
            ..Parameters::default()
        },
    }
}

/// Distance from the raster that the middle of the band lies on, taking the stream's centre to be on it; unknown where
/// the whole subcarrier is.
fn frequency_error_hz(preamble: &Preamble, center_hz: f64) -> Option<f64> {
    let on_raster_hz = (center_hz / RASTER_HZ).round() * RASTER_HZ;
    (preamble.shift_sigma_bins < MAX_SHIFT_SIGMA).then_some(center_hz - on_raster_hz)
}

/// Bound for a known sequence, and the doubt about whole subcarriers.
fn frequency_sigma_hz(preamble: &Preamble, snr: f64, bin_hz: f64) -> f64 {
    let duration_s = preamble.format.duration_s();
    let energy = (snr * BANDWIDTH_HZ * duration_s).max(1.0);
    let bound_hz = 6f64.sqrt() / (std::f64::consts::TAU * duration_s * energy.sqrt());
    bound_hz.hypot(preamble.shift_sigma_bins * bin_hz)
}
