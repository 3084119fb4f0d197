//! GSM bursts, blind in carrier and timing (TS 45.002 §5.2, TS 45.004 §2).
//!
//! In: a [`Candidate`], which may be a part of a burst only, and its [`Baseband`]. Out: a [`Finding`] of the whole
//! burst, or the test that failed.
//! Method: GMSK squared keeps the symbol clock, and so gives the carrier; about that carrier the energy must last as long
//! as a burst does, and turn back as often as data make it; the training sequence, where it belongs or anywhere in a
//! carrier that stays on, tells which burst it is. Clock and training sequence together are the proof, at odds that say
//! how likely other signals are to show them. Without a training sequence the clock alone must prove it.
//!
//! Not looked for: 8-PSK, synchronisation and frequency correction bursts. Downlink bursts look the same.

mod lines;
mod training;

#[cfg(test)]
mod air;

use num_complex::Complex32;
use rustfft::FftPlanner;

use crate::baseband::Baseband;
use crate::detect::candidate::Candidate;
use crate::finding::{Channel, Finding, Parameters, Rejection, Segment, Technology};
use crate::spec::gsm::{Burst, CHANNEL_HZ, SYMBOL_RATE_HZ};

use lines::{Carrier, FLAT_HZ, Stretch};
use training::{Match, Templates};

/// Name under which rejections are counted.
pub const NAME: &str = "gsm";

/// Width of baseband that [`Detector::classify`] wants of a short candidate: a part of a burst may lie anywhere in its
/// channel.
pub const WANTED_WIDTH_HZ: f64 = 1.9 * CHANNEL_HZ;

/// Longest candidate that may be one burst, as energy is seen.
pub const MAX_BURST_S: f64 = 0.8e-3;
const MIN_BURST_S: f64 = 0.15e-3;

/// Narrowest and widest candidate that may be a part of a burst; one that stays on is seen more whole.
const MIN_WIDTH_HZ: f64 = 7e3;
const MIN_LASTING_WIDTH_HZ: f64 = 100e3;
const MAX_WIDTH_HZ: f64 = 400e3;

/// Instants in a symbol at which the clock may be that differ, and the least ratio of the two lines' powers: data
/// change it, and a signal with one line has a hundredth.
const CLOCKS_TRIED: f64 = 2.0;
const LEAST_BALANCE: f64 = 0.1;

/// How far the middle of a whole burst may seem off its carrier, and by how much its rough carrier is.
const CARRIER_SLACK_HZ: f64 = 25e3;
const CARRIER_STEP_HZ: f64 = 2e3;

/// Reach of the search before and after a candidate, and the part of a lasting one that is looked at: three slots.
const REACH_S: f64 = 0.15e-3;
const LASTING_S: f64 = 1.8e-3;

/// Surprise, in nats, that proves a burst once all that was tried is off: one in 10^6 other bursts shows it.
const PROOF_NATS: f64 = 14.0;
/// … of which the clock must have this much …
const LEAST_CLOCK_NATS: f64 = 3.0;
/// … or this much where no training sequence was found.
const CLOCK_ALONE_NATS: f64 = 14.0;
/// Surprise that a lasting carrier's training sequence must have; most of it goes to the starts tried.
const LASTING_TRAINING_NATS: f64 = 4.0;
/// Surprise that random data of GSM itself would show a training sequence: one burst in 150 does.
const TRAINING_NATS: f64 = 5.0;

/// Symbols by which the energy may last longer or shorter than the burst: ramps, and what noise does to its edges.
const LENGTH_SLACK: f64 = 8.0;
/// Symbols about its place in which the training sequence is sought.
const TRAINING_REACH: f64 = 10.0;

/// Share of symbols after which the phase must turn the other way: half do, six sigma below it a quarter does.
const LEAST_TURNED: f64 = 0.25;

/// A burst without a training sequence that anybody uses is none by the standard.
const MOST_WITHOUT_TRAINING: f64 = 0.9;

/// A piece of energy belongs to a burst where this share of its time does, no stronger than this over it.
const OWN_SHARE: f64 = 0.7;
const OWN_SLACK_S: f64 = 0.1e-3;
const OWN_EXCESS_DB: f32 = 1.0;

/// The detector with its plans.
pub struct Detector {
    planner: FftPlanner<f32>,
    templates: Templates,
}

impl Default for Detector {
    fn default() -> Self {
        Self { planner: FftPlanner::new(), templates: Templates::default() }
    }
}

/// What was found about one carrier.
struct Found {
    extent: Segment,
    burst: Burst,
    training: Option<Match>,
    clock_nats: f64,
    power: f64,
}

impl Detector {
    /// Says whether `candidate` is, or is part of, a GSM burst.
    ///
    /// # Errors
    /// The test that failed.
    pub fn classify(&mut self, baseband: &Baseband<'_>, candidate: &Candidate) -> Result<Finding, Rejection> {
        let reject = |reason| Rejection { detector: NAME, reason };
        let extent = &candidate.extent;
        let lasting = extent.duration_s() > MAX_BURST_S;
        let least_hz = if lasting { MIN_LASTING_WIDTH_HZ } else { MIN_WIDTH_HZ };
        if extent.duration_s().is_nan() || extent.duration_s() < MIN_BURST_S {
            return Err(reject("shorter than any burst"));
        }
        if !(least_hz..MAX_WIDTH_HZ).contains(&extent.bandwidth_hz) {
            return Err(reject("width is that of no channel"));
        }
        if !(candidate.snr_db.is_finite() && candidate.power_dbfs.is_finite() && baseband.sample_rate_hz > CHANNEL_HZ) {
            return Err(reject("no samples of it"));
        }
        let density = 10f64.powf(f64::from(candidate.power_dbfs - candidate.snr_db) / 10.0) / extent.bandwidth_hz;
        let found =
            if lasting { self.lasting(baseband, extent, density) } else { self.burst(baseband, extent, density) };
        found.map(|found| finding(&found, density)).map_err(reject)
    }

    /// A carrier that stays on for many slots: its training sequence must show.
    fn lasting(&mut self, baseband: &Baseband<'_>, extent: &Segment, density: f64) -> Result<Found, &'static str> {
        let looked_at = (extent.start_s, extent.end_s.min(extent.start_s + LASTING_S));
        let stretch = Stretch::new(baseband, looked_at, &mut self.planner).ok_or("no samples of it")?;
        let carrier = self.carrier(&stretch, extent, looked_at).ok_or("no clock of GMSK")?;
        let channel = stretch.channel(carrier.frequency_hz, FLAT_HZ, &mut self.planner);
        let places = (looked_at.0, looked_at.1 - Burst::Normal.training_len() as f64 / SYMBOL_RATE_HZ);
        let training = self.templates.search(&channel, Burst::Normal, places).ok_or("no training sequence")?;
        if training.nats < LASTING_TRAINING_NATS {
            return Err("no training sequence");
        }
        if carrier.nats + training.nats < PROOF_NATS {
            return Err("faint clock");
        }
        if channel.turned_share(looked_at.0, looked_at.1, carrier.edge_s) < LEAST_TURNED {
            return Err("phase that does not turn back");
        }
        let power = channel.power(looked_at, density);
        let extent = Segment { center_hz: carrier.frequency_hz, bandwidth_hz: CHANNEL_HZ, ..*extent };
        Ok(Found { extent, burst: Burst::Normal, training: Some(training), clock_nats: carrier.nats, power })
    }

    /// One burst, of which `extent` is at least a part.
    fn burst(&mut self, baseband: &Baseband<'_>, extent: &Segment, density: f64) -> Result<Found, &'static str> {
        let around = (extent.start_s - REACH_S, extent.end_s + REACH_S);
        let stretch = Stretch::new(baseband, around, &mut self.planner).ok_or("no samples of it")?;
        let rough = self.carrier(&stretch, extent, (extent.start_s, extent.end_s));
        let rough = rough.ok_or("no clock of GMSK")?;
        let channel = stretch.channel(rough.frequency_hz, FLAT_HZ, &mut self.planner);
        let (start_s, end_s) = channel.on(density).ok_or("no energy about the carrier")?;
        let symbols = (end_s - start_s) * SYMBOL_RATE_HZ;
        let burst = Burst::ALL.into_iter().find(|burst| (symbols - burst.num_symbols() as f64).abs() < LENGTH_SLACK);
        let burst = burst.ok_or("as long as no burst")?;
        // Once more, over all of it and nothing else.
        let carrier = self.carrier(&stretch, extent, (start_s, end_s)).ok_or("no clock of GMSK")?;
        let channel = stretch.channel(carrier.frequency_hz, FLAT_HZ, &mut self.planner);
        let reach_s = TRAINING_REACH / SYMBOL_RATE_HZ;
        let place_s = start_s + burst.training_start() as f64 / SYMBOL_RATE_HZ;
        let training = self.templates.search(&channel, burst, (place_s - reach_s, place_s + reach_s));
        let training = training.filter(|training| training.nats >= TRAINING_NATS);
        let start_s = match &training {
            Some(training) => training.start_s - burst.training_start() as f64 / SYMBOL_RATE_HZ,
            None => start_s + (symbols - burst.num_symbols() as f64) / 2.0 / SYMBOL_RATE_HZ,
        };
        let end_s = start_s + burst.num_symbols() as f64 / SYMBOL_RATE_HZ;
        let proven = match &training {
            Some(training) => carrier.nats >= LEAST_CLOCK_NATS && carrier.nats + training.nats >= PROOF_NATS,
            None => carrier.nats >= CLOCK_ALONE_NATS,
        };
        if !proven {
            return Err("no training sequence and a faint clock");
        }
        if channel.turned_share(start_s, end_s, carrier.edge_s) < LEAST_TURNED {
            return Err("phase that does not turn back");
        }
        let power = channel.power((start_s, end_s), density);
        let extent = Segment { start_s, end_s, center_hz: carrier.frequency_hz, bandwidth_hz: CHANNEL_HZ };
        Ok(Found { extent, burst, training, clock_nats: carrier.nats, power })
    }

    /// The carrier of which `extent` may be a part, by what is on during `on`: found in all that may hold it, measured
    /// in its own channel. Frequencies tried are off the surprise.
    fn carrier(&mut self, stretch: &Stretch, extent: &Segment, on: (f64, f64)) -> Option<Carrier> {
        let reach_hz = ((CHANNEL_HZ - extent.bandwidth_hz) / 2.0).max(0.0) + CARRIER_SLACK_HZ;
        let wide = stretch.channel(extent.center_hz, FLAT_HZ + reach_hz, &mut self.planner);
        let rough = wide.carrier(reach_hz, on, &mut self.planner)?;
        let own = stretch.channel(rough.frequency_hz, FLAT_HZ, &mut self.planner);
        let mut carrier = own.carrier(CARRIER_STEP_HZ, on, &mut self.planner)?;
        let tried = 4.0 * reach_hz * (on.1 - on.0) * CLOCKS_TRIED;
        carrier.nats -= tried.max(1.0).ln();
        (carrier.balance > LEAST_BALANCE).then_some(carrier)
    }
}

fn finding(found: &Found, density: f64) -> Finding {
    let snr = found.power / (density * CHANNEL_HZ).max(f64::MIN_POSITIVE);
    let most = if found.training.is_some() { 0.995 } else { MOST_WITHOUT_TRAINING };
    let nats = found.clock_nats + found.training.as_ref().map_or(0.0, |training| training.nats);
    Finding {
        extent: found.extent,
        segments: Vec::new(),
        power_dbfs: (10.0 * found.power.max(f64::MIN_POSITIVE).log10()) as f32,
        snr_db: (10.0 * snr.max(f64::MIN_POSITIVE).log10()) as f32,
        technology: Technology::Gsm,
        channel: match found.burst {
            Burst::Normal => Channel::GsmNormal,
            Burst::Access => Channel::GsmAccess,
        },
        confidence: most / (1.0 + (PROOF_NATS / 2.0 - nats).exp()),
        clipped: false,
        parameters: Parameters {
            modulation: Some("gmsk".into()),
            training_sequence: found.training.as_ref().map(|training| training.code as u8),
            metric: Some(nats / PROOF_NATS),
            ..Parameters::default()
        },
    }
}

/// Says whether `piece` is energy of the GSM `burst`, under whatever name: what is less sure of the same energy.
pub fn owns(burst: &Finding, piece: &Finding) -> bool {
    let (b, p) = (&burst.extent, &piece.extent);
    let grown = Segment { start_s: b.start_s - OWN_SLACK_S, end_s: b.end_s + OWN_SLACK_S, ..*b };
    burst.technology == Technology::Gsm
        && (piece.technology == Technology::Unknown || piece.confidence < burst.confidence)
        && grown.shared_s(p) > OWN_SHARE * p.duration_s()
        && b.shared_hz(p) > 0.5 * p.bandwidth_hz
        && piece.power_dbfs < burst.power_dbfs + OWN_EXCESS_DB
}

/// Says whether two findings are one burst.
pub fn is_same(a: &Finding, b: &Finding) -> bool {
    let (e, f) = (&a.extent, &b.extent);
    a.technology == Technology::Gsm
        && b.technology == Technology::Gsm
        && e.shared_s(f) > 0.5 * e.duration_s().min(f.duration_s())
        && (e.center_hz - f.center_hz).abs() < CHANNEL_HZ / 2.0
}

/// Mean of the powers of `samples`.
fn mean_power(samples: &[Complex32]) -> f64 {
    samples.iter().map(|z| f64::from(z.norm_sqr())).sum::<f64>() / samples.len().max(1) as f64
}
