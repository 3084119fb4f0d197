//! Bursts to transmitters: which bursts one device is held to have sent, with the evidence.
//!
//! Every burst goes to the transmitter that explains it best, or opens a new one. What speaks for one device: the
//! same technology, bursts within one carrier, the same place on the 3.75 kHz grid (a device keeps its frequency
//! error within a session), a like level, a short pause. What speaks against: being on the air twice at once, cells
//! that exclude each other.

use std::collections::VecDeque;

use dsp::finding::{Channel, Finding, Segment, Technology};

use crate::pipeline::snapshot::Transmitter;

/// Spacing on which all NB-IoT tones and carriers repeat (TS 36.211 §10.1).
const GRID_HZ: f64 = 3750.0;
/// Bursts of one NB-IoT device lie within one carrier.
const NB_IOT_REACH_HZ: f64 = 185e3;
/// LTE and GSM devices use a whole band; unnamed energy keeps to its place.
const LTE_REACH_HZ: f64 = 20e6;
const UNKNOWN_REACH_HZ: f64 = 25e3;
/// Spread of a device's grid position between bursts, measurement included.
const GRID_SIGMA_HZ: f64 = 25.0;
/// Grid positions further apart than this are two devices.
const GRID_GATE_SIGMAS: f64 = 5.0;
/// Spread of a device's level within a session: allocations, power control, fading.
const LEVEL_SIGMA_DB: f64 = 5.0;
/// Log likelihood at which a new device is the better explanation.
const NEW_DEVICE: f64 = -5.0;
/// A pause this long costs one unit of log likelihood for each factor of e beyond it.
const SESSION_S: f64 = 10.0;
/// Two bursts may overlap by this much through errors of their edges.
const EDGE_S: f64 = 1.0e-3;
/// Bursts remembered for each transmitter's history, and for exclusion.
const HISTORY: usize = 64;
/// Transmitters followed; the longest silent is forgotten beyond it.
const MAX_TRANSMITTERS: usize = 4096;

#[derive(Clone)]
struct Track {
    transmitter: Transmitter,
    /// Position on the grid, mean over its bursts, where they tell.
    grid_hz: Option<f64>,
    grid_bursts: u32,
    recent: VecDeque<Segment>,
    last_power_dbfs: f32,
    fit_sum: f64,
}

/// Attributes bursts, in order of their start.
#[derive(Clone, Default)]
pub struct Tracker {
    tracks: Vec<Track>,
    next_id: u32,
}

impl Tracker {
    /// The transmitter a burst is attributed to; none for energy that tells nothing of a device.
    pub fn attribute(&mut self, finding: &Finding) -> Option<u32> {
        let grid_hz = grid_position_hz(finding);
        let best = self
            .tracks
            .iter()
            .enumerate()
            .filter_map(|(index, track)| Some((index, track.fit(finding, grid_hz)?)))
            .filter(|(_, fit)| *fit > NEW_DEVICE)
            .max_by(|a, b| a.1.total_cmp(&b.1));
        let index = match best {
            Some((index, fit)) => {
                self.tracks[index].add(finding, grid_hz, fit);
                index
            }
            None => self.open(finding, grid_hz),
        };
        Some(self.tracks[index].transmitter.id)
    }

    /// Every transmitter, by `id`.
    pub fn transmitters(&self) -> Vec<Transmitter> {
        let mut all: Vec<Transmitter> = self.tracks.iter().map(Track::picture).collect();
        all.sort_by_key(|t| t.id);
        all
    }

    fn open(&mut self, finding: &Finding, grid_hz: Option<f64>) -> usize {
        if self.tracks.len() == MAX_TRANSMITTERS {
            let oldest = (0..self.tracks.len())
                .min_by(|&a, &b| self.tracks[a].transmitter.last_s.total_cmp(&self.tracks[b].transmitter.last_s));
            if let Some(oldest) = oldest {
                self.tracks.remove(oldest);
            }
        }
        let transmitter = Transmitter {
            id: self.next_id,
            technology: finding.technology,
            confidence: finding.confidence,
            bursts: 0,
            first_s: finding.extent.start_s,
            last_s: finding.extent.end_s,
            center_hz: finding.extent.center_hz,
            bandwidth_hz: finding.extent.bandwidth_hz,
            power_dbfs_max: finding.power_dbfs,
            frequency_error_hz: None,
            period_s: None,
            cell_ids: None,
            levels: VecDeque::new(),
            channels: Vec::new(),
            evidence: Vec::new(),
            clipped: false,
        };
        self.next_id += 1;
        self.tracks.push(Track {
            transmitter,
            grid_hz: None,
            grid_bursts: 0,
            recent: VecDeque::new(),
            last_power_dbfs: finding.power_dbfs,
            fit_sum: 0.0,
        });
        let index = self.tracks.len() - 1;
        self.tracks[index].add(finding, grid_hz, 0.0);
        index
    }
}

/// Where a burst stands on the grid that all tones of its carrier share, 0 to [`GRID_HZ`].
fn grid_position_hz(finding: &Finding) -> Option<f64> {
    let center_hz = finding.extent.center_hz;
    match finding.channel {
        // A single tone of 3.75 kHz and a preamble's tones stand half a spacing off the grid (§10.1.2.1, §10.1.6.2).
        Channel::Npusch1 | Channel::Npusch2 if finding.extent.bandwidth_hz < 10e3 => {
            Some((center_hz - GRID_HZ / 2.0).rem_euclid(GRID_HZ))
        }
        Channel::Nprach | Channel::Npusch1 | Channel::Npusch2 => Some(center_hz.rem_euclid(GRID_HZ)),
        _ => None,
    }
}

/// Shortest way from one grid position to another.
fn grid_distance_hz(a: f64, b: f64) -> f64 {
    let d = (a - b).rem_euclid(GRID_HZ);
    if d > GRID_HZ / 2.0 { d - GRID_HZ } else { d }
}

impl Track {
    /// Log likelihood that this device sent the burst; `None` where it cannot have.
    fn fit(&self, finding: &Finding, grid_hz: Option<f64>) -> Option<f64> {
        let t = &self.transmitter;
        if t.technology != finding.technology {
            return None;
        }
        let extent = &finding.extent;
        if self.recent.iter().any(|earlier| earlier.shared_s(extent) > EDGE_S) {
            return None;
        }
        let reach_hz = match t.technology {
            Technology::NbIot => NB_IOT_REACH_HZ,
            Technology::Unknown => UNKNOWN_REACH_HZ,
            _ => LTE_REACH_HZ,
        };
        let (low, high) = (t.center_hz - t.bandwidth_hz / 2.0, t.center_hz + t.bandwidth_hz / 2.0);
        if high.max(extent.high_hz()) - low.min(extent.low_hz()) > reach_hz.max(t.bandwidth_hz + 2e3) {
            return None;
        }
        if let (Some(ours), Some(theirs)) = (&t.cell_ids, &finding.parameters.cell_ids)
            && !ours.iter().any(|id| theirs.contains(id))
        {
            return None;
        }
        let mut fit = 0.0;
        if let (Some(ours), Some(theirs)) = (self.grid_hz, grid_hz) {
            let sigmas = grid_distance_hz(ours, theirs) / GRID_SIGMA_HZ;
            if sigmas.abs() > GRID_GATE_SIGMAS {
                return None;
            }
            fit -= 0.5 * sigmas * sigmas;
        }
        let level = f64::from(finding.power_dbfs - self.last_power_dbfs) / LEVEL_SIGMA_DB;
        fit -= 0.5 * level * level;
        let pause_s = (extent.start_s - t.last_s).max(0.0);
        fit -= (pause_s / SESSION_S).max(1.0).ln();
        Some(fit)
    }

    fn add(&mut self, finding: &Finding, grid_hz: Option<f64>, fit: f64) {
        let t = &mut self.transmitter;
        let extent = &finding.extent;
        let (low, high) = (t.center_hz - t.bandwidth_hz / 2.0, t.center_hz + t.bandwidth_hz / 2.0);
        let (low, high) = (low.min(extent.low_hz()), high.max(extent.high_hz()));
        t.center_hz = (low + high) / 2.0;
        t.bandwidth_hz = high - low;
        t.bursts += 1;
        t.last_s = t.last_s.max(extent.end_s);
        t.power_dbfs_max = t.power_dbfs_max.max(finding.power_dbfs);
        t.clipped |= finding.clipped;
        if let Some(theirs) = &finding.parameters.cell_ids {
            match &mut t.cell_ids {
                Some(ours) => ours.retain(|id| theirs.contains(id)),
                ours => *ours = Some(theirs.clone()),
            }
        }
        match t.channels.iter_mut().find(|(channel, _)| *channel == finding.channel) {
            Some((_, count)) => *count += 1,
            None => t.channels.push((finding.channel, 1)),
        }
        if t.levels.len() == HISTORY {
            t.levels.pop_front();
        }
        t.levels.push_back((extent.start_s, finding.power_dbfs));
        // Each further burst halves the doubt that its own confidence leaves.
        t.confidence = 1.0 - (1.0 - t.confidence) * if t.bursts > 1 { 1.0 - 0.5 * finding.confidence } else { 1.0 };
        if let Some(theirs) = grid_hz {
            self.grid_bursts += 1;
            let ours = self.grid_hz.unwrap_or(theirs);
            let moved = ours + grid_distance_hz(theirs, ours) / f64::from(self.grid_bursts);
            self.grid_hz = Some(moved.rem_euclid(GRID_HZ));
        }
        if self.recent.len() == HISTORY {
            self.recent.pop_front();
        }
        self.recent.push_back(*extent);
        self.last_power_dbfs = finding.power_dbfs;
        self.fit_sum += fit;
    }

    fn picture(&self) -> Transmitter {
        let mut picture = self.transmitter.clone();
        picture.evidence = self.evidence();
        picture
    }

    /// Why its bursts are held to be one device.
    fn evidence(&self) -> Vec<String> {
        let t = &self.transmitter;
        let mut evidence = Vec::new();
        if t.bursts < 2 {
            evidence.push("Only one burst so far: nothing to compare it with.".to_owned());
            return evidence;
        }
        evidence.push(format!(
            "{} bursts within {:.0} kHz, none at the same time as another.",
            t.bursts,
            t.bandwidth_hz / 1e3
        ));
        if let (Some(grid_hz), true) = (self.grid_hz, self.grid_bursts > 1) {
            evidence.push(format!(
                "{} of them stand on one tone grid, {grid_hz:.0} Hz above a multiple of {GRID_HZ:.0} Hz.",
                self.grid_bursts
            ));
        }
        let levels = t.levels.iter().map(|(_, level)| *level);
        let (low, high) = levels.fold((f32::MAX, f32::MIN), |(low, high), level| (low.min(level), high.max(level)));
        evidence.push(format!("Their levels lie within {:.0} dB.", high - low));
        match t.cell_ids.as_deref() {
            Some([]) | None => {}
            Some([id]) => evidence.push(format!("They fit cell {id} and no other.")),
            Some(ids) => evidence.push(format!("They fit {} cells.", ids.len())),
        }
        evidence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dsp::finding::Parameters;

    fn burst(start_s: f64, center_hz: f64, power_dbfs: f32) -> Finding {
        Finding {
            extent: Segment { start_s, end_s: start_s + 0.03, center_hz, bandwidth_hz: 15e3 },
            segments: Vec::new(),
            power_dbfs,
            snr_db: 20.0,
            technology: Technology::NbIot,
            channel: Channel::Npusch1,
            confidence: 0.9,
            clipped: false,
            parameters: Parameters::default(),
        }
    }

    #[test]
    fn bursts_on_one_grid_are_one_device() {
        let mut tracker = Tracker::default();
        for i in 0..6 {
            let tone = f64::from(i % 3) * 15e3;
            assert_eq!(tracker.attribute(&burst(f64::from(i) * 0.1, 7500.0 + tone + 40.0, -40.0)), Some(0));
        }
        let transmitters = tracker.transmitters();
        assert_eq!((transmitters.len(), transmitters[0].bursts), (1, 6));
        assert!(transmitters[0].confidence > 0.9);
        assert!(transmitters[0].evidence.iter().any(|line| line.contains("one tone grid")));
    }

    #[test]
    fn one_device_is_not_on_the_air_twice_at_once() {
        let mut tracker = Tracker::default();
        assert_eq!(tracker.attribute(&burst(0.0, 7500.0, -40.0)), Some(0));
        assert_eq!(tracker.attribute(&burst(0.01, 22_500.0, -40.0)), Some(1));
    }

    #[test]
    fn another_frequency_error_or_carrier_is_another_device() {
        let mut tracker = Tracker::default();
        assert_eq!(tracker.attribute(&burst(0.0, 7500.0, -40.0)), Some(0));
        assert_eq!(tracker.attribute(&burst(0.1, 7500.0 + 400.0, -40.0)), Some(1));
        assert_eq!(tracker.attribute(&burst(0.2, 7500.0 + 375e3, -40.0)), Some(2));
    }

    #[test]
    fn memory_is_bounded() {
        let mut tracker = Tracker::default();
        for i in 0..(MAX_TRANSMITTERS + 50) {
            tracker.attribute(&burst(i as f64, i as f64 * 400e3, -40.0));
        }
        assert_eq!(tracker.transmitters().len(), MAX_TRANSMITTERS);
    }
}
