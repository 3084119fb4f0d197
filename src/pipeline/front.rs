//! The thread on the sample path: blocks in, numbered messages out.

use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use dsp::analyst::{Analyst, Answer, Question, Subject};
use dsp::detect::gsm;
use dsp::detect::nprach::{REFINE_MARGIN_S, REFINE_RATE_HZ};
use dsp::detect::npusch;
use dsp::detect::prach;
use dsp::finding::Rejection;
use dsp::frontend::{Event, FrontEnd, HISTORY_S, Place, Row, Samples};
use dsp::zoom::{FLAT_SHARE, Zoom};

use super::block::Block;
use super::counters::{Counters, Stage};
use super::snapshot::Listened;
use crate::source::Tuned;

/// The longest part of a narrow burst that detectors look at.
const MAX_BURST_S: f64 = 2.5;
/// The longest part of a wide one, and the samples before and after it.
const MAX_WIDE_BURST_S: f64 = 0.15;
const WIDE_MARGIN_S: f64 = 1.2e-3;
/// Rates that bursts are brought to: 240 kHz and its doubles up to 30.72 MHz.
const NUM_RATES: i32 = 8;
/// Beyond a burst's edges the zoom stays flat for this much: the edges are not exact.
const EDGE_HZ: f64 = 4e3;

/// A question under way, with its place in the order.
pub(super) struct Task {
    pub number: u64,
    pub question: Box<Question>,
}

/// What the collector hears; `number` is its place in the order.
pub(super) struct Message {
    pub number: u64,
    pub content: Content,
}

pub(super) enum Content {
    /// The answer to a question.
    Answer(Answer),
    /// So far has the stream been searched.
    Progress(Progress),
    /// A display row.
    Row(Box<Row>),
    /// All that was on the air has been told.
    Flushed,
    /// What follows was heard elsewhere.
    Tuned(Tuned),
    /// The stream goes on elsewhere.
    Moved,
    /// The stream is over.
    End(Progress, Vec<(Rejection, u64)>),
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    pub position_s: f64,
    pub settled_s: f64,
    pub samples: u64,
    pub lost: u64,
    pub clipped_s: f64,
    pub overloaded: bool,
    pub backlog: usize,
}

impl Progress {
    pub(super) fn listened(&self) -> Listened {
        let Self { position_s, samples, lost, clipped_s, .. } = *self;
        Listened { position_s, samples, lost, clipped_s }
    }
}

/// Things that are used again and again: taken empty at one end, given back at the other.
pub(super) struct Recycled<T> {
    pub empty: Receiver<Box<T>>,
    pub used: Sender<Box<T>>,
}

impl<T> Recycled<T> {
    /// `count` things as `make` makes them.
    pub(super) fn new(count: usize, make: impl Fn() -> T) -> Self {
        let (used, empty) = bounded(count);
        for _ in 0..count {
            let _ = used.send(Box::new(make()));
        }
        Self { empty, used }
    }
}

/// A question with room for everything that is kept of the stream, so that bringing samples allocates nothing; room
/// that is never filled takes no memory.
pub(super) fn roomy_question() -> Question {
    let num_samples = (1.1 * HISTORY_S * REFINE_RATE_HZ) as usize;
    Question { samples: Vec::with_capacity(num_samples), ..Question::default() }
}

/// Answers a task and gives its question back.
pub(super) fn answer(analyst: &mut Analyst, task: Task, questions: &Recycled<Question>) -> Message {
    let answer = analyst.answer(&task.question);
    let _ = questions.used.try_send(task.question);
    Message { number: task.number, content: Content::Answer(answer) }
}

/// The front end with its way out.
pub(super) struct Front<'a> {
    front_end: FrontEnd,
    outlet: Outlet<'a>,
    /// What was learnt of each slot of a plan, but for the one that is tuned.
    places: Vec<Place>,
    slot: usize,
    samples: u64,
    lost: u64,
}

/// Numbers messages and sends them on.
struct Outlet<'a> {
    number: u64,
    tasks: Option<Sender<Task>>,
    messages: Sender<Message>,
    questions: &'a Recycled<Question>,
    rows: &'a Recycled<Row>,
    counters: &'a Counters,
    analyst: Analyst,
    zooms: Zooms,
    open: bool,
}

impl<'a> Front<'a> {
    pub(super) fn new(
        front_end: FrontEnd,
        num_slots: usize,
        tasks: Option<Sender<Task>>,
        messages: Sender<Message>,
        questions: &'a Recycled<Question>,
        rows: &'a Recycled<Row>,
        counters: &'a Counters,
    ) -> Self {
        let zooms = Zooms::new(front_end.grid().sample_rate_hz());
        let analyst = Analyst::default();
        let outlet = Outlet { number: 0, tasks, messages, questions, rows, counters, analyst, zooms, open: true };
        let places = (0..num_slots).map(|_| front_end.new_place()).collect();
        Self { front_end, outlet, places, slot: 0, samples: 0, lost: 0 }
    }

    pub(super) fn run(mut self, blocks: Receiver<Box<Block>>, used: &Sender<Box<Block>>) {
        while let Ok(mut block) = blocks.recv() {
            let started = Instant::now();
            if let Some(position) = block.moved_to.take() {
                self.move_to(position);
            }
            if block.lost_before > 0 {
                self.lost += block.lost_before;
                let outlet = &mut self.outlet;
                self.front_end.skip(block.lost_before, &mut |event| outlet.tell(event));
            }
            if let Some(tuned) = block.tuned.take() {
                self.tune(tuned);
            }
            let samples = &block.samples[..block.count];
            self.samples += block.count as u64;
            let outlet = &mut self.outlet;
            self.front_end.push(samples, &mut |event| outlet.tell(event));
            let progress = self.progress(blocks.len());
            self.outlet.send(Content::Progress(progress));
            self.outlet.counters.add_busy(Stage::FrontEnd, started.elapsed());
            if !self.outlet.open {
                // Blocks under way are lost with the channel: the reader, who may wait for one, gets this one to
                // learn from that nobody listens.
                drop(blocks);
                let _ = used.try_send(block);
                return;
            }
            let _ = used.try_send(block);
        }
        let outlet = &mut self.outlet;
        self.front_end.finish(&mut |event| outlet.tell(event));
        let mut progress = self.progress(0);
        progress.settled_s = f64::INFINITY;
        let rejections = self.front_end.rejections().collect();
        self.outlet.send(Content::End(progress, rejections));
    }

    /// Goes on at another slot with what was learnt of it.
    fn tune(&mut self, tuned: Tuned) {
        let outlet = &mut self.outlet;
        self.front_end.skip(tuned.skipped, &mut |event| outlet.tell(event));
        // What was learnt so far counts for the slot that is left.
        let progress = self.progress(0);
        self.outlet.send(Content::Progress(progress));
        if tuned.gain.is_some() {
            // The noise is another at another gain, on every slot.
            self.places.fill_with(|| self.front_end.new_place());
            let mut unknown = self.front_end.new_place();
            self.front_end.exchange(&mut unknown);
        }
        for slot in [self.slot, tuned.slot] {
            if let Some(place) = self.places.get_mut(slot) {
                self.front_end.exchange(place);
            }
        }
        self.slot = tuned.slot;
        self.outlet.send(Content::Tuned(tuned));
    }

    fn move_to(&mut self, position: u64) {
        let outlet = &mut self.outlet;
        let elsewhere = position != self.front_end.position();
        self.front_end.move_to(position, &mut |event| outlet.tell(event));
        self.outlet.send(if elsewhere { Content::Moved } else { Content::Flushed });
    }

    fn progress(&self, backlog: usize) -> Progress {
        Progress {
            position_s: self.front_end.position() as f64 / self.front_end.grid().sample_rate_hz(),
            settled_s: self.front_end.settled_s(),
            samples: self.samples,
            lost: self.lost,
            clipped_s: self.front_end.overload().total_s(),
            overloaded: self.front_end.overload().now(),
            backlog,
        }
    }
}

impl Outlet<'_> {
    fn send(&mut self, content: Content) {
        let number = self.number;
        self.number += 1;
        self.open &= self.messages.send(Message { number, content }).is_ok();
    }

    fn tell(&mut self, event: Event<'_>) {
        match event {
            Event::Row(row) => {
                // Where all rows are still on their way to the screen, the screen does without this one.
                if let Ok(mut copy) = self.rows.empty.try_recv() {
                    copy.copy_from(row);
                    self.send(Content::Row(copy));
                }
            }
            Event::Candidate(candidate, clipped, samples) => {
                self.ask(Subject::Burst(candidate), clipped, samples);
            }
            Event::Preamble(seed, noise_per_hz, clipped, samples) => {
                self.ask(Subject::Preamble(seed, noise_per_hz), clipped, samples);
            }
            Event::WidePreamble(seed, noise_per_hz, clipped, samples) => {
                self.ask(Subject::WidePreamble(seed, noise_per_hz), clipped, samples);
            }
        }
    }

    fn ask(&mut self, subject: Subject, clipped: bool, samples: &Samples<'_>) {
        // Questions that nobody answers any more do not come back.
        if !self.open {
            return;
        }
        let Ok(mut question) = self.questions.empty.recv() else { return };
        question.subject = subject;
        question.clipped = clipped;
        self.zooms.bring(&mut question, samples);
        let task = Task { number: self.number, question };
        self.number += 1;
        let sent = match &self.tasks {
            Some(tasks) => tasks.send(task).is_ok(),
            None => {
                let started = Instant::now();
                let message = answer(&mut self.analyst, task, self.questions);
                self.counters.add_busy(Stage::Detectors, started.elapsed());
                self.messages.send(message).is_ok()
            }
        };
        self.open &= sent;
    }
}

/// Zooms to baseband rates 15 kHz · 2ⁿ, each twice the one before.
struct Zooms {
    zooms: Vec<Zoom>,
}

impl Zooms {
    /// Plans all rates up to the first that holds the whole stream.
    fn new(sample_rate_hz: f64) -> Self {
        let rate_hz = |step: i32| REFINE_RATE_HZ * 2f64.powi(step);
        let holding = (0..NUM_RATES).find(|&step| flat_hz(rate_hz(step)) >= sample_rate_hz);
        let steps = holding.map_or(NUM_RATES, |last| last + 1);
        Self { zooms: (0..steps).map(|step| Zoom::new(sample_rate_hz, rate_hz(step))).collect() }
    }

    /// The zoom with the lowest rate that is flat over `bandwidth_hz`.
    fn over(&mut self, bandwidth_hz: f64) -> Option<&mut Zoom> {
        self.zooms.iter_mut().find(|zoom| flat_hz(zoom.output_rate_hz()) >= bandwidth_hz)
    }

    fn bring(&mut self, question: &mut Question, samples: &Samples<'_>) {
        question.samples.clear();
        let room = question.samples.capacity();
        let (start_s, end_s, center_hz, bandwidth_hz) = match &question.subject {
            Subject::None => return,
            Subject::Burst(candidate) => {
                let e = candidate.extent;
                let (width_hz, most_s, margin_s) = if e.bandwidth_hz <= npusch::MAX_WIDTH_HZ {
                    let width_hz = if e.duration_s() <= gsm::MAX_BURST_S { gsm::WANTED_WIDTH_HZ } else { 0.0 };
                    (width_hz, MAX_BURST_S, npusch::MARGIN_S)
                } else {
                    (e.bandwidth_hz + 2.0 * EDGE_HZ, MAX_WIDE_BURST_S, WIDE_MARGIN_S)
                };
                (e.start_s - margin_s, e.end_s.min(e.start_s + most_s) + margin_s, e.center_hz, width_hz)
            }
            Subject::Preamble(seed, _) => {
                (seed.start_s - REFINE_MARGIN_S, seed.end_s + REFINE_MARGIN_S, seed.center_hz(), 0.0)
            }
            Subject::WidePreamble(seed, _) => {
                let (start_s, end_s) = seed.wanted_s();
                (start_s, end_s, seed.center_hz, prach::REFINE_WIDTH_HZ)
            }
        };
        let Some(zoom) = self.over(bandwidth_hz) else { return };
        let end_s = end_s.min(start_s + zoom.seconds_in(room));
        let (start_s, around) = samples.between(start_s, end_s);
        let zoomed = zoom.extract(&around, center_hz, &mut question.samples);
        question.sample_rate_hz = zoomed.sample_rate_hz;
        question.center_hz = zoomed.center_hz;
        question.start_s = start_s;
    }
}

/// Width over which a zoom to `rate_hz` is flat.
fn flat_hz(rate_hz: f64) -> f64 {
    2.0 * FLAT_SHARE * rate_hz
}
