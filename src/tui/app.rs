//! What the user has chosen to see, and how a key changes it.

use dsp::finding::Technology;
use ratatui::Frame;
use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::{Constraint, Layout};

use super::keys::{self, Action};
use super::theme::Theme;
use super::{Screen, Wish};
use super::{alerts, details, header, health, help, hunt, survey, timeline, zones};
use crate::pipeline::snapshot::{Control, Snapshot, State, Transmitter};
use crate::tracker::event::Event;
use crate::tracker::proximity::Verdict;
use crate::tracker::stimuli::{Kind, Stimulus};

/// What the table is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Tracker technologies first, then what is strongest; unknown energy last.
    Interest,
    /// Strongest first.
    Level,
    /// Latest heard first.
    LastHeard,
    /// Lowest frequency first.
    Frequency,
    /// In order of discovery.
    Number,
}

impl Order {
    const ALL: [Self; 5] = [Self::Interest, Self::Level, Self::LastHeard, Self::Frequency, Self::Number];

    /// How the table says it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Interest => "likely trackers first",
            Self::Level => "strongest first",
            Self::LastHeard => "latest heard first",
            Self::Frequency => "by frequency",
            Self::Number => "in order of discovery",
        }
    }

    fn sort(self, rows: &mut [&Transmitter]) {
        let by_level = |a: &&Transmitter, b: &&Transmitter| b.power_dbfs_max.total_cmp(&a.power_dbfs_max);
        match self {
            Self::Interest => rows.sort_by(|a, b| rank(a.technology).cmp(&rank(b.technology)).then(by_level(a, b))),
            Self::Level => rows.sort_by(by_level),
            Self::LastHeard => rows.sort_by(|a, b| b.last_s.total_cmp(&a.last_s)),
            Self::Frequency => rows.sort_by(|a, b| a.center_hz.total_cmp(&b.center_hz)),
            Self::Number => rows.sort_by_key(|row| row.id),
        }
    }
}

/// 0: what trackers use and phones do not; 1: what both use; 2: no known cellular signal.
const fn rank(technology: Technology) -> u8 {
    match technology {
        Technology::NbIot | Technology::LteM => 0,
        Technology::Gsm | Technology::Lte | Technology::Nr => 1,
        Technology::Unknown => 2,
    }
}

/// Which transmitters the table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    /// All.
    All,
    /// Those of a known technology.
    Known,
    /// NB-IoT and LTE-M.
    Trackers,
}

impl Filter {
    const ALL: [Self; 3] = [Self::All, Self::Known, Self::Trackers];

    /// How the table says it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Known => "unknown hidden",
            Self::Trackers => "NB-IoT and LTE-M only",
        }
    }

    /// Whether it shows this technology.
    pub(super) const fn shows(self, technology: Technology) -> bool {
        match self {
            Self::All => true,
            Self::Known => rank(technology) < 2,
            Self::Trackers => rank(technology) == 0,
        }
    }
}

/// Wishes the pipeline has not answered yet, so that presses in a row add up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Asked {
    position_s: Option<f64>,
    speed: Option<f64>,
    /// Snapshots to come that may still show the time before.
    patience: u8,
}

/// Snapshots that may have been under way when a wish was sent.
const PATIENCE: u8 = 3;

/// Narrowest window is the band over `2^MAX_ZOOM`.
const MAX_ZOOM: u8 = 6;

/// Doublings of the waterfall's time, both ways.
const MAX_STRETCH: i8 = 6;

/// Speeds of replay the keys go through.
const SPEEDS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// Seconds a step takes.
const STEP_S: f64 = 0.1;

/// The state of the screens.
pub(super) struct App {
    pub(super) theme: Theme,
    /// The source is a radio.
    pub(super) live: bool,
    pub(super) screen: Screen,
    pub(super) order: Order,
    pub(super) filter: Filter,
    /// Halvings of the band on screen.
    pub(super) zoom: u8,
    /// Doublings of the time in the waterfall.
    pub(super) stretch: i8,
    /// Lines of text above the screen's first.
    pub(super) scroll: u16,
    pub(super) quit: bool,
    /// The bell rings at each burst of the selected transmitter.
    pub(super) bell: bool,
    /// Its transmitter, how many bursts it has rung for, and how often it is still to ring.
    rung: (Option<u32>, u64),
    rings: u8,
    /// `None`: whichever stands first.
    selected: Option<u32>,
    asked: Asked,
}

impl App {
    pub(super) fn new(theme: Theme, live: bool) -> Self {
        Self {
            theme,
            live,
            screen: Screen::Survey,
            order: Order::Interest,
            filter: Filter::All,
            zoom: 0,
            stretch: 0,
            scroll: 0,
            quit: false,
            bell: false,
            rung: (None, 0),
            rings: 0,
            selected: None,
            asked: Asked::default(),
        }
    }

    /// Rows of the table, ordered and filtered.
    pub(super) fn rows<'a>(&self, snapshot: &'a Snapshot) -> Vec<&'a Transmitter> {
        let mut rows: Vec<_> = snapshot.transmitters.iter().filter(|row| self.filter.shows(row.technology)).collect();
        self.order.sort(&mut rows);
        rows
    }

    /// Position of the selected transmitter: where the one that was chosen is gone or hidden, the first.
    pub(super) fn selected_index(&self, rows: &[&Transmitter]) -> Option<usize> {
        let chosen = rows.iter().position(|row| Some(row.id) == self.selected);
        chosen.or((!rows.is_empty()).then_some(0))
    }

    /// The selected transmitter.
    pub(super) fn selected<'a>(&self, rows: &[&'a Transmitter]) -> Option<&'a Transmitter> {
        self.selected_index(rows).map(|index| rows[index])
    }

    /// Takes note of a new picture.
    pub(super) fn observe(&mut self, snapshot: &Snapshot) {
        self.asked.patience = self.asked.patience.saturating_sub(1);
        if self.asked.patience == 0 || self.asked.speed.is_some_and(|speed| snapshot.speed == Some(speed)) {
            self.asked = Asked::default();
        }
        self.listen(snapshot);
    }

    /// Rings for a new burst of the selected transmitter, twice where it is hotter.
    fn listen(&mut self, snapshot: &Snapshot) {
        let rows = self.rows(snapshot);
        let Some(row) = self.selected(&rows) else { return };
        let heard = (Some(row.id), row.bursts);
        let is_new = self.rung.0 == heard.0 && heard.1 > self.rung.1;
        let is_hotter = row.proximity.as_ref().is_some_and(|p| p.trend.verdict == Verdict::Hotter);
        if self.bell && is_new {
            self.rings = 1 + u8::from(is_hotter);
        }
        self.rung = heard;
    }

    /// How often the bell is to ring now.
    pub(super) fn take_rings(&mut self) -> u8 {
        std::mem::take(&mut self.rings)
    }

    /// Does what a key asks for; what only others can do is returned.
    pub(super) fn press(&mut self, key: KeyEvent, snapshot: Option<&Snapshot>) -> Option<Wish> {
        let action = keys::action(key, self.screen, self.live)?;
        self.update(action, snapshot)
    }

    /// Does what is asked for; what only others can do is returned.
    pub(super) fn update(&mut self, action: Action, snapshot: Option<&Snapshot>) -> Option<Wish> {
        match action {
            Action::Quit => self.quit = true,
            Action::Show(screen) => self.show(screen),
            Action::Back => self.show(Screen::Survey),
            Action::Turn { forward } => {
                let step = if forward { 1 } else { Screen::ALL.len() - 1 };
                self.show(next(&Screen::ALL, self.screen, step));
            }
            Action::Select(rows) => self.select(rows, snapshot?),
            Action::Scroll(lines) => self.scroll = saturating_move(self.scroll, lines),
            Action::Sort => self.order = next(&Order::ALL, self.order, 1),
            Action::Filter => self.filter = next(&Filter::ALL, self.filter, 1),
            Action::Zoom { closer: true } => self.zoom = (self.zoom + 1).min(MAX_ZOOM),
            Action::Zoom { closer: false } => self.zoom = self.zoom.saturating_sub(1),
            Action::Stretch { longer } => {
                let step = if longer { 1 } else { -1 };
                self.stretch = (self.stretch + step).clamp(-MAX_STRETCH, MAX_STRETCH);
            }
            Action::Pause => return Some(Wish::Control(Control::Pause(snapshot?.state != State::Paused))),
            Action::Seek(seconds) => return self.seek(seconds, snapshot?).map(Wish::Control),
            Action::Speed { faster } => return Some(Wish::Control(self.speed(faster, snapshot?))),
            Action::Step => {
                return (snapshot?.state == State::Paused).then_some(Wish::Control(Control::Step(STEP_S)));
            }
            Action::Mark(index) => {
                let snapshot = snapshot?;
                let zone = snapshot.walk.list().zones.get(index)?;
                return Some(Wish::Event(Event::Mark { time_s: snapshot.position_s, zone: Some(zone.name.clone()) }));
            }
            Action::Leave => {
                return Some(Wish::Event(Event::Mark { time_s: snapshot?.position_s, zone: None }));
            }
            Action::Stimulus(index) => {
                let (time_s, kind) = (snapshot?.position_s, Kind::ALL.get(index)?.clone());
                return Some(Wish::Event(Event::Stimulus(Stimulus { time_s, kind, note: None })));
            }
            Action::Bell => self.bell = !self.bell,
            Action::Record => return Some(Wish::Control(Control::Record)),
        }
        None
    }

    /// Keeps the scroll within what the last frame had to show.
    pub(super) fn limit_scroll(&mut self, furthest: u16) {
        self.scroll = self.scroll.min(furthest);
    }

    fn show(&mut self, screen: Screen) {
        if self.screen != screen {
            self.screen = screen;
            self.scroll = 0;
        }
    }

    fn select(&mut self, rows_down: i32, snapshot: &Snapshot) {
        let rows = self.rows(snapshot);
        let Some(index) = self.selected_index(&rows) else { return };
        let last = i32::try_from(rows.len() - 1).unwrap_or(i32::MAX);
        let index = i32::try_from(index).unwrap_or(last).saturating_add(rows_down).clamp(0, last);
        self.selected = Some(rows[index as usize].id);
    }

    fn seek(&mut self, seconds: f64, snapshot: &Snapshot) -> Option<Control> {
        let end_s = snapshot.stream.duration_s.unwrap_or(f64::INFINITY).max(0.0);
        let position_s = (self.asked.position_s.unwrap_or(snapshot.position_s) + seconds).min(end_s).max(0.0);
        if !position_s.is_finite() {
            return None;
        }
        self.asked = Asked { position_s: Some(position_s), patience: PATIENCE, ..self.asked };
        Some(Control::Seek(position_s))
    }

    fn speed(&mut self, faster: bool, snapshot: &Snapshot) -> Control {
        let fastest = SPEEDS[SPEEDS.len() - 1];
        let now = self.asked.speed.or(snapshot.speed).unwrap_or(2.0 * fastest);
        let speed = if faster {
            SPEEDS.into_iter().find(|speed| *speed > now).unwrap_or(fastest)
        } else {
            SPEEDS.into_iter().rev().find(|speed| *speed < now).unwrap_or(SPEEDS[0])
        };
        self.asked = Asked { speed: Some(speed), patience: PATIENCE, ..self.asked };
        Control::Speed(speed)
    }

    /// Draws the screen; the answer is how many lines its text can be scrolled.
    pub(super) fn draw(&self, snapshot: Option<&Snapshot>, frame: &mut Frame) -> u16 {
        let area = frame.area();
        let alerts = snapshot.map(|snapshot| alerts::lines(snapshot, self, area)).unwrap_or_default();
        let [head, alert, body, foot] = Layout::vertical([
            Constraint::Length(if area.height < 10 { 1 } else { 2 }),
            Constraint::Length(alerts.len() as u16),
            Constraint::Fill(1),
            Constraint::Length(u16::from(area.height >= 6)),
        ])
        .areas(area);
        header::draw_head(self, snapshot, frame, head);
        alerts::draw(alerts, frame, alert);
        header::draw_foot(self, frame, foot);
        match (self.screen, snapshot) {
            (Screen::Help, _) => help::draw(self, frame, body),
            (_, None) => header::draw_waiting(self, frame, body),
            (Screen::Survey, Some(snapshot)) => survey::draw(self, snapshot, frame, body),
            (Screen::Transmitter, Some(snapshot)) => details::draw(self, snapshot, frame, body),
            (Screen::Hunt, Some(snapshot)) => hunt::draw(self, snapshot, frame, body),
            (Screen::Zones, Some(snapshot)) => zones::draw(self, snapshot, frame, body),
            (Screen::Timeline, Some(snapshot)) => timeline::draw(self, snapshot, frame, body),
            (Screen::Health, Some(snapshot)) => health::draw(self, snapshot, frame, body),
        }
    }
}

/// The element `step` places after `current`, round and round.
fn next<T: Copy + PartialEq>(all: &[T], current: T, step: usize) -> T {
    let index = all.iter().position(|element| *element == current).unwrap_or(0);
    all[(index + step) % all.len()]
}

fn saturating_move(from: u16, by: i32) -> u16 {
    i32::from(from).saturating_add(by).clamp(0, i32::from(u16::MAX)) as u16
}
