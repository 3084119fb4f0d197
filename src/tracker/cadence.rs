//! The period of a device's sessions, or that none is proven.
//!
//! In: the starts of its sessions in order, seconds. Out: the period that explains them best, what it counts from,
//! and whether chance explains it as well.
//! Method: a trial period is weighed by its best chain of events: a step of `k` periods gains the logarithm of how
//! much better it explains the event than chance at the mean rate, less what `k - 1` missed events cost. Steps are
//! weighed from event to event (a timer that restarts with each activity) and, over the same chain, against a fixed
//! clock. An echo (a session that follows those of the chain after a like pause) adds its own. The best weight is
//! compared with quantiles measured over events without pattern.
//! Ignores: times not listened to.

/// Fewest events that are looked at, and most: the latest.
const MIN_EVENTS: usize = 5;
const MAX_EVENTS: usize = 24;
/// Jitter of a step as a share of the period, of a timer and of one delayed by a network, and the prior cost of each.
const JITTERS: [(f64, f64); 2] = [(0.007, 0.0), (0.025, 1.0)];
/// Jitter against a clock: a step has that of two events.
const CLOCK_JITTER: f64 = std::f64::consts::FRAC_1_SQRT_2;
/// Missed events a step may bridge, and the probability to miss one.
const MAX_STEP: f64 = 4.0;
const MISSED: f64 = 0.12;
/// A period must have passed this often.
const MIN_PERIODS: f64 = 1.98;
/// Trial periods closer together than this share are one.
const SAME: f64 = 0.004;
/// An echo follows within this share of the period, its pause jitters by this share of itself, and it costs so much
/// to suppose one.
const ECHO_WITHIN: f64 = 0.4;
const ECHO_JITTER: f64 = 0.03;
const ECHO_COST: f64 = 1.0;
/// Weight that 99 of 100 records of so many events without pattern stay below, measured over 600 to 4000 records each.
const CHANCE: [(usize, f64); 7] = [(5, 8.74), (6, 8.92), (8, 9.68), (10, 10.45), (12, 10.90), (16, 12.21), (24, 13.85)];

/// What a device's period counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// A clock: events stay on its beat.
    FromClock,
    /// Its last activity: each event starts the count anew.
    FromActivity,
}

/// The period that explains a device's sessions best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cadence {
    /// The period.
    pub period_s: f64,
    /// What it counts from, as far as the events tell.
    pub counts: Counts,
    /// Chance explains it in at most 1 % of records without pattern.
    pub is_proven: bool,
}

/// The period that explains events at these instants best.
pub fn cadence(starts_s: &[f64]) -> Option<Cadence> {
    let starts_s = &starts_s[starts_s.len().saturating_sub(MAX_EVENTS)..];
    let best = best_period(starts_s)?;
    Some(Cadence { period_s: best.period_s, counts: best.counts, is_proven: best.weight > chance(starts_s.len()) })
}

struct Best {
    period_s: f64,
    counts: Counts,
    weight: f64,
}

fn best_period(starts_s: &[f64]) -> Option<Best> {
    let span_s = starts_s.last()? - starts_s.first()?;
    if starts_s.len() < MIN_EVENTS || !(span_s.is_finite() && span_s > 0.0) {
        return None;
    }
    let rate_hz = (starts_s.len() - 1) as f64 / span_s;
    let mut trials_s: Vec<f64> = Vec::new();
    for (i, from_s) in starts_s.iter().enumerate() {
        for to_s in &starts_s[i + 1..] {
            trials_s.extend([to_s - from_s, (to_s - from_s) / 2.0]);
        }
    }
    trials_s.retain(|trial_s| *trial_s <= span_s / MIN_PERIODS && *trial_s > 0.5 / rate_hz);
    trials_s.sort_by(f64::total_cmp);
    trials_s.dedup_by(|b, a| *b < *a * (1.0 + SAME));
    let weighed = trials_s.iter().flat_map(|trial_s| {
        JITTERS.map(|(jitter, cost)| {
            let best = Chain::best(starts_s, *trial_s, jitter, rate_hz).weighed(starts_s, *trial_s, jitter, rate_hz);
            Best { weight: best.weight - cost, ..best }
        })
    });
    weighed.max_by(|a, b| a.weight.total_cmp(&b.weight))
}

/// Logarithm of a normal density over a rate of chance events.
fn gain(off_s: f64, sigma_s: f64, rate_hz: f64) -> f64 {
    -0.5 * (off_s / sigma_s).powi(2) - (sigma_s * std::f64::consts::TAU.sqrt() * rate_hz).ln()
}

/// Events of a chain, each with the periods since its first.
struct Chain {
    events: Vec<(usize, f64)>,
    weight: f64,
    missed: f64,
}

impl Chain {
    fn best(starts_s: &[f64], trial_s: f64, jitter: f64, rate_hz: f64) -> Self {
        // For each event: the best weight of a chain that ends there, the event before it and the step from that.
        let mut ends: Vec<(f64, Option<(usize, f64)>)> = Vec::with_capacity(starts_s.len());
        for (j, to_s) in starts_s.iter().enumerate() {
            let mut best = (0.0, None);
            for (i, from_s) in starts_s[..j].iter().enumerate() {
                let step = ((to_s - from_s) / trial_s).round();
                if !(1.0..=MAX_STEP).contains(&step) {
                    continue;
                }
                let off_s = to_s - from_s - step * trial_s;
                let seen = (1.0 - MISSED).ln() + (step - 1.0) * MISSED.ln();
                let weight = ends[i].0 + gain(off_s, jitter * trial_s * step.sqrt(), rate_hz) + seen;
                if weight > best.0 {
                    best = (weight, Some((i, step)));
                }
            }
            ends.push(best);
        }
        let mut at = (0..ends.len()).max_by(|a, b| ends[*a].0.total_cmp(&ends[*b].0)).unwrap_or(0);
        let weight = ends.get(at).map_or(0.0, |end| end.0);
        let (mut events, mut missed) = (vec![(at, 0.0)], 0.0);
        while let Some(&(_, Some((before, step)))) = ends.get(at) {
            missed += (1.0 - MISSED).ln() + (step - 1.0) * MISSED.ln();
            events.iter_mut().for_each(|(_, periods)| *periods += step);
            events.push((before, 0.0));
            at = before;
        }
        events.reverse();
        Self { events, weight, missed }
    }

    fn weighed(&self, starts_s: &[f64], trial_s: f64, jitter: f64, rate_hz: f64) -> Best {
        let count = self.events.len() as f64;
        let mean = |of: &dyn Fn(&(usize, f64)) -> f64| self.events.iter().map(of).sum::<f64>() / count;
        let (periods, time_s) = (mean(&|(_, periods)| *periods), mean(&|(i, _)| starts_s[*i]));
        let covariance = mean(&|(i, p)| (p - periods) * (starts_s[*i] - time_s));
        let variance = mean(&|(_, p)| (p - periods).powi(2));
        let period_s = if variance > 0.0 { covariance / variance } else { trial_s };
        let off_s = |(i, p): &(usize, f64)| starts_s[*i] - time_s - (p - periods) * period_s;
        let sigma_s = CLOCK_JITTER * jitter * trial_s;
        // The clock's phase is taken from the events: one of them proves nothing.
        let clock = self.events.iter().map(|event| gain(off_s(event), sigma_s, rate_hz)).sum::<f64>()
            - gain(0.0, sigma_s, rate_hz)
            + self.missed;
        let (counts, weight) =
            if clock > self.weight { (Counts::FromClock, clock) } else { (Counts::FromActivity, self.weight) };
        Best { period_s, counts, weight: weight + self.echo(starts_s, trial_s, rate_hz) }
    }

    /// What a session that follows those of the chain after a like pause adds.
    fn echo(&self, starts_s: &[f64], trial_s: f64, rate_hz: f64) -> f64 {
        let after = |(i, _): &(usize, f64)| {
            let from_s = starts_s[*i];
            let later = starts_s[i + 1..].iter().map(move |to_s| to_s - from_s);
            later.take_while(|pause_s| *pause_s < ECHO_WITHIN * trial_s).filter(|pause_s| *pause_s > 0.0)
        };
        let weight = |pause_s: f64| {
            let sigma_s = ECHO_JITTER * pause_s;
            let best = |event| after(event).map(|p| gain(p - pause_s, sigma_s, rate_hz)).fold(0.0, f64::max);
            self.events.iter().map(best).sum::<f64>() - gain(0.0, sigma_s, rate_hz).max(0.0) - ECHO_COST
        };
        self.events.iter().flat_map(after).map(weight).fold(0.0, f64::max)
    }
}

/// What the best weight of so many events without pattern stays below in 99 of 100 records.
fn chance(num_events: usize) -> f64 {
    let above = CHANCE.iter().position(|(events, _)| *events >= num_events).unwrap_or(CHANCE.len() - 1);
    let (low, high) = (CHANCE[above.saturating_sub(1)], CHANCE[above]);
    if num_events <= low.0 || low.0 == high.0 {
        return low.1;
    }
    let share = ((num_events - low.0) as f64 / (high.0 - low.0) as f64).min(1.0);
    low.1 + share * (high.1 - low.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracker::testing::Dice;

    /// Share of records whose period is found within 3 %, and of those where another is: `num_periods` with this
    /// jitter, events missed by one in ten, as many false ones for each true one.
    fn found(num_periods: u32, jitter: f64, false_events: f64, is_clock: bool, records: u32) -> (f64, f64) {
        let mut dice = Dice(u64::from(num_periods) + u64::from(is_clock));
        let (mut right, mut wrong) = (0, 0);
        for _ in 0..records {
            let period_s = 400.0 + 9600.0 * dice.share();
            let end_s = period_s * f64::from(num_periods + 1);
            let first_s = period_s * dice.share();
            let (mut starts_s, mut at_s, mut beats) = (Vec::new(), first_s, 0.0);
            while at_s < end_s {
                if dice.share() > 0.1 {
                    starts_s.push(at_s);
                }
                beats += 1.0;
                let off_s = jitter * period_s * dice.normal();
                at_s = if is_clock { first_s + beats * period_s } else { at_s + period_s } + off_s;
            }
            let num_false = (false_events * starts_s.len() as f64).round() as usize;
            starts_s.extend((0..num_false).map(|_| end_s * dice.share()));
            starts_s.sort_by(f64::total_cmp);
            if let Some(found) = cadence(&starts_s).filter(|found| found.is_proven) {
                let is_right = (found.period_s / period_s - 1.0).abs() < 0.03;
                right += u32::from(is_right);
                wrong += u32::from(!is_right);
            }
        }
        (f64::from(right) / f64::from(records), f64::from(wrong) / f64::from(records))
    }

    #[test]
    fn periods_are_found_among_misses_and_false_events() {
        for (num_periods, false_events, is_clock, bar) in
            [(6, 0.0, true, 0.93), (6, 1.0, true, 0.93), (6, 1.0, false, 0.92), (9, 1.0, true, 0.97)]
        {
            let (right, wrong) = found(num_periods, 0.005, false_events, is_clock, 200);
            eprintln!(
                "{num_periods} periods, {false_events} false events each, clock {is_clock}: {right} right, {wrong} wrong"
            );
            assert!(right >= bar && wrong < 0.05, "{right} right, {wrong} wrong of {num_periods} periods");
        }
    }

    #[test]
    fn events_without_pattern_have_no_period() {
        let mut dice = Dice(99);
        let mut found = 0;
        for record in 0..600 {
            let mut starts_s: Vec<f64> = (0..5 + record % 12).map(|_| 1e4 * dice.share()).collect();
            starts_s.sort_by(f64::total_cmp);
            found += u32::from(cadence(&starts_s).is_some_and(|cadence| cadence.is_proven));
        }
        // 1 % of 600, and three standard deviations.
        assert!(found <= 13, "{found} of 600 records without pattern have a period");
    }

    #[test]
    fn what_is_no_record_of_events_has_no_period() {
        for starts_s in [&[][..], &[1.0; 9], &[f64::NAN; 8], &[0.0, 1.0, 2.0], &[f64::INFINITY; 8]] {
            assert!(!cadence(starts_s).is_some_and(|cadence| cadence.is_proven), "{starts_s:?}");
        }
    }

    #[test]
    fn a_timer_and_a_clock_are_told_apart_when_events_are_many() {
        let mut dice = Dice(5);
        let clock: Vec<f64> = (0..30).map(|i| 600.0 * f64::from(i) + 3.0 * dice.normal()).collect();
        let mut at_s = 0.0;
        let mut timer = vec![0.0];
        for _ in 0..30 {
            at_s += 600.0 + 5.0 * dice.normal();
            timer.push(at_s);
        }
        assert_eq!(cadence(&clock).map(|c| c.counts), Some(Counts::FromClock));
        assert_eq!(cadence(&timer).map(|c| c.counts), Some(Counts::FromActivity));
    }
}
