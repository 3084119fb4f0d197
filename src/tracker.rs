//! Bursts to transmitters: which bursts one device is held to have sent, how likely that is, with the evidence.
//!
//! In: bursts in order of start. Out: for each the probabilities of the devices that may have sent it, and the
//! transmitters.
//! Method: sessions first, then sessions to devices. A burst is weighed against every device heard (the open session
//! where there is one, else the device's history) and against a new one; the weights are likelihood ratios, the
//! posterior is kept, the likeliest is named. One device is never on the air twice at once, nor in two cells in a
//! session. Unnamed energy is gathered by its place in the spectrum.
//! Ignores: arrival times between sessions; a name once given stays, later doubt is told as an alternative.

pub mod baseline;
pub mod cadence;
pub mod carrier;
pub mod company;
mod device;
pub mod event;
mod evidence;
mod fingerprint;
pub mod known;
pub mod look;
mod place;
pub mod proximity;
#[cfg(test)]
mod recorded;
mod session;
pub mod sides;
#[cfg(test)]
mod simulated;
pub mod stimuli;
#[cfg(test)]
pub(crate) mod testing;
pub mod whereabouts;
pub mod zones;

use std::sync::Arc;

use dsp::finding::{Finding, Technology};

use crate::pipeline::snapshot::{Burst, Transmitter};
use baseline::Baseline;
use carrier::Carriers;
use device::{Device, Heard};
use event::Event;
use fingerprint::Fingerprint;
use known::Known;
use look::Gains;
use place::Places;
use proximity::Crowd;
use stimuli::{Answered, Journal};
use zones::{Walk, ZoneList};

/// Devices followed; the longest silent of those heard least is forgotten beyond it.
const MAX_DEVICES: usize = 2048;
/// Alternatives that are kept, and the least probability of one.
const MAX_ALTERNATIVES: usize = 3;
const LEAST_PROBABILITY: f64 = 0.01;

/// Who else may have sent a burst.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alternative {
    /// The transmitter; `None`: one not heard before.
    pub transmitter: Option<u32>,
    /// Probability that it did.
    pub probability: f64,
}

/// Who is held to have sent a burst.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribution {
    /// The likeliest transmitter.
    pub transmitter: u32,
    /// Probability that it did.
    pub probability: f64,
    /// The next likeliest, likeliest first.
    pub alternatives: Vec<Alternative>,
}

/// Attributes bursts, in order of their start.
#[derive(Debug, Clone, Default)]
pub struct Tracker {
    center_frequency_hz: Option<f64>,
    known: Arc<Known>,
    devices: Vec<Device>,
    carriers: Carriers,
    places: Places,
    next_id: u32,
    gains: Gains,
    crowd: Crowd,
    walk: Arc<Walk>,
    baseline: Option<Arc<Baseline>>,
    journal: Journal,
    /// The latest instant anything was heard, and when the sweep began: before the stream, where it was continued.
    heard_s: f64,
    begun_s: f64,
}

impl Tracker {
    /// Nothing heard yet, around this radio frequency, with what the user knows.
    pub fn new(center_frequency_hz: Option<f64>, known: Arc<Known>) -> Self {
        Self { center_frequency_hz, known, ..Self::default() }
    }

    /// The same with the zones that will be walked.
    pub fn with_zones(mut self, list: Arc<ZoneList>) -> Self {
        self.walk = Arc::new(Walk::new(list));
        self
    }

    /// The same with a reference that every transmitter is held against.
    pub fn with_baseline(mut self, baseline: Option<Arc<Baseline>>) -> Self {
        self.baseline = baseline;
        self
    }

    /// Takes what happened beside bursts. Bursts that start later and come later know of it.
    pub fn hear(&mut self, event: &Event) {
        if event.time_s().is_finite() {
            self.heard_s = self.heard_s.max(event.time_s());
        }
        match event {
            Event::Gain { time_s, gain_db } => self.gains.set(*time_s, *gain_db),
            Event::Mark { time_s, zone } => Arc::make_mut(&mut self.walk).mark(*time_s, zone.as_deref()),
            Event::Stimulus(stimulus) => {
                let sessions = self.devices.iter().flat_map(Device::sessions);
                self.journal.add(stimulus.clone(), sessions);
            }
        }
    }

    /// Zones, and the marks set in them.
    pub fn walk(&self) -> &Arc<Walk> {
        &self.walk
    }

    /// The stimuli so far with their answers, in order of time.
    pub fn stimuli(&self) -> Vec<Answered> {
        self.journal.answered()
    }

    /// Who sent a burst, as far as that can be told.
    pub fn attribute(&mut self, finding: &Finding) -> Attribution {
        self.heard_s = self.heard_s.max(finding.extent.end_s);
        if finding.technology == Technology::Unknown {
            let transmitter = self.places.attribute(finding, &mut self.next_id);
            return Attribution { transmitter, probability: 1.0, alternatives: Vec::new() };
        }
        let next = Fingerprint::of(finding);
        if finding.technology == Technology::NbIot {
            self.carriers.add(&next);
        }
        // Weights are against a new device, which therefore weighs nothing.
        let mut weights: Vec<(Option<usize>, f64)> = vec![(None, 0.0)];
        let near: Vec<usize> = (0..self.devices.len()).filter(|index| self.devices[*index].is_near(&next)).collect();
        let listened_s = next.extent.start_s - self.begun_s;
        let weight = |i: &usize| Some((Some(*i), self.devices[*i].weight(&next, near.len(), listened_s)?));
        weights.extend(near.iter().filter_map(weight));
        weights.sort_by(|a, b| b.1.total_cmp(&a.1));
        let top = weights[0].1;
        let sum: f64 = weights.iter().map(|(_, weight)| (weight - top).exp()).sum();
        let share = |weight: f64| (weight - top).exp() / sum;
        let (chosen, probability) = (weights[0].0, share(top));
        let alternatives: Vec<Alternative> = weights
            .iter()
            .skip(1)
            .filter(|(_, weight)| share(*weight) > LEAST_PROBABILITY)
            .take(MAX_ALTERNATIVES)
            .map(|(index, weight)| Alternative {
                transmitter: index.map(|index| self.devices[index].id),
                probability: share(*weight),
            })
            .collect();
        let index = chosen.unwrap_or_else(|| {
            self.next_id += 1;
            self.open(self.next_id - 1, finding, next.clone())
        });
        self.give(index, finding, next, (probability, &alternatives));
        Attribution { transmitter: self.devices[index].id, probability, alternatives }
    }

    /// Takes a burst of an earlier part of the sweep, attributed as it was then.
    pub fn recall(&mut self, burst: &Burst) {
        let (Some(id), finding) = (burst.transmitter, &burst.finding) else { return };
        self.heard_s = self.heard_s.max(finding.extent.end_s);
        self.begun_s = self.begun_s.min(finding.extent.start_s);
        if finding.technology == Technology::Unknown {
            self.places.attribute(finding, &mut id.clone());
        } else {
            let next = Fingerprint::of(finding);
            if finding.technology == Technology::NbIot {
                self.carriers.add(&next);
            }
            let index = self.devices.iter().position(|device| device.id == id);
            let index = index.unwrap_or_else(|| self.open(id, finding, next.clone()));
            self.give(index, finding, next, (burst.attribution, &burst.alternatives));
        }
        self.next_id = self.next_id.max(id.saturating_add(1));
    }

    fn give(&mut self, index: usize, finding: &Finding, next: Fingerprint, held: (f64, &[Alternative])) {
        let (probability, others) = held;
        let heard = Heard { probability, others, gains: &self.gains, crowd: &mut self.crowd, walk: &self.walk };
        let device = &mut self.devices[index];
        if device.add(finding, next, heard) {
            self.journal.session(device.id, finding.extent.start_s);
        }
    }

    /// Every transmitter: cellular devices by `id`, then the places of unnamed energy.
    pub fn transmitters(&self) -> Vec<Transmitter> {
        let picture = |device: &Device| {
            let mut picture = device.picture(&self.carriers, self.center_frequency_hz);
            picture.responses =
                self.journal.responses(picture.id, picture.sessions, self.heard_s - self.begun_s, self.devices.len());
            picture
        };
        let mut all: Vec<Transmitter> = self.devices.iter().map(picture).collect();
        all.sort_by_key(|t| t.id);
        let named = all.len();
        all.extend(self.places.pictures());
        all[named..].sort_by_key(|t| t.id);
        for transmitter in &mut all {
            transmitter.known = self.known.of(transmitter, self.center_frequency_hz).cloned();
            let baseline = self.baseline.as_ref();
            transmitter.standing = baseline.and_then(|b| b.standing(transmitter, self.center_frequency_hz));
        }
        all
    }

    /// How many there are.
    pub fn num_transmitters(&self) -> usize {
        self.devices.len() + self.places.len()
    }

    fn open(&mut self, id: u32, finding: &Finding, first: Fingerprint) -> usize {
        if self.devices.len() == MAX_DEVICES {
            let least = |a: &&Device, b: &&Device| {
                (a.num_bursts() > 1).cmp(&(b.num_bursts() > 1)).then(a.last_s().total_cmp(&b.last_s()))
            };
            let forgotten = self.devices.iter().min_by(least).map(|device| device.id);
            self.devices.retain(|device| Some(device.id) != forgotten);
        }
        self.devices.push(Device::new(id, finding, first));
        self.devices.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use dsp::finding::Channel;

    use super::testing::burst;
    use super::*;

    fn data(start_s: f64, center_hz: f64, power_dbfs: f32) -> Finding {
        Finding { power_dbfs, ..burst(Channel::Npusch1, start_s, center_hz, 15e3) }
    }

    #[test]
    fn bursts_on_one_grid_are_one_device() {
        let mut tracker = Tracker::default();
        for i in 0..6 {
            let tone = f64::from(i % 3) * 15e3;
            let attribution = tracker.attribute(&data(f64::from(i) * 0.1, 7500.0 + tone + 40.0, -40.0));
            assert_eq!(attribution.transmitter, 0);
            assert!(attribution.probability > 0.5);
        }
        let transmitters = tracker.transmitters();
        assert_eq!((transmitters.len(), transmitters[0].bursts, transmitters[0].sessions), (1, 6, 1));
        assert!(transmitters[0].confidence > 0.9);
        assert!(transmitters[0].evidence.iter().any(|line| line.contains("one tone grid")));
    }

    #[test]
    fn one_device_is_not_on_the_air_twice_at_once() {
        let mut tracker = Tracker::default();
        assert_eq!(tracker.attribute(&data(0.0, 7500.0, -40.0)).transmitter, 0);
        assert_eq!(tracker.attribute(&data(0.01, 22_500.0, -40.0)).transmitter, 1);
    }

    #[test]
    fn another_frequency_error_carrier_or_cell_is_another_device() {
        let mut tracker = Tracker::default();
        let in_cell = |mut finding: Finding, id: u16| {
            finding.parameters.cell_ids = Some(vec![id]);
            finding
        };
        assert_eq!(tracker.attribute(&in_cell(data(0.0, 7500.0, -40.0), 7)).transmitter, 0);
        assert_eq!(tracker.attribute(&data(0.1, 7500.0 + 400.0, -40.0)).transmitter, 1);
        assert_eq!(tracker.attribute(&data(0.2, 7500.0 + 375e3, -40.0)).transmitter, 2);
        assert_eq!(tracker.attribute(&in_cell(data(0.3, 7500.0, -40.0), 8)).transmitter, 3);
        assert_eq!(tracker.attribute(&in_cell(data(0.4, 7500.0, -40.0), 7)).transmitter, 0);
    }

    #[test]
    fn a_wide_burst_is_stronger_without_being_another_device() {
        let mut tracker = Tracker::default();
        let preamble = Finding { power_dbfs: -42.0, ..burst(Channel::Nprach, 0.0, 22_500.0, 45e3) };
        let wide = Finding { power_dbfs: -26.0, ..burst(Channel::Npusch1, 0.1, 0.0, 180e3) };
        assert_eq!(tracker.attribute(&preamble).transmitter, tracker.attribute(&wide).transmitter);
    }

    #[test]
    fn alternatives_are_kept_with_their_probabilities() {
        let mut tracker = Tracker::default();
        tracker.attribute(&data(0.0, 7500.0, -40.0));
        tracker.attribute(&data(0.01, 22_530.0, -42.0));
        let between = tracker.attribute(&data(0.1, 7515.0, -41.0));
        let other = between.alternatives[0];
        assert!(other.transmitter.is_some() && other.probability > 0.05, "{between:?}");
        let sum = between.probability + between.alternatives.iter().map(|a| a.probability).sum::<f64>();
        assert!((0.95..1.0 + 1e-9).contains(&sum));
    }

    #[test]
    fn a_session_of_lte_runs_from_preamble_to_control() {
        let mut tracker = Tracker::default();
        let mut at = |channel, start_s, center_hz, bandwidth_hz, preamble: Option<(u16, u16)>| {
            let mut finding = burst(channel, start_s, center_hz, bandwidth_hz);
            finding.technology = Technology::LteM;
            finding.extent.end_s = start_s + 1e-3;
            (finding.parameters.root, finding.parameters.cyclic_shift) = preamble.unzip();
            tracker.attribute(&finding).transmitter
        };
        let first = [
            at(Channel::Prach, 0.000, -600e3, 1080e3, Some((649, 40))),
            at(Channel::Prach, 0.005, -600e3, 1080e3, Some((649, 40))),
            at(Channel::Pusch, 0.012, -870e3 + 90.0, 540e3, None),
            at(Channel::Pucch, 0.019, -150e3 + 70.0, 180e3, None),
        ];
        let second = at(Channel::Prach, 0.040, -600e3 + 240.0, 1080e3, Some((649, 240)));
        assert_eq!(first, [0; 4]);
        assert_eq!(second, 1);
    }

    #[test]
    fn unnamed_energy_is_gathered_by_place_and_listed_last() {
        let mut tracker = Tracker::default();
        for i in 0..20 {
            let mut finding = burst(Channel::Unknown, f64::from(i) * 0.01, f64::from(i % 4) * 200e3, 20e3);
            finding.technology = Technology::Unknown;
            tracker.attribute(&finding);
        }
        tracker.attribute(&data(1.0, 7500.0, -40.0));
        let transmitters = tracker.transmitters();
        assert_eq!(transmitters.len(), 5);
        assert_eq!(transmitters[0].technology, Technology::NbIot);
        assert!(transmitters[1..].iter().all(|t| t.bursts == 5));
    }

    #[test]
    fn memory_is_bounded() {
        let mut tracker = Tracker::default();
        for i in 0..(MAX_DEVICES + 50) {
            tracker.attribute(&data(i as f64, i as f64 * 400e3, -40.0));
        }
        assert_eq!(tracker.transmitters().len(), MAX_DEVICES);
    }
}
