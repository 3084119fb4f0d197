//! What the collector knows of the recorder.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::recorder::{Gauge, Report};
use super::snapshot::{Recorder, RecordingEnd};

/// A recorder at the end of the stream is given up after so long without a sample written.
const PATIENCE: Duration = Duration::from_millis(1500);

/// News of a recording.
pub(super) struct News {
    /// A sentence for the log.
    pub note: String,
    /// What it came to, where it has ended.
    pub end: Option<RecordingEnd>,
}

/// The recorder as seen from the collector.
pub(super) struct Recordings {
    reports: Receiver<Report>,
    gauge: Arc<Gauge>,
    state: Recorder,
    /// Samples taken when last looked at.
    taken: u64,
    over: bool,
}

impl Recordings {
    pub(super) fn new(reports: Receiver<Report>, gauge: Arc<Gauge>) -> Self {
        Self { reports, gauge, state: Recorder::default(), taken: 0, over: false }
    }

    /// News, if there is any.
    pub(super) fn next(&mut self) -> Option<News> {
        let report = self.reports.try_recv().ok()?;
        Some(self.news(report))
    }

    /// News until the recorder has ended, at the end of the stream. A disk that does not answer is not waited for.
    pub(super) fn wait(&mut self) -> Option<News> {
        while !self.over {
            match self.reports.recv_timeout(PATIENCE) {
                Ok(report) => return Some(self.news(report)),
                Err(RecvTimeoutError::Disconnected) => self.over = true,
                Err(RecvTimeoutError::Timeout) => {
                    let taken = self.gauge.samples.load(Ordering::Relaxed);
                    self.over = taken == self.taken;
                    self.taken = taken;
                    if self.over {
                        let why = "the disk does not answer: the last recording holds what was written".to_owned();
                        self.state.failure.get_or_insert_with(|| why.clone());
                        return Some(News { note: why, end: None });
                    }
                }
            }
        }
        None
    }

    /// How the recorder is doing.
    pub(super) fn state(&self) -> Recorder {
        Recorder { recording: self.gauge.recording.load(Ordering::Relaxed), ..self.state.clone() }
    }

    fn news(&mut self, report: Report) -> News {
        match report {
            Report::Began(path, None) => News { note: format!("recording {}", path.display()), end: None },
            Report::Began(path, Some(trigger)) => {
                News { note: format!("recording {} ({trigger})", path.display()), end: None }
            }
            Report::Ended(end) => {
                self.state.recordings += u64::from(end.samples > 0);
                self.state.recorded_s += end.end_s - end.start_s;
                let held = format!("{} holds {:.1} s", end.path.display(), end.end_s - end.start_s);
                let note = match &end.failure {
                    None => held,
                    Some(why) => {
                        let sentence = format!("recording has ended: {why}");
                        self.state.failure.get_or_insert_with(|| sentence.clone());
                        format!("{sentence}; {held}")
                    }
                };
                News { note, end: Some(end) }
            }
        }
    }
}
