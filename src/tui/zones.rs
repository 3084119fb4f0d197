//! The plan of what is swept: in which zone a transmitter may be, where to go next, and marks by key.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph};

use super::app::App;
use super::theme::HEAT_LEVELS;
use super::{header, words};
use crate::pipeline::snapshot::{Snapshot, Transmitter};
use crate::tracker::whereabouts::{Whereabouts, ZoneLevel};
use crate::tracker::zones::{Zone, ZoneList};

/// The keys of the zones, in their order: letters that mean nothing else on this screen.
pub(super) const KEYS: [char; 20] =
    ['a', 'b', 'c', 'd', 'e', 'f', 'h', 'i', 'l', 'm', 'n', 'o', 'p', 'r', 's', 't', 'u', 'v', 'w', 'y'];
/// Columns of places that have no place on the plan.
const ASIDE_WIDTH: u16 = 24;
/// Zones are together this probable to be named.
const TOLD: f64 = 0.95;

/// Draws it; nothing on it is scrolled.
pub(super) fn draw(app: &App, snapshot: &Snapshot, frame: &mut Frame, area: Rect) -> u16 {
    let list = snapshot.walk.list();
    if list.zones.is_empty() {
        let note =
            ["No zones to walk through.", "Start with --zones vehicle, --zones room or a list of your own (TOML)."];
        header::draw_note(&note, app, frame, area);
        return 0;
    }
    let rows = app.rows(snapshot);
    let row = app.selected(&rows);
    let whereabouts = row.and_then(|row| row.whereabouts.as_ref());
    let [title, plan, said] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(2)]).areas(area);
    frame.render_widget(Paragraph::new(heading(row, snapshot, app)), title);
    let here = snapshot.walk.at(snapshot.position_s).map(|visit| visit.zone);
    for (index, place) in places(list, plan) {
        draw_zone(app, &Shown { list, whereabouts, here }, index, frame, place);
    }
    let lines: Vec<Line> = words::wrap(&advice(list, whereabouts, here), usize::from(said.width).saturating_sub(1))
        .into_iter()
        .map(Line::raw)
        .collect();
    frame.render_widget(Paragraph::new(lines), said);
    0
}

fn heading(row: Option<&Transmitter>, snapshot: &Snapshot, app: &App) -> Line<'static> {
    let list = snapshot.walk.list();
    let Some(row) = row else { return Line::styled(format!(" {}: no transmitter yet", list.name), app.theme.title()) };
    Line::from(vec![
        Span::styled(format!(" {}: where is {} · ", list.name, row.id), app.theme.title()),
        Span::styled(
            format!("{} {}", words::letter(row.technology), words::technology(row.technology)),
            app.theme.technology(row.technology),
        ),
        Span::raw(format!(" · {}?", words::frequency(&snapshot.stream, row.center_hz))),
    ])
}

/// Where each zone is drawn: on a grid of the distinct places, the front at the top; others in a column aside.
fn places(list: &ZoneList, area: Rect) -> Vec<(usize, Rect)> {
    let on_plan = |zone: &Zone| zone.place_m().filter(|_| !zone.outside);
    let distinct = |value: fn((f64, f64)) -> f64| {
        let mut values: Vec<f64> = list.zones.iter().filter_map(on_plan).map(value).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values
    };
    let (columns, rows) = (distinct(|place| place.0), distinct(|place| place.1));
    let num_aside = list.zones.iter().filter(|zone| on_plan(zone).is_none()).count();
    let aside_width = match (num_aside, columns.is_empty()) {
        (0, _) => 0,
        (_, true) => area.width,
        _ => ASIDE_WIDTH.min(area.width / 3),
    };
    let [plan, aside] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(aside_width)]).areas(area);
    let grid = |area: Rect, at: (usize, usize), of: (usize, usize)| {
        let cut = |length: u16, part: usize, parts: usize| (usize::from(length) * part / parts.max(1)) as u16;
        let (x, y) = (cut(area.width, at.0, of.0), cut(area.height, at.1, of.1));
        Rect {
            x: area.x + x,
            y: area.y + y,
            width: cut(area.width, at.0 + 1, of.0) - x,
            height: cut(area.height, at.1 + 1, of.1) - y,
        }
    };
    let mut aside_before = 0;
    list.zones
        .iter()
        .enumerate()
        .map(|(index, zone)| {
            let place = match on_plan(zone) {
                Some((x_m, y_m)) => {
                    let column = columns.partition_point(|x| *x < x_m);
                    let row = rows.len() - 1 - rows.partition_point(|y| *y < y_m);
                    grid(plan, (column, row), (columns.len(), rows.len()))
                }
                None => {
                    aside_before += 1;
                    grid(aside, (0, aside_before - 1), (1, num_aside))
                }
            };
            (index, place)
        })
        .collect()
}

/// What is known of the zones.
struct Shown<'a> {
    list: &'a ZoneList,
    whereabouts: Option<&'a Whereabouts>,
    here: Option<usize>,
}

fn draw_zone(app: &App, shown: &Shown<'_>, index: usize, frame: &mut Frame, area: Rect) {
    let theme = &app.theme;
    let zone = &shown.list.zones[index];
    let level = shown.whereabouts.and_then(|whereabouts| whereabouts.zones.get(index));
    let is_here = shown.here == Some(index);
    let is_next = shown.whereabouts.is_some_and(|whereabouts| whereabouts.next == Some(index));
    let border = if is_here { BorderType::Double } else { BorderType::Plain };
    let style = if is_here || is_next { theme.title() } else { theme.quiet() };
    let key = KEYS.get(index).map_or_else(String::new, |key| format!("{key} "));
    let title = Span::styled(format!(" {key}{} ", zone.name), theme.title());
    let block = Block::bordered().border_type(border).border_style(style).title(title);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let mut lines = Vec::new();
    if is_here {
        lines.push(Line::styled("● you are here", theme.warning()));
    } else if is_next {
        lines.push(Line::styled("→ go here next", theme.warning()));
    }
    if let Some(level) = level {
        lines.extend(heat(app, zone, level, inside.width));
    }
    if let Some(hint) = &zone.hint {
        let wrapped = words::wrap(hint, usize::from(inside.width));
        lines.extend(wrapped.into_iter().map(|line| Line::styled(line, theme.quiet())));
    }
    frame.render_widget(Paragraph::new(lines), inside);
}

/// Probability as a bar in the colour of its heat, and what was heard there.
fn heat(app: &App, zone: &Zone, level: &ZoneLevel, width: u16) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if !zone.outside {
        let share = if level.probability.is_finite() { level.probability.clamp(0.0, 1.0) } else { 0.0 };
        let text = format!(" {}", words::share(share));
        let room = usize::from(width).saturating_sub(text.chars().count());
        let filled = (share * room as f64).round() as usize;
        let color = app.theme.heat(((0.35 + 0.65 * share) * (HEAT_LEVELS - 1) as f64) as usize);
        let style = if app.theme.colored() { app.theme.title().fg(color) } else { app.theme.title() };
        lines.push(Line::from(vec![
            Span::styled("█".repeat(filled), style),
            Span::styled("░".repeat(room - filled), app.theme.quiet()),
            Span::styled(text, app.theme.title()),
        ]));
    }
    if let Some(best_db) = level.best_db {
        let median = level.median_db.map_or_else(String::new, |db| format!(", mostly {}", words::level(db as f32)));
        let looks = words::count(level.looks);
        lines.push(Line::raw(format!("best {} dB{median}, {looks}×", words::level(best_db as f32))));
    }
    lines
}

fn advice(list: &ZoneList, whereabouts: Option<&Whereabouts>, here: Option<usize>) -> String {
    let name = |index: usize| list.zones.get(index).map_or(words::UNKNOWN, |zone| zone.name.as_str());
    let Some(whereabouts) = whereabouts else {
        return match here {
            Some(here) => format!("In {}: wait for its next burst, then go on and mark the next zone.", name(here)),
            None => {
                "Press the letter of the zone you stand in; wait there for a burst, then go to the next.".to_owned()
            }
        };
    };
    let told: Vec<&str> = whereabouts.within(TOLD).into_iter().map(name).collect();
    let outside = match whereabouts.outside {
        Some(outside) if outside > 0.5 => format!("Rather outside ({}). If inside: ", words::percent(outside)),
        _ => String::new(),
    };
    let next = whereabouts
        .next
        .map_or_else(|| " Look there.".to_owned(), |next| format!(" Going to {} would tell most.", name(next)));
    match told.as_slice() {
        [only] => format!(
            "{outside}{only}, {} sure.{next}",
            words::percent(whereabouts.zones[whereabouts.ranking()[0]].probability)
        ),
        several => format!("{outside}{}: {} together.{next}", several.join(" or "), words::percent(TOLD)),
    }
}
