//! A sweep's directory through the screens: its entries in their order, at the speed that is asked for.
//!
//! There are no samples, so there is no spectrum; everything else is as it was. In: the entries of a sweep. Out:
//! snapshots. A seek back begins anew and hears all up to there at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};

use super::snapshot::{Burst, Control, Health, SHOWN_BURSTS, Snapshot, State};
use crate::logbook::{Entry, Sweep};
use crate::tracker::Tracker;
use crate::tracker::event::Event;
use crate::tracker::known::Known;

/// Time between snapshots.
const EVERY: Duration = Duration::from_millis(50);

/// Plays a sweep while `screen` runs here; ends when `screen` does.
///
/// # Errors
/// where a thread cannot be started, or what `screen` returns.
pub fn play_beside(
    sweep: Sweep,
    known: Arc<Known>,
    speed: f64,
    (snapshots, controls, events): (Sender<Arc<Snapshot>>, Receiver<Control>, Receiver<Event>),
    screen: impl FnOnce() -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let player = Player::new(sweep, known, speed);
        std::thread::Builder::new()
            .name("player".to_owned())
            .spawn_scoped(scope, move || player.run(&snapshots, &controls, &events))?;
        screen()
    })
}

struct Player {
    sweep: Sweep,
    known: Arc<Known>,
    tracker: Tracker,
    /// Entries heard, and how far the sweep has been played.
    next: usize,
    position_s: f64,
    speed: f64,
    is_paused: bool,
    bursts: VecDeque<Burst>,
    num_bursts: u64,
}

impl Player {
    fn new(sweep: Sweep, known: Arc<Known>, speed: f64) -> Self {
        let tracker = fresh(&sweep, &known);
        let (next, position_s, num_bursts) = (0, 0.0, 0);
        Self { sweep, known, tracker, next, position_s, speed, is_paused: false, bursts: VecDeque::new(), num_bursts }
    }

    fn run(mut self, snapshots: &Sender<Arc<Snapshot>>, controls: &Receiver<Control>, events: &Receiver<Event>) {
        let mut last = Instant::now();
        loop {
            match controls.recv_timeout(EVERY) {
                Ok(control) => self.control(control),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // What is marked now is forgotten with a seek back: the directory is not written.
            events.try_iter().for_each(|event| self.tracker.hear(&event));
            let passed_s = last.elapsed().as_secs_f64();
            last = Instant::now();
            if !self.is_paused {
                self.play_to(self.position_s + passed_s * self.speed);
            }
            if let Err(TrySendError::Disconnected(_)) = snapshots.try_send(Arc::new(self.snapshot())) {
                return;
            }
        }
    }

    fn control(&mut self, control: Control) {
        match control {
            Control::Pause(pause) => self.is_paused = pause,
            Control::Speed(speed) if speed > 0.0 => self.speed = speed,
            Control::Step(step_s) => self.play_to(self.position_s + step_s.max(0.0)),
            Control::Seek(to_s) => {
                if to_s < self.position_s {
                    self.tracker = fresh(&self.sweep, &self.known);
                    (self.next, self.position_s, self.num_bursts) = (0, 0.0, 0);
                    self.bursts.clear();
                }
                self.play_to(to_s);
            }
            _ => {}
        }
    }

    fn end_s(&self) -> f64 {
        self.sweep.listened.position_s
    }

    fn play_to(&mut self, to_s: f64) {
        self.position_s = if to_s.is_finite() { to_s.clamp(0.0, self.end_s()) } else { self.position_s };
        let is_over = self.position_s >= self.end_s();
        while let Some(entry) = self.sweep.entries.get(self.next) {
            let time_s = match entry {
                Entry::Burst(burst) => burst.finding.extent.end_s,
                Entry::Event(event) => event.time_s(),
            };
            if time_s > self.position_s && !is_over {
                break;
            }
            match entry {
                Entry::Burst(burst) => {
                    self.tracker.recall(burst);
                    self.num_bursts += 1;
                    if self.bursts.len() == SHOWN_BURSTS {
                        self.bursts.pop_front();
                    }
                    self.bursts.push_back(burst.as_ref().clone());
                }
                Entry::Event(event) => self.tracker.hear(event),
            }
            self.next += 1;
        }
    }

    fn snapshot(&self) -> Snapshot {
        let state = match (self.is_paused, self.position_s >= self.end_s()) {
            (_, true) => State::Finished,
            (true, false) => State::Paused,
            (false, false) => State::Running,
        };
        let listened = &self.sweep.listened;
        let rate_hz = self.sweep.stream.sample_rate_hz;
        Snapshot {
            state,
            position_s: self.position_s,
            speed: Some(self.speed),
            bursts: Arc::new(self.bursts.clone()),
            num_bursts: self.num_bursts,
            transmitters: Arc::new(self.tracker.transmitters()),
            walk: Arc::clone(self.tracker.walk()),
            stimuli: Arc::new(self.tracker.stimuli()),
            health: Health {
                samples_processed: listened.samples,
                samples_dropped: listened.lost,
                blind_s: listened.lost as f64 / rate_hz,
                clipped_s: listened.clipped_s,
                ..Health::default()
            },
            ..Snapshot::of(Arc::new(self.sweep.stream.clone()))
        }
    }
}

fn fresh(sweep: &Sweep, known: &Arc<Known>) -> Tracker {
    Tracker::new(sweep.stream.center_frequency_hz, Arc::clone(known)).with_zones(Arc::clone(&sweep.zones))
}
