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
use super::recordings::{News, Recordings};
use super::snapshot::{Burst, Health, Note, SHOWN_BURSTS, Snapshot, Spectrum, State, Stream, WaterfallRow};
use super::{NUM_BLOCKS, Outputs};
use crate::hop_plan::coverage::Coverage;
use crate::records::{Performance, RecordWriter, Summary};
use crate::source::{GainStep, Tuned};
use crate::tracker::Tracker;
use crate::tracker::company::Company;
use crate::tracker::event::Event;

/// Time between snapshots at the least.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(50);
/// Rows and notes a snapshot shows.
const SHOWN_ROWS: usize = 512;
const SHOWN_NOTES: usize = 64;
/// Rows kept of each slot that is not tuned.
const OTHER_ROWS: usize = 64;
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
    /// The sentence with which recording failed, if it did.
    pub unrecorded: Option<String>,
    /// The record writer, given back where its reader is still there.
    pub records: Option<RecordWriter>,
}

pub(super) struct Collector<'a> {
    stream: Arc<Stream>,
    outputs: Outputs,
    recordings: Option<Recordings>,
    /// What was heard of a plan, and the offset of the slot that is tuned from the stream's centre.
    coverage: Option<Coverage>,
    tuned_hz: f64,
    /// The gain from which steps count, where one was told: 0, else the first.
    gain_zero_db: Option<f64>,
    /// The waterfall of each slot that is not tuned.
    other_waterfalls: BTreeMap<usize, VecDeque<WaterfallRow>>,
    notes: VecDeque<Note>,
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
        (recordings, coverage): (Option<Recordings>, Option<Coverage>),
        counters: &'a Counters,
        used_rows: &'a Sender<Box<Row>>,
        (begun, threads): (Instant, usize),
    ) -> Self {
        let told = |event: &Event| matches!(event, Event::Gain { gain_db: Some(_), .. });
        let gain_zero_db = outputs.beginning.iter().any(told).then_some(0.0);
        let past = outputs.past.take();
        let num_bursts = past.as_ref().map_or(0, |past| past.num_bursts);
        let tracker = past.map_or_else(|| tracker(&stream, &outputs), |past| past.tracker);
        Self {
            stream,
            outputs,
            recordings,
            coverage,
            tuned_hz: 0.0,
            gain_zero_db,
            other_waterfalls: BTreeMap::new(),
            notes: VecDeque::new(),
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
            self.note_recordings(Recordings::next)?;
            self.publish(false);
            self.counters.add_busy(Stage::Tracker, started.elapsed());
            if self.pipe_closed {
                break;
            }
        }
        drop(inbox);
        let transmitters = self.tracker.transmitters();
        self.outputs.listeners.iter_mut().try_for_each(|listener| listener.end(&transmitters))?;
        self.note_recordings(Recordings::wait)?;
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
        let unrecorded = self.recordings.and_then(|recordings| recordings.state().failure);
        Ok(Outcome { summary, failure, unrecorded, records })
    }

    fn take(&mut self, content: Content) -> Result<()> {
        match content {
            Content::Answer(answer) => {
                answer.rejections.into_iter().for_each(|rejection| self.reject(rejection, 1));
                answer.findings.into_iter().for_each(|finding| self.judge.push(moved(finding, self.tuned_hz)));
            }
            Content::Progress(progress) => {
                self.hear(&progress);
                self.progress = progress;
                self.settle(progress.settled_s)?;
                let listened = progress.listened();
                self.outputs.listeners.iter_mut().try_for_each(|listener| listener.listened(&listened))?;
            }
            Content::Row(row) => self.show_row(row),
            Content::Tuned(tuned) => self.tune(tuned),
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
                self.hear(&progress);
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

    /// What has been heard since the last progress counts for the slot that is tuned.
    fn hear(&mut self, progress: &Progress) {
        if let Some(coverage) = &mut self.coverage {
            let samples = progress.samples.saturating_sub(self.progress.samples);
            coverage.hear(samples as f64 / self.stream.sample_rate_hz);
        }
    }

    fn tune(&mut self, tuned: Tuned) {
        if let Some(GainStep { from_db, to_db, clipped }) = tuned.gain {
            // Levels are compared at the antenna, so that a step does not look like somebody coming nearer.
            let gain_db = to_db - *self.gain_zero_db.get_or_insert(from_db);
            let time_s = self.progress.position_s;
            self.outputs.beginning.push(Event::Gain { time_s, gain_db: Some(gain_db) });
            self.recycle_rows();
            let why = if clipped { ", as the radio was overloaded" } else { "" };
            return self.note(format!("gain {to_db:.1} dB instead of {from_db:.1} dB{why}"));
        }
        let Some(coverage) = &mut self.coverage else { return };
        let old = coverage.slot();
        coverage.retune(tuned.slot, tuned.skipped as f64 / self.stream.sample_rate_hz);
        self.tuned_hz = tuned.center_frequency_hz - coverage.plan().reference_hz();
        let other = self.other_waterfalls.remove(&tuned.slot).unwrap_or_default();
        let mut left = std::mem::replace(&mut self.waterfall, other);
        left.truncate(OTHER_ROWS);
        self.other_waterfalls.insert(old, left);
        self.recycle_rows();
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
        settled.into_iter().try_for_each(|finding| self.burst(finding))?;
        self.outputs.listeners.iter_mut().try_for_each(|listener| listener.settled(judged_s))
    }

    /// Writes down what became of recordings, as far as `next` tells.
    fn note_recordings(&mut self, next: impl Fn(&mut Recordings) -> Option<News>) -> Result<()> {
        while let Some(news) = self.recordings.as_mut().and_then(&next) {
            self.note(news.note);
            if let Some(end) = news.end
                && !self.pipe_closed
                && let Some(records) = &mut self.outputs.records
            {
                self.pipe_closed = !records.recording(&end)?;
            }
        }
        Ok(())
    }

    fn note(&mut self, text: String) {
        let note = Note { at_s: self.progress.position_s, text };
        if let Some(log) = self.outputs.log {
            log(&note);
        }
        if self.notes.len() == SHOWN_NOTES {
            self.notes.pop_front();
        }
        self.notes.push_back(note);
        self.news = true;
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
        let (mut stream, mut transmitters) = (Arc::clone(&self.stream), tracker.transmitters());
        if self.tuned_hz != 0.0 {
            // Offsets on the screens count from the middle of what is heard now.
            let center_frequency_hz = stream.center_frequency_hz.map(|hz| hz + self.tuned_hz);
            stream = Arc::new(Stream { center_frequency_hz, ..Stream::clone(&stream) });
            bursts.iter_mut().for_each(|burst| burst.finding.shift(-self.tuned_hz));
            transmitters.iter_mut().for_each(|transmitter| transmitter.shift(-self.tuned_hz));
        }
        Snapshot {
            stream,
            state: self.state.clone(),
            position_s: self.progress.position_s,
            speed: self.counters.speed(),
            spectrum: self.spectrum(),
            waterfall: Arc::new(self.waterfall.clone()),
            bursts: Arc::new(bursts),
            num_bursts,
            transmitters: Arc::new(transmitters),
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
                recorder: self.recordings.as_ref().map(Recordings::state),
                coverage: self.coverage.as_ref().map(Coverage::covered),
                notes: Arc::new(self.notes.clone()),
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
            blind_s: dropped as f64 / rate_hz + self.coverage.as_ref().map_or(0.0, Coverage::retuning_s),
            clipped_s: self.progress.clipped_s,
            coverage: self.coverage.as_ref().map(|coverage| (coverage.covered(), self.progress.position_s)),
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

fn moved(mut finding: Finding, by_hz: f64) -> Finding {
    finding.shift(by_hz);
    finding
}

fn tracker(stream: &Stream, outputs: &Outputs) -> Tracker {
    Tracker::new(stream.center_frequency_hz, Arc::clone(&outputs.known))
        .with_zones(Arc::clone(&outputs.zones))
        .with_baseline(outputs.baseline.clone())
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
