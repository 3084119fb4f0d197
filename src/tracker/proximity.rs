//! Hot and cold: whether the way just walked leads to a device or away from it.
//!
//! In: the looks at one device in order of time, and those at all others. Out: its latest and its strongest look, the
//! trend with its probability, and how far it stands above the crowd of its class.
//! Method: the latest looks are compared with those before, each class of transmission on its own, the classes by
//! their precision together. Bursts within the time that a step of half a wavelength takes are one look. The prior of
//! a change is normal; the trend is said where its sign has a probability above [`SAID`]. A preamble is compared with
//! the same attempt of other series only, as each attempt may be sent stronger; LTE data not until its power control
//! has settled. An overload is told as such: it hides how near the device is.
//! Ignores: that the operator may stand still, where many bursts are one look.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use dsp::finding::{Channel, Finding};

use super::look::{Class, Gains, Look, Mean, normal_below};

/// Probability from which on a trend is said.
pub const SAID: f64 = 0.9;
/// Looks that are kept.
const LOOKS: usize = 64;
/// A step of half a wavelength at walking pace: bursts closer together are one look.
const STEP_S: f64 = 0.2;
/// Looks that are "now", and how many times as many are "before".
const NOW: usize = 4;
const BEFORE: usize = 2;
/// What a change of place may bring.
const PRIOR_SIGMA_DB: f64 = 8.0;
/// A session that lasts shorter is heard at one place, and is compared with those before.
const ONE_PLACE_S: f64 = 3.0;
/// Transmit power of one class: within a session (TS 36.101 §6.3.5F.3 leaves ±1.5 dB for a repeated preamble), where
/// the network steers it (LTE), and between sessions.
const SESSION_SIGMA_DB: f64 = 1.5;
const STEERED_SIGMA_DB: f64 = 4.0;
const BETWEEN_SIGMA_DB: f64 = 5.0;
/// Closed loop power control settles within this time of a session's start.
const SETTLED_S: f64 = 0.3;
/// Preambles that follow each other within this time, without data between, are attempts of one series.
const SERIES_S: f64 = 60.0;
/// First attempts on either side that make a comparison: some of them are later attempts whose first was missed.
const FIRST_ATTEMPTS: usize = 4;
/// The crowd: how long a burst is of it, how many bursts of others make one, how many are kept of how many classes.
const CROWD_S: f64 = 600.0;
const LEAST_CROWD: usize = 8;
const CROWD_BURSTS: usize = 256;
const CROWD_CLASSES: usize = 48;
const CROWD_SHARE: f64 = 0.95;

/// What is said of the way walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nearer, with a probability above [`SAID`].
    Hotter,
    /// Farther, with a probability above [`SAID`].
    Colder,
    /// The looks do not tell yet.
    Unsure,
    /// The receiver is overloaded: take off gain or antenna.
    Overloaded,
}

/// How the latest looks compare with those before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// What may be said.
    pub verdict: Verdict,
    /// Probability that the level has risen; one half where nothing can be compared.
    pub probability_hotter: f64,
    /// By how much it has, likeliest.
    pub change_db: f64,
    /// One standard deviation of that.
    pub change_sigma_db: f64,
    /// Looks of now that could be compared, and looks before.
    pub looks: (usize, usize),
}

impl Trend {
    const UNTOLD: Self = Self {
        verdict: Verdict::Unsure,
        probability_hotter: 0.5,
        change_db: 0.0,
        change_sigma_db: f64::INFINITY,
        looks: (0, 0),
    };
}

/// Where a device's level stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Proximity {
    /// Its latest look; its age is the stream's position less its start.
    pub latest: Look,
    /// Its strongest look; where that was overloaded, a lower bound.
    pub peak: Look,
    /// The latest looks, oldest first.
    pub looks: Arc<VecDeque<Look>>,
    /// Hotter or colder.
    pub trend: Trend,
    /// Its latest looks above 95 of 100 bursts of the same class that others sent in the last ten minutes.
    pub over_crowd_db: Option<f64>,
    /// How many bursts of others that were.
    pub crowd: usize,
}

/// Follows the level of one device.
#[derive(Debug, Clone, Default)]
pub(super) struct Approach {
    proximity: Option<Proximity>,
    /// Start of the latest preamble and its number, while nothing else came after it.
    series: Option<(f64, u8)>,
    /// Fewest repetitions of its preambles: those with more are sent at full power (TS 36.213 §16.3.1).
    least_repetitions: u16,
    session_start_s: f64,
}

impl Approach {
    pub(super) fn proximity(&self) -> Option<&Proximity> {
        self.proximity.as_ref()
    }

    /// Takes a burst of the device in its session of this number; `crowd` hears of it too. The look is given back.
    pub(super) fn add(
        &mut self,
        finding: &Finding,
        (id, session): (u32, u32),
        gains: &Gains,
        crowd: &mut Crowd,
    ) -> Look {
        let attempt = self.attempt(finding);
        let mut look = Look::of(finding, gains, attempt, session);
        if self.proximity.as_ref().is_none_or(|before| before.latest.session != session) {
            self.session_start_s = look.start_s;
        }
        if is_steered(look.class.channel) && look.start_s - self.session_start_s < SETTLED_S {
            look.is_comparable = false;
        }
        let mut looks = self.proximity.as_mut().map_or_else(Arc::default, |before| std::mem::take(&mut before.looks));
        let kept = Arc::make_mut(&mut looks);
        if kept.len() == LOOKS {
            kept.pop_front();
        }
        kept.push_back(look);
        let trend = trend(kept);
        let standing = crowd.standing(&look, id);
        let peak = self.proximity.as_ref().map_or(look, |before| stronger(before.peak, look));
        crowd.add(&look, id);
        self.proximity = Some(Proximity {
            latest: look,
            peak,
            looks,
            trend,
            over_crowd_db: standing.map(|(over_db, _)| over_db),
            crowd: standing.map_or(0, |(_, bursts)| bursts),
        });
        look
    }

    /// Which attempt of a series a preamble is.
    fn attempt(&mut self, finding: &Finding) -> u8 {
        let start_s = finding.extent.start_s;
        if !matches!(finding.channel, Channel::Nprach | Channel::Prach) {
            self.series = None;
            return 0;
        }
        let repetitions = finding.parameters.repetitions.unwrap_or(1);
        if self.least_repetitions == 0 || repetitions < self.least_repetitions {
            self.least_repetitions = repetitions;
        } else if finding.channel == Channel::Nprach && repetitions > self.least_repetitions {
            return 0;
        }
        let attempt = match self.series {
            Some((last_s, number)) if start_s - last_s < SERIES_S => number.saturating_add(1),
            _ => 1,
        };
        self.series = Some((start_s, attempt));
        attempt
    }
}

fn stronger(a: Look, b: Look) -> Look {
    if b.level_db > a.level_db { b } else { a }
}

fn is_steered(channel: Channel) -> bool {
    matches!(channel, Channel::Pusch | Channel::Pucch | Channel::Srs | Channel::GsmNormal | Channel::GsmAccess)
}

/// Bursts of one class within a step, as one look.
struct Step {
    first_s: f64,
    class: Class,
    session: u32,
    sum: Mean,
}

/// The looks of one class on both sides.
#[derive(Default)]
struct Compared {
    now: Mean,
    before: Mean,
}

/// The trend of looks in order of time.
pub(super) fn trend(looks: &VecDeque<Look>) -> Trend {
    let mut steps: Vec<Step> = Vec::with_capacity(looks.len());
    for look in looks.iter().filter(|look| look.is_comparable) {
        let open = steps.iter_mut().rev().take_while(|step| look.start_s - step.first_s < STEP_S);
        let mut own = open.filter(|step| step.class == look.class && step.session == look.session);
        if let Some(step) = own.next() {
            step.sum.add(look.compared_db);
        } else {
            let mut sum = Mean::default();
            sum.add(look.compared_db);
            steps.push(Step { first_s: look.start_s, class: look.class, session: look.session, sum });
        }
    }
    let now_s = now_from(&steps);
    let is_overloaded = |look: &Look| look.is_overloaded;
    if looks.back().is_some_and(is_overloaded)
        || looks.iter().rev().take_while(|look| Some(look.start_s) >= now_s).any(is_overloaded)
    {
        return Trend { verdict: Verdict::Overloaded, ..Trend::UNTOLD };
    }
    let Some(now_s) = now_s else { return Trend::UNTOLD };
    let at = steps.partition_point(|step| step.first_s < now_s);
    let (before, now) = steps.split_at(at);
    // Of the looks before, those of this session where there are enough.
    let session = now[0].session;
    let own = before.iter().rev().take_while(|step| step.session == session).count();
    let is_within = own >= now.len();
    let before = &before[at - if is_within { own } else { at }..];
    let before = &before[before.len().saturating_sub(BEFORE * now.len())..];
    compare(before, now, is_within)
}

/// From which instant on looks are "now".
fn now_from(steps: &[Step]) -> Option<f64> {
    let last = steps.last()?;
    let own = steps.iter().rev().take_while(|step| step.session == last.session).count();
    let first_s = steps[steps.len() - own].first_s;
    let num_now = if own < steps.len() && last.first_s - first_s < ONE_PLACE_S { own.min(NOW) } else { NOW };
    let num_now = num_now.min(steps.len() / 2);
    (num_now > 0).then(|| steps[steps.len() - num_now].first_s)
}

fn compare(before: &[Step], now: &[Step], is_within: bool) -> Trend {
    let mut classes: BTreeMap<Class, Compared> = BTreeMap::new();
    before.iter().for_each(|step| classes.entry(step.class).or_default().before.add(step.sum.plain_db()));
    now.iter().for_each(|step| classes.entry(step.class).or_default().now.add(step.sum.plain_db()));
    let is_enough = |class: &Class, pair: &Compared| {
        let least = pair.now.count().min(pair.before.count()) as usize;
        match class.attempt {
            0 => least > 0,
            1 => least >= FIRST_ATTEMPTS,
            _ => false,
        }
    };
    classes.retain(|class, pair| is_enough(class, pair));
    let (mut weight, mut sum, mut count) = (0.0, 0.0, (0, 0));
    for pair in classes.values() {
        let own = 1.0 / (pair.now.sigma_db().powi(2) + pair.before.sigma_db().powi(2));
        weight += own;
        sum += own * (pair.now.level_db() - pair.before.level_db());
        count = (count.0 + pair.now.count() as usize, count.1 + pair.before.count() as usize);
    }
    if weight == 0.0 {
        return Trend::UNTOLD;
    }
    let steered =
        if classes.keys().any(|class| is_steered(class.channel)) { STEERED_SIGMA_DB } else { SESSION_SIGMA_DB };
    let power = if is_within { steered } else { BETWEEN_SIGMA_DB };
    let variance = 1.0 / weight + power * power;
    let (change_db, change_sigma_db) = (sum / weight, variance.sqrt());
    // Posterior of the change under its prior: mean and deviation shrink by the same share of it.
    let share = PRIOR_SIGMA_DB.powi(2) / (PRIOR_SIGMA_DB.powi(2) + variance);
    let probability_hotter = normal_below(change_db / change_sigma_db * share.sqrt());
    let verdict = match probability_hotter {
        p if p > SAID => Verdict::Hotter,
        p if p < 1.0 - SAID => Verdict::Colder,
        _ => Verdict::Unsure,
    };
    Trend { verdict, probability_hotter, change_db, change_sigma_db, looks: count }
}

/// The latest bursts of everybody, by class.
#[derive(Debug, Clone, Default)]
pub(super) struct Crowd {
    classes: BTreeMap<Class, VecDeque<(f64, f32, u32)>>,
}

impl Crowd {
    fn class(look: &Look) -> Class {
        Class { attempt: 0, ..look.class }
    }

    fn add(&mut self, look: &Look, id: u32) {
        if !look.level_db.is_finite() || look.is_overloaded {
            return;
        }
        let class = Self::class(look);
        if self.classes.len() == CROWD_CLASSES && !self.classes.contains_key(&class) {
            let last_s = |bursts: &VecDeque<(f64, f32, u32)>| bursts.back().map_or(f64::NEG_INFINITY, |last| last.0);
            let stalest =
                self.classes.iter().min_by(|a, b| last_s(a.1).total_cmp(&last_s(b.1))).map(|(class, _)| *class);
            stalest.and_then(|class| self.classes.remove(&class));
        }
        let bursts = self.classes.entry(class).or_default();
        if bursts.len() == CROWD_BURSTS {
            bursts.pop_front();
        }
        bursts.push_back((look.start_s, look.level_db as f32, id));
    }

    /// How far a look stands above the crowd of its class, and of how many bursts of others that is.
    fn standing(&self, look: &Look, id: u32) -> Option<(f64, usize)> {
        let bursts = self.classes.get(&Self::class(look))?;
        let recent = bursts.iter().filter(|(start_s, _, other)| *other != id && look.start_s - start_s < CROWD_S);
        let mut levels: Vec<f32> = recent.map(|(_, level_db, _)| *level_db).collect();
        if levels.len() < LEAST_CROWD {
            return None;
        }
        levels.sort_by(f32::total_cmp);
        let at = (CROWD_SHARE * (levels.len() - 1) as f64).ceil() as usize;
        Some((look.level_db - f64::from(levels[at]), levels.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracker::testing::{Dice, burst};

    /// A device heard by an operator who walks: bursts this far apart, at these levels before fading.
    struct Walk {
        approach: Approach,
        crowd: Crowd,
        gains: Gains,
        time_s: f64,
    }

    impl Walk {
        fn new() -> Self {
            Self { approach: Approach::default(), crowd: Crowd::default(), gains: Gains::default(), time_s: 0.0 }
        }

        fn hear(&mut self, finding: Finding, session: u32) -> Trend {
            self.approach.add(&finding, (1, session), &self.gains, &mut self.crowd);
            self.approach.proximity().map_or(Trend::UNTOLD, |proximity| proximity.trend)
        }

        fn data(&mut self, level_dbfs: f64) -> Trend {
            self.time_s += 0.5;
            let finding = burst(Channel::Npusch1, self.time_s, 0.0, 15e3);
            self.hear(Finding { power_dbfs: level_dbfs as f32, ..finding }, 0)
        }
    }

    const SEEDS: u64 = 2000;

    /// Shares of walks with a step in the middle: sign of the trend right, said right, said wrong.
    fn stepped(step_db: f64, looks: usize, jitter_db: f64) -> (f64, f64, f64) {
        let mut shares = [0.0; 3];
        for seed in 0..SEEDS {
            let (mut dice, mut walk) = (Dice(seed), Walk::new());
            let sign = if seed % 2 == 0 { 1.0 } else { -1.0 };
            let mut level = |db: f64| -60.0 + db + dice.rayleigh_db() + jitter_db * dice.normal();
            for _ in 0..looks {
                walk.data(level(0.0));
            }
            let trend = (0..looks).map(|_| walk.data(level(sign * step_db))).last().unwrap_or(Trend::UNTOLD);
            let right = if sign > 0.0 { Verdict::Hotter } else { Verdict::Colder };
            let is_said = matches!(trend.verdict, Verdict::Hotter | Verdict::Colder);
            shares[0] += f64::from(u8::from((trend.probability_hotter > 0.5) == (sign > 0.0)));
            shares[1] += f64::from(u8::from(trend.verdict == right));
            shares[2] += f64::from(u8::from(is_said && trend.verdict != right));
        }
        let [sign, right, wrong] = shares.map(|count| count / SEEDS as f64);
        (sign, right, wrong)
    }

    #[test]
    fn a_step_of_6_db_is_told_from_four_looks_each() {
        for (step_db, jitter_db, sign_bar, wrong_bar) in
            [(6.0, 0.0, 0.94, 0.002), (3.0, 0.0, 0.78, 0.02), (10.0, 0.0, 0.99, 0.001), (6.0, 1.5, 0.94, 0.003)]
        {
            let (sign, right, wrong) = stepped(step_db, 4, jitter_db);
            eprintln!("{step_db} dB, jitter {jitter_db} dB: sign {sign:.3}, said right {right:.3}, wrong {wrong:.4}");
            assert!(sign >= sign_bar && wrong <= wrong_bar, "{step_db} dB: sign {sign}, wrong {wrong}");
        }
    }

    #[test]
    fn where_nothing_changes_a_trend_is_said_no_more_often_than_its_probability_allows() {
        let (mut said, mut times) = (0, 0);
        for seed in 0..400 {
            let (mut dice, mut walk) = (Dice(seed), Walk::new());
            for _ in 0..16 {
                walk.data(-60.0 + dice.rayleigh_db());
            }
            let trend = walk.data(-60.0 + dice.rayleigh_db());
            times += 1;
            said += u32::from(trend.verdict != Verdict::Unsure);
        }
        let share = f64::from(said) / f64::from(times);
        assert!(share < 2.0 * (1.0 - SAID), "{share}");
    }

    #[test]
    fn an_overload_is_never_hotter_or_colder() {
        for seed in 0..200 {
            let (mut dice, mut walk) = (Dice(seed), Walk::new());
            for step in 0..40 {
                // The receiver clips at full scale: the level it tells falls behind, then falls.
                let true_dbfs = -40.0 + 1.5 * f64::from(step) + dice.rayleigh_db();
                let heard_dbfs = if true_dbfs < -8.0 { true_dbfs } else { -8.0 - 0.3 * (true_dbfs + 8.0) };
                walk.time_s += 0.5;
                let finding = burst(Channel::Npusch1, walk.time_s, 0.0, 15e3);
                let clipped = true_dbfs >= -8.0;
                let trend = walk.hear(Finding { power_dbfs: heard_dbfs as f32, clipped, ..finding }, 0);
                if clipped {
                    assert_eq!(trend.verdict, Verdict::Overloaded, "seed {seed}, step {step}");
                }
                assert!(trend.verdict != Verdict::Colder || !clipped);
            }
        }
    }

    #[test]
    fn a_ramp_of_attempts_is_never_hotter() {
        for seed in 0..200 {
            let (mut dice, mut walk) = (Dice(seed), Walk::new());
            let step_db = 2.0 + 4.0 * dice.share();
            for series in 0..3 {
                walk.time_s += 120.0;
                for attempt in 0..8 {
                    walk.time_s += 0.3 + 5.0 * dice.share();
                    // One attempt in ten is not heard.
                    if dice.share() < 0.1 {
                        continue;
                    }
                    let level = -70.0 + step_db * f64::from(attempt) + 1.5 * dice.normal() + dice.rayleigh_db();
                    let finding = burst(Channel::Nprach, walk.time_s, 0.0, 45e3);
                    let trend = walk.hear(Finding { power_dbfs: level as f32, ..finding }, series);
                    assert_eq!(trend.verdict, Verdict::Unsure, "seed {seed}: {trend:?}");
                }
            }
        }
    }

    #[test]
    fn the_ramp_of_a_closed_loop_is_never_hotter() {
        for seed in 0..200 {
            let (mut dice, mut walk) = (Dice(seed), Walk::new());
            for i in 0..40 {
                walk.time_s += 0.01;
                let finding = burst(Channel::Pusch, walk.time_s, 0.0, 360e3);
                let level = -70.0 + f64::from(i.min(12)) + dice.normal();
                let trend = walk.hear(Finding { power_dbfs: level as f32, ..finding }, 0);
                assert_eq!(trend.verdict, Verdict::Unsure, "seed {seed}: {trend:?}");
            }
        }
    }

    #[test]
    fn only_like_is_compared_with_like_and_only_at_known_gain() {
        let mut walk = Walk::new();
        for _ in 0..4 {
            walk.data(-60.0);
        }
        for i in 0..4 {
            let wide = Finding { power_dbfs: -40.0, ..burst(Channel::Npusch1, 3.0 + f64::from(i), 0.0, 180e3) };
            let trend = walk.hear(wide, 0);
            assert_eq!(trend.verdict, Verdict::Unsure, "{trend:?}");
            assert!(i < 3 || trend.looks == (0, 0), "{trend:?}");
        }
        // The gain is turned down by 20 dB: the level is not.
        let mut walk = Walk::new();
        walk.gains.set(0.0, Some(20.0));
        walk.gains.set(2.1, Some(0.0));
        for _ in 0..4 {
            walk.data(-40.0);
        }
        let trend = (0..4).map(|_| walk.data(-60.0)).last().unwrap_or(Trend::UNTOLD);
        assert!((trend.change_db).abs() < 1e-9 && trend.verdict == Verdict::Unsure, "{trend:?}");
        let mut walk = Walk::new();
        walk.gains.set(0.0, None);
        let trend = (0..9).map(|i| walk.data(-90.0 + 10.0 * f64::from(i))).last().unwrap_or(Trend::UNTOLD);
        assert_eq!(trend, Trend::UNTOLD);
    }

    #[test]
    fn short_sessions_are_compared_with_each_other() {
        let mut walk = Walk::new();
        let mut trend = Trend::UNTOLD;
        for session in 0..6u32 {
            for i in 0..4 {
                let level = if session < 5 { -70.0 } else { -45.0 };
                let start_s = 60.0 * f64::from(session) + 0.3 * f64::from(i);
                let finding = Finding { power_dbfs: level, ..burst(Channel::Npusch1, start_s, 0.0, 15e3) };
                trend = walk.hear(finding, session);
            }
        }
        assert_eq!(trend.verdict, Verdict::Hotter, "{trend:?}");
        assert!((trend.change_db - 25.0).abs() < 1.0, "{trend:?}");
    }

    #[test]
    fn a_near_device_stands_above_the_crowd_of_its_class() {
        let mut crowd = Crowd::default();
        let mut near = Approach::default();
        let gains = Gains::default();
        for i in 0..40u32 {
            let level = -90.0 + i as f32 * 0.5;
            let far = Finding { power_dbfs: level, ..burst(Channel::Npusch1, f64::from(i), 0.0, 15e3) };
            Approach::default().add(&far, (10 + i, 0), &gains, &mut crowd);
        }
        near.add(
            &Finding { power_dbfs: -50.0, ..burst(Channel::Npusch1, 41.0, 0.0, 15e3) },
            (1, 0),
            &gains,
            &mut crowd,
        );
        let proximity = near.proximity().expect("it was heard");
        assert_eq!(proximity.crowd, 40);
        assert!((proximity.over_crowd_db.expect("there is a crowd") - 21.0).abs() < 0.6, "{proximity:?}");
        near.add(&burst(Channel::Npusch1, 800.0, 0.0, 15e3), (1, 1), &gains, &mut crowd);
        assert_eq!(near.proximity().and_then(|proximity| proximity.over_crowd_db), None, "ten minutes ago");
    }
}
