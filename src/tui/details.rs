//! All that is known of one transmitter, and its level for walking towards it.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::app::App;
use super::page::{self, Lines};
use super::{header, table, words};
use crate::pipeline::snapshot::{Burst, Snapshot, Transmitter};

/// Width from which on its bursts stand beside the facts.
const BESIDE_FROM_WIDTH: u16 = 120;

/// Columns of the labels.
const LABEL_WIDTH: usize = 15;

/// Least level the bar shows.
const BAR_BOTTOM_DBFS: f32 = -100.0;

/// Draws it; the answer is how far the text can be scrolled.
pub(super) fn draw(app: &App, snapshot: &Snapshot, frame: &mut Frame, area: Rect) -> u16 {
    let rows = app.rows(snapshot);
    let Some(row) = app.selected(&rows) else {
        header::draw_note(&["No transmitter to show yet."], app, frame, area);
        return 0;
    };
    if area.width >= BESIDE_FROM_WIDTH {
        let [left, _, right] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Length(3), Constraint::Fill(1)]).areas(area);
        let furthest = page::draw(about(row, snapshot, app, left.width), app.scroll, frame, left);
        furthest.max(page::draw(bursts(row, snapshot, app, right.width), app.scroll, frame, right))
    } else {
        let mut lines = about(row, snapshot, app, area.width);
        lines.push(Line::default());
        lines.extend(bursts(row, snapshot, app, area.width));
        page::draw(lines, app.scroll, frame, area)
    }
}

/// Everything but its bursts.
pub(super) fn about(row: &Transmitter, snapshot: &Snapshot, app: &App, width: u16) -> Lines {
    let theme = &app.theme;
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("Transmitter {} · ", row.id), theme.title()),
        Span::styled(
            format!("{} {}", words::letter(row.technology), words::technology(row.technology)),
            theme.technology(row.technology),
        ),
        Span::raw(format!(" · {} sure", words::percent(row.confidence))),
    ])];
    let meaning = words::wrap(words::meaning(row.technology), usize::from(width));
    lines.extend(meaning.into_iter().map(|line| Line::styled(line, theme.quiet())));
    lines.push(level_bar(row, app, width));
    for (label, value) in facts(row, snapshot) {
        lines.extend(page::fact(label, &value, LABEL_WIDTH, width, theme.quiet()));
    }
    if row.clipped {
        let warning = "It overloaded the receiver: its level and frequency are not reliable. Turn the gain down.";
        lines.extend(
            words::wrap(warning, usize::from(width)).into_iter().map(|line| Line::styled(line, theme.warning())),
        );
    }
    if !row.evidence.is_empty() {
        lines.push(Line::styled("Why it is held to be one device", theme.title()));
        lines.extend(row.evidence.iter().flat_map(|sentence| page::bullet(sentence, width)));
    }
    lines
}

/// The latest level as a bar as wide as the page.
fn level_bar(row: &Transmitter, app: &App, width: u16) -> Line<'static> {
    let latest = row.levels.back().map_or(row.power_dbfs_max, |(_, level)| *level);
    let text = format!(" last {} dBFS, best {}", words::level(latest), words::level(row.power_dbfs_max));
    let room = usize::from(width).saturating_sub(text.chars().count() + LABEL_WIDTH + 1);
    let share = ((latest - BAR_BOTTOM_DBFS) / -BAR_BOTTOM_DBFS).clamp(0.0, 1.0);
    let filled = (share * room as f32) as usize;
    Line::from(vec![
        Span::styled(format!("{:LABEL_WIDTH$} ", "Level"), app.theme.quiet()),
        Span::styled("█".repeat(filled), app.theme.technology(row.technology)),
        Span::styled("░".repeat(room - filled.min(room)), app.theme.quiet()),
        Span::styled(text, app.theme.title()),
    ])
}

fn facts(row: &Transmitter, snapshot: &Snapshot) -> Vec<(&'static str, String)> {
    let unknown = || words::UNKNOWN.to_string();
    let channels: Vec<String> = row
        .channels
        .iter()
        .map(|(channel, count)| format!("{} × {}", words::count(*count), words::channel(*channel)))
        .collect();
    let cells = row.cell_ids.as_deref().map_or_else(unknown, |cells| table::cell_ids(cells, 12));
    vec![
        ("Level history", table::history(row, 32)),
        ("Frequency", words::frequency(&snapshot.stream, row.center_hz)),
        ("Width", words::width(row.bandwidth_hz)),
        ("Off its grid by", row.frequency_error_hz.map_or_else(unknown, |hz| format!("{} Hz", words::signed(hz, 1)))),
        ("Last heard", words::ago(snapshot.position_s - row.last_s)),
        ("First heard", format!("at {}", words::duration(row.first_s))),
        ("Repeats every", row.period_s.map_or_else(unknown, words::duration)),
        ("Talks to", cells),
        ("Bursts", words::count(row.bursts)),
        ("Kinds", channels.join(", ")),
    ]
}

/// Its latest bursts, latest first.
fn bursts(row: &Transmitter, snapshot: &Snapshot, app: &App, width: u16) -> Lines {
    let own: Vec<&Burst> = snapshot.bursts.iter().rev().filter(|burst| burst.transmitter == Some(row.id)).collect();
    let mut lines = vec![Line::styled("Latest bursts", app.theme.title())];
    if own.is_empty() {
        lines.push(Line::styled("None of the latest bursts is its.", app.theme.quiet()));
        return lines;
    }
    let wide = width >= 76;
    let head = format!("{:>11} {:>9} {:>13} {:>5} {:>5} ", "At", "Length", "Frequency", "Level", "SNR");
    lines.push(Line::styled(head + if wide { "Sure  What" } else { "What" }, app.theme.quiet()));
    for burst in own {
        let finding = &burst.finding;
        let mut text = format!(
            "{:>11} {:>9} {:>13} {:>5} {:>5} ",
            words::duration(finding.extent.start_s),
            words::duration(finding.extent.duration_s()),
            words::frequency(&snapshot.stream, finding.extent.center_hz),
            words::level(finding.power_dbfs),
            words::level(finding.snr_db),
        );
        if wide {
            text += &format!("{:5} ", words::percent(finding.confidence));
        }
        text += words::channel(finding.channel);
        if finding.clipped {
            text += ", overloaded";
        }
        lines.push(Line::raw(text));
    }
    lines
}
