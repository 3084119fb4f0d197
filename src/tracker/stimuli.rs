//! What was done to make a module answer, who answered, and how likely that is by chance.
//!
//! In: stimuli with their instants, and the starts of every device's sessions. Out: the answers to each stimulus, and
//! for each device how often it answered, after how long, and the probability that chance does as well.
//! Method: chance is a device whose sessions come at its own mean rate outside the time of answers. That such a one
//! comes within `d` of a stimulus has at most the probability rate times `d`, whether its sessions have a period or
//! none; over several stimuli of a kind these are joined by Fisher's method.
//! Ignores: that stimuli close together share an answer.

use std::collections::BTreeMap;

/// Stimuli, and answers to each, that are kept.
const MAX_STIMULI: usize = 256;
const MAX_ANSWERS: usize = 256;
/// An answer comes within this time; after a cover is taken off only when the module looks for a network again.
const ANSWER_S: f64 = 60.0;
const ANSWER_UNCOVERED_S: f64 = 900.0;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Ignition on or off.
    Ignition,
    /// Battery or fuse pulled.
    PowerCut,
    /// Jolted, jacked up, rocked or moved.
    Jolt,
    /// Shielded.
    CoverOn,
    /// The shield taken off.
    CoverOff,
    /// A door opened or closed.
    Door,
    /// Anything else.
    Own(String),
}

impl Kind {
    /// Those with a name of their own.
    pub const ALL: [Self; 6] = [Self::Ignition, Self::PowerCut, Self::Jolt, Self::CoverOn, Self::CoverOff, Self::Door];

    /// The name scripts read.
    pub fn name(&self) -> &str {
        match self {
            Self::Ignition => "ignition",
            Self::PowerCut => "power-cut",
            Self::Jolt => "jolt",
            Self::CoverOn => "cover-on",
            Self::CoverOff => "cover-off",
            Self::Door => "door",
            Self::Own(name) => name,
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or_else(|| Self::Own(name.to_owned()))
    }

    fn answer_s(&self) -> f64 {
        if *self == Self::CoverOff { ANSWER_UNCOVERED_S } else { ANSWER_S }
    }
}

/// One stimulus.
#[derive(Debug, Clone, PartialEq)]
pub struct Stimulus {
    /// When.
    pub time_s: f64,
    /// What was done.
    pub kind: Kind,
    /// What else there is to say.
    pub note: Option<String>,
}

/// A session that began in time after a stimulus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// Whose it was.
    pub transmitter: u32,
    /// How long after the stimulus it began.
    pub after_s: f64,
}

/// A stimulus with its answers, soonest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// What was done.
    pub stimulus: Stimulus,
    /// Who answered.
    pub answers: Vec<Answer>,
}

/// How one device takes stimuli of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// What was done.
    pub kind: Kind,
    /// How often.
    pub stimuli: usize,
    /// How often the device answered.
    pub answered: usize,
    /// How long after the stimulus it mostly did.
    pub median_after_s: f64,
    /// Probability that a device of its rate which heeds no stimulus does as well.
    pub chance: f64,
    /// Probability that any of all the devices heard does as well by chance.
    pub chance_of_any: f64,
}

/// The stimuli of a sweep.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal {
    /// In order of time, each with the time of the first session after it by device.
    stimuli: Vec<(Stimulus, BTreeMap<u32, f64>)>,
}

impl Journal {
    /// Takes a stimulus; `sessions` are the starts of those known already.
    pub(super) fn add<'a>(&mut self, stimulus: Stimulus, sessions: impl Iterator<Item = (u32, f64)> + 'a) {
        if !stimulus.time_s.is_finite() {
            return;
        }
        let at = self.stimuli.partition_point(|(other, _)| other.time_s <= stimulus.time_s);
        let mut answers = BTreeMap::new();
        sessions.for_each(|(id, start_s)| note(&mut answers, &stimulus, id, start_s));
        self.stimuli.insert(at, (stimulus, answers));
        if self.stimuli.len() > MAX_STIMULI {
            self.stimuli.remove(0);
        }
    }

    /// Takes the start of a device's session.
    pub(super) fn session(&mut self, id: u32, start_s: f64) {
        let open = self.stimuli.iter_mut().rev();
        for (stimulus, answers) in open.take_while(|(other, _)| start_s - other.time_s < ANSWER_UNCOVERED_S) {
            note(answers, stimulus, id, start_s);
        }
    }

    /// Every stimulus with its answers.
    pub(super) fn answered(&self) -> Vec<Answered> {
        let answered = |(stimulus, answers): &(Stimulus, BTreeMap<u32, f64>)| {
            let mut answers: Vec<Answer> =
                answers.iter().map(|(id, after_s)| Answer { transmitter: *id, after_s: *after_s }).collect();
            answers.sort_by(|a, b| a.after_s.total_cmp(&b.after_s).then(a.transmitter.cmp(&b.transmitter)));
            Answered { stimulus: stimulus.clone(), answers }
        };
        self.stimuli.iter().map(answered).collect()
    }

    /// How a device that had so many sessions within `listened_s`, one of so many devices, takes stimuli.
    pub(super) fn responses(&self, id: u32, sessions: u64, listened_s: f64, num_devices: usize) -> Vec<Response> {
        let mut kinds: BTreeMap<&Kind, Vec<Option<f64>>> = BTreeMap::new();
        for (stimulus, answers) in &self.stimuli {
            kinds.entry(&stimulus.kind).or_default().push(answers.get(&id).copied());
        }
        let num_answers: usize = kinds.values().flatten().flatten().count();
        // One session more than were heard: that none came outside the time of answers is no proof of a rate of zero.
        let rate_hz = ((sessions as f64 - num_answers as f64).max(0.0) + 1.0) / listened_s.max(ANSWER_S);
        let response = |(kind, delays): (&Kind, Vec<Option<f64>>)| {
            let mut after_s: Vec<f64> = delays.iter().flatten().copied().collect();
            after_s.sort_by(f64::total_cmp);
            let median_after_s = *after_s.get(after_s.len() / 2)?;
            let unlikely: f64 = delays.iter().map(|d| -d.map_or(0.0, |d| (rate_hz * d).clamp(1e-9, 1.0).ln())).sum();
            let chance = above(delays.len(), unlikely);
            Some(Response {
                kind: kind.clone(),
                stimuli: delays.len(),
                answered: after_s.len(),
                median_after_s,
                chance,
                chance_of_any: 1.0 - (1.0 - chance).powi(num_devices.clamp(1, i32::MAX as usize) as i32),
            })
        };
        kinds.into_iter().filter_map(response).collect()
    }
}

fn note(answers: &mut BTreeMap<u32, f64>, stimulus: &Stimulus, id: u32, start_s: f64) {
    let after_s = start_s - stimulus.time_s;
    let is_in_time = (0.0..stimulus.kind.answer_s()).contains(&after_s);
    let is_first = answers.get(&id).is_none_or(|before| after_s < *before);
    if is_in_time && is_first && (answers.len() < MAX_ANSWERS || answers.contains_key(&id)) {
        answers.insert(id, after_s);
    }
}

/// Probability that the sum of `count` exponential variables of mean 1 exceeds `sum`.
fn above(count: usize, sum: f64) -> f64 {
    let mut term = (-sum).exp();
    let mut total = 0.0;
    for k in 0..count {
        total += term;
        term *= sum / (k + 1) as f64;
    }
    total.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracker::testing::Dice;

    fn stimulus(time_s: f64, kind: Kind) -> Stimulus {
        Stimulus { time_s, kind, note: None }
    }

    /// A journal of three ignitions in half an hour, and a device with sessions at these instants.
    fn response(sessions: &[f64]) -> Option<Response> {
        let mut journal = Journal::default();
        for time_s in [300.0, 900.0, 1500.0] {
            journal.add(stimulus(time_s, Kind::Ignition), std::iter::empty());
        }
        sessions.iter().for_each(|start_s| journal.session(4, *start_s));
        journal.responses(4, sessions.len() as u64, 1800.0, 20).pop()
    }

    #[test]
    fn a_device_that_answers_each_time_is_no_chance() {
        let tracker = response(&[304.0, 700.0, 905.0, 1503.5]).expect("it answered");
        assert_eq!((tracker.stimuli, tracker.answered, tracker.median_after_s), (3, 3, 4.0));
        assert!(tracker.chance < 1e-4 && tracker.chance_of_any < 2e-3, "{tracker:?}");
        let once = response(&[340.0, 700.0, 1100.0, 1300.0]).expect("it answered");
        assert!(once.answered == 1 && once.chance > 0.05, "{once:?}");
        assert_eq!(response(&[700.0]), None);
    }

    /// Devices that heed nothing, with and without a period: their chance is as seldom small as it says.
    #[test]
    fn chance_is_what_it_says() {
        for is_periodic in [false, true] {
            let (mut dice, mut below, mut count) = (Dice(11), [0u32; 2], 0);
            for _ in 0..4000 {
                let period_s = 20.0 + 300.0 * dice.share();
                let mut sessions = vec![period_s * dice.share()];
                while sessions.last().is_some_and(|last| *last < 1800.0) {
                    let pause_s = if is_periodic { 1.0 } else { -(1.0 - dice.share()).ln() };
                    sessions.push(sessions.last().copied().unwrap_or(0.0) + period_s * pause_s);
                }
                let chance = response(&sessions).map_or(1.0, |response| response.chance);
                count += 1;
                below[0] += u32::from(chance < 0.1);
                below[1] += u32::from(chance < 0.01);
            }
            let share = below.map(|below| f64::from(below) / f64::from(count));
            assert!(share[0] <= 0.12 && share[1] <= 0.015, "periodic {is_periodic}: {share:?}");
        }
    }

    #[test]
    fn a_stimulus_told_late_finds_the_sessions_after_it() {
        let mut journal = Journal::default();
        journal.add(stimulus(10.0, Kind::Door), [(1, 9.0), (1, 12.0), (2, 11.0), (3, 80.0)].into_iter());
        journal.session(2, 14.0);
        let answered = journal.answered();
        let answers: Vec<(u32, f64)> = answered[0].answers.iter().map(|a| (a.transmitter, a.after_s)).collect();
        assert_eq!(answers, [(2, 1.0), (1, 2.0)]);
        journal.add(stimulus(f64::NAN, Kind::Door), std::iter::empty());
        assert_eq!(journal.answered().len(), 1);
    }

    #[test]
    fn kinds_are_known_by_their_names() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), kind);
        }
        assert_eq!(Kind::named("horn"), Kind::Own("horn".to_owned()));
    }
}
