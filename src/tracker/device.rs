//! One supposed device: its sessions, what is known of it, and how much speaks for a burst being its.
//!
//! In: fingerprints and findings in order of start. Out: a weight against a new device, and the picture of it.
//! Method: while a session is open a burst is weighed against its bursts; later against the device's mean frequency
//! and level, with the wander between wake-ups, and against how often it was heard (Chinese restaurant process).

use std::collections::VecDeque;

use dsp::finding::{Finding, Technology};

use super::Alternative;
use super::cadence::{Cadence, Counts, cadence};
use super::carrier::{Carriers, raster_error_hz};
use super::evidence::{self, WAKE_SIGMA_HZ};
use super::fingerprint::{Fingerprint, GridPosition};
use super::look::Gains;
use super::proximity::{Approach, Crowd};
use super::session::{Session, are_alike, common, reach_hz};
use super::whereabouts::Search;
use super::zones::Walk;
use crate::pipeline::snapshot::Transmitter;

/// Bursts kept for the history of levels.
const LEVELS: usize = 64;
/// Sessions kept for the period.
const STARTS: usize = 24;
/// Slack of a band's edges.
const EDGE_HZ: f64 = 2e3;
/// Devices never heard before come as often as if there were one more, and as if listened for so much longer.
const CONCENTRATION: f64 = 1.0;
const SETTLING_S: f64 = 1.0;
/// A mean frequency goes with the device's drift: it weighs at most this many sessions.
const FREQUENCY_MEMORY: f64 = 16.0;

/// A device and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) id: u32,
    technology: Technology,
    session: Session,
    num_sessions: u64,
    /// Starts of the latest sessions.
    starts_s: VecDeque<f64>,
    cadence: Option<Cadence>,
    /// Sum and number of the frequency errors that bursts told themselves.
    told_error_hz: (f64, f64),
    /// Mean over its sessions.
    frequency: Option<GridPosition>,
    frequency_sessions: f64,
    level_dbfs: f64,
    cell_ids: Option<Vec<u16>>,
    low_hz: f64,
    high_hz: f64,
    doubt: f64,
    /// Sum over its bursts of the probability that they are its.
    attribution: f64,
    picture: Transmitter,
    alternatives: Vec<Alternative>,
    approach: Approach,
    search: Search,
}

/// How a burst was heard.
pub(super) struct Heard<'a> {
    /// Probability that it is the device's, and whose else it may be.
    pub(super) probability: f64,
    pub(super) others: &'a [Alternative],
    pub(super) gains: &'a Gains,
    pub(super) crowd: &'a mut Crowd,
    pub(super) walk: &'a Walk,
}

impl Device {
    pub(super) fn new(id: u32, finding: &Finding, first: Fingerprint) -> Self {
        let extent = finding.extent;
        Self {
            id,
            technology: finding.technology,
            num_sessions: 0,
            starts_s: VecDeque::new(),
            cadence: None,
            told_error_hz: (0.0, 0.0),
            frequency: None,
            frequency_sessions: 0.0,
            level_dbfs: first.power_dbfs,
            cell_ids: None,
            low_hz: extent.low_hz(),
            high_hz: extent.high_hz(),
            doubt: 1.0,
            attribution: 0.0,
            picture: Transmitter { id, first_s: extent.start_s, ..Transmitter::of(finding) },
            alternatives: Vec::new(),
            approach: Approach::default(),
            search: Search::default(),
            session: Session::new(first),
        }
    }

    pub(super) fn last_s(&self) -> f64 {
        self.session.last_s
    }

    pub(super) fn num_bursts(&self) -> u64 {
        self.picture.bursts
    }

    /// Whether technology and band allow that the burst is this device's.
    pub(super) fn is_near(&self, next: &Fingerprint) -> bool {
        let (low_hz, high_hz) = (next.extent.low_hz(), next.extent.high_hz());
        let reach_hz = reach_hz(self.technology).max(self.high_hz - self.low_hz + EDGE_HZ);
        are_alike(self.technology, next.technology) && high_hz.max(self.high_hz) - low_hz.min(self.low_hz) <= reach_hz
    }

    /// How much speaks for the burst being this device's against a new one's, among so many devices near that were
    /// heard in so much time; `None` where it cannot be.
    pub(super) fn weight(&self, next: &Fingerprint, num_near: usize, listened_s: f64) -> Option<f64> {
        let num_devices = num_near as f64 + CONCENTRATION;
        let start_s = next.extent.start_s;
        if self.session.is_open(start_s)
            && let Some(weight) = self.session.weight(next, num_devices / (listened_s.max(0.0) + SETTLING_S))
        {
            return Some(weight);
        }
        if start_s < self.session.last_s {
            return None;
        }
        Some(self.weight_between_sessions(next)? + (self.num_sessions as f64 / CONCENTRATION).ln())
    }

    fn weight_between_sessions(&self, next: &Fingerprint) -> Option<f64> {
        if common(self.cell_ids.as_deref(), next.cell_ids.as_deref()).is_some_and(|ids| ids.is_empty()) {
            return None;
        }
        let frequency = match (&self.frequency, &next.grid) {
            (Some(device), Some(burst)) => evidence::frequency_between_sessions(device, burst),
            _ => evidence::FREQUENCY_UNTOLD,
        };
        let level = evidence::level(next.power_dbfs - self.level_dbfs);
        Some(frequency + level)
    }

    /// Takes a burst that it is held to have sent; whether that opens a session.
    pub(super) fn add(&mut self, finding: &Finding, next: Fingerprint, heard: Heard<'_>) -> bool {
        let Heard { probability, others, .. } = heard;
        let is_first = self.picture.bursts == 0;
        let goes_on = self.session.is_open(next.extent.start_s) && self.session.weight(&next, 1.0).is_some();
        let opens = is_first || !goes_on;
        if opens {
            self.num_sessions += 1;
            self.alternatives = others.to_vec();
            if self.starts_s.len() == STARTS {
                self.starts_s.pop_front();
            }
            self.starts_s.push_back(next.extent.start_s);
            self.cadence = cadence(self.starts_s.make_contiguous());
        }
        if let Some(error_hz) = finding.parameters.frequency_error_hz.filter(|hz| hz.is_finite()) {
            self.told_error_hz = (self.told_error_hz.0 + error_hz, self.told_error_hz.1 + 1.0);
        }
        self.learn(&next, opens);
        self.low_hz = self.low_hz.min(next.extent.low_hz());
        self.high_hz = self.high_hz.max(next.extent.high_hz());
        if finding.technology == Technology::LteM {
            self.technology = Technology::LteM;
        }
        self.doubt *= if is_first { 1.0 - finding.confidence } else { 1.0 - 0.5 * finding.confidence };
        self.attribution += probability;
        self.show(finding);
        let look = self.approach.add(finding, (self.id, self.num_sessions as u32), heard.gains, heard.crowd);
        if let Some(visit) = heard.walk.at(look.start_s) {
            self.search.add(&look, visit, heard.walk.list());
        }
        match (opens, is_first) {
            (true, false) => self.session = Session::new(next),
            (false, _) => self.session.add(next),
            (true, true) => {}
        }
        opens
    }

    /// Its number and the starts of its latest sessions.
    pub(super) fn sessions(&self) -> impl Iterator<Item = (u32, f64)> {
        self.starts_s.iter().map(|start_s| (self.id, *start_s))
    }

    fn learn(&mut self, next: &Fingerprint, opens: bool) {
        self.cell_ids = common(self.cell_ids.as_deref(), next.cell_ids.as_deref());
        let share = if opens { 1.0 / self.num_sessions as f64 } else { 0.3 / self.num_sessions as f64 };
        self.level_dbfs += share * (next.power_dbfs - self.level_dbfs);
        let Some(grid) = next.grid else { return };
        match &mut self.frequency {
            Some(mean) if mean.modulus_hz <= grid.modulus_hz => {
                if opens {
                    self.frequency_sessions = (self.frequency_sessions + 1.0).min(FREQUENCY_MEMORY);
                }
                // Within a session the first burst and the last weigh alike, whatever their number.
                let share = if opens { 1.0 / self.frequency_sessions } else { 0.3 / self.frequency_sessions };
                mean.offset_hz = (mean.offset_hz + share * grid.distance_hz(mean)).rem_euclid(mean.modulus_hz);
                mean.sigma_hz = WAKE_SIGMA_HZ / self.frequency_sessions.sqrt();
            }
            mean => {
                *mean = Some(grid);
                self.frequency_sessions = 1.0;
            }
        }
    }

    fn show(&mut self, finding: &Finding) {
        let picture = &mut self.picture;
        let extent = &finding.extent;
        picture.bursts += 1;
        picture.technology = self.technology;
        picture.last_s = picture.last_s.max(extent.end_s);
        picture.power_dbfs_max = picture.power_dbfs_max.max(finding.power_dbfs);
        picture.clipped |= finding.clipped;
        match picture.channels.iter_mut().find(|(channel, _)| *channel == finding.channel) {
            Some((_, count)) => *count += 1,
            None => picture.channels.push((finding.channel, 1)),
        }
        if picture.levels.len() == LEVELS {
            picture.levels.pop_front();
        }
        picture.levels.push_back((extent.start_s, finding.power_dbfs));
    }

    /// What screens and records show of it.
    pub(super) fn picture(&self, carriers: &Carriers, center_frequency_hz: Option<f64>) -> Transmitter {
        let mut picture = self.picture.clone();
        picture.cadence = self.cadence;
        picture.period_s = self.cadence.filter(|cadence| cadence.is_proven).map(|cadence| cadence.period_s);
        if self.technology == Technology::NbIot {
            picture.carrier = carriers.around(self.low_hz, self.high_hz, center_frequency_hz);
        }
        picture.frequency_error_hz = match (self.told_error_hz, self.technology) {
            ((sum_hz, count), _) if count > 0.0 => Some(sum_hz / count),
            (_, Technology::NbIot) => raster_error_hz(self.frequency.as_ref(), center_frequency_hz),
            _ => None,
        };
        picture.center_hz = (self.low_hz + self.high_hz) / 2.0;
        picture.bandwidth_hz = self.high_hz - self.low_hz;
        picture.cell_ids = self.cell_ids.clone();
        picture.sessions = self.num_sessions;
        picture.proximity = self.approach.proximity().cloned();
        picture.whereabouts = self.search.whereabouts().cloned();
        picture.alternatives = self.alternatives.clone();
        let one_device = self.attribution / self.picture.bursts.max(1) as f64;
        picture.confidence = (1.0 - self.doubt) * if self.picture.bursts > 1 { one_device } else { 1.0 };
        picture.evidence = self.evidence();
        picture.evidence.extend(self.cadence.as_ref().map(|cadence| pattern(cadence, self.starts_s.len())));
        picture.evidence.extend(picture.carrier.as_ref().map(|carrier| carrier.sentence()));
        picture
    }

    /// Why its bursts are held to be one device.
    fn evidence(&self) -> Vec<String> {
        let picture = &self.picture;
        let mut evidence = Vec::new();
        if picture.bursts < 2 {
            evidence.push("Only one burst so far: nothing to compare it with.".to_owned());
        } else {
            evidence.push(format!(
                "{} bursts in {} within {:.0} kHz, none at the same time as another.",
                picture.bursts,
                if self.num_sessions == 1 {
                    "one session".to_owned()
                } else {
                    format!("{} sessions", self.num_sessions)
                },
                (self.high_hz - self.low_hz) / 1e3
            ));
            if let Some(grid) = &self.frequency {
                evidence.push(format!(
                    "They stand on one tone grid, {:.0} Hz above a multiple of {:.0} Hz.",
                    grid.offset_hz, grid.modulus_hz
                ));
            }
            let levels = picture.levels.iter().map(|(_, level)| *level);
            let (low, high) = levels.fold((f32::MAX, f32::MIN), |(low, high), level| (low.min(level), high.max(level)));
            evidence.push(format!("Their levels lie within {:.0} dB.", high - low));
            match self.cell_ids.as_deref() {
                Some([]) | None => {}
                Some([id]) => evidence.push(format!("They fit cell {id} and no other.")),
                Some(ids) => evidence.push(format!("They fit {} cells.", ids.len())),
            }
        }
        for other in &self.alternatives {
            evidence.push(match other.transmitter {
                Some(id) => format!("It may be transmitter {id} ({:.0} %).", 100.0 * other.probability),
                None => format!("It may be one not heard before ({:.0} %).", 100.0 * other.probability),
            });
        }
        evidence
    }
}

fn pattern(cadence: &Cadence, num_sessions: usize) -> String {
    let from = match cadence.counts {
        Counts::FromClock => "a clock",
        Counts::FromActivity => "its last activity",
    };
    if cadence.is_proven {
        format!("Its sessions come every {:.1} s, counted from {from}.", cadence.period_s)
    } else {
        format!("{num_sessions} sessions may come every {:.1} s: too few or too irregular to prove.", cadence.period_s)
    }
}
