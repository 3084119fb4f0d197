//! `replay`: a capture through the screens.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, anyhow, bail};
use crossbeam_channel::bounded;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::cli::{ReplayArgs, ScreenArgs};
use crate::commands::keep::zones;
use crate::commands::{known, options};
use crate::logbook::Sweep;
use crate::pipeline::{self, Outputs, recorded};
use crate::source::Source;
use crate::source::capture_file::CaptureFile;
use crate::source::vetted;
use crate::tracker::known::Known;
use crate::tui;

/// Snapshots and wishes under way between screen and pipeline.
const SNAPSHOTS: usize = 2;
const CONTROLS: usize = 16;

pub(super) fn run(args: &ReplayArgs) -> Result<()> {
    let known = known(args.known.as_deref())?;
    if args.capture.is_dir() {
        return play(&args.capture, args, known);
    }
    let capture = vetted::open(&args.capture, &args.open.open_options())?;
    let source = CaptureFile::new(capture);
    let outputs = Outputs { known, zones: zones(args.zones.as_deref())?, ..Outputs::default() };
    show(Box::new(source), options(&args.compute, Some(args.speed)), args.screen, outputs)
}

/// Runs a source under the screens until the user leaves.
pub(super) fn show(
    source: Box<dyn Source>,
    options: pipeline::Options,
    screen: ScreenArgs,
    outputs: Outputs,
) -> Result<()> {
    dsp::grid::Grid::new(source.stream().sample_rate_hz)
        .map_err(|error| anyhow!("{}: {error}", source.stream().name))?;
    let (stop, screens) = (watch_signals()?, screens(screen, source.is_live()));
    let (snapshots, shown) = bounded(SNAPSHOTS);
    let (wishes, controls) = bounded(CONTROLS);
    let (happens, events) = bounded(CONTROLS);
    let outputs = Outputs { snapshots: Some(snapshots), events: Some(events), ..outputs };
    let wishes = tui::Wishes { controls: wishes, events: happens };
    let outcome = pipeline::run_beside(source, options, outputs, controls, move || {
        tui::run(shown, &wishes, stop, screens).context("the terminal cannot be drawn on; use analyze to print records")
    })?;
    if let Some(failure) = outcome.failure {
        bail!(failure);
    }
    Ok(())
}

/// Runs the directory of a sweep under the screens until the user leaves.
fn play(directory: &Path, args: &ReplayArgs, known: Arc<Known>) -> Result<()> {
    let sweep = Sweep::open(directory)?;
    let (stop, screens) = (watch_signals()?, screens(args.screen, false));
    let (snapshots, shown) = bounded(SNAPSHOTS);
    let (wishes, controls) = bounded(CONTROLS);
    let (happens, events) = bounded(CONTROLS);
    let wishes = tui::Wishes { controls: wishes, events: happens };
    recorded::play_beside(sweep, known, args.speed, (snapshots, controls, events), move || {
        tui::run(shown, &wishes, stop, screens).context("the terminal cannot be drawn on; use report to write a page")
    })
}

/// A flag that is set when the screens are to end.
fn watch_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    // A second signal ends a screen that does not answer; a terminal that has gone leaves nothing to restore.
    for signal in [SIGTERM, SIGINT] {
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .context("signals cannot be watched")?;
    }
    flag::register_conditional_shutdown(SIGHUP, 1, Arc::new(AtomicBool::new(true)))
        .context("signals cannot be watched")?;
    Ok(stop)
}

/// How the screens are to be drawn.
fn screens(args: ScreenArgs, live: bool) -> tui::Options {
    let no_color = args.no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    tui::Options { no_color, fps: args.fps, live }
}
