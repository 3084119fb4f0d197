//! `record`: what a radio hears, to disk.

use anyhow::{Result, bail};

use super::sweep::{listen, tell_cuts, watch_signals};
use crate::cli::RecordArgs;
use crate::commands::{options, record_writer};
use crate::pipeline::{self, Outputs, RecordingOptions};
use crate::source::until::Until;

pub(super) fn run(args: &RecordArgs) -> Result<()> {
    let radio = listen(&args.radio, args.center)?;
    let cuts = (radio.cuts_unmeasured(), super::sweep::name(&radio));
    let recording = RecordingOptions {
        path: args.recording.clone(),
        format: radio.format(),
        triggers: args.trigger.triggers.clone(),
        before_s: args.trigger.before,
        after_s: args.trigger.after,
    };
    let source = Until::new(radio, args.radio.duration, watch_signals()?);
    let outputs = Outputs {
        records: Some(record_writer(None)?.only_recordings()),
        recording: Some(recording),
        log: Some(super::log),
        ..Outputs::default()
    };
    let outcome = pipeline::run(Box::new(source), options(&args.compute, None), outputs, None)?;
    tell_cuts(&cuts);
    match outcome.failure.or(outcome.unrecorded) {
        Some(failure) => bail!(failure),
        None => Ok(()),
    }
}
