//! JSON Lines: one object a line, `record` names its kind. The only room that writes to standard output.

mod locating;
pub mod reading;
pub mod rotation;

use std::io::{self, Write};

use anyhow::{Context, Result};
use captures::{CaptureInfo, SampleFormat, Stretch};
use dsp::finding::{Channel, Parameters, Rejection, Segment, Technology};
use serde::Serialize;

use crate::hop_plan::HopPlan;
use crate::hop_plan::coverage::{Covered, SESSIONS_S};
use crate::pipeline::mqtt::Publisher;
use crate::pipeline::snapshot::{Burst, Listened, RecordingEnd, Stream, Transmitter};
use crate::tracker::Alternative;
use crate::tracker::cadence::{Cadence, Counts};
use crate::tracker::carrier::Carrier;
use crate::tracker::event::Event;
use crate::tracker::zones::ZoneList;
use locating::{EventRecord, ProximityRecord, ResponseRecord, WhereaboutsRecord, standing, stronger_by_db};
use rotation::Rotation;

/// How fast a run went; the only figures that may differ between two runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Performance {
    /// Time it took.
    pub wall_s: f64,
    /// Seconds of air analysed in a second.
    pub realtime_factor: f64,
    /// Threads that computed.
    pub threads: usize,
}

/// The last record.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Samples analysed.
    pub samples_processed: u64,
    /// Samples lost.
    pub samples_dropped: u64,
    /// Time not listened to.
    pub blind_s: f64,
    /// Time overloaded.
    pub clipped_s: f64,
    /// What was heard of a plan, and the time in which it could have been.
    pub coverage: Option<(Covered, f64)>,
    /// Bursts reported.
    pub bursts: u64,
    /// Transmitters inferred.
    pub transmitters: u64,
    /// Candidates turned down, by detector and reason.
    pub rejections: Vec<(Rejection, u64)>,
    /// How fast it went.
    pub performance: Performance,
}

#[derive(Serialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
enum Record<'a> {
    Capture(CaptureRecord<'a>),
    Burst(BurstRecord<'a>),
    Transmitter(Box<TransmitterRecord<'a>>),
    Recording(RecordingRecord<'a>),
    Summary(SummaryRecord<'a>),
}

#[derive(Serialize)]
struct CaptureRecord<'a> {
    path: &'a str,
    sample_rate_hz: f64,
    center_frequency_hz: Option<f64>,
    samples: Option<u64>,
    duration_s: Option<f64>,
    datatype: String,
    sha256: Option<String>,
    /// When it began, seconds since 1970, of a stream whose hour is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    begun_unix_s: Option<f64>,
    /// Where a sweep is continued: when this part began in the time of the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    continued_s: Option<f64>,
    /// Where the file has several channels: which one.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<usize>,
    /// Where it has gaps: when its samples begin and end, and how many there are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stretches: Vec<StretchRecord>,
    /// Where a radio hops: the frequencies it is tuned to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hop_centers_hz: Vec<f64>,
}

#[derive(Serialize)]
struct StretchRecord {
    start_s: f64,
    end_s: f64,
    samples: u64,
}

#[derive(Serialize)]
struct BurstRecord<'a> {
    id: u64,
    transmitter: Option<u32>,
    attribution: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<AlternativeRecord>,
    start_s: f64,
    end_s: f64,
    center_hz: f64,
    bandwidth_hz: f64,
    frequency_hz: Option<f64>,
    segments: Vec<Segment>,
    power_dbfs: f64,
    snr_db: f64,
    technology: Technology,
    channel: Channel,
    confidence: f64,
    clipped: bool,
    parameters: &'a Parameters,
}

/// Who else it may be: `transmitter` is null where none heard before.
#[derive(Serialize)]
struct AlternativeRecord {
    transmitter: Option<u32>,
    probability: f64,
}

#[derive(Serialize)]
struct TransmitterRecord<'a> {
    id: u32,
    technology: Technology,
    confidence: f64,
    bursts: u64,
    first_s: f64,
    last_s: f64,
    center_hz: f64,
    power_dbfs_max: f64,
    frequency_error_hz: Option<f64>,
    period_s: Option<f64>,
    known: bool,
    parameters: TransmitterParameters<'a>,
}

#[derive(Serialize)]
struct TransmitterParameters<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ignore: bool,
    bandwidth_hz: f64,
    sessions: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<AlternativeRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cadence: Option<CadenceRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier: Option<CarrierRecord>,
    cell_ids: Option<&'a [u16]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proximity: Option<ProximityRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    whereabouts: Option<WhereaboutsRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    responses: Vec<ResponseRecord<'a>>,
    /// Against the reference: `new`, `stronger` or `like`.
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stronger_by_db: Option<f64>,
    evidence: &'a [String],
}

#[derive(Serialize)]
struct CadenceRecord {
    period_s: f64,
    counts_from: &'static str,
    proven: bool,
}

#[derive(Serialize)]
struct CarrierRecord {
    bursts: u64,
    low_hz: f64,
    high_hz: f64,
    tone_grid_hz: f64,
    centers_hz: Vec<f64>,
    raster_error_hz: Option<f64>,
    deployments: [&'static str; 3],
}

/// IQ that was written.
#[derive(Serialize)]
struct RecordingRecord<'a> {
    path: &'a str,
    start_s: f64,
    end_s: f64,
    samples: u64,
    samples_dropped: u64,
    trigger: Option<&'a str>,
    failure: Option<&'a str>,
}

#[derive(Serialize)]
struct SummaryRecord<'a> {
    samples_processed: u64,
    samples_dropped: u64,
    blind_s: f64,
    clipped_s: f64,
    bursts: u64,
    transmitters: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<CoverageRecord<'a>>,
    rejections: Vec<RejectionRecord<'a>>,
    performance: Performance,
}

/// What was heard of a plan.
#[derive(Serialize)]
struct CoverageRecord<'a> {
    slots: usize,
    retunes: u64,
    retune_s: f64,
    revisit_s: f64,
    bands: Vec<BandRecord<'a>>,
}

/// What was heard of a band.
#[derive(Serialize)]
struct BandRecord<'a> {
    name: &'a str,
    low_hz: f64,
    high_hz: f64,
    slots: usize,
    dwell_s: f64,
    heard_s: f64,
    blind_s: f64,
    catch_probability: Vec<CatchRecord>,
}

/// How likely a session of a length is caught.
#[derive(Serialize)]
struct CatchRecord {
    session_s: f64,
    probability: f64,
}

fn coverage((covered, time_s): &(Covered, f64)) -> CoverageRecord<'_> {
    let catch = |(session_s, p): (&f64, f64)| CatchRecord { session_s: *session_s, probability: probability(p) };
    let bands = covered.bands.iter().map(|band| BandRecord {
        name: &band.name,
        low_hz: band.low_hz,
        high_hz: band.high_hz,
        slots: band.slots,
        dwell_s: milliseconds(band.dwell_s),
        heard_s: milliseconds(band.heard_s),
        blind_s: milliseconds((time_s - band.heard_s).max(0.0)),
        catch_probability: SESSIONS_S.iter().zip(band.catch).map(catch).collect(),
    });
    CoverageRecord {
        slots: covered.slot.1,
        retunes: covered.retunes,
        retune_s: seconds(covered.retune_s),
        revisit_s: milliseconds(covered.revisit_s),
        bands: bands.collect(),
    }
}

#[derive(Serialize)]
struct RejectionRecord<'a> {
    detector: &'a str,
    reason: &'a str,
    count: u64,
}

fn stretches(info: &CaptureInfo) -> Vec<StretchRecord> {
    let at_s = |time: u64| seconds(time as f64 / info.sample_rate_hz);
    let record = |stretch: &Stretch| StretchRecord {
        start_s: at_s(stretch.time),
        end_s: at_s(stretch.time + stretch.num_samples),
        samples: stretch.num_samples,
    };
    info.stretches.iter().map(record).collect()
}

/// Digits that are kept: what is beyond them is noise and would only make lines long.
fn seconds(value: f64) -> f64 {
    (value * 1e7).round() / 1e7
}

fn milliseconds(value_s: f64) -> f64 {
    (value_s * 1e3).round() / 1e3
}

fn hertz(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn decibels(value: f32) -> f64 {
    (f64::from(value) * 100.0).round() / 100.0
}

fn centi(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn probability(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn alternatives(all: &[Alternative]) -> Vec<AlternativeRecord> {
    let record =
        |a: &Alternative| AlternativeRecord { transmitter: a.transmitter, probability: probability(a.probability) };
    all.iter().map(record).collect()
}

fn cadence(cadence: &Cadence) -> CadenceRecord {
    let counts_from = match cadence.counts {
        Counts::FromClock => "clock",
        Counts::FromActivity => "activity",
    };
    CadenceRecord { period_s: milliseconds(cadence.period_s), counts_from, proven: cadence.is_proven }
}

fn carrier(carrier: &Carrier) -> CarrierRecord {
    CarrierRecord {
        bursts: carrier.bursts,
        low_hz: hertz(carrier.heard_hz.0),
        high_hz: hertz(carrier.heard_hz.1),
        tone_grid_hz: carrier.tone_grid_hz,
        centers_hz: carrier.centers_hz.iter().copied().map(hertz).collect(),
        raster_error_hz: carrier.raster_error_hz.map(hertz),
        // The uplink is the same in all three (TS 36.211 §10.1).
        deployments: ["in-band", "guard-band", "stand-alone"],
    }
}

fn transmitter(t: &Transmitter) -> Record<'_> {
    Record::Transmitter(Box::new(TransmitterRecord {
        id: t.id,
        technology: t.technology,
        confidence: probability(t.confidence),
        bursts: t.bursts,
        first_s: seconds(t.first_s),
        last_s: seconds(t.last_s),
        center_hz: hertz(t.center_hz),
        power_dbfs_max: decibels(t.power_dbfs_max),
        frequency_error_hz: t.frequency_error_hz.map(hertz),
        period_s: t.period_s.map(milliseconds),
        known: t.known.is_some(),
        parameters: TransmitterParameters {
            name: t.known.as_ref().map(|entry| entry.name.as_str()),
            note: t.known.as_ref().and_then(|entry| entry.note.as_deref()),
            ignore: t.known.as_ref().is_some_and(|entry| entry.ignore),
            bandwidth_hz: hertz(t.bandwidth_hz),
            sessions: t.sessions,
            alternatives: alternatives(&t.alternatives),
            cadence: t.cadence.as_ref().map(cadence),
            carrier: t.carrier.as_ref().map(carrier),
            cell_ids: t.cell_ids.as_deref(),
            proximity: t.proximity.as_ref().map(ProximityRecord::of),
            whereabouts: t.whereabouts.as_ref().map(WhereaboutsRecord::of),
            responses: ResponseRecord::all_of(t),
            baseline: t.standing.map(standing),
            stronger_by_db: t.standing.and_then(stronger_by_db),
            evidence: &t.evidence,
        },
    }))
}

/// The record of a transmitter as data.
///
/// # Errors
/// where it is none that JSON can hold.
pub fn transmitter_value(of: &Transmitter) -> Result<serde_json::Value> {
    Ok(serde_json::to_value(transmitter(of))?)
}

/// The kind of a record that is written as `{"record":"KIND",…`.
fn kind(line: &[u8]) -> &str {
    let told = line.strip_prefix(b"{\"record\":\"").unwrap_or_default();
    let end = told.iter().position(|byte| *byte == b'"').unwrap_or_default();
    std::str::from_utf8(&told[..end]).unwrap_or_default()
}

/// Writes records to one place.
pub struct RecordWriter {
    out: Box<dyn Write + Send>,
    /// What `out` is called in messages.
    name: String,
    /// Every line goes out at once: somebody watches.
    live: bool,
    /// Nothing but what became of recordings is written.
    only_recordings: bool,
    rotation: Option<Rotation>,
    /// The first record, with which every file begins.
    head: Vec<u8>,
    /// Where a radio hops: the frequencies it is tuned to.
    hop_centers_hz: Vec<f64>,
    /// Who else is given each record, by its kind.
    copy: Option<Publisher>,
}

impl RecordWriter {
    /// Writes to `out`, called `name` in messages.
    pub fn new(out: Box<dyn Write + Send>, name: String) -> Self {
        Self {
            out,
            name,
            live: false,
            only_recordings: false,
            rotation: None,
            head: Vec::new(),
            hop_centers_hz: Vec::new(),
            copy: None,
        }
    }

    /// Goes on in the files of `rotation`.
    #[must_use]
    pub fn rotating(self, rotation: Rotation) -> Self {
        Self { rotation: Some(rotation), ..self }
    }

    /// Gives every record to a broker as well.
    #[must_use]
    pub fn published(self, publisher: Option<Publisher>) -> Self {
        Self { copy: publisher, ..self }
    }

    /// Ends what was published; the sentence about what was not, if any.
    pub fn finish(self) -> Option<String> {
        self.copy.and_then(Publisher::finish)
    }

    /// Writes nothing but what became of recordings, each at once.
    #[must_use]
    pub fn only_recordings(self) -> Self {
        Self { live: true, only_recordings: true, ..self }
    }

    /// The first record. False where the reader has gone.
    ///
    /// # Errors
    /// where the line cannot be written for another reason.
    pub fn capture(&mut self, info: &CaptureInfo, sha256: Option<String>) -> Result<bool> {
        self.write(&Record::Capture(CaptureRecord {
            path: &info.path.to_string_lossy(),
            sample_rate_hz: info.sample_rate_hz,
            center_frequency_hz: info.center_frequency_hz,
            samples: Some(info.samples),
            duration_s: Some(seconds(info.duration_s())),
            datatype: info.format.to_string(),
            sha256,
            begun_unix_s: None,
            continued_s: None,
            channel: (info.num_channels > 1).then_some(info.channel),
            hop_centers_hz: Vec::new(),
            stretches: if info.has_gaps() { stretches(info) } else { Vec::new() },
        }))
    }

    /// The first record of a live radio, whose length nobody knows yet; from here on every line goes out at once.
    /// False where the reader has gone.
    ///
    /// # Errors
    /// where the line cannot be written for another reason.
    pub fn radio(&mut self, stream: &Stream, format: SampleFormat, plan: Option<&HopPlan>) -> Result<bool> {
        self.live = true;
        self.hop_centers_hz =
            plan.map_or_else(Vec::new, |plan| plan.slots().iter().map(|slot| slot.center_hz).collect());
        self.stream(stream, format, 0.0, None)
    }

    /// The first record of a stream that begins so many seconds after the sweep did. False where the reader has gone.
    ///
    /// # Errors
    /// where the line cannot be written for another reason.
    pub fn stream(
        &mut self,
        stream: &Stream,
        format: SampleFormat,
        continued_s: f64,
        begun_unix_s: Option<f64>,
    ) -> Result<bool> {
        let hop_centers_hz = std::mem::take(&mut self.hop_centers_hz);
        self.write(&Record::Capture(CaptureRecord {
            path: &stream.name,
            sample_rate_hz: stream.sample_rate_hz,
            center_frequency_hz: stream.center_frequency_hz,
            samples: None,
            duration_s: stream.duration_s.map(seconds),
            datatype: format.to_string(),
            sha256: None,
            begun_unix_s,
            continued_s: (continued_s > 0.0).then(|| seconds(continued_s)),
            channel: None,
            stretches: Vec::new(),
            hop_centers_hz,
        }))
    }

    /// One burst. False where the reader has gone.
    ///
    /// # Errors
    /// where the line cannot be written for another reason.
    pub fn burst(&mut self, burst: &Burst, center_frequency_hz: Option<f64>) -> Result<bool> {
        let finding = &burst.finding;
        let round = |s: &Segment| Segment {
            start_s: seconds(s.start_s),
            end_s: seconds(s.end_s),
            center_hz: hertz(s.center_hz),
            bandwidth_hz: hertz(s.bandwidth_hz),
        };
        let extent = round(&finding.extent);
        self.write(&Record::Burst(BurstRecord {
            id: burst.id,
            transmitter: burst.transmitter,
            attribution: probability(burst.attribution),
            alternatives: alternatives(&burst.alternatives),
            start_s: extent.start_s,
            end_s: extent.end_s,
            center_hz: extent.center_hz,
            bandwidth_hz: extent.bandwidth_hz,
            frequency_hz: center_frequency_hz.map(|center| hertz(center + extent.center_hz)),
            segments: finding.segments.iter().map(round).collect(),
            power_dbfs: decibels(finding.power_dbfs),
            snr_db: decibels(finding.snr_db),
            technology: finding.technology,
            channel: finding.channel,
            confidence: probability(finding.confidence),
            clipped: finding.clipped,
            parameters: &finding.parameters,
        }))
    }

    /// Something that happened beside bursts. False where the reader has gone.
    ///
    /// # Errors
    /// where the line cannot be written for another reason.
    pub fn event(&mut self, event: &Event) -> Result<bool> {
        self.write(&EventRecord::of(event))
    }

    /// How far was listened. False where the reader has gone.
    ///
    /// # Errors
    /// where the line cannot be written for another reason.
    pub fn listened(&mut self, listened: &Listened) -> Result<bool> {
        self.write(&EventRecord::listened(listened))
    }

    /// The zones that will be walked. False where the reader has gone.
    ///
    /// # Errors
    /// where the line cannot be written for another reason.
    pub fn zones(&mut self, list: &ZoneList) -> Result<bool> {
        self.write(&EventRecord::Zones(list))
    }

    /// From here on every line goes out at once.
    pub fn set_live(&mut self) {
        self.live = true;
    }

    /// The transmitters, after the bursts. False where the reader has gone.
    ///
    /// # Errors
    /// where a line cannot be written for another reason.
    pub fn transmitters(&mut self, transmitters: &[Transmitter]) -> Result<bool> {
        for t in transmitters {
            let open = self.write(&transmitter(t))?;
            if !open {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What became of a recording of IQ. False where the reader has gone.
    ///
    /// # Errors
    /// where the line cannot be written for another reason.
    pub fn recording(&mut self, end: &RecordingEnd) -> Result<bool> {
        self.write(&Record::Recording(RecordingRecord {
            path: &end.path.to_string_lossy(),
            start_s: seconds(end.start_s),
            end_s: seconds(end.end_s),
            samples: end.samples,
            samples_dropped: end.samples_dropped,
            trigger: end.trigger.as_deref(),
            failure: end.failure.as_deref(),
        }))
    }

    /// The last record. False where the reader has gone.
    ///
    /// # Errors
    /// where the line cannot be written for another reason.
    pub fn summary(&mut self, summary: &Summary) -> Result<bool> {
        let rejections = summary.rejections.iter().map(|(r, count)| RejectionRecord {
            detector: r.detector,
            reason: r.reason,
            count: *count,
        });
        let open = self.write(&Record::Summary(SummaryRecord {
            samples_processed: summary.samples_processed,
            samples_dropped: summary.samples_dropped,
            blind_s: seconds(summary.blind_s),
            clipped_s: seconds(summary.clipped_s),
            bursts: summary.bursts,
            transmitters: summary.transmitters,
            coverage: summary.coverage.as_ref().map(coverage),
            rejections: rejections.collect(),
            performance: summary.performance,
        }))?;
        match self.out.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            flushed => flushed.map(|()| open).with_context(|| self.failure()),
        }
    }

    fn write(&mut self, record: &impl Serialize) -> Result<bool> {
        let mut line = serde_json::to_vec(record)?;
        let kind = kind(&line);
        if self.only_recordings && kind != "recording" {
            return Ok(true);
        }
        if let Some(copy) = &mut self.copy {
            copy.publish(kind, &line);
        }
        let is_head = kind == "capture";
        line.push(b'\n');
        if is_head {
            self.head.clone_from(&line);
        } else if let Some(rotation) = &mut self.rotation
            && let Some(next) = rotation.due().with_context(|| self.name.clone())?
        {
            self.out = next;
            self.out.write_all(&self.head).with_context(|| self.failure())?;
        }
        let written = self.out.write_all(&line).and_then(|()| if self.live { self.out.flush() } else { Ok(()) });
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            written => written.map(|()| true).with_context(|| self.failure()),
        }
    }

    fn failure(&self) -> String {
        format!("{}: the records cannot be written; make room or name another --output", self.name)
    }
}
