//! How the receiver and the machine are doing, and what was turned down.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::app::App;
use super::page::{self, Lines};
use super::{alerts, words};
use crate::pipeline::snapshot::{Snapshot, State};

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
    lines.extend(machine(app, snapshot));
    lines.push(Line::default());
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
    vec![
        Line::styled("Receiver", app.theme.title()),
        fact(app, "Sample rate", "", false, words::rate(stream.sample_rate_hz)),
        fact(app, "Listened for", "", false, listened),
        lost,
        fact(app, "Not listened to", "", false, blind),
        overload,
        fact(app, "Bursts heard", "", false, words::count(snapshot.num_bursts)),
    ]
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
