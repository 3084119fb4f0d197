//! The thread that writes IQ to disk, all of it or what triggers ask for.
//!
//! In: samples from the reader's [`Tap`], findings from the collector. Out: growing SigMF recordings with annotations,
//! and how each ended.
//! Method: the last seconds are kept in a ring, encoded. A trigger comes when a burst is settled, seconds after it was
//! on the air, and takes from the ring what was before it. A recording ends when all bursts up to its end are known, so
//! that those that would lengthen it do. It begins with a frame of the analysis, and holds the same samples, so that
//! its analysis finds the same bursts.
//! A disk that is full or too slow ends the recording; nobody waits for it. The thread therefore belongs to no scope.

mod ear;
mod ring;
mod take;
mod tap;
mod trigger;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use captures::{Recording, SampleFormat};
use crossbeam_channel::{Receiver, Sender, bounded, never, select};

use super::Listener;
use super::snapshot::{Burst, RecordingEnd, Stream};
use ear::Ear;
use ring::Ring;
use take::Take;
pub(super) use tap::Tap;
pub use trigger::Trigger;

/// A burst is settled no later than this after its end, as a rule.
const SETTLING_S: f64 = 6.0;
/// Bursts that are remembered for the annotations of a recording that a later one starts.
const MAX_BURSTS: usize = 4096;
/// What is said where samples find no room.
const TOO_SLOW: &str = "the disk was too slow; record elsewhere, or at a lower --rate";
/// Orders and reports under way.
const ORDERS: usize = 4096;
const REPORTS: usize = 256;

/// What to record.
#[derive(Debug, Clone)]
pub struct RecordingOptions {
    /// The metadata of the recording, `X.sigmf-meta`; triggered ones are numbered, `X-0001.sigmf-meta`.
    pub path: PathBuf,
    /// Format of the samples.
    pub format: SampleFormat,
    /// What starts a recording; empty: everything is recorded.
    pub triggers: Vec<Trigger>,
    /// Time recorded before what starts it.
    pub before_s: f64,
    /// Time recorded after it.
    pub after_s: f64,
}

/// What the recorder is told.
enum Order {
    Burst(Box<Burst>),
    /// All bursts that begin before are known.
    Settled(f64),
    End,
}

/// What the recorder tells.
pub(super) enum Report {
    Began(PathBuf, Option<String>),
    Ended(RecordingEnd),
}

/// What can be seen of the recorder at any time.
#[derive(Default)]
pub(super) struct Gauge {
    /// A recording is under way.
    pub recording: AtomicBool,
    /// Samples taken so far, recorded or not: it is alive while they grow.
    pub samples: AtomicU64,
    /// The last samples found no room.
    pub missed: AtomicBool,
}

/// The ends of a recorder that runs.
pub(super) struct Started {
    pub tap: Tap,
    pub ear: Box<dyn Listener>,
    pub reports: Receiver<Report>,
    pub gauge: Arc<Gauge>,
}

/// Starts the recorder of a stream whose analysis hops by `hop_samples`.
pub(super) fn start(options: RecordingOptions, stream: &Stream, hop_samples: usize) -> Result<Started> {
    if options.path.extension().is_none_or(|ending| ending != "sigmf-meta") {
        bail!("{}: recordings are SigMF; let the name end in .sigmf-meta", options.path.display());
    }
    let is_continuous = options.triggers.is_empty();
    let gauge = Arc::new(Gauge::default());
    let (tap, pieces, used) = Tap::new(stream.sample_rate_hz, Arc::clone(&gauge));
    let (orders, inbox) = bounded(ORDERS);
    let (outbox, reports) = bounded(REPORTS);
    let keep_s = if is_continuous { 0.0 } else { options.before_s + SETTLING_S };
    let now_s = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    let mut recorder = Recorder {
        ring: Ring::new(options.format, (keep_s * stream.sample_rate_hz) as u64),
        sample_rate_hz: stream.sample_rate_hz,
        begun_s: now_s,
        hop: hop_samples as u64,
        recording: Recording {
            format: options.format,
            sample_rate_hz: stream.sample_rate_hz,
            center_frequency_hz: stream.center_frequency_hz,
            description: stream.name.clone(),
            datetime: None,
        },
        options,
        take: None,
        over: false,
        held: false,
        settled: 0,
        number: 0,
        bursts: VecDeque::new(),
        outbox,
        gauge: Arc::clone(&gauge),
    };
    if is_continuous {
        // A name that cannot be written is told before anything else happens.
        recorder.begin((0, u64::MAX), None)?;
    } else if let Some(folder) = recorder.options.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let folder_is_there = folder.is_dir();
        anyhow::ensure!(folder_is_there, "{}: is no folder; make it, or record elsewhere", folder.display());
    }
    std::thread::Builder::new()
        .name("recorder".to_owned())
        .spawn(move || recorder.run(&pieces, &used, &inbox))
        .context("the recorder's thread cannot be started")?;
    Ok(Started { tap, ear: Box::new(Ear::new(orders)), reports, gauge })
}

struct Recorder {
    options: RecordingOptions,
    recording: Recording,
    sample_rate_hz: f64,
    /// When the stream began, seconds since 1970.
    begun_s: f64,
    hop: u64,
    ring: Ring,
    take: Option<Take>,
    /// Nothing is recorded any more.
    over: bool,
    /// The key started the recording under way.
    held: bool,
    /// All bursts that begin before are known.
    settled: u64,
    /// Number of the last triggered recording.
    number: u32,
    bursts: VecDeque<Burst>,
    outbox: Sender<Report>,
    gauge: Arc<Gauge>,
}

impl Recorder {
    fn run(mut self, pieces: &Receiver<Box<tap::Piece>>, used: &Sender<Box<tap::Piece>>, inbox: &Receiver<Order>) {
        let mut incoming = pieces.clone();
        loop {
            select! {
                recv(incoming) -> piece => match piece {
                    Ok(piece) => self.take_piece(piece, used),
                    Err(_) => incoming = never(),
                },
                recv(inbox) -> order => match order {
                    Ok(Order::Burst(burst)) => self.hear(*burst),
                    Ok(Order::Settled(settled_s)) => self.settled = self.position(settled_s),
                    Ok(Order::End) | Err(_) => break,
                },
            }
            self.advance();
        }
        while let Ok(piece) = pieces.try_recv() {
            self.take_piece(piece, used);
            self.advance();
        }
        self.end(self.gauge.missed.load(Ordering::Relaxed).then(|| TOO_SLOW.to_owned()));
    }

    fn position(&self, seconds: f64) -> u64 {
        (seconds.max(0.0) * self.sample_rate_hz).round() as u64
    }

    fn take_piece(&mut self, piece: Box<tap::Piece>, used: &Sender<Box<tap::Piece>>) {
        if piece.missed && self.take.is_some() {
            self.fail(TOO_SLOW.to_owned());
        }
        if piece.missed {
            self.ring.clear();
        }
        if !self.over {
            self.ring.push(piece.position, piece.stretch, &piece.samples[..piece.count]);
            if piece.key {
                self.press(piece.position);
            }
        }
        self.gauge.samples.fetch_add(piece.count as u64, Ordering::Relaxed);
        let _ = used.try_send(piece);
    }

    fn press(&mut self, position: u64) {
        if std::mem::take(&mut self.held) {
            if let Some(take) = &mut self.take {
                take.until = position;
            }
        } else if self.options.triggers.contains(&Trigger::Key) {
            self.trigger(position, u64::MAX, Trigger::Key.to_string());
            self.held = self.take.is_some();
        }
    }

    fn hear(&mut self, burst: Burst) {
        if self.over {
            return;
        }
        if let Some(trigger) = self.options.triggers.iter().find(|trigger| trigger.is_met_by(&burst)) {
            let extent = &burst.finding.extent;
            let (start, end) = (self.position(extent.start_s), self.position(extent.end_s + self.options.after_s));
            let why = trigger.to_string();
            self.trigger(start, end, why);
        }
        if let Some(take) = &mut self.take {
            take.annotate(&burst);
        }
        if self.bursts.len() == MAX_BURSTS {
            self.bursts.pop_front();
        }
        self.bursts.push_back(burst);
    }

    /// Something at `start` asks for a recording until `until`.
    fn trigger(&mut self, start: u64, until: u64, why: String) {
        let begin = start.saturating_sub(self.position(self.options.before_s));
        if let Some(take) = self.take.as_mut().filter(|take| begin <= take.until) {
            take.until = take.until.max(until);
            return;
        }
        self.advance();
        self.end(None);
        let begin = self.ring.frame_from(begin, self.hop);
        if let Err(error) = self.begin((begin, until), Some(why)) {
            self.over = true;
            let _ = self.outbox.try_send(Report::Ended(RecordingEnd::failed(self.options.path.clone(), error)));
        }
    }

    fn begin(&mut self, span: (u64, u64), trigger: Option<String>) -> Result<(), captures::Error> {
        let path = if trigger.is_some() { self.next_path() } else { self.options.path.clone() };
        let begin_s = self.begun_s + span.0 as f64 / self.sample_rate_hz;
        let recording = Recording { datetime: Some(captures::utc(begin_s)), ..self.recording.clone() };
        let mut take = Take::begin(path.clone(), recording, span, trigger.clone())?;
        self.bursts.iter().for_each(|burst| take.annotate(burst));
        self.take = Some(take);
        self.gauge.recording.store(true, Ordering::Relaxed);
        let _ = self.outbox.try_send(Report::Began(path, trigger));
        Ok(())
    }

    /// The next name that is free.
    fn next_path(&mut self) -> PathBuf {
        let stem = self.options.path.with_extension("");
        loop {
            self.number += 1;
            let mut name = stem.as_os_str().to_owned();
            name.push(format!("-{:04}.sigmf-meta", self.number));
            let path = PathBuf::from(name);
            if !path.exists() && !data_of(&path).exists() {
                return path;
            }
        }
    }

    /// Writes what there is, and ends what has reached its end.
    fn advance(&mut self) {
        let Some(take) = &mut self.take else { return };
        let written = self.ring.after(take.next()).try_for_each(|entry| take.write(entry));
        if let Err(error) = written {
            return self.fail(error.to_string());
        }
        if take.next() >= take.until && self.settled >= take.until {
            self.end(None);
        }
    }

    fn end(&mut self, failure: Option<String>) {
        self.held = false;
        if let Some(take) = self.take.take() {
            self.gauge.recording.store(false, Ordering::Relaxed);
            let _ = self.outbox.try_send(Report::Ended(take.finish(failure)));
        }
    }

    /// The disk does not take it: this was the last recording.
    fn fail(&mut self, why: String) {
        self.over = true;
        self.ring.clear();
        self.end(Some(why));
    }
}

fn data_of(path: &Path) -> PathBuf {
    path.with_extension("sigmf-data")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use num_complex::Complex32;

    use super::*;

    const RATE_HZ: f64 = 100e3;

    fn started(folder: &Path, triggers: Vec<Trigger>) -> Started {
        let stream = Stream {
            name: "test".to_owned(),
            sample_rate_hz: RATE_HZ,
            center_frequency_hz: Some(8e8),
            duration_s: None,
        };
        let path = folder.join("x.sigmf-meta");
        let options = RecordingOptions { path, format: SampleFormat::Ci8, triggers, before_s: 0.1, after_s: 0.1 };
        start(options, &stream, 1000).unwrap()
    }

    /// Ends the recorder; the answer is what became of its recordings.
    fn ends(started: Started) -> Vec<RecordingEnd> {
        let Started { tap, mut ear, reports, .. } = started;
        drop(tap);
        ear.end(&[]).unwrap();
        let reports = std::iter::from_fn(|| reports.recv_timeout(Duration::from_secs(10)).ok());
        reports.filter_map(|report| if let Report::Ended(end) = report { Some(end) } else { None }).collect()
    }

    #[test]
    fn the_key_starts_and_ends_a_recording() {
        let folder = tempfile::tempdir().unwrap();
        let mut started = started(folder.path(), vec![Trigger::Key]);
        let sample = |n: u64| Complex32::new((n / 10_000) as f32 / 128.0, 0.0);
        let offer = |from: u64, to: u64, tap: &mut Tap| {
            let samples: Vec<Complex32> = (from..to).map(sample).collect();
            samples.chunks(10_000).zip(0..).for_each(|(part, n)| tap.offer(from + 10_000 * n, part));
        };
        offer(0, 50_000, &mut started.tap);
        started.tap.press();
        offer(50_000, 90_000, &mut started.tap);
        started.tap.press();
        offer(90_000, 120_000, &mut started.tap);
        let ends = ends(started);
        assert_eq!(ends.len(), 1, "{ends:?}");
        assert_eq!((ends[0].start_s, ends[0].end_s, ends[0].samples), (0.4, 0.9, 50_000));
        assert_eq!((ends[0].trigger.as_deref(), &ends[0].failure), (Some("key"), &None));
        let bytes = std::fs::read(folder.path().join("x-0001.sigmf-data")).unwrap();
        let codes: Vec<u8> = bytes.iter().step_by(20_000).copied().collect();
        assert_eq!(codes, [4, 5, 6, 7, 8]);
    }

    #[test]
    fn a_recorder_that_is_too_slow_ends_its_recording() {
        let folder = tempfile::tempdir().unwrap();
        let mut started = started(folder.path(), Vec::new());
        // Faster than anything can be encoded: the tap holds a few seconds of this rate.
        let samples = vec![Complex32::ONE; 16_384];
        for number in 0..100_000 {
            started.tap.offer(16_384 * number, &samples);
            if started.gauge.samples.load(Ordering::Relaxed) > 0 && !started.gauge.recording.load(Ordering::Relaxed) {
                break;
            }
        }
        let ends = ends(started);
        assert!(ends[0].failure.as_deref().is_some_and(|why| why.contains("too slow")), "{ends:?}");
        assert!(captures::open(&ends[0].path, &captures::OpenOptions::default()).is_ok());
    }
}
