//! Which slot is heard now: the round of a plan, and the stays on slots where something was found.
//!
//! In: the time of the stream, finds. Out: when to leave, and for which slot.
//! Method: slots in turn. The first find on a slot parks there, and every further one prolongs the stay, up to a limit;
//! then the round goes on where it was left. A slot that was parked on is not parked on again for a while, so that a busy
//! one does not keep the radio from the others.

use super::HopPlan;

/// Time a find holds the radio, and the longest stay.
pub const PARK_S: f64 = 5.0;
/// Longest stay.
pub const LONGEST_PARK_S: f64 = 20.0;
/// Time after a stay in which the slot is not parked on again.
pub const REST_S: f64 = 60.0;

/// The state of a round.
#[derive(Debug, Clone)]
pub struct Hopper {
    num_slots: usize,
    /// The slot that is tuned, since when, and until when it is.
    slot: usize,
    leave_s: f64,
    /// Where the round goes on.
    next: usize,
    parked: Option<Stay>,
    /// Per slot: before this it is not parked on.
    rests_until_s: Vec<f64>,
}

/// A stay on a slot.
#[derive(Debug, Clone, Copy)]
struct Stay {
    slot: usize,
    since_s: f64,
    until_s: f64,
}

impl Hopper {
    /// Begins at slot 0, at time 0.
    pub fn new(plan: &HopPlan) -> Self {
        let num_slots = plan.slots().len();
        Self {
            num_slots,
            slot: 0,
            leave_s: 0.0,
            next: 1 % num_slots.max(1),
            parked: None,
            rests_until_s: vec![0.0; num_slots],
        }
    }

    /// The slot that is tuned.
    pub fn slot(&self) -> usize {
        self.slot
    }

    /// The radio stays where something was found.
    pub fn is_parked(&self) -> bool {
        self.parked.is_some()
    }

    /// The present slot can be heard from `now_s` on.
    pub fn arrive(&mut self, now_s: f64, dwell_s: f64) {
        self.leave_s = now_s + dwell_s;
    }

    /// Something was found on `slot`, and told at `now_s`.
    pub fn find(&mut self, slot: usize, now_s: f64) {
        match &mut self.parked {
            Some(stay) if stay.slot == slot => stay.until_s = (now_s + PARK_S).min(stay.since_s + LONGEST_PARK_S),
            Some(_) => {}
            None if self.rests_until_s.get(slot).is_some_and(|until_s| now_s >= *until_s) => {
                self.parked = Some(Stay { slot, since_s: now_s, until_s: now_s + PARK_S });
            }
            None => {}
        }
    }

    /// The slot to be tuned to now, where that is another.
    pub fn leave(&mut self, now_s: f64) -> Option<usize> {
        if let Some(stay) = self.parked {
            if now_s < stay.until_s {
                let elsewhere = self.slot != stay.slot;
                self.slot = stay.slot;
                return elsewhere.then_some(stay.slot);
            }
            self.rests_until_s[stay.slot] = now_s + REST_S;
            self.parked = None;
            self.leave_s = now_s;
        }
        if self.num_slots < 2 || now_s < self.leave_s {
            return None;
        }
        if self.next == self.slot {
            self.next = (self.next + 1) % self.num_slots;
        }
        self.slot = self.next;
        self.next = (self.next + 1) % self.num_slots;
        Some(self.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::wanted;
    use super::super::{LEAST_HEARD_S, SHORTEST_DWELL_S};
    use super::*;

    /// Dwells of a round without finds: slot, from, to.
    fn dwells(plan: &HopPlan, retune_s: f64, until_s: f64) -> Vec<(usize, f64, f64)> {
        let mut hopper = Hopper::new(plan);
        let (mut now_s, mut dwells) = (0.0, Vec::new());
        while now_s < until_s {
            let (slot, dwell_s) = (hopper.slot(), plan.dwell_s(hopper.slot(), retune_s));
            hopper.arrive(now_s, dwell_s);
            dwells.push((slot, now_s, now_s + dwell_s));
            now_s += dwell_s;
            assert!(hopper.leave(now_s - 1e-6).is_none());
            hopper.leave(now_s).unwrap();
            now_s += retune_s;
        }
        dwells
    }

    /// Uniform numbers (SplitMix64).
    struct Dice(u64);

    impl Dice {
        fn between(&mut self, low: f64, high: f64) -> f64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut word = self.0;
            word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            low + ((word ^ (word >> 31)) >> 11) as f64 / (1u64 << 53) as f64 * (high - low)
        }
    }

    /// 20 sessions of 1 to 3 s in 30 MHz at 2.4 MS/s, heard a hundred times over.
    #[test]
    fn sessions_are_caught_as_often_as_is_told() {
        let plan = HopPlan::new(vec![wanted("B20", 832.0, 862.0)], 2.4e6, 2.0).unwrap();
        for retune_s in [0.0, 0.02, 0.1] {
            let mut dice = Dice(20);
            let (mut caught, mut told, mut num) = (0.0, 0.0, 0.0);
            let visits = dwells(&plan, retune_s, 120.0);
            for _ in 0..2000 {
                let (start_s, length_s) = (dice.between(0.0, 110.0), dice.between(1.0, 3.0));
                let slot = plan.slot_at(dice.between(832e6, 862e6)).unwrap();
                let heard = |(on, from_s, to_s): &(usize, f64, f64)| {
                    *on == slot && to_s.min(start_s + length_s) - from_s.max(start_s) >= LEAST_HEARD_S
                };
                caught += f64::from(u8::from(visits.iter().any(heard)));
                told += plan.catch_probability(slot, length_s, retune_s);
                num += 1.0;
            }
            let (caught, told) = (caught / num, told / num);
            assert!((caught - told).abs() < 0.05, "{caught:.3} caught, {told:.3} told, at {retune_s} s a retune");
            assert!(told > 0.3, "{told:.3}");
        }
    }

    #[test]
    fn every_slot_has_its_turn() {
        let plan = HopPlan::new(vec![wanted("B20", 832.0, 862.0)], 2.4e6, 2.0).unwrap();
        let num = plan.slots().len();
        let turns: Vec<usize> = dwells(&plan, 0.02, 10.0).iter().map(|dwell| dwell.0).collect();
        assert!(turns.iter().enumerate().all(|(turn, slot)| *slot == turn % num), "{turns:?}");
        assert!(plan.dwell_s(0, 0.02) >= SHORTEST_DWELL_S);
    }

    #[test]
    fn the_first_find_parks_and_the_round_goes_on_where_it_was() {
        let plan = HopPlan::new(vec![wanted("B20", 832.0, 862.0)], 10e6, 2.0).unwrap();
        let mut hopper = Hopper::new(&plan);
        hopper.arrive(0.0, 0.1);
        assert_eq!(hopper.leave(0.1), Some(1));
        hopper.arrive(0.1, 0.1);
        hopper.find(0, 0.15);
        assert_eq!((hopper.leave(0.15), hopper.is_parked()), (Some(0), true));
        hopper.arrive(0.15, 0.1);
        // Finds elsewhere do not matter, finds here prolong the stay up to its limit.
        hopper.find(2, 3.0);
        for second in 1..40 {
            hopper.find(0, f64::from(second));
            if hopper.leave(f64::from(second)).is_some() {
                assert!((f64::from(second) - 0.15 - LONGEST_PARK_S).abs() < 1.0, "after {second} s");
                break;
            }
        }
        assert_eq!((hopper.slot(), hopper.is_parked()), (2, false));
        hopper.arrive(21.0, 0.1);
        hopper.find(0, 21.05);
        assert!(!hopper.is_parked(), "it rests");
        hopper.find(0, 21.0 + REST_S);
        assert!(hopper.is_parked());
    }
}
