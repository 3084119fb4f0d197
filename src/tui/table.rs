//! The table of transmitters.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table, TableState};

use super::app::{App, Filter};
use super::{header, words};
use crate::pipeline::snapshot::{Snapshot, Stream, Transmitter};

/// A column: its head, its width, what it says, and the least width of the table it is shown in.
struct Column {
    head: &'static str,
    width: u16,
    from_width: u16,
    says: fn(&Transmitter, &Snapshot) -> String,
}

const COLUMNS: &[Column] = &[
    Column { head: "#", width: 3, from_width: 40, says: |row, _| row.id.to_string() },
    Column {
        head: "Type",
        width: 9,
        from_width: 0,
        says: |row, _| format!("{} {}", words::letter(row.technology), words::technology(row.technology)),
    },
    Column {
        head: "Frequency",
        width: 12,
        from_width: 24,
        says: |row, at| words::frequency(&at.stream, row.center_hz),
    },
    Column { head: "Level", width: 5, from_width: 32, says: |row, _| level(row) },
    Column { head: "History", width: 8, from_width: 60, says: |row, _| history(row, 8) },
    Column { head: "Bursts", width: 6, from_width: 50, says: |row, _| words::count(row.bursts) },
    Column { head: "Last heard", width: 10, from_width: 66, says: |row, at| words::ago(at.position_s - row.last_s) },
    Column { head: "Repeats", width: 10, from_width: 78, says: |row, _| repeats(row) },
    Column { head: "Sure", width: 5, from_width: 36, says: |row, _| words::percent(row.confidence) },
    Column { head: "Width", width: 9, from_width: 90, says: |row, _| words::width(row.bandwidth_hz) },
];

/// Levels of the latest bursts as a row of bars.
pub(super) fn history(row: &Transmitter, width: usize) -> String {
    words::sparkline(row.levels.iter().map(|(_, level)| *level), width)
}

/// Its best level, marked where the receiver was overloaded and it is therefore not reliable.
fn level(row: &Transmitter) -> String {
    words::level(row.power_dbfs_max) + if row.clipped { "!" } else { "" }
}

/// The period of its sessions.
pub(super) fn repeats(row: &Transmitter) -> String {
    row.period_s.map_or(words::UNKNOWN.into(), words::duration)
}

/// Draws the table under its title.
pub(super) fn draw(app: &App, snapshot: &Snapshot, rows: &[&Transmitter], frame: &mut Frame, area: Rect) {
    let title_height = u16::from(area.height >= 4);
    let [title_area, table_area] =
        Layout::vertical([Constraint::Length(title_height), Constraint::Fill(1)]).areas(area);
    frame.render_widget(Paragraph::new(title(app, snapshot, rows.len(), area.width)), title_area);
    if rows.is_empty() {
        return draw_empty(app, snapshot, frame, table_area);
    }
    let columns: Vec<&Column> = COLUMNS.iter().filter(|column| area.width >= column.from_width).collect();
    let cell = |row: &Transmitter, column: &Column| {
        let style = if column.head == "Type" { app.theme.technology(row.technology) } else { Style::new() };
        Cell::from(Span::styled((column.says)(row, snapshot), style))
    };
    let lines = rows.iter().map(|row| Row::new(columns.iter().map(|column| cell(row, column)).collect::<Vec<_>>()));
    let head = Row::new(columns.iter().map(|column| column.head)).style(app.theme.quiet());
    let table = Table::new(lines, columns.iter().map(|column| Constraint::Length(column.width)))
        .row_highlight_style(app.theme.chosen())
        .highlight_symbol("▸");
    let table = if table_area.height >= 2 { table.header(head) } else { table };
    let mut state = TableState::new().with_selected(app.selected_index(rows));
    frame.render_stateful_widget(table, table_area, &mut state);
}

fn title(app: &App, snapshot: &Snapshot, shown: usize, width: u16) -> Line<'static> {
    let all = snapshot.transmitters.len();
    let order = app.order.name();
    let bursts = words::count(snapshot.num_bursts);
    let heard = match (all, shown) {
        (0, _) => "none heard yet".into(),
        (all, shown) if shown == all => format!("{all} heard in {bursts} bursts · {order}"),
        (all, shown) => format!("{shown} of {all} shown ({}) · {order}", app.filter.name()),
    };
    let text = format!("── Transmitters: {heard} ");
    let rule = usize::from(width).saturating_sub(text.chars().count());
    Line::styled(text + &"─".repeat(rule), app.theme.title())
}

fn draw_empty(app: &App, snapshot: &Snapshot, frame: &mut Frame, area: Rect) {
    if !snapshot.transmitters.is_empty() && app.filter != Filter::All {
        return header::draw_note(&["All transmitters heard are hidden by the filter: press f."], app, frame, area);
    }
    let sentences =
        ["No transmitter heard yet.", "Silence proves nothing: trackers can sleep for hours, some for days."];
    header::draw_note(&sentences, app, frame, area);
}

/// The selected transmitter in one line.
pub(super) fn draw_selected(selected: Option<&Transmitter>, stream: &Stream, app: &App, frame: &mut Frame, area: Rect) {
    let Some(row) = selected else { return };
    let mut facts = vec![format!("{} {}", row.id, words::technology(row.technology))];
    if let Some(period_s) = row.period_s {
        facts.push(format!("every {}", words::duration(period_s)));
    }
    facts.push(format!("{} wide", words::width(row.bandwidth_hz)));
    if let Some(cells) = &row.cell_ids {
        facts.push(cell_ids(cells, 3));
    }
    if row.clipped {
        facts.push("overloaded the receiver".into());
    }
    if stream.center_frequency_hz.is_none() {
        facts.push("frequency from the centre".into());
    }
    facts.extend(row.evidence.first().cloned());
    let line = Line::from(vec![Span::styled("▸", app.theme.title()), Span::raw(facts.join(" · "))]);
    frame.render_widget(Paragraph::new(line), area);
}

/// `cell 17`, `cell 17 or 113`, `one of 12 cells`.
pub(super) fn cell_ids(cells: &[u16], most: usize) -> String {
    let said: Vec<String> = cells.iter().map(u16::to_string).collect();
    match said.len() {
        0 => "no cell fits".into(),
        num if num <= most => format!("cell {}", said.join(" or ")),
        num => format!("one of {num} cells"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_in_the_width_they_appear_at() {
        for column in COLUMNS {
            let shown = COLUMNS.iter().filter(|other| other.from_width <= column.from_width);
            let width: u16 = shown.map(|other| other.width + 1).sum();
            assert!(width <= column.from_width.max(10), "{}: {width} > {}", column.head, column.from_width);
        }
    }

    #[test]
    fn cells_are_named_only_when_few() {
        assert_eq!(cell_ids(&[17, 113], 3), "cell 17 or 113");
        assert_eq!(cell_ids(&[1, 2, 3, 4], 3), "one of 4 cells");
        assert_eq!(cell_ids(&[], 3), "no cell fits");
    }
}
