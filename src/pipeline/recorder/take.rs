//! One recording under way.

use std::path::PathBuf;

use captures::{Annotation, Recording, Writer};

use super::ring::Entry;
use crate::annotation::annotation;
use crate::pipeline::snapshot::{Burst, RecordingEnd};

/// Annotations of one recording at the most.
const MAX_ANNOTATIONS: usize = 100_000;

/// One recording under way.
pub(super) struct Take {
    writer: Writer,
    path: PathBuf,
    recording: Recording,
    trigger: Option<String>,
    /// Places in the stream: of the first sample, of the next to be written, and where it is to end.
    start: u64,
    next: u64,
    pub until: u64,
    /// Place in the stream and in the recording of the first sample of each stretch.
    stretches: Vec<(u64, u64)>,
    samples: u64,
    lost: u64,
    annotations: Vec<Annotation>,
    checkpoint: u64,
}

impl Take {
    /// Begins a recording at `path` of what was on the air from `start` to `until`.
    pub(super) fn begin(
        path: PathBuf,
        recording: Recording,
        (start, until): (u64, u64),
        trigger: Option<String>,
    ) -> Result<Self, captures::Error> {
        let writer = Writer::create_growing(&path, &recording)?;
        Ok(Self {
            writer,
            path,
            recording,
            trigger,
            start,
            next: start,
            until,
            stretches: Vec::new(),
            samples: 0,
            lost: 0,
            annotations: Vec::new(),
            checkpoint: 0,
        })
    }

    /// Place of the next sample to be written.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Writes what of `entry` belongs to it. Once a second of samples, what is written is brought under its name.
    pub(super) fn write(&mut self, entry: &Entry) -> Result<(), captures::Error> {
        let (from, to) = (self.next.max(entry.position), self.until.min(entry.end()));
        if from >= to {
            return Ok(());
        }
        let lost = from - self.next;
        if lost > 0 || self.stretches.is_empty() {
            self.stretches.push((from, self.samples));
        }
        match self.samples {
            0 => self.start = from,
            _ if lost > 0 => {
                self.lost += lost;
                self.writer.lost(lost)?;
                self.writer.checkpoint(&self.annotations)?;
            }
            _ => {}
        }
        let bytes_per_sample = self.recording.format.bytes_per_sample();
        let at = |position: u64| (position - entry.position) as usize * bytes_per_sample;
        self.writer.write_encoded(&entry.bytes[at(from)..at(to)])?;
        self.samples += to - from;
        self.next = to;
        if self.samples >= self.checkpoint {
            self.checkpoint = self.samples + self.recording.sample_rate_hz as u64;
            self.writer.checkpoint(&self.annotations)?;
        }
        Ok(())
    }

    /// Annotates a burst, as far as it lies within.
    pub(super) fn annotate(&mut self, burst: &Burst) {
        let extent = &burst.finding.extent;
        let position = |seconds: f64| (seconds.max(0.0) * self.recording.sample_rate_hz).round() as u64;
        let (start, end) = (position(extent.start_s).max(self.start), position(extent.end_s).min(self.until));
        if start < end && self.annotations.len() < MAX_ANNOTATIONS {
            let samples = self.sample_at(start)..self.sample_at(end);
            self.annotations.push(annotation(burst, samples, self.recording.center_frequency_hz));
        }
    }

    /// Index in the recording of a place in the stream; of one in a gap, that of its end.
    fn sample_at(&self, position: u64) -> u64 {
        let after = self.stretches.partition_point(|(time, _)| *time <= position);
        match after.checked_sub(1).and_then(|index| self.stretches.get(index)) {
            Some((time, sample)) => {
                let end = self.stretches.get(after).map_or(u64::MAX, |(_, sample)| *sample);
                (sample + (position - time)).min(end)
            }
            None => 0,
        }
    }

    /// Ends it; `failure` says why, where it was not to end here.
    pub(super) fn finish(self, failure: Option<String>) -> RecordingEnd {
        let at_s = |position: u64| position as f64 / self.recording.sample_rate_hz;
        let (start_s, end_s) = (at_s(self.start), at_s(self.next));
        let unfinished = self.writer.finish(&self.annotations).err().map(|error| error.to_string());
        RecordingEnd {
            path: self.path,
            start_s,
            end_s,
            samples: self.samples,
            samples_dropped: self.lost,
            trigger: self.trigger,
            failure: failure.or(unfinished),
        }
    }
}
