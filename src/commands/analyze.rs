//! `analyze`: batch, records. Of a file with several channels or centre frequencies, each is analysed in turn.

use std::path::Path;
use std::sync::{Arc, mpsc};

use anyhow::{Result, anyhow, bail, ensure};
use captures::{Capture, OpenOptions};

use crate::cli::AnalyzeArgs;
use crate::commands::annotations::{self, Annotations};
use crate::commands::results::Results;
use crate::commands::{keep, known, options, record_writer, tell};
use crate::pipeline::{self, Listener, Options, Outputs};
use crate::records::RecordWriter;
use crate::source::Source;
use crate::source::capture_file::CaptureFile;
use crate::source::vetted;
use crate::tracker::known::Known;

/// Captures up to this size have their hash in the record; hashing a larger one would delay its analysis.
const MAX_HASHED_BYTES: u64 = 1 << 30;

/// Analyses each capture in turn.
pub(super) fn run(args: &AnalyzeArgs) -> Result<()> {
    let known = known(args.known.as_deref())?;
    let given = args.open.open_options();
    ensure!(
        args.keep.directory.is_none() || args.captures.len() == 1,
        "--keep takes one capture; continue it with the next by --resume"
    );
    // All are opened before anything is written, so that a wrong name is told at once.
    let mut opened = Vec::new();
    for path in &args.captures {
        let capture = vetted::open(path, &given)?;
        dsp::grid::Grid::new(capture.info().sample_rate_hz).map_err(|error| anyhow!("{}: {error}", path.display()))?;
        if args.annotate {
            annotations::metadata_of(path)?;
        }
        opened.push(capture);
    }
    let mut results = args.hdf5.as_deref().map(Results::create).transpose()?;
    let mut records = record_writer(args.output.as_deref())?;
    let mut cut_short = Vec::new();
    for capture in opened {
        let info = capture.info().clone();
        for warning in &info.warnings {
            tell(&format!("{}: {warning}", info.path.display()));
        }
        let file = File { args, known: &known, given: &given, capture };
        match file.analyze(records, &mut results)? {
            Some(writer) => records = writer,
            None => return Ok(()),
        }
        if info.cut_short {
            cut_short.push(format!("{}: {}", info.path.display(), info.warnings.join("; ")));
        }
    }
    if !cut_short.is_empty() {
        bail!("{}; what is there was analysed: bring the whole file for the rest", cut_short.join("; "));
    }
    Ok(())
}

/// A file, its first stream open.
struct File<'a> {
    args: &'a AnalyzeArgs,
    known: &'a Arc<Known>,
    given: &'a OpenOptions,
    capture: Capture,
}

impl File<'_> {
    /// Analyses each stream; the record writer comes back where its reader is still there.
    fn analyze(self, mut records: RecordWriter, results: &mut Option<Results>) -> Result<Option<RecordWriter>> {
        let Self { args, known, given, capture } = self;
        let info = capture.info().clone();
        let bytes = info.samples * info.format.bytes_per_sample() as u64 * info.num_channels as u64;
        let sha256 = if bytes <= MAX_HASHED_BYTES { Some(capture.sha256()?) } else { None };
        let (all, annotated) = mpsc::channel();
        let mut first = Some(capture);
        for options in streams(&info, given) {
            let capture = match first.take() {
                Some(capture) => capture,
                None => captures::open(&info.path, &options)?,
            };
            let mut listeners: Vec<Box<dyn Listener>> = Vec::new();
            if args.annotate {
                listeners.push(Box::new(Annotations::new(capture.info(), all.clone())));
            }
            let (give_back, given_back) = mpsc::channel();
            if let Some(results) = results.take() {
                let again = captures::open(&info.path, &options)?;
                listeners.push(results.listen(again, give_back)?);
            }
            let outputs = Outputs { listeners, known: Arc::clone(known), ..Outputs::default() };
            let outcome = analyze(args, capture, sha256.clone(), outputs, records)?;
            *results = given_back.try_recv().ok();
            match outcome {
                Some(writer) => records = writer,
                None => return Ok(None),
            }
        }
        drop(all);
        if args.annotate {
            annotations::write(
                &annotations::metadata_of(&info.path)?,
                &annotated.iter().flatten().collect::<Vec<_>>(),
            )?;
        }
        Ok(Some(records))
    }
}

/// How to open each stream that is asked for, the one of `info` first.
fn streams(info: &captures::CaptureInfo, given: &OpenOptions) -> Vec<OpenOptions> {
    let channels = given.channel.map_or(0..info.num_channels, |channel| channel..channel + 1);
    // A centre that is given chooses one part of several.
    let parts = match given.center_frequency_hz {
        Some(_) => info.part..info.part + 1,
        None => 0..info.num_parts,
    };
    let of_channel = |channel| {
        let stream =
            move |part| OpenOptions { channel: Some(channel), part: Some(part), verify: false, ..given.clone() };
        parts.clone().map(stream)
    };
    channels.flat_map(of_channel).collect()
}

/// Analyses one stream.
fn analyze(
    args: &AnalyzeArgs,
    capture: Capture,
    sha256: Option<String>,
    outputs: Outputs,
    mut records: RecordWriter,
) -> Result<Option<RecordWriter>> {
    let info = capture.info().clone();
    if !records.capture(&info, sha256)? {
        return Ok(None);
    }
    let source = Box::new(CaptureFile::new(capture));
    let outputs = Outputs { records: Some(records), ..outputs };
    let outputs = keep::keep(&args.keep, outputs, source.stream(), info.format, None)?;
    let options = Options { thorough: args.thorough, ..options(&args.compute, None) };
    let outcome = pipeline::run(source, options, outputs, None)?;
    if let Some(failure) = outcome.failure {
        bail!(failure);
    }
    let performance = &outcome.summary.performance;
    tell(&format!(
        "{}: {} bursts of {} transmitters in {:.3} s of air, {:.1} times real time",
        name(&info),
        outcome.summary.bursts,
        outcome.summary.transmitters,
        info.samples as f64 / info.sample_rate_hz,
        performance.realtime_factor
    ));
    Ok(outcome.records)
}

/// What a stream is called to a person.
fn name(info: &captures::CaptureInfo) -> String {
    let mut name = Path::display(&info.path).to_string();
    if info.num_channels > 1 {
        name += &format!(" channel {}", info.channel);
    }
    if let Some(center_hz) = info.center_frequency_hz.filter(|_| info.num_parts > 1) {
        name += &format!(" at {:.6} MHz", center_hz / 1e6);
    }
    name
}
