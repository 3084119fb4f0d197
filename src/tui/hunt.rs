//! One transmitter at arm's length: how strong it is, and whether that is hotter or colder.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use tui_big_text::{BigText, PixelSize};

use super::app::App;
use super::theme::Theme;
use super::words::{self, EIGHTHS};
use super::{header, page};
use crate::pipeline::snapshot::{Snapshot, Transmitter};
use crate::tracker::look::Look;
use crate::tracker::proximity::{Proximity, Trend, Verdict};

/// Size from which on level and verdict stand in big letters.
const BIG_FROM: (u16, u16) = (78, 16);
/// Columns and rows of the big level: six characters of eight.
const BIG: (u16, u16) = (50, 8);
/// Least level of the bar.
const BAR_BOTTOM_DB: f64 = -110.0;
/// Height of the history, dB.
const HISTORY_DB: f64 = 30.0;

/// Draws it; nothing on it is scrolled.
pub(super) fn draw(app: &App, snapshot: &Snapshot, frame: &mut Frame, area: Rect) -> u16 {
    let rows = app.rows(snapshot);
    let Some(row) = app.selected(&rows) else {
        header::draw_note(&["No transmitter to hunt yet."], app, frame, area);
        return 0;
    };
    let theme = &app.theme;
    let big = area.width >= BIG_FROM.0 && area.height >= BIG_FROM.1;
    let [who, level, facts, history] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(if big { BIG.1 + 1 } else { 2 }),
        Constraint::Length(4.min(area.height.saturating_sub(4))),
        Constraint::Fill(1),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(title(row, snapshot, app)), who);
    let (verdict, style) = verdict(row.proximity.as_ref().map(|p| &p.trend), theme);
    let text = words::level(latest_db(row) as f32);
    if big {
        let [number, said] = Layout::horizontal([Constraint::Length(BIG.0), Constraint::Fill(1)]).areas(level);
        draw_big(&format!("{} dB", text.replace('−', "-")), PixelSize::Full, theme.title(), frame, number);
        let said = Rect { y: said.y + 2, height: said.height.saturating_sub(2), ..said };
        draw_big(verdict, PixelSize::Quadrant, style, frame, said);
    } else {
        let lines =
            vec![Line::styled(format!(" {text} dB"), theme.title()), Line::styled(format!(" {verdict} "), style)];
        frame.render_widget(Paragraph::new(lines), level);
    }
    let mut lines = vec![bar(row, app, facts.width)];
    for sentence in sentences(row, snapshot) {
        lines.extend(words::wrap(&sentence, usize::from(facts.width).saturating_sub(1)).into_iter().map(Line::raw));
    }
    page::draw(lines, 0, frame, facts);
    if let Some(proximity) = &row.proximity {
        draw_history(&proximity.looks, theme.technology(row.technology), frame, history);
    }
    0
}

fn title(row: &Transmitter, snapshot: &Snapshot, app: &App) -> Line<'static> {
    let name = row.known.as_ref().map_or_else(String::new, |known| format!(" “{}”", known.name));
    let bell = if app.bell { " · bell on" } else { "" };
    Line::from(vec![
        Span::styled(format!(" Hunting {}{name} · ", row.id), app.theme.title()),
        Span::styled(
            format!("{} {}", words::letter(row.technology), words::technology(row.technology)),
            app.theme.technology(row.technology),
        ),
        Span::raw(format!(" · {}{bell}", words::frequency(&snapshot.stream, row.center_hz))),
    ])
}

/// Its latest level: referred to the antenna where it is followed.
fn latest_db(row: &Transmitter) -> f64 {
    let heard = || row.levels.back().map_or(row.power_dbfs_max, |(_, level)| *level);
    row.proximity.as_ref().map_or_else(|| f64::from(heard()), |proximity| proximity.latest.level_db)
}

fn verdict(trend: Option<&Trend>, theme: &Theme) -> (&'static str, Style) {
    match trend.map(|trend| trend.verdict) {
        Some(Verdict::Hotter) => ("HOTTER", theme.warning()),
        Some(Verdict::Colder) => ("COLDER", theme.mean()),
        Some(Verdict::Overloaded) => ("TOO LOUD", theme.alarm()),
        Some(Verdict::Unsure) | None => ("UNSURE", theme.quiet()),
    }
}

fn draw_big(text: &str, size: PixelSize, style: Style, frame: &mut Frame, area: Rect) {
    let big = BigText::builder().pixel_size(size).style(style).lines([Line::raw(text.to_owned())]).build();
    frame.render_widget(big, area);
}

/// The level as a bar, its peak marked.
fn bar(row: &Transmitter, app: &App, width: u16) -> Line<'static> {
    let room = usize::from(width).saturating_sub(2);
    let place = |level_db: f64| {
        let share = (level_db - BAR_BOTTOM_DB) / -BAR_BOTTOM_DB;
        if share.is_finite() { (share.clamp(0.0, 1.0) * room as f64) as usize } else { 0 }
    };
    let filled = place(latest_db(row)).min(room);
    let mut cells: Vec<&str> = vec!["█"; filled];
    cells.resize(room, "░");
    if let Some(peak) = row.proximity.as_ref().map(|proximity| place(proximity.peak.level_db))
        && let Some(cell) = cells.get_mut(peak.min(room.saturating_sub(1)))
    {
        *cell = "┃";
    }
    Line::styled(format!(" {}", cells.concat()), app.theme.technology(row.technology))
}

/// What may be said of the way walked, and what to do.
fn sentences(row: &Transmitter, snapshot: &Snapshot) -> Vec<String> {
    let Some(proximity) = &row.proximity else {
        return vec!["Energy of no known kind: only its level is followed.".to_owned()];
    };
    vec![advice(&proximity.trend), standing(proximity, snapshot)]
}

fn advice(trend: &Trend) -> String {
    let change = format!("{:.0} dB (give or take {:.0})", trend.change_db.abs(), trend.change_sigma_db);
    match (trend.verdict, trend.looks) {
        (Verdict::Hotter, _) => {
            format!("Stronger by {change}, {} sure. Go on this way.", words::percent(trend.probability_hotter))
        }
        (Verdict::Colder, _) => {
            format!("Weaker by {change}, {} sure. Turn back.", words::percent(1.0 - trend.probability_hotter))
        }
        (Verdict::Overloaded, _) => {
            "The receiver is overloaded: take off gain or the antenna. What overloads it is near.".to_owned()
        }
        (Verdict::Unsure, (0, _) | (_, 0)) => "Nothing to compare yet: wait here for its next burst.".to_owned(),
        (Verdict::Unsure, (now, before)) => format!(
            "{now} looks now and {before} before do not tell yet ({} that it is stronger): stand still for another.",
            words::percent(trend.probability_hotter)
        ),
    }
}

fn standing(proximity: &Proximity, snapshot: &Snapshot) -> String {
    let at_least = if proximity.peak.is_overloaded { "at least " } else { "" };
    let crowd = match proximity.over_crowd_db {
        Some(over_db) if over_db >= 0.0 => format!(" · {over_db:.0} dB over the {} bursts of others", proximity.crowd),
        Some(over_db) => format!(" · {:.0} dB under the strongest of {} others", -over_db, proximity.crowd),
        None => String::new(),
    };
    format!(
        "Last burst {} · peak {at_least}{} dB {}{crowd}",
        words::ago(snapshot.position_s - proximity.latest.start_s),
        words::level(proximity.peak.level_db as f32),
        words::ago(snapshot.position_s - proximity.peak.start_s),
    )
}

/// The latest looks as columns, the latest at the right.
fn draw_history(looks: &VecDeque<Look>, style: Style, frame: &mut Frame, area: Rect) {
    let finite = || looks.iter().filter(|look| look.level_db.is_finite());
    let strongest = finite().map(|look| look.level_db).fold(f64::NEG_INFINITY, f64::max);
    if area.height == 0 || !strongest.is_finite() {
        return;
    }
    let [bars, caption] = Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(area);
    let steps = usize::from(bars.height) * EIGHTHS.len();
    let columns = usize::from(area.width.saturating_sub(2)) / 2;
    let shown: Vec<usize> = finite()
        .skip(looks.len().saturating_sub(columns))
        .map(|look| {
            let share = 1.0 + (look.level_db - strongest) / HISTORY_DB;
            ((share.clamp(0.0, 1.0) * steps as f64) as usize).max(1)
        })
        .collect();
    let lines = (0..usize::from(bars.height)).rev().map(|row| {
        let cell = |height: &usize| match height.saturating_sub(row * EIGHTHS.len()) {
            0 => "  ".to_owned(),
            eighths => format!("{} ", EIGHTHS[(eighths - 1).min(EIGHTHS.len() - 1)]),
        };
        Line::styled(format!(" {}", shown.iter().map(cell).collect::<String>()), style)
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), bars);
    let text = format!(" its latest {} looks; the full height is {HISTORY_DB:.0} dB", shown.len());
    frame.render_widget(Paragraph::new(text), caption);
}
