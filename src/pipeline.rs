//! From a source of IQ to transmitters: blocks, pool, threads, health. The only room that spawns a thread,
//! but for the one a radio's driver may never give back.
//!
//! ```text
//! reader ─► blocks ─► front end ─► questions ─► analysts ─► answers ─► collector ─► records, snapshots
//!    ▲──── empty blocks ◄─┘  ▲──── used questions ◄─┘
//! ```
//! Blocks and questions move by pointer through bounded channels. Everything the front end says carries a number in
//! order, and the collector takes it in that order, so the findings do not depend on the number of threads.

mod block;
mod collector;
mod counters;
mod front;
pub mod mqtt;
mod reader;
pub mod recorded;
mod recorder;
mod recordings;
pub mod snapshot;

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, Sender, bounded};
use dsp::analyst::Analyst;
use dsp::frontend::{FrontEnd, Row};

use crate::hop_plan::coverage::Coverage;
use crate::records::{RecordWriter, Summary};
use crate::source::Source;
use crate::tracker::Tracker;
use crate::tracker::baseline::Baseline;
use crate::tracker::event::Event;
use crate::tracker::known::Known;
use crate::tracker::zones::ZoneList;
use block::Pool;
use collector::Collector;
use counters::{Counters, Stage};
use front::{Front, Message, Recycled, Task};
use reader::Reader;
use recordings::Recordings;
use snapshot::{Burst, Control, Listened, Note, Snapshot, Transmitter};

pub use collector::Outcome;
pub use recorder::{RecordingOptions, Trigger};

/// Blocks in flight.
const NUM_BLOCKS: usize = 8;
/// Longest and shortest block.
const MAX_BLOCK_S: f64 = 2.0;
const MIN_BLOCK_SAMPLES: usize = 64;
/// Bytes of all blocks together at the most; a radio does not wait while the analysis catches up.
const MAX_POOL_BYTES: usize = 16 << 20;
const MAX_LIVE_POOL_BYTES: usize = 64 << 20;
/// Display rows in flight.
const NUM_ROWS: usize = 16;
/// Messages that may wait for the collector.
const MESSAGES: usize = 4096;

/// How a pipeline is to run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Threads that compute; at least 1. The findings do not depend on it.
    pub threads: usize,
    /// Length of a block; the findings do not depend on it.
    pub block_s: f64,
    /// Seconds of the stream a second; `None`: as fast as the machine allows.
    pub speed: Option<f64>,
    /// Look for weak signals everywhere, however long that takes.
    pub thorough: bool,
}

impl Default for Options {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { threads, block_s: 0.02, speed: None, thorough: false }
    }
}

/// Who listens to the findings.
#[derive(Default)]
pub struct Outputs {
    /// Where records go as bursts are settled.
    pub records: Option<RecordWriter>,
    /// Where snapshots go; one is dropped where the last has not been taken yet.
    pub snapshots: Option<Sender<Arc<Snapshot>>>,
    /// Who else hears of the findings.
    pub listeners: Vec<Box<dyn Listener>>,
    /// The transmitters the user knows, which are told by their names.
    pub known: Arc<Known>,
    /// The reference that transmitters are held against.
    pub baseline: Option<Arc<Baseline>>,
    /// The zones that will be walked.
    pub zones: Arc<ZoneList>,
    /// What happens beside bursts, with its instant in the stream: a screen's marks and stimuli, a radio's gain.
    pub events: Option<Receiver<Event>>,
    /// What is known before the next sample: the receiver's gain.
    pub beginning: Vec<Event>,
    /// What an earlier part of the sweep came to, where it is continued.
    pub past: Option<Past>,
    /// What is to be recorded.
    pub recording: Option<RecordingOptions>,
    /// Who reads the log as it is written.
    pub log: Option<fn(&Note)>,
}

/// An earlier part of a sweep: its bursts came before the stream, at negative times.
#[derive(Debug, Clone)]
pub struct Past {
    /// Has heard all of it.
    pub tracker: Tracker,
    /// Bursts it had.
    pub num_bursts: u64,
}

/// Hears of findings beside the records.
pub trait Listener: Send {
    /// A burst that is settled, in the order of the records.
    ///
    /// # Errors
    /// where it cannot be kept; that ends the run.
    fn burst(&mut self, burst: &Burst) -> Result<()>;

    /// Something that happened beside bursts, as it comes.
    ///
    /// # Errors
    /// where it cannot be kept; that ends the run.
    fn event(&mut self, _event: &Event) -> Result<()> {
        Ok(())
    }

    /// How far the stream was listened to.
    ///
    /// # Errors
    /// where it cannot be kept; that ends the run.
    fn listened(&mut self, _listened: &Listened) -> Result<()> {
        Ok(())
    }

    /// Some time has passed, with bursts or without: twenty times a second at the least.
    ///
    /// # Errors
    /// where what was heard cannot be kept; that ends the run.
    fn tick(&mut self) -> Result<()> {
        Ok(())
    }

    /// No burst that begins before this instant is still to come.
    ///
    /// # Errors
    /// where what was heard cannot be kept.
    fn settled(&mut self, _settled_s: f64) -> Result<()> {
        Ok(())
    }

    /// The stream is over: the transmitters of the whole.
    ///
    /// # Errors
    /// where what was heard cannot be kept.
    fn end(&mut self, transmitters: &[Transmitter]) -> Result<()>;

    /// The figures of the whole, after the end.
    ///
    /// # Errors
    /// where they cannot be kept.
    fn summary(&mut self, _summary: &Summary) -> Result<()> {
        Ok(())
    }
}

/// Runs one stream through to its end, or until `controls` has no sender left.
///
/// # Errors
/// where the rate cannot be analysed, a thread cannot be started, the source fails, or records cannot be written.
pub fn run(
    source: Box<dyn Source>,
    options: Options,
    mut outputs: Outputs,
    controls: Option<Receiver<Control>>,
) -> Result<Outcome> {
    let begun = Instant::now();
    let stream = Arc::new(source.stream().clone());
    let front_end = FrontEnd::new(stream.sample_rate_hz, source.full_scale()).with_context(|| stream.name.clone())?;
    let front_end = if options.thorough { front_end.thorough() } else { front_end };
    let hop_samples = front_end.grid().hop();
    let recorder =
        outputs.recording.take().map(|options| recorder::start(options, &stream, hop_samples)).transpose()?;
    let (tap, reports) = recorder.map_or((None, None), |started| {
        outputs.listeners.push(started.ear);
        (Some(started.tap), Some((started.reports, started.gauge)))
    });
    let coverage = source.hop_plan().map(Coverage::new);
    let num_slots = coverage.as_ref().map_or(0, |coverage| coverage.plan().slots().len());
    let counters = Arc::new(Counters::default());
    counters.set_speed(options.speed);
    let threads = options.threads.max(1);
    let block_s = options.block_s.clamp(0.0, MAX_BLOCK_S);
    let most_bytes = if source.is_live() { MAX_LIVE_POOL_BYTES } else { MAX_POOL_BYTES };
    let most = most_bytes / NUM_BLOCKS / size_of::<num_complex::Complex32>();
    let block_samples = ((block_s * stream.sample_rate_hz) as usize).clamp(MIN_BLOCK_SAMPLES, most);
    let pool = Pool::new(NUM_BLOCKS, block_samples);
    let (full, blocks) = bounded(NUM_BLOCKS);
    let (tasks, work) = bounded::<Task>(2 * threads);
    let (messages, inbox) = bounded::<Message>(MESSAGES);
    let (questions, rows) = (Recycled::new(4 * threads, front::roomy_question), Recycled::new(NUM_ROWS, Row::default));
    let linger = controls.is_some();
    // Batch work has no controls: a channel that never speaks and never closes takes their place.
    let (_keep, silent) = bounded(1);

    let outcome = std::thread::scope(|scope| {
        let reader = Reader {
            source,
            pool: &pool,
            full,
            controls: controls.unwrap_or(silent),
            counters: &counters,
            speed: options.speed,
            linger,
            tap,
        };
        let spawn = |name: &str| std::thread::Builder::new().name(name.to_owned());
        spawn("reader").spawn_scoped(scope, move || reader.run())?;

        // The first computing thread is the front end; with one thread it answers its own questions.
        for _ in 1..threads {
            let (work, messages, questions, counters) = (work.clone(), messages.clone(), &questions, &counters);
            spawn("analyst").spawn_scoped(scope, move || {
                let mut analyst = Analyst::default();
                for task in work {
                    let started = Instant::now();
                    let answered = front::answer(&mut analyst, task, questions);
                    counters.add_busy(Stage::Detectors, started.elapsed());
                    if messages.send(answered).is_err() {
                        return;
                    }
                }
            })?;
        }
        drop(work);
        let tasks = (threads > 1).then_some(tasks);
        let (questions, rows, counted, used) = (&questions, &rows, &counters, &pool.used);
        spawn("front end").spawn_scoped(scope, move || {
            Front::new(front_end, num_slots, tasks, messages, questions, rows, counted).run(blocks, used);
        })?;
        let recordings = reports.map(|(reports, gauge)| Recordings::new(reports, gauge));
        let collector =
            Collector::new(stream, outputs, (recordings, coverage), &counters, &rows.used, (begun, threads));
        collector.run(inbox)
    })?;
    Ok(outcome)
}

/// Runs one stream on threads of its own while `screen` runs here; ends when `screen` does.
///
/// # Errors
/// as [`run`], or what `screen` returns.
pub fn run_beside(
    source: Box<dyn Source>,
    options: Options,
    outputs: Outputs,
    controls: Receiver<Control>,
    screen: impl FnOnce() -> Result<()>,
) -> Result<Outcome> {
    std::thread::scope(|scope| {
        let pipeline = std::thread::Builder::new()
            .name("collector".to_owned())
            .spawn_scoped(scope, move || run(source, options, outputs, Some(controls)))?;
        let shown = screen();
        let outcome = pipeline.join().map_err(|_| anyhow::anyhow!("the analysis broke off; please report this"))?;
        shown.and(outcome)
    })
}
