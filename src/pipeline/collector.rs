//! The end of the path: takes everything in order, makes bursts and transmitters, writes records, draws snapshots.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use dsp::finding::{Finding, Rejection};
use dsp::frontend::Row;
use dsp::judge::Judge;

use super::counters::{Counters, Stage};
use super::front::{Content, Message, Progress};
use super::snapshot::{Burst, Health, Snapshot, Spectrum, State, Stream, WaterfallRow};
use super::{NUM_BLOCKS, Outputs};
use crate::records::{Performance, RecordWriter, Summary};
use crate::tracker::Tracker;
use crate::tracker::company::Company;
use crate::tracker::event::Event;

/// Time between snapshots at the least.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(50);
/// Rows and bursts a snapshot shows.
const SHOWN_ROWS: usize = 512;
const SHOWN_BURSTS: usize = 2048;
/// Rows a spectrum is averaged over.
const SPECTRUM_ROWS: usize = 8;
/// Events that a seek brings back.
const MAX_EVENTS: usize = 8192;

/// What a run came to.
pub struct Outcome {
    /// The summary record's figures.
    pub summary: Summary,
    /// The sentence with which the source failed, if it did.
    pub failure: Option<String>,
    /// The record writer, given back where its reader is still there.
    pub records: Option<RecordWriter>,
}

pub(super) struct Collector<'a> {
    stream: Arc<Stream>,
    outputs: Outputs,
    counters: &'a Counters,
    used_rows: &'a Sender<Box<Row>>,
    begun: Instant,
    threads: usize,
    next: u64,
    early: BTreeMap<u64, Content>,
    judge: Judge,
    company: Company,
    tracker: Tracker,
    /// What happened beside bursts, for the tracker that follows a seek.
    events: Vec<Event>,
    state: State,
    progress: Progress,
    rejections: BTreeMap<Rejection, u64>,
    num_bursts: u64,
    bursts: VecDeque<Burst>,
    waterfall: VecDeque<WaterfallRow>,
    recent: VecDeque<Box<Row>>,
    last_snapshot: Instant,
    /// Something has come since the last snapshot.
    news: bool,
    pipe_closed: bool,
}

impl<'a> Collector<'a> {
    pub(super) fn new(
        stream: Arc<Stream>,
        mut outputs: Outputs,
        counters: &'a Counters,
        used_rows: &'a Sender<Box<Row>>,
        (begun, threads): (Instant, usize),
    ) -> Self {
        let past = outputs.past.take();
        let num_bursts = past.as_ref().map_or(0, |past| past.num_bursts);
        let tracker = past.map_or_else(|| tracker(&stream, &outputs), |past| past.tracker);
        Self {
            stream,
            outputs,
            counters,
            used_rows,
            begun,
            threads,
            next: 0,
            early: BTreeMap::new(),
            judge: Judge::default(),
            company: Company::default(),
            tracker,
            events: Vec::new(),
            state: State::Running,
            progress: Progress::default(),
            rejections: BTreeMap::new(),
            num_bursts,
            bursts: VecDeque::new(),
            waterfall: VecDeque::new(),
            recent: VecDeque::new(),
            last_snapshot: begun,
            news: true,
            pipe_closed: false,
        }
    }

    pub(super) fn run(mut self, inbox: Receiver<Message>) -> Result<Outcome> {
        loop {
            let message = match inbox.recv_timeout(SNAPSHOT_EVERY) {
                Ok(message) => Some(message),
                Err(error) if error.is_timeout() => None,
                Err(_) => break,
            };
            let started = Instant::now();
            self.hear_events()?;
            if let Some(Message { number, content }) = message {
                self.news = true;
                self.early.insert(number, content);
                while let Some(content) = self.early.remove(&self.next) {
                    self.next += 1;
                    self.take(content)?;
                }
            }
            self.outputs.listeners.iter_mut().try_for_each(|listener| listener.tick())?;
            self.publish(false);
            self.counters.add_busy(Stage::Tracker, started.elapsed());
            if self.pipe_closed {
                break;
            }
        }
        drop(inbox);
        let transmitters = self.tracker.transmitters();
        self.outputs.listeners.iter_mut().try_for_each(|listener| listener.end(&transmitters))?;
        self.publish(true);
        let failure = match &self.state {
            State::Failed(sentence) => Some(sentence.clone()),
            _ => None,
        };
        let summary = self.summary();
        self.outputs.listeners.iter_mut().try_for_each(|listener| listener.summary(&summary))?;
        let mut records = self.outputs.records.take().filter(|_| !self.pipe_closed);
        if let Some(writer) = &mut records
            && !(writer.transmitters(&transmitters)? && writer.summary(&summary)?)
        {
            records = None;
        }
        Ok(Outcome { summary, failure, records })
    }

    fn take(&mut self, content: Content) -> Result<()> {
        match content {
            Content::Answer(answer) => {
                answer.rejections.into_iter().for_each(|rejection| self.reject(rejection, 1));
                answer.findings.into_iter().for_each(|finding| self.judge.push(finding));
            }
            Content::Progress(progress) => {
                self.progress = progress;
                self.settle(progress.settled_s)?;
                let listened = progress.listened();
                self.outputs.listeners.iter_mut().try_for_each(|listener| listener.listened(&listened))?;
            }
            Content::Row(row) => self.show_row(row),
            Content::Flushed => self.settle(f64::INFINITY)?,
            Content::Moved => {
                // What was found before belongs to another pass over the recording.
                self.judge = Judge::default();
                self.company = Company::default();
                self.tracker = tracker(&self.stream, &self.outputs);
                self.events.iter().for_each(|event| self.tracker.hear(event));
                self.recycle_rows();
                self.waterfall.clear();
                self.bursts.clear();
                self.num_bursts = 0;
            }
            Content::End(progress, rejections) => {
                self.progress = progress;
                rejections.into_iter().for_each(|(rejection, count)| self.reject(rejection, count));
                self.settle(f64::INFINITY)?;
                let listened = progress.listened();
                self.outputs.listeners.iter_mut().try_for_each(|listener| listener.listened(&listened))?;
            }
        }
        Ok(())
    }

    /// Takes what happened beside bursts.
    fn hear_events(&mut self) -> Result<()> {
        let beginning = std::mem::take(&mut self.outputs.beginning);
        let inbox = self.outputs.events.clone();
        for event in beginning.into_iter().chain(inbox.iter().flat_map(Receiver::try_iter)) {
            self.news = true;
            self.tracker.hear(&event);
            self.outputs.listeners.iter_mut().try_for_each(|listener| listener.event(&event))?;
            if self.events.len() < MAX_EVENTS {
                self.events.push(event);
            }
        }
        Ok(())
    }

    fn reject(&mut self, rejection: Rejection, count: u64) {
        if count > 0 {
            *self.rejections.entry(rejection).or_default() += count;
        }
    }

    fn settle(&mut self, settled_s: f64) -> Result<()> {
        let (mut settled, mut rejected) = (Vec::new(), Vec::new());
        let company = &mut self.company;
        let judged_s = self
            .judge
            .settle(settled_s, &mut |finding| company.push(finding), &mut |rejection| rejected.push(rejection));
        company.settle(judged_s, &mut |finding| settled.push(finding), &mut |rejection| rejected.push(rejection));
        rejected.into_iter().for_each(|rejection| self.reject(rejection, 1));
        settled.into_iter().try_for_each(|finding| self.burst(finding))
    }

    fn burst(&mut self, finding: Finding) -> Result<()> {
        let id = self.num_bursts;
        self.num_bursts += 1;
        let burst = attributed(&mut self.tracker, id, finding);
        if !self.pipe_closed
            && let Some(records) = &mut self.outputs.records
        {
            self.pipe_closed = !records.burst(&burst, self.stream.center_frequency_hz)?;
        }
        self.outputs.listeners.iter_mut().try_for_each(|listener| listener.burst(&burst))?;
        if self.outputs.snapshots.is_some() {
            if self.bursts.len() == SHOWN_BURSTS {
                self.bursts.pop_front();
            }
            self.bursts.push_back(burst);
        }
        Ok(())
    }

    fn show_row(&mut self, row: Box<Row>) {
        if self.outputs.snapshots.is_none() {
            let _ = self.used_rows.try_send(row);
            return;
        }
        let peak_dbfs = row.peak.iter().map(|p| decibel(*p)).collect();
        self.waterfall.push_front(WaterfallRow { end_s: row.end_s, peak_dbfs });
        self.waterfall.truncate(SHOWN_ROWS);
        self.recent.push_back(row);
        if self.recent.len() > SPECTRUM_ROWS
            && let Some(row) = self.recent.pop_front()
        {
            let _ = self.used_rows.try_send(row);
        }
    }

    fn recycle_rows(&mut self) {
        for row in self.recent.drain(..) {
            let _ = self.used_rows.try_send(row);
        }
    }

    fn spectrum(&self) -> Spectrum {
        let Some(last) = self.recent.back() else { return Spectrum::default() };
        let columns = 0..last.mean.len();
        let count = self.recent.len() as f32;
        let mean = |c: usize| self.recent.iter().map(|row| row.mean[c]).sum::<f32>() / count;
        let peak = |c: usize| self.recent.iter().map(|row| row.peak[c]).fold(0.0, f32::max);
        Spectrum {
            mean_dbfs: columns.clone().map(|c| decibel(mean(c))).collect(),
            peak_dbfs: columns.clone().map(|c| decibel(peak(c))).collect(),
            floor_dbfs: columns.map(|c| decibel(last.floor[c])).collect(),
        }
    }

    /// Publishes a snapshot where one is due; the `last` one waits for room.
    fn publish(&mut self, last: bool) {
        if let Some(state) = self.counters.new_state() {
            self.state = state;
            self.news = true;
        }
        let Some(snapshots) = &self.outputs.snapshots else { return };
        if !last && (!self.news || self.last_snapshot.elapsed() < SNAPSHOT_EVERY || snapshots.is_full()) {
            return;
        }
        self.last_snapshot = Instant::now();
        self.news = false;
        let snapshot = Arc::new(self.snapshot());
        let gone = if last {
            snapshots.send_timeout(snapshot, SNAPSHOT_EVERY).is_err()
        } else {
            matches!(snapshots.try_send(snapshot), Err(TrySendError::Disconnected(_)))
        };
        if gone {
            self.outputs.snapshots = None;
        }
    }

    /// The picture as it stands: what is not settled yet is shown as it would be settled now.
    fn snapshot(&self) -> Snapshot {
        let (mut judge, mut company, mut tracker) = (self.judge.clone(), self.company.clone(), self.tracker.clone());
        let (mut bursts, mut num_bursts) = (self.bursts.clone(), self.num_bursts);
        judge.finish(&mut |finding| company.push(finding), &mut |_| {});
        company.finish(
            &mut |finding| {
                bursts.push_back(attributed(&mut tracker, num_bursts, finding));
                num_bursts += 1;
            },
            &mut |_| {},
        );
        let wall_s = self.begun.elapsed().as_secs_f64();
        let load = Stage::ALL
            .iter()
            .map(|stage| (stage.name(), self.counters.busy(*stage).as_secs_f64() / wall_s.max(1e-3)))
            .collect();
        let summary = self.summary();
        Snapshot {
            stream: Arc::clone(&self.stream),
            state: self.state.clone(),
            position_s: self.progress.position_s,
            speed: self.counters.speed(),
            spectrum: self.spectrum(),
            waterfall: Arc::new(self.waterfall.clone()),
            bursts: Arc::new(bursts),
            num_bursts,
            transmitters: Arc::new(tracker.transmitters()),
            walk: Arc::clone(tracker.walk()),
            stimuli: Arc::new(tracker.stimuli()),
            health: Health {
                samples_processed: summary.samples_processed,
                samples_dropped: summary.samples_dropped,
                blind_s: summary.blind_s,
                clipped_s: summary.clipped_s,
                overloaded: self.progress.overloaded,
                realtime_factor: summary.performance.realtime_factor,
                load,
                rejections: self.rejections.iter().map(|(rejection, count)| (*rejection, *count)).collect(),
                backlog: (self.progress.backlog, NUM_BLOCKS),
            },
        }
    }

    fn summary(&self) -> Summary {
        let rate_hz = self.stream.sample_rate_hz;
        let wall_s = self.begun.elapsed().as_secs_f64();
        let dropped = self.progress.lost.max(self.counters.dropped());
        Summary {
            samples_processed: self.progress.samples,
            samples_dropped: dropped,
            blind_s: dropped as f64 / rate_hz,
            clipped_s: self.progress.clipped_s,
            bursts: self.num_bursts,
            transmitters: self.tracker.num_transmitters() as u64,
            rejections: self.rejections.iter().map(|(rejection, count)| (*rejection, *count)).collect(),
            performance: Performance {
                wall_s,
                realtime_factor: self.progress.samples as f64 / rate_hz / wall_s.max(1e-9),
                threads: self.threads,
            },
        }
    }
}

fn tracker(stream: &Stream, outputs: &Outputs) -> Tracker {
    Tracker::new(stream.center_frequency_hz, Arc::clone(&outputs.known)).with_zones(Arc::clone(&outputs.zones))
}

fn attributed(tracker: &mut Tracker, id: u64, finding: Finding) -> Burst {
    let attribution = tracker.attribute(&finding);
    Burst {
        id,
        transmitter: Some(attribution.transmitter),
        attribution: attribution.probability,
        alternatives: attribution.alternatives,
        finding,
    }
}

fn decibel(power: f32) -> f32 {
    10.0 * power.max(1e-20).log10()
}
