//! The thread that reads the source: fills pooled blocks, keeps pace, obeys the user.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError};
use num_complex::Complex32;

use super::block::{Block, Pool};
use super::counters::Counters;
use super::recorder::Tap;
use super::snapshot::{Control, State};
use crate::source::{Read, Source, Tuned};

/// Longest wait before controls are looked at again.
const PATIENCE: Duration = Duration::from_millis(20);

/// Runs until the source ends, fails, or nobody listens any more; says how it ended.
pub(super) struct Reader<'a> {
    pub source: Box<dyn Source>,
    pub pool: &'a Pool,
    pub full: Sender<Box<Block>>,
    pub controls: Receiver<Control>,
    pub counters: &'a Counters,
    /// Seconds of the stream a second; `None`: as fast as the machine allows.
    pub speed: Option<f64>,
    /// Stay after the end, as a user may go back.
    pub linger: bool,
    /// Where samples go to be recorded.
    pub tap: Option<Tap>,
}

/// Progress of the reader through the stream.
struct Pace {
    position: u64,
    paused: bool,
    step_until: Option<u64>,
    /// Where and when the present speed began to count.
    since: (u64, Instant),
    moved_to: Option<u64>,
    lost: u64,
    /// The source was tuned since the last block.
    tuned: Option<Tuned>,
}

impl Pace {
    /// Takes note of a retune; the next block tells of it, and of all that passed meanwhile.
    fn tune(&mut self, tuned: Tuned) {
        self.position += tuned.skipped;
        let skipped = tuned.skipped + self.tuned.map_or(0, |before| before.skipped);
        self.tuned = Some(Tuned { skipped, ..tuned });
    }
}

impl Reader<'_> {
    pub(super) fn run(mut self) {
        let rate_hz = self.source.stream().sample_rate_hz;
        let mut pace = Pace {
            position: 0,
            paused: false,
            step_until: None,
            since: (0, Instant::now()),
            moved_to: None,
            lost: 0,
            tuned: None,
        };
        let mut scratch = vec![Complex32::new(0.0, 0.0); self.source_block_len()];
        loop {
            if !self.obey(&mut pace, rate_hz) {
                return;
            }
            if pace.paused && pace.step_until.is_none_or(|until| pace.position >= until) {
                self.counters.set_state(State::Paused);
                if !self.wait_for_control(&mut pace, rate_hz) {
                    return;
                }
                continue;
            }
            self.keep_pace(&pace, rate_hz);
            let Some(mut block) = self.take_block() else {
                // A live radio does not wait: what finds no room is read away and counted.
                match self.source.read(&mut scratch) {
                    Ok(Read::Samples { count, lost_before }) => {
                        self.record(pace.position + pace.lost + lost_before, &scratch[..count]);
                        pace.lost += count as u64 + lost_before;
                        self.counters.add_dropped(count as u64 + lost_before);
                    }
                    Ok(Read::Tuned(tuned)) => pace.tune(tuned),
                    Ok(Read::Nothing) => {}
                    Ok(Read::End) => return,
                    Err(error) => return self.counters.set_state(State::Failed(error.to_string())),
                }
                continue;
            };
            match self.source.read(&mut block.samples) {
                Ok(Read::Samples { count, lost_before }) => {
                    self.counters.add_dropped(lost_before);
                    self.record(pace.position + pace.lost + lost_before, &block.samples[..count]);
                    block.count = count;
                    block.lost_before = std::mem::take(&mut pace.lost) + lost_before;
                    block.moved_to = pace.moved_to.take();
                    block.tuned = pace.tuned.take();
                    pace.position += count as u64 + block.lost_before;
                    if self.full.send(block).is_err() {
                        return;
                    }
                }
                Ok(Read::Tuned(tuned)) => {
                    pace.tune(tuned);
                    self.give_back(block);
                }
                Ok(Read::Nothing) => self.give_back(block),
                Ok(Read::End) => {
                    self.counters.set_state(State::Finished);
                    if !self.linger {
                        return;
                    }
                    // An empty block at the present position has everything on the air told.
                    block.count = 0;
                    block.lost_before = 0;
                    block.moved_to = Some(pace.position);
                    if self.full.send(block).is_err() || !self.wait_at_the_end(&mut pace, rate_hz) {
                        return;
                    }
                }
                Err(error) => {
                    self.counters.set_state(State::Failed(error.to_string()));
                    return;
                }
            }
        }
    }

    fn source_block_len(&self) -> usize {
        if self.source.is_live() { 65_536 } else { 0 }
    }

    fn take_block(&self) -> Option<Box<Block>> {
        if self.source.is_live() { self.pool.empty.try_recv().ok() } else { self.pool.empty.recv().ok() }
    }

    fn give_back(&self, block: Box<Block>) {
        match self.pool.used.try_send(block) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }

    fn record(&mut self, position: u64, samples: &[Complex32]) {
        if let Some(tap) = &mut self.tap {
            tap.offer(position, samples);
        }
    }

    /// Waits until the stream's time has come.
    fn keep_pace(&self, pace: &Pace, rate_hz: f64) {
        let Some(speed) = self.speed.filter(|_| !self.source.is_live()) else { return };
        let (from, since) = pace.since;
        let due_s = pace.position.saturating_sub(from) as f64 / rate_hz / speed;
        let wait_s = due_s - since.elapsed().as_secs_f64();
        if wait_s > 0.0 {
            std::thread::sleep(Duration::from_secs_f64(wait_s.min(0.25)));
        }
    }

    /// Carries out what was asked; false where nobody asks any more and the end is to be final.
    fn obey(&mut self, pace: &mut Pace, rate_hz: f64) -> bool {
        loop {
            match self.controls.try_recv() {
                Ok(control) => self.carry_out(control, pace, rate_hz),
                Err(TryRecvError::Empty) => return true,
                // A user interface that has gone ends a replay; batch work never had one.
                Err(TryRecvError::Disconnected) => return !self.linger,
            }
        }
    }

    fn wait_for_control(&mut self, pace: &mut Pace, rate_hz: f64) -> bool {
        match self.controls.recv_timeout(PATIENCE) {
            Ok(control) => self.carry_out(control, pace, rate_hz),
            Err(error) if error.is_timeout() => {}
            Err(_) => return false,
        }
        true
    }

    /// At the end of a recording only going back or leaving makes sense.
    fn wait_at_the_end(&mut self, pace: &mut Pace, rate_hz: f64) -> bool {
        while pace.moved_to.is_none() {
            match self.controls.recv() {
                Ok(control) => self.carry_out(control, pace, rate_hz),
                Err(_) => return false,
            }
        }
        true
    }

    fn carry_out(&mut self, control: Control, pace: &mut Pace, rate_hz: f64) {
        match control {
            Control::Pause(paused) => {
                pace.paused = paused;
                pace.step_until = None;
                self.counters.set_state(if paused { State::Paused } else { State::Running });
            }
            Control::Seek(seconds) => {
                let end_s = self.source.stream().duration_s.unwrap_or(f64::MAX);
                let seconds = seconds.clamp(0.0, end_s);
                if let Err(error) = self.source.seek(seconds) {
                    return self.counters.set_state(State::Failed(error.to_string()));
                }
                pace.position = (seconds * rate_hz) as u64;
                pace.moved_to = Some(pace.position);
                pace.step_until = None;
                if !pace.paused {
                    self.counters.set_state(State::Running);
                }
            }
            Control::Speed(speed) if speed.is_finite() && speed > 0.0 => {
                self.speed = Some(speed);
                self.counters.set_speed(Some(speed));
            }
            Control::Speed(_) => {}
            Control::Step(seconds) if seconds > 0.0 => {
                pace.step_until = Some(pace.position + (seconds * rate_hz).ceil() as u64);
            }
            Control::Step(_) => {}
            Control::Record => {
                if let Some(tap) = &mut self.tap {
                    tap.press();
                }
            }
        }
        pace.since = (pace.position, Instant::now());
    }
}
