//! What of the bands that are wanted has been heard so far.

use std::sync::Arc;

use super::HopPlan;

/// Lengths of sessions for which the probability to catch them is told.
pub const SESSIONS_S: [f64; 3] = [1.0, 2.0, 5.0];

/// Time heard on each slot, and what retunes cost.
#[derive(Debug, Clone)]
pub struct Coverage {
    plan: Arc<HopPlan>,
    heard_s: Vec<f64>,
    slot: usize,
    retunes: u64,
    retuning_s: f64,
}

/// One band, as far as it has been heard.
#[derive(Debug, Clone, PartialEq)]
pub struct BandCoverage {
    /// Its name.
    pub name: String,
    /// Lowest radio frequency.
    pub low_hz: f64,
    /// Highest radio frequency.
    pub high_hz: f64,
    /// Slots that hear it.
    pub slots: usize,
    /// Dwell on one of them.
    pub dwell_s: f64,
    /// Time it was listened to, averaged over its width.
    pub heard_s: f64,
    /// Probability to catch a session of each of [`SESSIONS_S`], averaged over its width.
    pub catch: [f64; SESSIONS_S.len()],
}

/// All that is wanted, as far as it has been heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Covered {
    /// The slot that is tuned, counted from 0, and how many there are.
    pub slot: (usize, usize),
    /// Time between two visits of a slot.
    pub revisit_s: f64,
    /// Mean time a retune costs.
    pub retune_s: f64,
    /// Retunes so far.
    pub retunes: u64,
    /// Each band.
    pub bands: Vec<BandCoverage>,
}

impl Coverage {
    /// Nothing heard yet, tuned to slot 0.
    pub fn new(plan: Arc<HopPlan>) -> Self {
        let heard_s = vec![0.0; plan.slots().len()];
        Self { plan, heard_s, slot: 0, retunes: 0, retuning_s: 0.0 }
    }

    /// The plan.
    pub fn plan(&self) -> &HopPlan {
        &self.plan
    }

    /// The slot that is tuned.
    pub fn slot(&self) -> usize {
        self.slot
    }

    /// The slot that is tuned was heard for this long.
    pub fn hear(&mut self, seconds: f64) {
        if let Some(heard_s) = self.heard_s.get_mut(self.slot) {
            *heard_s += seconds;
        }
    }

    /// A retune to `slot` took this long.
    pub fn retune(&mut self, slot: usize, seconds: f64) {
        self.slot = slot;
        self.retunes += 1;
        self.retuning_s += seconds;
    }

    /// Time that retunes took.
    pub fn retuning_s(&self) -> f64 {
        self.retuning_s
    }

    /// Mean time a retune costs.
    pub fn retune_s(&self) -> f64 {
        if self.retunes == 0 { 0.0 } else { self.retuning_s / self.retunes as f64 }
    }

    /// What has been heard.
    pub fn covered(&self) -> Covered {
        let retune_s = self.retune_s();
        let bands = self.plan.wanted().iter().map(|wanted| {
            let shares: Vec<(usize, f64)> = self
                .plan
                .slots()
                .iter()
                .enumerate()
                .filter_map(|(index, slot)| {
                    let shared_hz = slot.high_hz.min(wanted.high_hz) - slot.low_hz.max(wanted.low_hz);
                    (shared_hz > 0.0).then_some((index, shared_hz / (wanted.high_hz - wanted.low_hz)))
                })
                .collect();
            let mean = |value: &dyn Fn(usize) -> f64| shares.iter().map(|(slot, share)| share * value(*slot)).sum();
            BandCoverage {
                name: wanted.name.clone(),
                low_hz: wanted.low_hz,
                high_hz: wanted.high_hz,
                slots: shares.len(),
                dwell_s: mean(&|slot| self.plan.dwell_s(slot, retune_s)),
                heard_s: mean(&|slot| self.heard_s[slot]),
                catch: SESSIONS_S.map(|session_s| mean(&|slot| self.plan.catch_probability(slot, session_s, retune_s))),
            }
        });
        Covered {
            slot: (self.slot, self.plan.slots().len()),
            revisit_s: self.plan.revisit_s(retune_s),
            retune_s,
            retunes: self.retunes,
            bands: bands.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::wanted;
    use super::*;

    #[test]
    fn a_band_is_heard_as_its_slots_are() {
        let plan = HopPlan::new(vec![wanted("low", 800.0, 808.0), wanted("both", 804.0, 816.0)], 10e6, 2.0).unwrap();
        let num = plan.slots().len();
        assert_eq!(num, 3);
        let mut coverage = Coverage::new(Arc::new(plan));
        coverage.hear(3.0);
        coverage.retune(1, 0.02);
        coverage.hear(6.0);
        coverage.retune(2, 0.04);
        let covered = coverage.covered();
        assert_eq!((covered.slot, covered.retunes), ((2, 3), 2));
        assert!((covered.retune_s - 0.03).abs() < 1e-12);
        // Slots own 800 to 805.3, to 810.7, to 816 MHz.
        let [low, both] = covered.bands.as_slice() else { panic!("two bands") };
        assert!((low.heard_s - (3.0 * 16.0 / 3.0 + 6.0 * 8.0 / 3.0) / 8.0).abs() < 1e-9, "{}", low.heard_s);
        assert!((both.heard_s - (3.0 * 4.0 / 3.0 + 6.0 * 16.0 / 3.0) / 12.0).abs() < 1e-9, "{}", both.heard_s);
        assert!(low.catch[0] < low.catch[1] && low.catch[2] <= 1.0);
    }
}
