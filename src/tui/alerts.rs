//! What must not be overlooked: failure, overload, losses, falling behind; each with what to do about it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::app::App;
use super::words;
use crate::pipeline::snapshot::{Health, Snapshot, State};

/// Share of the blocks waiting from which on the machine is said to fall behind.
const BEHIND_FROM: f64 = 0.8;

/// Share of time not listened to.
pub(super) fn blind_share(health: &Health, position_s: f64) -> f64 {
    if position_s > 0.0 { (health.blind_s / position_s).clamp(0.0, 1.0) } else { 0.0 }
}

fn alerts(snapshot: &Snapshot, live: bool) -> Vec<(&'static str, String)> {
    let Snapshot { state, health, position_s, .. } = snapshot;
    let mut alerts = Vec::new();
    if let State::Failed(sentence) = state {
        alerts.push(("FAILED", sentence.clone()));
    }
    if health.overloaded {
        let advice = "lower the gain or take the antenna off: readings are not reliable";
        alerts.push(("OVERLOAD", advice.into()));
    }
    if health.samples_dropped > 0 {
        let (lost, blind) = (words::count(health.samples_dropped), words::share(blind_share(health, *position_s)));
        let advice = if live { "lower the sample rate" } else { "the recording has gaps" };
        alerts.push(("LOST", format!("{lost} samples, {blind} of the time not heard: {advice}")));
    }
    if let Some(why) = snapshot.health.recorder.as_ref().and_then(|recorder| recorder.failure.clone()) {
        alerts.push(("UNRECORDED", why));
    }
    let (waiting, blocks) = health.backlog;
    if live && blocks > 0 && waiting as f64 >= BEHIND_FROM * blocks as f64 {
        alerts.push(("BEHIND", "the machine is too slow: lower the sample rate or close other programs".into()));
    }
    alerts
}

/// The alerts as lines, no more than a quarter of the screen.
pub(super) fn lines(snapshot: &Snapshot, app: &App, area: Rect) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (word, sentence) in alerts(snapshot, app.live) {
        let word = format!(" {word} ");
        let indent = word.chars().count() + 1;
        for (index, text) in
            words::wrap(&sentence, usize::from(area.width).saturating_sub(indent)).into_iter().enumerate()
        {
            let head = if index == 0 { word.clone() } else { String::new() };
            let gap = indent - head.chars().count();
            lines.push(Line::from(vec![
                Span::styled(head, app.theme.alarm()),
                Span::raw(" ".repeat(gap)),
                Span::styled(text, app.theme.warning()),
            ]));
        }
    }
    lines.truncate(usize::from(area.height / 4).max(usize::from(area.height > 2)));
    lines
}

/// Draws the alerts.
pub(super) fn draw(lines: Vec<Line<'static>>, frame: &mut Frame, area: Rect) {
    frame.render_widget(Paragraph::new(lines), area);
}
