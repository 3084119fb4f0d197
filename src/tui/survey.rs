//! The main screen: spectrum, waterfall, transmitters, and the selected one beside or below them.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::widgets::{Block, Borders};

use super::app::App;
use super::band::{Axis, Band};
use super::spectrum::SpectrumPlot;
use super::waterfall::Waterfall;
use super::{details, header, page, table};
use crate::pipeline::snapshot::{Burst, Snapshot, Transmitter};

/// Width from which on the selected transmitter has a panel of its own.
const PANEL_FROM_WIDTH: u16 = 140;

/// Draws it; nothing on it is scrolled.
pub(super) fn draw(app: &App, snapshot: &Snapshot, frame: &mut Frame, area: Rect) -> u16 {
    let rows = app.rows(snapshot);
    let selected = app.selected(&rows);
    let spectrum_height = if area.height < 14 { 0 } else { (area.height / 5).min(12) };
    let list_height = if area.height < 8 { area.height } else { area.height * 2 / 5 };
    let [spectrum, axis, waterfall, list] = Layout::vertical([
        Constraint::Length(spectrum_height),
        Constraint::Length(u16::from(area.height >= 10)),
        Constraint::Fill(1),
        Constraint::Length(list_height),
    ])
    .areas(area);
    draw_air(app, snapshot, &rows, frame, [spectrum, axis, waterfall]);
    if area.width >= PANEL_FROM_WIDTH {
        let [list, panel] = Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2)]).areas(list);
        table::draw(app, snapshot, &rows, frame, list);
        draw_panel(app, snapshot, selected, frame, panel);
    } else {
        let line_height = u16::from(list.height >= 6);
        let [list, line] = Layout::vertical([Constraint::Fill(1), Constraint::Length(line_height)]).areas(list);
        table::draw(app, snapshot, &rows, frame, list);
        table::draw_selected(selected, &snapshot.stream, app, frame, line);
    }
    0
}

/// Spectrum, axis and waterfall; letters and outlines only of what the filter shows.
fn draw_air(app: &App, snapshot: &Snapshot, rows: &[&Transmitter], frame: &mut Frame, areas: [Rect; 3]) {
    let selected = app.selected(rows);
    let bursts: Vec<&Burst> =
        snapshot.bursts.iter().filter(|burst| app.filter.shows(burst.finding.technology)).collect();
    let [spectrum, axis, waterfall] = areas;
    let band = Band::new(snapshot.stream.sample_rate_hz, app.zoom, selected.map_or(0.0, |row| row.center_hz));
    let selected = selected.map(|row| row.id);
    let plot = SpectrumPlot { spectrum: &snapshot.spectrum, transmitters: rows, selected, band, theme: &app.theme };
    frame.render_widget(plot, spectrum);
    frame.render_widget(Axis { band, stream: &snapshot.stream, theme: &app.theme }, axis);
    if snapshot.waterfall.is_empty() {
        return header::draw_note(&["Waiting for the first samples …"], app, frame, waterfall);
    }
    let plot = Waterfall {
        rows: &snapshot.waterfall,
        bursts: &bursts,
        selected,
        band,
        duration_s: snapshot.stream.duration_s,
        stretch: app.stretch,
        theme: &app.theme,
    };
    frame.render_widget(plot, waterfall);
}

fn draw_panel(app: &App, snapshot: &Snapshot, selected: Option<&Transmitter>, frame: &mut Frame, area: Rect) {
    let block = Block::new().borders(Borders::LEFT).border_style(app.theme.quiet());
    let inside = block.inner(area);
    frame.render_widget(block, area);
    if let Some(row) = selected {
        page::draw(details::about(row, snapshot, app, inside.width), 0, frame, inside);
    }
}
