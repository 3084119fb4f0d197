//! Where a radio that hears less than what is asked for is tuned in turn, for how long, and what that lets it catch.
//!
//! In: ranges of radio frequencies, the sample rate, the length of the sessions that are to be caught. Out: slots (one
//! tuning each) with their dwells; from the measured cost of a retune, revisit times and the probability to catch a
//! session of a given length.
//! Method: a range that fits into the usable bandwidth is one slot. A wider one is cut into slots that overlap by more
//! than one NB-IoT carrier, so that each carrier lies whole in one of them. A session is caught where it is on the air
//! for [`LEAST_HEARD_S`] within one dwell. With `T` between visits, a dwell of `d` and sessions of length `x` at random
//! times that probability is `(d + x − 2 m) / T`, `m` being that least time. Dwells are as long as sessions of the length
//! asked for are still certain to be caught, and no shorter than [`SHORTEST_DWELL_S`].
//! Ignores: pauses within a session, and what parking on a find costs the other slots.

pub mod coverage;
pub mod hopper;
pub mod region;

use thiserror::Error;

/// Share of the sample rate within which a receiver's filters are flat.
const USABLE_SHARE: f64 = 0.8;
/// Slots of one range overlap by this much (an NB-IoT carrier has 180 kHz), where the rate has room for it.
const OVERLAP_HZ: f64 = 200e3;
const MAX_OVERLAP_SHARE: f64 = 0.25;
/// Part of a session that must fall within one dwell.
pub const LEAST_HEARD_S: f64 = 0.05;
/// The noise floor takes 68 ms to be learnt, and a session its least part to be heard.
pub const SHORTEST_DWELL_S: f64 = 0.12;
/// Longest dwell that is chosen where nothing asks for a shorter one.
const LONGEST_DWELL_S: f64 = 2.0;
/// Slots at the most.
const MAX_SLOTS: usize = 512;

/// A range that is to be heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// Name of the band, or the range as typed.
    pub name: String,
    /// Lowest radio frequency.
    pub low_hz: f64,
    /// Highest radio frequency.
    pub high_hz: f64,
    /// Dwell on its slots, where it is not left to the plan.
    pub dwell_s: Option<f64>,
}

/// One tuning.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// Frequency it is tuned to.
    pub center_hz: f64,
    /// The part that is its own: what overlaps is shared out.
    pub low_hz: f64,
    /// End of that part.
    pub high_hz: f64,
    /// Dwell, where it is not left to the plan.
    pub dwell_s: Option<f64>,
}

/// Why there is no plan.
#[derive(Debug, Clone, Error, PartialEq)]
pub enum PlanError {
    /// A range without a width.
    #[error("{0}: ends where it begins or before; give the lower frequency first")]
    Empty(String),
    /// More slots than make sense.
    #[error("{0} tunings would be needed; ask for less, or for a higher --rate")]
    TooMany(usize),
}

/// Slots and the sessions they are to catch.
#[derive(Debug, Clone, PartialEq)]
pub struct HopPlan {
    wanted: Vec<Wanted>,
    slots: Vec<Slot>,
    session_s: f64,
}

impl HopPlan {
    /// A plan for all that is wanted, in order of frequency.
    ///
    /// # Errors
    /// [`PlanError`] where a range is none or too much is wanted.
    pub fn new(wanted: Vec<Wanted>, sample_rate_hz: f64, session_s: f64) -> Result<Self, PlanError> {
        if let Some(empty) =
            wanted.iter().find(|range| range.high_hz.partial_cmp(&range.low_hz).is_none_or(|o| o.is_le()))
        {
            return Err(PlanError::Empty(empty.name.clone()));
        }
        let usable_hz = USABLE_SHARE * sample_rate_hz;
        let mut slots = Vec::new();
        for (low_hz, high_hz) in union(&wanted) {
            let num_slots = count(high_hz - low_hz, usable_hz);
            if slots.len() + num_slots > MAX_SLOTS {
                return Err(PlanError::TooMany(slots.len() + num_slots));
            }
            slots.extend((0..num_slots).map(|index| slot((low_hz, high_hz), (index, num_slots), usable_hz, &wanted)));
        }
        Ok(Self { wanted, slots, session_s })
    }

    /// What is wanted, as it was given.
    pub fn wanted(&self) -> &[Wanted] {
        &self.wanted
    }

    /// The slots, by frequency.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Everything is heard all the time.
    pub fn stays(&self) -> bool {
        self.slots.len() == 1
    }

    /// Frequency to which offsets refer: the middle of the first slot.
    pub fn reference_hz(&self) -> f64 {
        self.slots.first().map_or(0.0, |slot| slot.center_hz)
    }

    /// The slot whose part holds a frequency.
    pub fn slot_at(&self, frequency_hz: f64) -> Option<usize> {
        self.slots.iter().position(|slot| (slot.low_hz..=slot.high_hz).contains(&frequency_hz))
    }

    /// Dwell on a slot, where a retune costs `retune_s`.
    pub fn dwell_s(&self, slot: usize, retune_s: f64) -> f64 {
        let given = self.slots.get(slot).and_then(|slot| slot.dwell_s);
        given.unwrap_or_else(|| self.free_dwell_s(retune_s)).max(SHORTEST_DWELL_S)
    }

    /// The longest dwell with which no session of the length asked for is missed, for slots whose dwell is not given.
    fn free_dwell_s(&self, retune_s: f64) -> f64 {
        let given_s: f64 = self.slots.iter().filter_map(|slot| slot.dwell_s).sum();
        let free = self.slots.iter().filter(|slot| slot.dwell_s.is_none()).count();
        if free + usize::from(given_s > 0.0) < 2 {
            return LONGEST_DWELL_S;
        }
        let away_s = self.session_s - 2.0 * LEAST_HEARD_S - given_s - self.slots.len() as f64 * retune_s;
        // Away from a slot, all others are heard once.
        (away_s / (free as f64 - 1.0).max(1.0)).clamp(SHORTEST_DWELL_S, LONGEST_DWELL_S)
    }

    /// Time from the beginning of one visit to that of the next.
    pub fn revisit_s(&self, retune_s: f64) -> f64 {
        if self.stays() {
            return 0.0;
        }
        (0..self.slots.len()).map(|slot| self.dwell_s(slot, retune_s) + retune_s).sum()
    }

    /// Probability that a session of length `session_s` on a slot is caught.
    pub fn catch_probability(&self, slot: usize, session_s: f64, retune_s: f64) -> f64 {
        if session_s < LEAST_HEARD_S {
            return 0.0;
        }
        if self.stays() {
            return 1.0;
        }
        let heard_s = self.dwell_s(slot, retune_s) + session_s - 2.0 * LEAST_HEARD_S;
        (heard_s / self.revisit_s(retune_s)).clamp(0.0, 1.0)
    }
}

/// Slots of `usable_hz` that a range of `width_hz` needs.
fn count(width_hz: f64, usable_hz: f64) -> usize {
    let overlap_hz = OVERLAP_HZ.min(MAX_OVERLAP_SHARE * usable_hz);
    // The sliver keeps a range that fits exactly from being cut by rounding.
    (((width_hz - overlap_hz) / (usable_hz - overlap_hz) - 1e-9).ceil() as usize).max(1)
}

fn slot((low_hz, high_hz): (f64, f64), (index, num): (usize, usize), usable_hz: f64, wanted: &[Wanted]) -> Slot {
    let width_hz = high_hz - low_hz;
    let own_hz = width_hz / num as f64;
    let (own_low_hz, own_high_hz) = (low_hz + own_hz * index as f64, low_hz + own_hz * (index + 1) as f64);
    let center_hz = match num {
        1 => low_hz + width_hz / 2.0,
        _ => low_hz + usable_hz / 2.0 + (width_hz - usable_hz) * index as f64 / (num - 1) as f64,
    };
    let touches = |range: &&Wanted| range.low_hz < own_high_hz && range.high_hz > own_low_hz;
    let dwell_s = wanted.iter().filter(touches).filter_map(|range| range.dwell_s).reduce(f64::max);
    Slot { center_hz, low_hz: own_low_hz, high_hz: own_high_hz, dwell_s }
}

/// The ranges without their overlaps, by frequency.
fn union(wanted: &[Wanted]) -> Vec<(f64, f64)> {
    let mut ranges: Vec<(f64, f64)> = wanted.iter().map(|range| (range.low_hz, range.high_hz)).collect();
    ranges.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut union: Vec<(f64, f64)> = Vec::new();
    for (low_hz, high_hz) in ranges {
        match union.last_mut() {
            Some(last) if low_hz <= last.1 => last.1 = last.1.max(high_hz),
            _ => union.push((low_hz, high_hz)),
        }
    }
    union
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn wanted(name: &str, low_mhz: f64, high_mhz: f64) -> Wanted {
        Wanted { name: name.to_owned(), low_hz: low_mhz * 1e6, high_hz: high_mhz * 1e6, dwell_s: None }
    }

    #[test]
    fn a_band_that_fits_is_never_left() {
        let plan = HopPlan::new(vec![wanted("B20", 832.0, 862.0)], 40e6, 2.0).unwrap();
        assert!(plan.stays());
        assert_eq!((plan.reference_hz(), plan.revisit_s(0.02)), (847e6, 0.0));
        assert_eq!(plan.catch_probability(0, 0.1, 0.02), 1.0);
    }

    /// Every NB-IoT carrier lies whole in the usable part of a slot, and every frequency is one slot's own.
    #[test]
    fn slots_cover_what_is_wanted() {
        for (rate_hz, low_mhz, high_mhz) in
            [(2.4e6, 832.0, 862.0), (1.92e6, 880.0, 915.0), (0.24e6, 450.0, 455.0), (20e6, 1710.0, 1785.0)]
        {
            let plan = HopPlan::new(vec![wanted("band", low_mhz, high_mhz)], rate_hz, 2.0).unwrap();
            let usable_hz = USABLE_SHARE * rate_hz;
            let carrier_hz = 180e3_f64.min(MAX_OVERLAP_SHARE * usable_hz);
            let mut low_hz = low_mhz * 1e6;
            while low_hz + carrier_hz <= high_mhz * 1e6 {
                let within = |slot: &&Slot| {
                    low_hz >= slot.center_hz - usable_hz / 2.0 - 1.0
                        && low_hz + carrier_hz <= slot.center_hz + usable_hz / 2.0 + 1.0
                };
                assert!(plan.slots().iter().any(|slot| within(&slot)), "{low_hz} Hz at {rate_hz} S/s");
                assert!(plan.slot_at(low_hz).is_some());
                low_hz += 10e3;
            }
            let shared = plan.slots().windows(2).all(|pair| (pair[0].high_hz - pair[1].low_hz).abs() < 1e-3);
            assert!(shared, "parts follow one another");
        }
    }

    #[test]
    fn bands_that_overlap_are_heard_once() {
        let plan = HopPlan::new(vec![wanted("B5", 824.0, 849.0), wanted("B26", 814.0, 849.0)], 10e6, 2.0).unwrap();
        let whole = HopPlan::new(vec![wanted("B26", 814.0, 849.0)], 10e6, 2.0).unwrap();
        assert_eq!(plan.slots(), whole.slots());
    }

    /// Two slots: away from one, the other is heard; a session of the length asked for never fits in between.
    #[test]
    fn dwells_are_as_long_as_the_sessions_allow() {
        let plan = HopPlan::new(vec![wanted("B13", 777.0, 787.0), wanted("B8", 880.0, 890.0)], 20e6, 2.0).unwrap();
        let dwell_s = plan.dwell_s(0, 0.05);
        assert!((dwell_s - 1.8).abs() < 1e-9, "{dwell_s}");
        let away_s = plan.revisit_s(0.05) - dwell_s;
        assert!((away_s + 2.0 * LEAST_HEARD_S - 2.0).abs() < 1e-9);
        assert!((plan.catch_probability(0, 2.0, 0.05) - 1.0).abs() < 1e-9);
        assert!(plan.catch_probability(0, 1.0, 0.05) < 0.8);
    }

    #[test]
    fn a_band_may_have_its_own_dwell() {
        let slow = Wanted { dwell_s: Some(0.8), ..wanted("B8", 880.0, 890.0) };
        let plan = HopPlan::new(vec![slow, wanted("B20", 832.0, 842.0)], 20e6, 2.0).unwrap();
        assert_eq!(plan.dwell_s(plan.slot_at(885e6).unwrap(), 0.0), 0.8);
        let other_s = plan.dwell_s(plan.slot_at(835e6).unwrap(), 0.0);
        assert!((other_s - 1.1).abs() < 1e-9, "{other_s}");
    }

    #[test]
    fn what_cannot_be_planned_is_said() {
        for (low, high) in [(900.0, 900.0), (900.0, 800.0), (f64::NAN, 1.0)] {
            let error = HopPlan::new(vec![wanted("x", low, high)], 2e6, 2.0);
            assert_eq!(error, Err(PlanError::Empty("x".to_owned())));
        }
        assert!(matches!(HopPlan::new(vec![wanted("x", 1.0, 6000.0)], 1e6, 2.0), Err(PlanError::TooMany(_))));
    }
}
