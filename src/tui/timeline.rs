//! Bursts over time, a line for each transmitter, with what was done and where the operator was.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::app::App;
use super::zones;
use super::{header, words};
use crate::pipeline::snapshot::{Snapshot, Transmitter};
use crate::tracker::cadence::Counts;
use crate::tracker::stimuli::Kind;

/// The keys of the stimuli, in the order of [`Kind::ALL`].
pub(super) const KEYS: [char; 6] = ['i', 'p', 'v', 'c', 'o', 'd'];
/// Columns of the labels, and of what is said of the rhythm.
const LABEL_WIDTH: usize = 24;
const RHYTHM_WIDTH: usize = 26;
/// Width from which on the rhythm stands at the right.
const RHYTHM_FROM_WIDTH: u16 = 120;
/// Shortest window.
const MIN_WINDOW_S: f64 = 2.0;

/// Stretch of time on screen.
#[derive(Debug, Clone, Copy)]
struct Window {
    from_s: f64,
    to_s: f64,
    columns: usize,
}

impl Window {
    /// All that was listened to, or a power of two of it up to now.
    fn new(position_s: f64, stretch: i8, columns: usize) -> Self {
        let to_s = if position_s.is_finite() { position_s.clamp(MIN_WINDOW_S, 1e9) } else { MIN_WINDOW_S };
        let length_s = (to_s * 2f64.powi(i32::from(stretch))).clamp(MIN_WINDOW_S, to_s);
        Self { from_s: to_s - length_s, to_s, columns: columns.max(1) }
    }

    /// Column of an instant.
    fn column(&self, time_s: f64) -> Option<usize> {
        let share = (time_s - self.from_s) / (self.to_s - self.from_s);
        (0.0..=1.0).contains(&share).then(|| ((share * self.columns as f64) as usize).min(self.columns - 1))
    }
}

/// Draws it; nothing on it is scrolled.
pub(super) fn draw(app: &App, snapshot: &Snapshot, frame: &mut Frame, area: Rect) -> u16 {
    let rows = app.rows(snapshot);
    if rows.is_empty() {
        header::draw_note(&["No transmitter to show yet."], app, frame, area);
        return 0;
    }
    let rhythm_width = if area.width >= RHYTHM_FROM_WIDTH { RHYTHM_WIDTH } else { 0 };
    let columns = usize::from(area.width).saturating_sub(LABEL_WIDTH + rhythm_width + 1);
    let window = Window::new(snapshot.position_s, app.stretch.min(0), columns);
    let selected = app.selected_index(&rows).unwrap_or(0);
    let said = responses(rows[selected], usize::from(area.width));
    let [lines_area, done, said_area] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(3), Constraint::Length(said.len() as u16)])
            .areas(area);
    let height = usize::from(lines_area.height);
    // The selected one stays in sight.
    let first = (selected + 1).saturating_sub(height);
    let lines: Vec<Line> = rows
        .iter()
        .enumerate()
        .skip(first)
        .take(height)
        .map(|(index, row)| line(app, snapshot, row, index == selected, window, rhythm_width > 0))
        .collect();
    frame.render_widget(Paragraph::new(lines), lines_area);
    frame.render_widget(Paragraph::new(below(app, snapshot, window)), done);
    frame.render_widget(Paragraph::new(said), said_area);
    0
}

fn line(
    app: &App,
    snapshot: &Snapshot,
    row: &Transmitter,
    is_selected: bool,
    window: Window,
    with_rhythm: bool,
) -> Line<'static> {
    let mut cells = vec!["·"; window.columns];
    for burst in snapshot.bursts.iter().filter(|burst| burst.transmitter == Some(row.id)) {
        let extent = &burst.finding.extent;
        let first = window.column(extent.start_s.max(window.from_s));
        if let (Some(first), true) = (first, extent.end_s >= window.from_s) {
            let last = window.column(extent.end_s).unwrap_or(window.columns - 1).max(first);
            cells[first..=last].fill("█");
        }
    }
    let pointer = if is_selected { "▸" } else { " " };
    let label = format!(
        "{pointer}{:>3} {:8}{:>10}",
        row.id,
        words::technology(row.technology),
        words::ago(snapshot.position_s - row.last_s)
    );
    let label: String = label.chars().take(LABEL_WIDTH - 1).collect();
    let style = if is_selected { app.theme.chosen() } else { app.theme.technology(row.technology) };
    let mut spans = vec![
        Span::styled(format!("{label:<width$} ", width = LABEL_WIDTH - 1), style),
        Span::styled(cells.concat(), app.theme.technology(row.technology)),
    ];
    if with_rhythm {
        spans.push(Span::styled(format!(" {}", rhythm(row)), app.theme.quiet()));
    }
    Line::from(spans)
}

/// How its sessions come.
fn rhythm(row: &Transmitter) -> String {
    match &row.cadence {
        Some(cadence) if cadence.is_proven => {
            let from = match cadence.counts {
                Counts::FromClock => "by the clock",
                Counts::FromActivity => "after each",
            };
            format!("every {} {from}", words::duration(cadence.period_s))
        }
        _ => format!("{} sessions, no period", row.sessions),
    }
}

/// What was done, where the operator was, and the time.
fn below(app: &App, snapshot: &Snapshot, window: Window) -> Vec<Line<'static>> {
    let mut done = vec![' '; window.columns];
    for answered in snapshot.stimuli.iter() {
        let key = Kind::ALL.iter().position(|kind| *kind == answered.stimulus.kind).map_or('n', |kind| KEYS[kind]);
        if let Some(column) = window.column(answered.stimulus.time_s) {
            done[column] = key;
        }
    }
    let mut walked = vec![' '; window.columns];
    for (time_s, zone) in snapshot.walk.marks() {
        let key = zone.map_or('×', |zone| zones::KEYS.get(zone).copied().unwrap_or('+'));
        if let Some(column) = window.column(time_s) {
            walked[column] = key;
        }
    }
    let label = |text: &str| Span::styled(format!("{text:<LABEL_WIDTH$}"), app.theme.quiet());
    let (from, to) = (words::duration(window.from_s), words::duration(window.to_s));
    let gap = window.columns.saturating_sub(from.chars().count() + to.chars().count());
    vec![
        Line::from(vec![label("     done"), Span::styled(done.into_iter().collect::<String>(), app.theme.warning())]),
        Line::from(vec![label("     zone"), Span::styled(walked.into_iter().collect::<String>(), app.theme.title())]),
        Line::from(vec![label("     time"), Span::styled(format!("{from}{}{to}", " ".repeat(gap)), app.theme.quiet())]),
    ]
}

/// How the selected one takes what was done.
fn responses(row: &Transmitter, width: usize) -> Vec<Line<'static>> {
    let sentences = row.responses.iter().map(|response| {
        format!(
            "{} answered {} of {} times {}, mostly after {}; by chance any would: {}",
            row.id,
            response.answered,
            response.stimuli,
            response.kind.name(),
            words::duration(response.median_after_s),
            words::share(response.chance_of_any),
        )
    });
    sentences.flat_map(|sentence| words::wrap(&sentence, width.saturating_sub(1))).take(4).map(Line::raw).collect()
}
