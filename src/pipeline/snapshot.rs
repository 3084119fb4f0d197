//! What screens, records and reports read: an immutable picture of the sweep, and what a screen may ask for.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use dsp::finding::{Channel, Finding, Rejection, Technology};

use crate::hop_plan::coverage::Covered;
use crate::tracker::Alternative;
use crate::tracker::baseline::Standing;
use crate::tracker::cadence::Cadence;
use crate::tracker::carrier::Carrier;
use crate::tracker::known::Entry;
use crate::tracker::proximity::Proximity;
use crate::tracker::stimuli::{Answered, Response};
use crate::tracker::whereabouts::Whereabouts;
use crate::tracker::zones::Walk;

/// Bursts a snapshot shows at the most.
pub(super) const SHOWN_BURSTS: usize = 2048;

/// The stream being listened to.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// Path of the capture or label of the device.
    pub name: String,
    /// Complex samples a second.
    pub sample_rate_hz: f64,
    /// Radio frequency at offset 0, where known.
    pub center_frequency_hz: Option<f64>,
    /// Length of a recording; `None` for a live radio.
    pub duration_s: Option<f64>,
}

/// One line of the waterfall: powers over the whole band, lowest frequency first.
#[derive(Debug, Clone, PartialEq)]
pub struct WaterfallRow {
    /// Instant of its last sample, seconds from the stream's first.
    pub end_s: f64,
    /// Strongest power within the row's time for each display bin, in dBFS per display bin.
    pub peak_dbfs: Arc<[f32]>,
}

/// Mean spectrum over the last fraction of a second, lowest frequency first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spectrum {
    /// Mean power of each display bin, dBFS.
    pub mean_dbfs: Arc<[f32]>,
    /// Strongest power of each display bin, dBFS.
    pub peak_dbfs: Arc<[f32]>,
    /// Noise floor of each display bin, dBFS.
    pub floor_dbfs: Arc<[f32]>,
}

/// A burst with its number and the transmitter it is attributed to.
#[derive(Debug, Clone, PartialEq)]
pub struct Burst {
    /// Number in order of start.
    pub id: u64,
    /// Transmitter it is attributed to.
    pub transmitter: Option<u32>,
    /// Probability that this transmitter sent it.
    pub attribution: f64,
    /// Who else may have sent it, likeliest first.
    pub alternatives: Vec<Alternative>,
    /// What was heard.
    pub finding: Finding,
}

impl Burst {
    /// The same so many seconds later.
    pub fn later(&self, by_s: f64) -> Self {
        let mut burst = self.clone();
        for segment in std::iter::once(&mut burst.finding.extent).chain(&mut burst.finding.segments) {
            segment.start_s += by_s;
            segment.end_s += by_s;
        }
        burst
    }
}

/// What is inferred to be one device: an inference with evidence, never an identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Transmitter {
    /// Number within this sweep.
    pub id: u32,
    /// Technology most of its bursts speak for.
    pub technology: Technology,
    /// Probability that its bursts come from one device of this technology.
    pub confidence: f64,
    /// Bursts attributed to it.
    pub bursts: u64,
    /// Sessions they make.
    pub sessions: u64,
    /// Start of its first burst.
    pub first_s: f64,
    /// End of its last burst.
    pub last_s: f64,
    /// Middle of the band its bursts occupied, hertz from the stream's centre.
    pub center_hz: f64,
    /// Width of that band.
    pub bandwidth_hz: f64,
    /// Level of its strongest burst.
    pub power_dbfs_max: f32,
    /// Frequency error against its grid, where a burst told it.
    pub frequency_error_hz: Option<f64>,
    /// Period of its sessions, where one was proven.
    pub period_s: Option<f64>,
    /// The period that explains its sessions best, proven or not.
    pub cadence: Option<Cadence>,
    /// The NB-IoT carrier it sends on.
    pub carrier: Option<Carrier>,
    /// Cell identities consistent with all its bursts, where a burst told any.
    pub cell_ids: Option<Vec<u16>>,
    /// `(start_s, power_dbfs)` of its latest bursts, oldest first.
    pub levels: VecDeque<(f64, f32)>,
    /// Where its level stands, hotter or colder; `None` of unnamed energy.
    pub proximity: Option<Proximity>,
    /// In which zone it may be; `None` where it was not heard in any that was marked.
    pub whereabouts: Option<Whereabouts>,
    /// How it takes what was done to make it answer, by kind; those it never answered are left out.
    pub responses: Vec<Response>,
    /// How it stands against a reference sweep, where there is one.
    pub standing: Option<Standing>,
    /// Bursts by channel.
    pub channels: Vec<(Channel, u64)>,
    /// What the user's list calls it, where it is on it.
    pub known: Option<Entry>,
    /// Who else its latest session may be of, likeliest first.
    pub alternatives: Vec<Alternative>,
    /// Why its bursts are held to be one device, a sentence each.
    pub evidence: Vec<String>,
    /// The receiver was overloaded during one of its bursts.
    pub clipped: bool,
}

impl Transmitter {
    /// The same with all its times so many seconds later.
    pub fn later(&self, by_s: f64) -> Self {
        let mut transmitter = self.clone();
        transmitter.first_s += by_s;
        transmitter.last_s += by_s;
        transmitter.levels.iter_mut().for_each(|(start_s, _)| *start_s += by_s);
        if let Some(proximity) = &mut transmitter.proximity {
            proximity.latest.start_s += by_s;
            proximity.peak.start_s += by_s;
            Arc::make_mut(&mut proximity.looks).iter_mut().for_each(|look| look.start_s += by_s);
        }
        transmitter
    }

    /// Counts its offsets from a frequency that is lower by this.
    pub fn shift(&mut self, by_hz: f64) {
        self.center_hz += by_hz;
        if let Some(carrier) = &mut self.carrier {
            carrier.heard_hz = (carrier.heard_hz.0 + by_hz, carrier.heard_hz.1 + by_hz);
            carrier.centers_hz.iter_mut().for_each(|hz| *hz += by_hz);
        }
    }

    /// One that nothing is attributed to yet, described by its first burst.
    pub fn of(first: &Finding) -> Self {
        Self {
            id: 0,
            technology: first.technology,
            confidence: first.confidence,
            bursts: 0,
            sessions: 0,
            first_s: first.extent.start_s,
            last_s: first.extent.end_s,
            center_hz: first.extent.center_hz,
            bandwidth_hz: first.extent.bandwidth_hz,
            power_dbfs_max: first.power_dbfs,
            frequency_error_hz: None,
            period_s: None,
            cadence: None,
            carrier: None,
            cell_ids: None,
            levels: VecDeque::new(),
            proximity: None,
            whereabouts: None,
            responses: Vec::new(),
            standing: None,
            channels: Vec::new(),
            known: None,
            alternatives: Vec::new(),
            evidence: Vec::new(),
            clipped: false,
        }
    }
}

/// How far a stream was listened to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Listened {
    /// Seconds of the stream.
    pub position_s: f64,
    /// Samples analysed.
    pub samples: u64,
    /// Samples the source lost.
    pub lost: u64,
    /// Time during which the receiver was overloaded.
    pub clipped_s: f64,
}

/// How the receiver and the machine are doing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Health {
    /// Samples analysed.
    pub samples_processed: u64,
    /// Samples the source lost.
    pub samples_dropped: u64,
    /// Time not listened to, losses included.
    pub blind_s: f64,
    /// Time during which the receiver was overloaded.
    pub clipped_s: f64,
    /// The receiver is overloaded now.
    pub overloaded: bool,
    /// Seconds of air analysed in a second.
    pub realtime_factor: f64,
    /// Share of each thread's time spent working, by stage.
    pub load: Vec<(&'static str, f64)>,
    /// Candidates turned down, by detector and reason.
    pub rejections: Vec<(Rejection, u64)>,
    /// Blocks waiting for analysis, and how many there are in all.
    pub backlog: (usize, usize),
    /// The recorder, where there is one.
    pub recorder: Option<Recorder>,
    /// What was heard of a plan, where there is one.
    pub coverage: Option<Covered>,
    /// What happened last, oldest first.
    pub notes: Arc<VecDeque<Note>>,
}

/// Something that happened, for the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// When, seconds of the stream.
    pub at_s: f64,
    /// What, in a sentence.
    pub text: String,
}

/// What became of one recording.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordingEnd {
    /// Its metadata.
    pub path: PathBuf,
    /// The part of the stream it holds, seconds from the stream's first sample.
    pub start_s: f64,
    /// End of that part.
    pub end_s: f64,
    /// Samples it holds.
    pub samples: u64,
    /// Samples that the source lost meanwhile.
    pub samples_dropped: u64,
    /// What started it; `None`: everything was recorded.
    pub trigger: Option<String>,
    /// Why it ended, where it was not to.
    pub failure: Option<String>,
}

impl RecordingEnd {
    /// One that could not begin.
    pub fn failed(path: PathBuf, why: impl ToString) -> Self {
        let failure = Some(why.to_string());
        Self { path, start_s: 0.0, end_s: 0.0, samples: 0, samples_dropped: 0, trigger: None, failure }
    }
}

/// How the recorder is doing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorder {
    /// It writes now.
    pub recording: bool,
    /// Recordings that have ended.
    pub recordings: u64,
    /// Time they hold.
    pub recorded_s: f64,
    /// Why there will be no more, where that is so.
    pub failure: Option<String>,
}

/// Where the stream stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    /// Samples are coming in.
    #[default]
    Running,
    /// Halted by the user.
    Paused,
    /// The recording is over.
    Finished,
    /// The source failed; the sentence says how.
    Failed(String),
}

/// An immutable picture of the sweep, published a few times a second.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// What is listened to.
    pub stream: Arc<Stream>,
    /// Where it stands.
    pub state: State,
    /// Seconds of the stream analysed.
    pub position_s: f64,
    /// Replay speed against real time; `None`: as fast as the machine allows.
    pub speed: Option<f64>,
    /// Spectrum of the last moments.
    pub spectrum: Spectrum,
    /// Latest rows, newest first.
    pub waterfall: Arc<VecDeque<WaterfallRow>>,
    /// Latest bursts, oldest first.
    pub bursts: Arc<VecDeque<Burst>>,
    /// Number of bursts in all.
    pub num_bursts: u64,
    /// Every transmitter, by `id`.
    pub transmitters: Arc<Vec<Transmitter>>,
    /// The zones, and the marks set in them; `walk.at(position_s)` is where the operator is.
    pub walk: Arc<Walk>,
    /// What was done to make modules answer, and who did, in order of time.
    pub stimuli: Arc<Vec<Answered>>,
    /// Losses, load, overload.
    pub health: Health,
}

impl Snapshot {
    /// Of a stream of which nothing has been heard yet.
    pub fn of(stream: Arc<Stream>) -> Self {
        Self {
            stream,
            state: State::Running,
            position_s: 0.0,
            speed: None,
            spectrum: Spectrum::default(),
            waterfall: Arc::default(),
            bursts: Arc::default(),
            num_bursts: 0,
            transmitters: Arc::default(),
            walk: Arc::default(),
            stimuli: Arc::default(),
            health: Health::default(),
        }
    }
}

/// What a screen asks of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Control {
    /// Halt, or go on.
    Pause(bool),
    /// Go to this instant of the recording.
    Seek(f64),
    /// Replay this many times as fast as real time.
    Speed(f64),
    /// While halted: advance by this much, then halt again.
    Step(f64),
    /// Start a recording, or end the one that this started.
    Record,
}
