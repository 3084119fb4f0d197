//! Figures that several threads add to and the snapshot reads. No lock: each is an atomic or a channel of one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::snapshot::State;

/// Stages whose working time is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Spectrum, floor, energy, segmentation, preamble search.
    FrontEnd,
    /// Channel detectors.
    Detectors,
    /// Judge, tracker, records, snapshots.
    Tracker,
}

impl Stage {
    /// Every stage, in the order of the signal.
    pub(super) const ALL: [Self; 3] = [Self::FrontEnd, Self::Detectors, Self::Tracker];

    /// What the health screen calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::FrontEnd => "front end",
            Self::Detectors => "detectors",
            Self::Tracker => "tracker",
        }
    }
}

/// Shared by all threads of one pipeline.
pub(super) struct Counters {
    dropped: AtomicU64,
    busy_ns: [AtomicU64; 3],
    /// Bits of the speed; 0 for as fast as possible.
    speed_bits: AtomicU64,
    states: Sender<State>,
    new_states: Receiver<State>,
}

impl Default for Counters {
    fn default() -> Self {
        let (states, new_states) = bounded(64);
        Self {
            dropped: AtomicU64::new(0),
            busy_ns: Default::default(),
            speed_bits: AtomicU64::new(0),
            states,
            new_states,
        }
    }
}

impl Counters {
    /// Counts samples the source or the pipeline lost.
    pub(super) fn add_dropped(&self, samples: u64) {
        self.dropped.fetch_add(samples, Ordering::Relaxed);
    }

    /// Samples lost so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Adds working time of one stage.
    pub(super) fn add_busy(&self, stage: Stage, time: Duration) {
        self.busy_ns[stage as usize].fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Working time of one stage so far.
    pub(super) fn busy(&self, stage: Stage) -> Duration {
        Duration::from_nanos(self.busy_ns[stage as usize].load(Ordering::Relaxed))
    }

    /// Tells the replay speed.
    pub(super) fn set_speed(&self, speed: Option<f64>) {
        self.speed_bits.store(speed.map_or(0, f64::to_bits), Ordering::Relaxed);
    }

    /// Replay speed, `None` for as fast as possible.
    pub(super) fn speed(&self) -> Option<f64> {
        match self.speed_bits.load(Ordering::Relaxed) {
            0 => None,
            bits => Some(f64::from_bits(bits)),
        }
    }

    /// Tells where the stream stands; the latest that finds room counts.
    pub(super) fn set_state(&self, state: State) {
        let _ = self.states.try_send(state);
    }

    /// Latest state told since the last call, if any.
    pub(super) fn new_state(&self) -> Option<State> {
        self.new_states.try_iter().last()
    }
}
