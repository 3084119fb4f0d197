//! In which zone a device is, from the levels heard while walking through them.
//!
//! In: looks with the visit of a zone they were had in. Out: best and median level of each zone, the probability that
//! the device is there, and the zone that would tell most next.
//! Method: under the hypothesis of a zone the level falls with the square of the distance from it; what the device
//! sends with is profiled out for each class of transmission, and for each session within its tolerance. A visit is one
//! measurement: its looks share the shadowing of the place, however many they are. A device outside is heard alike in
//! every zone, and stronger from outside by what the body of the object keeps off.
//! Ignores: walls within the object, heights, and that zones differ in size.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::look::{Class, Look, Mean};
use super::zones::{Visit, ZoneList};

/// Measurements that are kept: visits times classes times sessions.
const MAX_MEASURES: usize = 128;
/// Half a zone: within it distance tells nothing.
const NEAR_M: f64 = 0.5;
/// Shadowing of one visit, which differs between objects, with its prior; and what the distance between two middles
/// leaves open.
const SHADOWS_DB: [(f64, f64); 2] = [(3.0, 0.6), (6.0, 0.4)];
const MODEL_SIGMA_DB: f64 = 3.0;
/// Transmit power between bursts of one session, and between sessions.
const BURST_SIGMA_DB: f64 = 1.5;
const BETWEEN_SIGMA_DB: f64 = 5.0;
/// What the body of an object keeps off.
const BODY_DB: f64 = 10.0;
/// A step of half a wavelength at walking pace: bursts closer together are one look.
const STEP_S: f64 = 0.2;
/// Where the device is known with this probability, no further zone is asked for.
const ENOUGH: f64 = 0.95;
/// Steps of the histogram of levels.
const STEPS_PER_DB: f64 = 2.0;

/// What was heard of a device in one zone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ZoneLevel {
    /// Probability that it is there, given that it is within the object; of a place outside 0.
    pub probability: f64,
    /// Its strongest look there, referred to the antenna; of an overloaded look a lower bound.
    pub best_db: Option<f64>,
    /// Median of its looks there.
    pub median_db: Option<f64>,
    /// How many they were.
    pub looks: u64,
}

/// Where a device may be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Whereabouts {
    /// The zones.
    pub list: Arc<ZoneList>,
    /// One for each zone of the list, in its order.
    pub zones: Vec<ZoneLevel>,
    /// The zone that would tell most next; `None` where the device is all but found.
    pub next: Option<usize>,
    /// Probability that it is outside the object, where the list has a place outside.
    pub outside: Option<f64>,
}

impl Whereabouts {
    /// Zones within the object by probability, likeliest first; places outside come last.
    pub fn ranking(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.zones.len()).collect();
        order.sort_by(|a, b| self.zones[*b].probability.total_cmp(&self.zones[*a].probability).then(a.cmp(b)));
        order
    }

    /// The fewest zones among which the device is with at least this probability, likeliest first.
    pub fn within(&self, probability: f64) -> Vec<usize> {
        let mut sum = 0.0;
        let ranking = self.ranking();
        let enough = ranking.iter().position(|zone| {
            sum += self.zones[*zone].probability;
            sum >= probability
        });
        ranking[..enough.map_or(ranking.len(), |last| last + 1)].to_vec()
    }
}

/// One class in one session during one visit.
#[derive(Debug, Clone)]
struct Measure {
    visit: Visit,
    class: Class,
    session: u32,
    looks: Mean,
    /// Bursts within the current step.
    step: Mean,
    step_s: f64,
}

impl Measure {
    /// Mean level of its looks and their variance.
    fn level(&self) -> (f64, f64) {
        let mut looks = self.looks;
        looks.add(self.step.plain_db());
        let jitter = BURST_SIGMA_DB.powi(2) / f64::from(looks.count());
        (looks.level_db(), looks.sigma_db().powi(2) + jitter)
    }
}

/// Levels of one zone.
#[derive(Debug, Clone, Default)]
struct Tally {
    best_db: Option<f64>,
    histogram: BTreeMap<i32, u64>,
}

impl Tally {
    fn median_db(&self) -> Option<f64> {
        let looks = self.looks();
        let mut below = 0;
        let at = self.histogram.iter().find(|(_, count)| {
            below += **count;
            2 * below >= looks
        })?;
        Some(f64::from(*at.0) / STEPS_PER_DB)
    }

    fn looks(&self) -> u64 {
        self.histogram.values().sum()
    }
}

/// Keeps what was heard of one device while walking.
#[derive(Debug, Clone, Default)]
pub(super) struct Search {
    measures: Vec<Measure>,
    tallies: Vec<Tally>,
    whereabouts: Option<Whereabouts>,
}

impl Search {
    pub(super) fn whereabouts(&self) -> Option<&Whereabouts> {
        self.whereabouts.as_ref()
    }

    /// Takes a look that was had during a visit of one of these zones.
    pub(super) fn add(&mut self, look: &Look, visit: Visit, list: &Arc<ZoneList>) {
        if !look.level_db.is_finite() || visit.zone >= list.zones.len() {
            return;
        }
        self.tallies.resize_with(list.zones.len(), Tally::default);
        let tally = &mut self.tallies[visit.zone];
        tally.best_db = Some(tally.best_db.map_or(look.level_db, |best| best.max(look.level_db)));
        *tally.histogram.entry((look.level_db * STEPS_PER_DB).round() as i32).or_default() += 1;
        // A later attempt of a preamble may be sent stronger; only the first is compared.
        if look.is_comparable && look.class.attempt <= 1 {
            self.measure(look, visit);
        }
        self.whereabouts = Some(self.weigh(list));
    }

    fn measure(&mut self, look: &Look, visit: Visit) {
        let of = |m: &&mut Measure| m.visit == visit && m.class == look.class && m.session == look.session;
        match self.measures.iter_mut().find(of) {
            Some(measure) if look.start_s - measure.step_s < STEP_S => measure.step.add(look.compared_db),
            Some(measure) => {
                measure.looks.add(measure.step.plain_db());
                (measure.step, measure.step_s) = (Mean::default(), look.start_s);
                measure.step.add(look.compared_db);
            }
            None => {
                if self.measures.len() == MAX_MEASURES {
                    self.measures.remove(0);
                }
                let mut step = Mean::default();
                step.add(look.compared_db);
                let (class, session, step_s) = (look.class, look.session, look.start_s);
                self.measures.push(Measure { visit, class, session, looks: Mean::default(), step, step_s });
            }
        }
    }

    fn weigh(&self, list: &Arc<ZoneList>) -> Whereabouts {
        let zones = 0..list.zones.len();
        let fits: Vec<Fit> = zones.clone().map(|zone| Fit::of(&self.measures, zone, list)).collect();
        let best = fits.iter().map(|fit| fit.evidence).fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = fits.iter().map(|fit| (fit.evidence - best).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let probabilities: Vec<f64> = weights.iter().map(|weight| weight / sum).collect();
        let is_outside = |zone: &usize| list.zones[*zone].outside;
        let outside: f64 = zones.clone().filter(is_outside).map(|zone| probabilities[zone]).sum();
        let within = |zone: usize| if is_outside(&zone) { 0.0 } else { weights[zone] };
        let sum_within: f64 = zones.clone().map(within).sum();
        let level = |zone: usize| {
            let tally = self.tallies.get(zone);
            ZoneLevel {
                probability: within(zone) / sum_within.max(f64::MIN_POSITIVE),
                best_db: tally.and_then(|tally| tally.best_db),
                median_db: tally.and_then(Tally::median_db),
                looks: tally.map_or(0, Tally::looks),
            }
        };
        Whereabouts {
            list: Arc::clone(list),
            next: self.next(&fits, &probabilities, list),
            zones: zones.clone().map(level).collect(),
            outside: zones.clone().any(|zone| is_outside(&zone)).then_some(outside),
        }
    }

    /// The zone where the hypotheses foretell levels that differ most, against what a visit leaves open.
    fn next(&self, fits: &[Fit], probabilities: &[f64], list: &ZoneList) -> Option<usize> {
        if self.measures.is_empty() || probabilities.iter().any(|probability| *probability > ENOUGH) {
            return None;
        }
        let gain = |zone: usize| {
            let foretold = |from: usize| fits[from].power_db + level_of(list, from, zone);
            let mean: f64 = probabilities.iter().enumerate().map(|(from, p)| p * foretold(from)).sum();
            let spread: f64 =
                probabilities.iter().enumerate().map(|(from, p)| p * (foretold(from) - mean).powi(2)).sum();
            let visits = self.measures.iter().filter(|measure| measure.visit.zone == zone).count();
            spread / (1.0 + visits as f64)
        };
        (0..list.zones.len()).max_by(|a, b| gain(*a).total_cmp(&gain(*b)).then(b.cmp(a)))
    }
}

/// Level heard in `zone` from a device in `from`, against one a metre away.
fn level_of(list: &ZoneList, from: usize, zone: usize) -> f64 {
    let is_outside = |at: usize| list.zones[at].outside;
    match (is_outside(from), is_outside(zone)) {
        // It may be anywhere outside, so all that can be foretold is what the body keeps off.
        (true, true) => BODY_DB,
        (true, false) => 0.0,
        (false, through) => {
            let distance_m = list.apart_m(from, zone).hypot(NEAR_M);
            -20.0 * distance_m.log10() - if through { BODY_DB } else { 0.0 }
        }
    }
}

/// How the measurements fit one hypothesis.
struct Fit {
    /// Logarithm of the probability density of the measurements, up to a constant.
    evidence: f64,
    /// Level at one metre in the class heard most.
    power_db: f64,
}

/// Weighted mean and what is left around it.
#[derive(Default)]
struct Weighted {
    weight: f64,
    sum: f64,
    squares: f64,
    /// Sum of the logarithms of the variances.
    spread: f64,
}

impl Weighted {
    fn add(&mut self, value: f64, variance: f64) {
        self.spread += variance.ln();
        self.weight += 1.0 / variance;
        self.sum += value / variance;
        self.squares += value * value / variance;
    }

    fn mean(&self) -> f64 {
        self.sum / self.weight
    }

    /// Logarithm of the density of its values, whatever their mean is.
    fn evidence(&self) -> f64 {
        let misfit = (self.squares - self.sum * self.mean()).max(0.0);
        -0.5 * (misfit + self.spread + self.weight.ln())
    }
}

impl Fit {
    fn of(measures: &[Measure], from: usize, list: &ZoneList) -> Self {
        let [mut fit, rougher] = SHADOWS_DB.map(|(shadow_db, prior)| {
            let fit = Self::under(measures, from, list, shadow_db);
            Self { evidence: fit.evidence + prior.ln(), ..fit }
        });
        let best = fit.evidence.max(rougher.evidence);
        fit.evidence = best + ((fit.evidence - best).exp() + (rougher.evidence - best).exp()).ln();
        fit
    }

    /// The fit where the shadowing of a visit has this deviation.
    fn under(measures: &[Measure], from: usize, list: &ZoneList, shadow_db: f64) -> Self {
        // What classes share (the shadowing of a visit, the power of a session) must not count once for each.
        let sharing = |of: &dyn Fn(&Measure) -> bool| measures.iter().filter(|m| of(m)).count() as f64;
        let place = shadow_db.powi(2) + MODEL_SIGMA_DB.powi(2);
        let mut groups: BTreeMap<(Class, u32), Weighted> = BTreeMap::new();
        for measure in measures {
            let (level_db, variance) = measure.level();
            let variance = variance + place * sharing(&|m| m.visit == measure.visit);
            let group = groups.entry((measure.class, measure.session)).or_default();
            group.add(level_db - level_of(list, from, measure.visit.zone), variance);
        }
        let mut powers: BTreeMap<Class, Weighted> = BTreeMap::new();
        let mut evidence = 0.0;
        for ((class, session), group) in &groups {
            evidence += group.evidence();
            let classes = groups.keys().filter(|(_, other)| other == session).count() as f64;
            let variance = 1.0 / group.weight + BETWEEN_SIGMA_DB.powi(2) * classes;
            powers.entry(*class).or_default().add(group.mean(), variance);
        }
        evidence += powers.values().map(Weighted::evidence).sum::<f64>();
        let main = powers.values().max_by(|a, b| a.weight.total_cmp(&b.weight));
        Self { evidence, power_db: main.map_or(0.0, Weighted::mean) }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use dsp::finding::{Channel, Finding};

    use super::*;
    use crate::tracker::look::Gains;
    use crate::tracker::testing::{Dice, burst};

    fn car() -> Arc<ZoneList> {
        Arc::new(ZoneList::named(Path::new("vehicle")).expect("a template"))
    }

    /// A simulated walk.
    #[derive(Clone, Copy)]
    struct Trial {
        bursts: usize,
        shadow_db: f64,
        /// How far from the middle of a zone the antenna is held, as a share of the zone.
        reach: f64,
        /// A place outside is walked to as well.
        outside: bool,
        /// Each zone is heard in a session of its own.
        sessions: bool,
    }

    const MIDDLE: Trial = Trial { bursts: 10, shadow_db: 3.0, reach: 0.3, outside: false, sessions: false };

    impl Trial {
        /// One walk through the six zones of a car; the device lies anywhere in one of them, or far from all.
        fn walk(self, seed: u64, is_far: bool) -> (usize, Whereabouts) {
            let (list, mut dice, mut search) = (car(), Dice(seed), Search::default());
            let place = |zone: usize, reach: f64, dice: &mut Dice| {
                let middle = (-0.45 + 0.9 * (zone % 2) as f64, 1.4 - 1.4 * (zone / 2) as f64);
                (middle.0 + 0.9 * reach * (dice.share() - 0.5), middle.1 + 1.4 * reach * (dice.share() - 0.5))
            };
            let hidden = (6.0 * dice.share()) as usize;
            let device = if is_far { (40.0, 60.0) } else { place(hidden, 1.0, &mut dice) };
            let mut time_s = 0.0;
            for zone in 0..if self.outside { 7 } else { 6 } {
                let shadow = self.shadow_db * dice.normal();
                let power = if self.sessions { 5.0 * dice.normal() } else { 0.0 };
                let body = if (zone == 6) == is_far { 0.0 } else { 10.0 };
                for _ in 0..self.bursts {
                    time_s += 0.5;
                    let at = if zone == 6 { (5.9, dice.share()) } else { place(zone, self.reach, &mut dice) };
                    let distance_m = (at.0 - device.0).hypot(at.1 - device.1).hypot(0.15);
                    let level = -50.0 + power - 20.0 * distance_m.log10() - body + shadow + dice.rayleigh_db();
                    let finding = burst(Channel::Npusch1, time_s, 0.0, 15e3);
                    let finding = Finding { power_dbfs: level as f32, ..finding };
                    let session = if self.sessions { zone as u32 } else { 0 };
                    let look = Look::of(&finding, &Gains::default(), 0, session);
                    search.add(&look, Visit { zone, number: zone as u32 }, &list);
                }
            }
            (hidden, search.whereabouts().cloned().unwrap_or_default())
        }

        /// Shares of walks whose zone came first and among the first two, and mean probability of what came first.
        fn shares(self) -> (f64, f64, f64) {
            const SEEDS: u64 = 600;
            let mut sums = (0.0, 0.0, 0.0);
            for seed in 0..SEEDS {
                let (hidden, whereabouts) = self.walk(seed, false);
                let ranking = whereabouts.ranking();
                sums.0 += f64::from(u8::from(ranking[0] == hidden));
                sums.1 += f64::from(u8::from(ranking[..2].contains(&hidden)));
                sums.2 += whereabouts.zones[ranking[0]].probability;
            }
            (sums.0 / SEEDS as f64, sums.1 / SEEDS as f64, sums.2 / SEEDS as f64)
        }
    }

    #[test]
    fn a_zone_of_six_is_found_by_walking_through_them() {
        let mut all = Vec::new();
        for (name, trial, first_bar, second_bar) in [
            ("3 bursts", Trial { bursts: 3, ..MIDDLE }, 0.7, 0.89),
            ("10 bursts", MIDDLE, 0.8, 0.95),
            ("10 bursts and outside", Trial { outside: true, ..MIDDLE }, 0.8, 0.95),
            ("10 bursts anywhere in the zone", Trial { reach: 1.0, ..MIDDLE }, 0.75, 0.92),
            ("10 bursts, shadow 6 dB", Trial { shadow_db: 6.0, ..MIDDLE }, 0.6, 0.82),
            ("10 bursts, a session each", Trial { sessions: true, ..MIDDLE }, 0.6, 0.82),
        ] {
            let (first, second, probability) = trial.shares();
            eprintln!("{name}: first {first:.3}, first two {second:.3}, said {probability:.3}");
            all.push((name, first, second, probability, first_bar, second_bar));
        }
        for (name, first, second, probability, first_bar, second_bar) in all {
            // Two standard deviations of a share of 600 walks.
            assert!(first + 0.033 >= first_bar && second + 0.018 >= second_bar, "{name}: {first} {second}");
            assert!(probability < first + 0.1, "{name}: {probability} is said of what is right in {first}");
        }
    }

    #[test]
    fn a_device_far_outside_is_not_called_inside() {
        let trial = Trial { outside: true, ..MIDDLE };
        let outside = |is_far| (0..100).filter_map(move |seed| trial.walk(seed, is_far).1.outside);
        let mistaken = outside(true).filter(|p| *p < 0.5).count() + outside(false).filter(|p| *p > 0.5).count();
        assert!(mistaken <= 4, "{mistaken} of 200");
    }

    #[test]
    fn the_next_zone_is_one_that_tells_between_those_left() {
        let (list, mut search) = (car(), Search::default());
        let mut hear = |zone: usize, level: f32, from_s: f64| {
            for i in 0..6 {
                let finding = burst(Channel::Npusch1, from_s + f64::from(i), 0.0, 15e3);
                let look = Look::of(&Finding { power_dbfs: level, ..finding }, &Gains::default(), 0, 0);
                search.add(&look, Visit { zone, number: zone as u32 }, &list);
            }
            search.whereabouts().cloned().unwrap_or_default()
        };
        let first = hear(0, -50.0, 0.0);
        assert!(first.next.is_some_and(|zone| zone != 0), "{first:?}");
        let second = hear(2, -56.0, 10.0);
        assert_eq!(second.zones[0].best_db, Some(-50.0));
        assert_eq!(second.zones[2].median_db, Some(-56.0));
        assert!(second.zones[0].probability > second.zones[2].probability);
        assert!(second.zones[4].probability < second.zones[0].probability);
        assert!(second.within(0.9).len() < 7 && second.within(1.0).len() <= 7);
    }

    #[test]
    fn what_is_never_compared_is_still_shown() {
        let (list, mut search) = (car(), Search::default());
        let loud = Finding { clipped: true, power_dbfs: -2.0, ..burst(Channel::Npusch1, 0.0, 0.0, 15e3) };
        let look = Look::of(&loud, &Gains::default(), 0, 0);
        search.add(&look, Visit { zone: 3, number: 0 }, &list);
        let whereabouts = search.whereabouts().cloned().unwrap_or_default();
        assert_eq!(whereabouts.zones[3].best_db, Some(-2.0));
        assert!(
            whereabouts.zones.iter().all(|zone| (zone.probability - 1.0 / 6.0).abs() < 1e-9 || zone.probability == 0.0)
        );
        search.add(&look, Visit { zone: 99, number: 1 }, &list);
    }
}
