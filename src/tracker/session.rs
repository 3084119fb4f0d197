//! A session: bursts of one device seconds apart, from its preamble to its last acknowledgement.
//!
//! In: fingerprints in order of start. Out: the weight of a further burst belonging to it.

use std::collections::VecDeque;

use dsp::finding::Technology;

use super::evidence;
use super::fingerprint::Fingerprint;

/// A pause this long ends a session.
pub(super) const MAX_PAUSE_S: f64 = 10.0;
/// Bursts a further one is compared with.
const REMEMBERED: usize = 8;
/// Two bursts may overlap by this much through errors of their edges.
const EDGE_S: f64 = 1.0e-3;
/// The bursts of an NB-IoT session lie within its carrier, edges included.
const NB_IOT_REACH_HZ: f64 = 185e3;
/// LTE allocates over its whole band.
const LTE_REACH_HZ: f64 = 20e6;

/// Width within which one device's bursts lie.
pub(super) fn reach_hz(technology: Technology) -> f64 {
    if technology == Technology::NbIot { NB_IOT_REACH_HZ } else { LTE_REACH_HZ }
}

/// Whether one device may be called both: LTE for machines is told from LTE only by what it does.
pub(super) fn are_alike(a: Technology, b: Technology) -> bool {
    let is_lte = |t| matches!(t, Technology::Lte | Technology::LteM);
    a == b || (is_lte(a) && is_lte(b))
}

/// The cells both sets leave open, `None` where nothing is said.
pub(super) fn common(a: Option<&[u16]>, b: Option<&[u16]>) -> Option<Vec<u16>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.iter().filter(|id| b.contains(id)).copied().collect()),
        (Some(one), None) | (None, Some(one)) => Some(one.to_vec()),
        (None, None) => None,
    }
}

/// One session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) last_s: f64,
    pub(super) low_hz: f64,
    pub(super) high_hz: f64,
    pub(super) cell_ids: Option<Vec<u16>>,
    recent: VecDeque<Fingerprint>,
}

impl Session {
    pub(super) fn new(first: Fingerprint) -> Self {
        let extent = first.extent;
        Self {
            last_s: extent.end_s,
            low_hz: extent.low_hz(),
            high_hz: extent.high_hz(),
            cell_ids: first.cell_ids.clone(),
            recent: VecDeque::from([first]),
        }
    }

    /// Whether a burst starting at `start_s` may still belong to it.
    pub(super) fn is_open(&self, start_s: f64) -> bool {
        start_s - self.last_s < MAX_PAUSE_S
    }

    /// How much speaks for the burst being the session's next against its being a new device's; `None` where it
    /// cannot be: the device is on the air already, or in another cell.
    pub(super) fn weight(&self, next: &Fingerprint, new_devices_hz: f64) -> Option<f64> {
        let last = self.recent.back()?;
        let is_on = self.recent.iter().any(|burst| burst.extent.shared_s(&next.extent) > EDGE_S);
        let excludes = |ids: &Vec<u16>| ids.is_empty();
        if is_on || common(self.cell_ids.as_deref(), next.cell_ids.as_deref()).as_ref().is_some_and(excludes) {
            return None;
        }
        let nearest =
            |weight: &dyn Fn(&Fingerprint) -> Option<f64>| self.recent.iter().filter_map(weight).max_by(f64::total_cmp);
        let frequency = nearest(&|burst| evidence::frequency_within_session(burst, next));
        let frequency = frequency.unwrap_or(evidence::FREQUENCY_UNTOLD);
        let level = nearest(&|burst| Some(evidence::level(evidence::level_apart_db(burst, next)))).unwrap_or(0.0);
        let pause = evidence::pause((next.extent.start_s - self.last_s).max(0.0), new_devices_hz);
        Some(frequency + level + pause + evidence::order(last, next)?)
    }

    pub(super) fn add(&mut self, next: Fingerprint) {
        self.last_s = self.last_s.max(next.extent.end_s);
        self.low_hz = self.low_hz.min(next.extent.low_hz());
        self.high_hz = self.high_hz.max(next.extent.high_hz());
        self.cell_ids = common(self.cell_ids.as_deref(), next.cell_ids.as_deref());
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(next);
    }
}
