//! A source that is tuned in turn to the slots of a plan, and stays where something is found.

use std::sync::Arc;

use anyhow::Result;
use crossbeam_channel::{Receiver, Sender, bounded};
use dsp::finding::Technology;
use num_complex::Complex32;

use super::{Read, Source, SourceError, Tune, Tuned};
use crate::hop_plan::HopPlan;
use crate::hop_plan::hopper::Hopper;
use crate::pipeline::Listener;
use crate::pipeline::snapshot::{Burst, Stream, Transmitter};

/// Finds under way.
const FINDS: usize = 64;

/// A source that hops.
pub struct Hopping<S> {
    source: S,
    plan: Arc<HopPlan>,
    hopper: Hopper,
    stream: Stream,
    /// Samples of the stream so far, losses included.
    position: u64,
    /// The end of the present dwell.
    leave: u64,
    /// The slot that is heard.
    heard: usize,
    /// The slot that was asked for and is not there yet.
    asked: Option<usize>,
    /// Retunes so far, and the samples that passed meanwhile.
    retunes: u64,
    skipped: u64,
    finds: Receiver<f64>,
    found: Sender<f64>,
}

impl<S: Source + Tune> Hopping<S> {
    /// Hops by `plan` a source that is tuned to its first slot.
    pub fn new(source: S, plan: Arc<HopPlan>) -> Self {
        let (found, finds) = bounded(FINDS);
        let stream = Stream { center_frequency_hz: Some(plan.reference_hz()), ..source.stream().clone() };
        let mut hopping = Self {
            hopper: Hopper::new(&plan),
            source,
            plan,
            stream,
            position: 0,
            leave: 0,
            heard: 0,
            asked: None,
            retunes: 0,
            skipped: 0,
            finds,
            found,
        };
        hopping.arrive();
        hopping
    }

    /// Who tells it of finds.
    pub fn ear(&self) -> Box<dyn Listener> {
        Box::new(Ear { found: self.found.clone(), reference_hz: self.plan.reference_hz() })
    }

    fn seconds(&self, samples: u64) -> f64 {
        samples as f64 / self.stream.sample_rate_hz
    }

    fn arrive(&mut self) {
        let retune_s = if self.retunes == 0 { 0.0 } else { self.seconds(self.skipped) / self.retunes as f64 };
        let (now_s, dwell_s) = (self.seconds(self.position), self.plan.dwell_s(self.hopper.slot(), retune_s));
        self.hopper.arrive(now_s, dwell_s);
        self.leave = self.position + (dwell_s * self.stream.sample_rate_hz).ceil() as u64;
    }
}

impl<S: Source + Tune> Source for Hopping<S> {
    fn stream(&self) -> &Stream {
        &self.stream
    }

    fn full_scale(&self) -> f32 {
        self.source.full_scale()
    }

    fn hop_plan(&self) -> Option<Arc<HopPlan>> {
        Some(Arc::clone(&self.plan))
    }

    fn is_live(&self) -> bool {
        self.source.is_live()
    }

    fn read(&mut self, out: &mut [Complex32]) -> Result<Read, SourceError> {
        let now_s = self.seconds(self.position);
        for frequency_hz in self.finds.try_iter() {
            if let Some(slot) = self.plan.slot_at(frequency_hz) {
                self.hopper.find(slot, now_s);
            }
        }
        if self.asked.is_none()
            // Half a sample keeps an end that falls on a sample from being missed by rounding.
            && let Some(slot) = self.hopper.leave(now_s + 0.5 / self.stream.sample_rate_hz)
        {
            self.source.tune(self.plan.slots()[slot].center_hz);
            self.asked = Some(slot);
        }
        // No further than to the end of the dwell.
        let most = match self.leave.checked_sub(self.position) {
            Some(left @ 1..) if !self.hopper.is_parked() => out.len().min(usize::try_from(left).unwrap_or(usize::MAX)),
            _ => out.len(),
        };
        match self.source.read(&mut out[..most])? {
            Read::Samples { count, lost_before } => {
                self.position += count as u64 + lost_before;
                Ok(Read::Samples { count, lost_before })
            }
            Read::Tuned(tuned) => {
                self.position += tuned.skipped;
                if tuned.gain.is_some() {
                    return Ok(Read::Tuned(Tuned { slot: self.heard, ..tuned }));
                }
                self.skipped += tuned.skipped;
                self.retunes += 1;
                let slot = self.asked.take().unwrap_or(self.hopper.slot());
                self.heard = slot;
                self.arrive();
                Ok(Read::Tuned(Tuned { slot, ..tuned }))
            }
            other => Ok(other),
        }
    }
}

/// Tells of bursts that a concealed module may have sent: what phones send as well would hold the radio all day.
struct Ear {
    found: Sender<f64>,
    reference_hz: f64,
}

impl Listener for Ear {
    fn burst(&mut self, burst: &Burst) -> Result<()> {
        if matches!(burst.finding.technology, Technology::NbIot | Technology::LteM | Technology::Gsm) {
            let _ = self.found.try_send(self.reference_hz + burst.finding.extent.center_hz);
        }
        Ok(())
    }

    fn end(&mut self, _: &[Transmitter]) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hop_plan::Wanted;

    const RATE_HZ: f64 = 1e6;
    /// Samples that pass while it is tuned.
    const SKIPPED: u64 = 5000;

    /// Reads whole buffers.
    struct Receiver {
        stream: Stream,
        asked_hz: Option<f64>,
    }

    impl Source for Receiver {
        fn stream(&self) -> &Stream {
            &self.stream
        }

        fn full_scale(&self) -> f32 {
            1.0
        }

        fn is_live(&self) -> bool {
            true
        }

        fn read(&mut self, out: &mut [Complex32]) -> Result<Read, SourceError> {
            Ok(match self.asked_hz.take() {
                Some(center_frequency_hz) => {
                    Read::Tuned(Tuned { slot: 0, center_frequency_hz, gain: None, skipped: SKIPPED })
                }
                None => Read::Samples { count: out.len(), lost_before: 0 },
            })
        }
    }

    impl Tune for Receiver {
        fn tune(&mut self, center_frequency_hz: f64) {
            self.asked_hz = Some(center_frequency_hz);
        }
    }

    /// Dwells are those of the plan to the sample, with the retunes as they cost.
    #[test]
    fn slots_are_heard_in_turn_for_their_dwells() {
        let wanted = Wanted { name: "x".to_owned(), low_hz: 800e6, high_hz: 803e6, dwell_s: None };
        let plan = Arc::new(HopPlan::new(vec![wanted], RATE_HZ, 2.0).unwrap());
        let name = "receiver".to_owned();
        let stream = Stream { name, sample_rate_hz: RATE_HZ, center_frequency_hz: None, duration_s: None };
        let mut hopping = Hopping::new(Receiver { stream, asked_hz: None }, Arc::clone(&plan));
        assert_eq!(hopping.stream().center_frequency_hz, Some(plan.reference_hz()));
        let mut buffer = vec![Complex32::ZERO; 20_000];
        let (mut slot, mut heard, mut turns) = (0, 0, Vec::new());
        while turns.len() < 2 * plan.slots().len() + 1 {
            match hopping.read(&mut buffer).unwrap() {
                Read::Samples { count, .. } => heard += count as u64,
                Read::Tuned(tuned) => {
                    assert_eq!(tuned.center_frequency_hz, plan.slots()[tuned.slot].center_hz);
                    turns.push((slot, std::mem::take(&mut heard)));
                    slot = tuned.slot;
                }
                other => panic!("{other:?}"),
            }
        }
        let dwell = |retune_s: f64| (plan.dwell_s(0, retune_s) * RATE_HZ).ceil() as u64;
        for (turn, (slot, heard)) in turns.iter().enumerate() {
            assert_eq!(*slot, turn % plan.slots().len());
            let expected = dwell(if turn == 0 { 0.0 } else { SKIPPED as f64 / RATE_HZ });
            assert!(heard.abs_diff(expected) <= 1, "turn {turn}: {heard}, not {expected}");
        }
    }
}
