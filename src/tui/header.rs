//! The lines above and below every screen: the tabs, what is going on, the keys.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::Screen;
use super::app::App;
use super::keys;
use super::words;
use crate::pipeline::snapshot::{Snapshot, State};

/// Width from which on the program's name stands before the tabs.
const NAME_FROM_WIDTH: u16 = 90;

/// Tabs, then what is going on; in one line only the latter.
pub(super) fn draw_head(app: &App, snapshot: Option<&Snapshot>, frame: &mut Frame, area: Rect) {
    let mut lines = vec![doing(app, snapshot, area.width)];
    if area.height >= 2 {
        lines.insert(0, tabs(app, area.width));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn tabs(app: &App, width: u16) -> Line<'static> {
    let name = if width >= NAME_FROM_WIDTH { " cellsweep  " } else { "" };
    let mut spans = vec![Span::styled(name, app.theme.title())];
    for (index, screen) in Screen::ALL.into_iter().enumerate() {
        let style = if screen == app.screen { app.theme.chosen() } else { app.theme.quiet() };
        spans.push(Span::styled(format!(" {} {} ", index + 1, screen.name()), style));
    }
    Line::from(spans)
}

fn doing(app: &App, snapshot: Option<&Snapshot>, width: u16) -> Line<'static> {
    let Some(snapshot) = snapshot else { return Line::styled(" Waiting for the first samples …", app.theme.title()) };
    let stream = &snapshot.stream;
    let verb = match (&snapshot.state, app.live) {
        (State::Failed(_), _) => "Failed on",
        (State::Finished, _) => "Listened to",
        (_, true) => "Listening to",
        (_, false) => "Replaying",
    };
    let frequency = stream.center_frequency_hz.map_or("frequency not known".into(), words::megahertz);
    let mut facts = vec![frequency, words::rate(stream.sample_rate_hz), progress(snapshot)];
    match (&snapshot.state, snapshot.speed) {
        (State::Paused, _) => facts.push("PAUSED".into()),
        (State::Finished, _) => facts.push("finished".into()),
        (State::Failed(_), _) => facts.push("FAILED".into()),
        (State::Running, Some(speed)) if !app.live => facts.push(format!("at {speed}×")),
        (State::Running, None) if !app.live => facts.push("full speed".into()),
        (State::Running, _) => {}
    }
    if let Some(covered) = snapshot.health.coverage.as_ref().filter(|covered| covered.slot.1 > 1) {
        facts.push(format!("hop {} of {}", covered.slot.0 + 1, covered.slot.1));
    }
    if snapshot.health.recorder.as_ref().is_some_and(|recorder| recorder.recording) {
        facts.push("RECORDING".into());
    }
    let facts = facts.join(" · ");
    let room = usize::from(width).saturating_sub(verb.len() + facts.chars().count() + 5);
    let loud = match snapshot.state {
        State::Running => app.theme.title(),
        State::Paused | State::Finished => app.theme.warning(),
        State::Failed(_) => app.theme.alarm(),
    };
    Line::from(vec![
        Span::raw(format!(" {verb} ")),
        Span::styled(elide(&stream.name, room), app.theme.title()),
        Span::raw(" · "),
        Span::styled(facts, loud),
    ])
}

/// `0.8 s of 0.8 s`, or how long a radio has been listened to.
fn progress(snapshot: &Snapshot) -> String {
    let position = words::duration(snapshot.position_s);
    match snapshot.stream.duration_s {
        Some(duration_s) => format!("{position} of {}", words::duration(duration_s)),
        None => position,
    }
}

/// A path or label in `room` characters: its file name where the whole does not fit, then the head of that.
fn elide(name: &str, room: usize) -> String {
    let room = room.max(8);
    if name.chars().count() <= room {
        return name.into();
    }
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    if file.chars().count() <= room { file.into() } else { file.chars().take(room - 1).chain(['…']).collect() }
}

/// The keys of this screen, as many as there is room for; one at the left of an arrow pair is joined to its partner.
pub(super) fn draw_foot(app: &App, frame: &mut Frame, area: Rect) {
    let mut spans = Vec::new();
    let mut used = 0;
    let mut partner = "";
    for binding in keys::bindings(app.screen, app.live) {
        if binding.short.is_empty() {
            partner = binding.label;
            continue;
        }
        let joined = matches!((partner, binding.label), ("↑", "↓") | ("←", "→"));
        let label = if joined { format!(" {partner}{}", binding.label) } else { format!(" {}", binding.label) };
        let short = format!(" {} ", binding.short);
        used += label.chars().count() + short.chars().count();
        if used > usize::from(area.width) {
            break;
        }
        spans.push(Span::styled(label, app.theme.title()));
        spans.push(Span::styled(short, app.theme.quiet()));
    }
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
}

/// What a screen says before there is anything to show.
pub(super) fn draw_waiting(app: &App, frame: &mut Frame, area: Rect) -> u16 {
    let advice = if app.live {
        "If nothing comes: is the radio plugged in, and does `cellsweep devices` list it?"
    } else {
        "The recording is being opened."
    };
    draw_note(&["Waiting for the first samples …", advice], app, frame, area);
    0
}

/// A few sentences in the middle of an area.
pub(super) fn draw_note(sentences: &[&str], app: &App, frame: &mut Frame, area: Rect) {
    let lines: Vec<Line> = sentences
        .iter()
        .flat_map(|sentence| words::wrap(sentence, usize::from(area.width).saturating_sub(2)))
        .map(|line| Line::styled(line, app.theme.quiet()))
        .collect();
    let top = area.height.saturating_sub(lines.len() as u16) / 2;
    let middle = Rect { y: area.y + top, height: area.height - top, ..area };
    frame.render_widget(Paragraph::new(lines).centered(), middle);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_head() {
        assert_eq!(elide("/tmp/captures/car.sigmf-meta", 40), "/tmp/captures/car.sigmf-meta");
        assert_eq!(elide("/tmp/captures/car.sigmf-meta", 20), "car.sigmf-meta");
        assert_eq!(elide("/tmp/captures/car.sigmf-meta", 10), "car.sigmf…");
        assert_eq!(elide("", 0), "");
    }
}
