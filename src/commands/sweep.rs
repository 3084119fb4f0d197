//! `sweep`: a live radio, into the screens or into records.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use captures::SampleFormat;

use super::replay::show;
use crate::cli::{Gain, RadioArgs, SweepArgs};
use crate::commands::{keep, known, log, options, record_writer, tell};
use crate::config::Config;
use crate::hop_plan::{HopPlan, Wanted};
use crate::pipeline::mqtt::Publisher;
use crate::pipeline::{self, Outputs, RecordingOptions};
use crate::records::RecordWriter;
use crate::records::rotation::Rotation;
use crate::source::Source;
use crate::source::hopping::Hopping;
use crate::source::radio::abilities::Abilities;
use crate::source::radio::{self, GainWish, Radio, Settings};
use crate::source::until::Until;
use crate::tracker::event::Event;

pub(super) fn run(args: &SweepArgs) -> Result<()> {
    let known = known(args.known.as_deref())?;
    // Told before a radio is looked for, as it cannot help.
    dsp::grid::Grid::new(args.radio.rate).map_err(|error| anyhow!("--rate: {error}"))?;
    let plan = plan(args)?;
    let center_hz = args.place.center.or(plan.as_ref().map(HopPlan::reference_hz)).unwrap_or_default();
    let radio = listen(&args.radio, center_hz)?;
    let cuts = (radio.cuts_unmeasured(), name(&radio));
    let recording = args.record.clone().map(|path| RecordingOptions {
        path,
        format: radio.format(),
        triggers: args.trigger.triggers.clone(),
        before_s: args.trigger.before,
        after_s: args.trigger.after,
    });
    // A radio that sets its gain itself does not tell it: its levels cannot be compared. One that is chosen here counts
    // from where it began, unless another sweep is to be compared.
    let counts_from_first = args.radio.gain == Gain::Auto && args.keep.directory.is_none();
    let gain = (!counts_from_first).then(|| Event::Gain { time_s: 0.0, gain_db: radio.gain_db() });
    let beginning = gain.into_iter().collect();
    let mut outputs = Outputs { known, recording, beginning, ..Outputs::default() };
    let format = radio.format();
    let swept = match plan {
        Some(plan) => {
            let hopping = Hopping::new(radio, Arc::new(plan));
            outputs.listeners.push(hopping.ear());
            sweep(hopping, format, args, outputs)
        }
        None => sweep(radio, format, args, outputs),
    };
    tell_cuts(&cuts);
    swept
}

/// The plan for what is asked for, as far as the radio reaches; none for a single frequency.
fn plan(args: &SweepArgs) -> Result<Option<HopPlan>> {
    let regional = args.place.region.iter().flat_map(|region| &region.0);
    let wanted: Vec<Wanted> = regional.chain(&args.place.band).chain(&args.place.range).cloned().collect();
    if wanted.is_empty() {
        return Ok(None);
    }
    let device = device(&args.radio)?;
    let found = radio::find(&device)?;
    let Some(found) = found.first() else { bail!(radio::none_found(&device)) };
    // A radio that cannot be asked is refused when it is opened.
    let able = Abilities::of(found).unwrap_or_default();
    let mut heard = Vec::new();
    for band in wanted {
        let Some((low_hz, high_hz)) = able.part_of(band.low_hz, band.high_hz) else {
            told(&format!("{} cannot hear {}", found.label, band.name));
            continue;
        };
        if (low_hz, high_hz) != (band.low_hz, band.high_hz) {
            let (low, high) = (low_hz / 1e6, high_hz / 1e6);
            told(&format!("{} hears {} from {low} to {high} MHz only", found.label, band.name));
        }
        heard.push(Wanted { low_hz, high_hz, ..band });
    }
    if heard.is_empty() {
        bail!("{}: hears nothing of what is asked for; list what it hears with: cellsweep devices", found.label);
    }
    let plan = HopPlan::new(heard, args.radio.rate, args.session)?;
    if args.record.is_some() && !plan.stays() {
        bail!("--record: a recording has one frequency, but the radio would hop; give --center, or a higher --rate");
    }
    Ok(Some(plan))
}

fn told(sentence: &str) {
    let _ = writeln!(io::stderr(), "cellsweep: {sentence}");
}

fn sweep<S: Source + 'static>(source: S, format: SampleFormat, args: &SweepArgs, outputs: Outputs) -> Result<()> {
    let now_unix_s = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs_f64()).ok();
    let outputs = keep::keep(&args.keep, outputs, source.stream(), format, now_unix_s)?;
    if args.headless { print(source, format, args, outputs) } else { draw(source, args, outputs) }
}

/// The radio that is named, else the one that was chosen.
fn device(args: &RadioArgs) -> Result<String> {
    match args.device.as_str() {
        "" => Ok(Config::read()?.device.unwrap_or_default()),
        named => Ok(named.to_owned()),
    }
}

/// Opens the radio that is asked for, around a frequency.
pub(super) fn listen(args: &RadioArgs, center_frequency_hz: f64) -> Result<Radio> {
    dsp::grid::Grid::new(args.rate).map_err(|error| anyhow!("--rate: {error}"))?;
    let radio = Radio::open(&Settings {
        device: device(args)?,
        center_frequency_hz,
        sample_rate_hz: args.rate,
        gain: match args.gain {
            Gain::Auto => GainWish::Auto,
            Gain::Device => GainWish::Device,
            Gain::Db(db) => GainWish::Db(db),
        },
    })?;
    if let Some(note) = radio.gain_note() {
        tell(&format!("{}: {note}", name(&radio)));
    }
    Ok(radio)
}

/// What the radio is called.
pub(super) fn name(radio: &Radio) -> String {
    radio.stream().name.clone()
}

/// Tells of losses of which nobody knows the length.
pub(super) fn tell_cuts((cuts, name): &(Arc<AtomicU64>, String)) {
    match cuts.load(Ordering::Relaxed) {
        0 => {}
        cuts => {
            let _ = writeln!(
                io::stderr(),
                "{name}: the stream was cut {cuts} times and the radio does not tell for how long: more was lost than \
                 is counted, and times are early by it; lower --rate or free the machine"
            );
        }
    }
}

fn draw<S: Source + 'static>(source: S, args: &SweepArgs, outputs: Outputs) -> Result<()> {
    // The screens watch the keys and the signals; when they end, so does the pipeline.
    let source = Until::new(source, args.radio.duration, Arc::default());
    show(Box::new(source), options(&args.compute, None), args.screen, outputs)
}

/// A flag that is set when somebody asks for an orderly end.
pub(super) fn watch_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP] {
        // The first asks for an orderly end, the second does not wait for it.
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .context("signals cannot be watched")?;
    }
    Ok(stop)
}

fn print<S: Source + 'static>(source: S, format: SampleFormat, args: &SweepArgs, outputs: Outputs) -> Result<()> {
    let stop = watch_signals()?;
    let publisher = args.mqtt.as_ref().map(|broker| Publisher::start(broker, told)).transpose()?;
    let mut records = records(args)?.published(publisher);
    if !records.radio(source.stream(), format, source.hop_plan().as_deref())? {
        return Ok(());
    }
    let source = Until::new(source, args.radio.duration, stop);
    let outputs = Outputs { records: Some(records), log: Some(log), ..outputs };
    let outcome = pipeline::run(Box::new(source), options(&args.compute, None), outputs, None)?;
    if let Some(sentence) = outcome.records.and_then(RecordWriter::finish) {
        told(&sentence);
    }
    match outcome.failure {
        Some(failure) => bail!(failure),
        None => Ok(()),
    }
}

/// Where the records of a sweep go.
fn records(args: &SweepArgs) -> Result<RecordWriter> {
    let Some((path, every_s)) = args.output.as_deref().zip(args.rotate) else {
        return record_writer(args.output.as_deref());
    };
    let (rotation, file) = Rotation::begin(path, Duration::from_secs_f64(every_s))
        .with_context(|| format!("{}: cannot be written; name another --output", path.display()))?;
    Ok(RecordWriter::new(file, path.display().to_string()).rotating(rotation))
}
