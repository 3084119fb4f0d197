//! `sweep`: a live radio, into the screens or into records.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};

use super::replay::show;
use crate::cli::SweepArgs;
use crate::commands::{keep, known, options, record_writer, tell};
use crate::pipeline::{self, Outputs};
use crate::source::Source;
use crate::source::radio::{Radio, Settings};
use crate::source::until::Until;
use crate::tracker::event::Event;

pub(super) fn run(args: &SweepArgs) -> Result<()> {
    let known = known(args.known.as_deref())?;
    // Told before a radio is looked for, as it cannot help.
    dsp::grid::Grid::new(args.rate).map_err(|error| anyhow!("--rate: {error}"))?;
    let radio = Radio::open(&Settings {
        device: args.device.clone(),
        center_frequency_hz: args.center,
        sample_rate_hz: args.rate,
        gain_db: args.gain,
    })?;
    let stream = radio.stream().clone();
    if let Some(note) = radio.gain_note() {
        tell(&format!("{}: {note}", stream.name));
    }
    let cuts = radio.cuts_unmeasured();
    // A radio that sets its gain itself does not tell it: its levels cannot be compared.
    let is_automatic = args.gain.is_none() && radio.gain_note().is_none();
    let gain = Event::Gain { time_s: 0.0, gain_db: args.gain };
    let beginning = if is_automatic || args.gain.is_some() { vec![gain] } else { Vec::new() };
    let outputs = Outputs { known, beginning, ..Outputs::default() };
    let now_unix_s = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs_f64()).ok();
    let outputs = keep::keep(&args.keep, outputs, &stream, radio.format(), now_unix_s)?;
    let swept = if args.headless { print(radio, args, outputs) } else { draw(radio, args, outputs) };
    match cuts.load(Ordering::Relaxed) {
        0 => {}
        cuts => {
            let _ = writeln!(
                io::stderr(),
                "{}: the stream was cut {cuts} times and the radio does not tell for how long: more was lost than is \
                 counted, and times are early by it; lower --rate or free the machine",
                stream.name
            );
        }
    }
    swept
}

fn draw(radio: Radio, args: &SweepArgs, outputs: Outputs) -> Result<()> {
    // The screens watch the keys and the signals; when they end, so does the pipeline.
    let source = Until::new(radio, args.duration, Arc::default());
    show(Box::new(source), options(&args.compute, None), args.screen, outputs)
}

fn print(radio: Radio, args: &SweepArgs, outputs: Outputs) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP] {
        // The first asks for an orderly end, the second does not wait for it.
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .context("signals cannot be watched")?;
    }
    let mut records = record_writer(args.output.as_deref())?;
    if !records.radio(radio.stream(), radio.format())? {
        return Ok(());
    }
    let source = Until::new(radio, args.duration, stop);
    let outputs = Outputs { records: Some(records), ..outputs };
    let outcome = pipeline::run(Box::new(source), options(&args.compute, None), outputs, None)?;
    match outcome.failure {
        Some(failure) => bail!(failure),
        None => Ok(()),
    }
}
