//! How the receiver and the machine are doing, and what was turned down.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::app::App;
use super::page::{self, Lines};
use super::{alerts, words};
use crate::hop_plan::coverage::{Covered, SESSIONS_S};
use crate::pipeline::snapshot::{Recorder, Snapshot, State};

/// Columns of the labels.
const LABEL_WIDTH: usize = 22;

/// Columns of a bar of load.
const BAR_WIDTH: usize = 20;

/// Load from which on a stage is near its limit.
const BUSY_FROM: f64 = 0.9;

/// Draws it; the answer is how far the text can be scrolled.
pub(super) fn draw(app: &App, snapshot: &Snapshot, frame: &mut Frame, area: Rect) -> u16 {
    let mut lines = receiver(app, snapshot);
    lines.push(Line::default());
    lines.extend(snapshot.health.coverage.iter().flat_map(|covered| coverage(app, covered, snapshot.position_s)));
    lines.extend(machine(app, snapshot));
    lines.push(Line::default());
    lines.extend(log(app, snapshot));
    lines.extend(rejections(app, snapshot));
    page::draw(lines, app.scroll, frame, area)
}

fn fact(app: &App, label: &str, word: &str, loud: bool, rest: String) -> Line<'static> {
    Line::from(vec![
        Span::styled(format!(" {label:LABEL_WIDTH$}"), app.theme.quiet()),
        Span::styled(word.to_string(), if loud { app.theme.alarm() } else { app.theme.title() }),
        Span::raw(if word.is_empty() { rest } else { format!(" {rest}") }),
    ])
}

fn receiver(app: &App, snapshot: &Snapshot) -> Lines {
    let Snapshot { stream, health, position_s, .. } = snapshot;
    let listened = format!("{} ({} samples)", words::duration(*position_s), words::count(health.samples_processed));
    let lost = match health.samples_dropped {
        0 => fact(app, "Lost", "none", false, String::new()),
        lost => fact(app, "Lost", " LOST ", true, format!("{} samples", words::count(lost))),
    };
    let blind = format!(
        "{} ({} of the time)",
        words::duration(health.blind_s),
        words::share(alerts::blind_share(health, *position_s))
    );
    let earlier = format!("{} in all", words::duration(health.clipped_s));
    let overload = if health.overloaded {
        fact(app, "Overload", " OVERLOAD ", true, format!("now, {earlier}"))
    } else if health.clipped_s > 0.0 {
        fact(app, "Overload", "earlier", false, earlier)
    } else {
        fact(app, "Overload", "none", false, String::new())
    };
    let mut lines = vec![
        Line::styled("Receiver", app.theme.title()),
        fact(app, "Sample rate", "", false, words::rate(stream.sample_rate_hz)),
        fact(app, "Listened for", "", false, listened),
        lost,
        fact(app, "Not listened to", "", false, blind),
        overload,
        fact(app, "Bursts heard", "", false, words::count(snapshot.num_bursts)),
    ];
    lines.extend(snapshot.health.recorder.as_ref().map(|recorder| recorded(app, recorder)));
    lines
}

fn recorded(app: &App, recorder: &Recorder) -> Line<'static> {
    let held = format!("{} recordings, {}", words::count(recorder.recordings), words::duration(recorder.recorded_s));
    match (&recorder.failure, recorder.recording) {
        (Some(_), _) => fact(app, "Recorded", " FAILED ", true, held),
        (None, true) => fact(app, "Recorded", "recording now", false, held),
        (None, false) => fact(app, "Recorded", "waiting", false, held),
    }
}

/// How much of the bands was heard, and what that catches.
fn coverage(app: &App, covered: &Covered, position_s: f64) -> Lines {
    let mut lines = vec![Line::styled("Coverage", app.theme.title())];
    if covered.slot.1 > 1 {
        let retune_ms = format!("{:.0} ms a retune, {} so far", covered.retune_s * 1e3, words::count(covered.retunes));
        lines.push(fact(app, "Back after", "", false, format!("{} ({retune_ms})", words::duration(covered.revisit_s))));
    }
    for band in &covered.bands {
        let heard = if position_s > 0.0 { (band.heard_s / position_s).clamp(0.0, 1.0) } else { 0.0 };
        let catch =
            SESSIONS_S.iter().zip(band.catch).map(|(session_s, p)| format!("{session_s} s {}", words::share(p)));
        let text = format!("heard {}; catches {}", words::share(heard), catch.collect::<Vec<_>>().join(", "));
        lines.push(fact(app, &band.name, "", false, text));
    }
    lines.push(Line::default());
    lines
}

/// What happened, latest first; nothing where nothing did.
fn log(app: &App, snapshot: &Snapshot) -> Lines {
    let told = snapshot.health.notes.iter().rev().map(|note| {
        Line::from(vec![
            Span::styled(format!(" {:>8}  ", words::duration(note.at_s)), app.theme.quiet()),
            Span::raw(note.text.clone()),
        ])
    });
    let mut lines: Lines = told.collect();
    if !lines.is_empty() {
        lines.insert(0, Line::styled("Log", app.theme.title()));
        lines.push(Line::default());
    }
    lines
}

fn machine(app: &App, snapshot: &Snapshot) -> Lines {
    let health = &snapshot.health;
    let factor = health.realtime_factor;
    let speed =
        if factor.is_finite() && factor > 0.0 { format!("{factor:.1}× real time") } else { words::UNKNOWN.into() };
    let slow = app.live && snapshot.state == State::Running && factor > 0.0 && factor < 0.95;
    let (waiting, blocks) = health.backlog;
    let mut lines = vec![
        Line::styled("Machine", app.theme.title()),
        fact(app, "Analysis speed", if slow { " TOO SLOW " } else { "" }, slow, speed),
        fact(app, "Waiting for analysis", "", false, format!("{waiting} of {blocks} blocks")),
    ];
    for (stage, load) in &health.load {
        let share = if load.is_finite() { load.clamp(0.0, 1.0) } else { 0.0 };
        let filled = (share * BAR_WIDTH as f64).round() as usize;
        let style = if share >= BUSY_FROM { app.theme.warning() } else { Style::new() };
        let percent = format!(" {:.0} % busy", share * 100.0);
        lines.push(Line::from(vec![
            Span::styled(format!(" {stage:LABEL_WIDTH$}"), app.theme.quiet()),
            Span::styled("█".repeat(filled), style),
            Span::styled("░".repeat(BAR_WIDTH - filled), app.theme.quiet()),
            Span::styled(percent, style),
        ]));
    }
    lines
}

fn rejections(app: &App, snapshot: &Snapshot) -> Lines {
    let mut rejections = snapshot.health.rejections.clone();
    rejections.sort_by_key(|(rejection, count)| (std::cmp::Reverse(*count), rejection.detector, rejection.reason));
    let mut lines = vec![Line::styled("Turned down: looked like a signal, failed a test", app.theme.title())];
    if rejections.is_empty() {
        lines.push(Line::styled(" none", app.theme.quiet()));
    }
    for (rejection, count) in rejections {
        lines.push(Line::from(vec![
            Span::raw(format!(" {:>8}  {:11} ", words::count(count), rejection.detector)),
            Span::raw(rejection.reason),
        ]));
    }
    lines
}
