//! Frames as text, their colours, and everything at once at random.

use std::sync::Arc;

use dsp::finding::Technology;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

use super::app::App;
use super::fakes::{self, Dice};
use super::keys::Action;
use super::theme::{Depth, Theme};
use super::{Screen, Wish};
use crate::pipeline::snapshot::{Control, Snapshot, State};
use crate::tracker::event::Event;
use crate::tracker::stimuli::{Kind, Stimulus};

fn app(depth: Depth) -> App {
    App::new(Theme::new(depth), false)
}

fn draw(app: &App, snapshot: Option<&Snapshot>, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| _ = app.draw(snapshot, frame)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let line = |cells: &[ratatui::buffer::Cell]| cells.iter().map(|cell| cell.symbol()).collect::<String>();
    buffer.content().chunks(width).map(|cells| line(cells).trim_end().to_string() + "\n").collect()
}

fn find(buffer: &Buffer, wanted: &str) -> (u16, u16) {
    let cells = (buffer.area.top()..buffer.area.bottom()).flat_map(|y| (0..buffer.area.width).map(move |x| (x, y)));
    let says = |&(x, y): &(u16, u16)| {
        wanted.chars().zip(x..).all(|(c, x)| buffer.cell((x, y)).is_some_and(|cell| cell.symbol() == c.to_string()))
    };
    cells.into_iter().find(says).unwrap_or_else(|| panic!("{wanted} is not on screen:\n{}", text(buffer)))
}

fn wish(app: &mut App, code: KeyCode, snapshot: &Snapshot) -> Option<Wish> {
    app.press(KeyEvent::new(code, KeyModifiers::NONE), Some(snapshot))
}

fn press(app: &mut App, code: KeyCode, snapshot: &Snapshot) -> Option<Control> {
    match wish(app, code, snapshot)? {
        Wish::Control(control) => Some(control),
        Wish::Event(event) => panic!("{event:?}"),
    }
}

#[test]
fn a_walk_around_a_car() {
    let mut app = app(Depth::Indexed);
    let snapshot = fakes::walk();
    for (screen, name) in [(Screen::Hunt, "hunt"), (Screen::Zones, "zones"), (Screen::Timeline, "timeline")] {
        app.screen = screen;
        for (width, height) in [(80, 24), (200, 60)] {
            let name = format!("{name}_{width}x{height}");
            insta::assert_snapshot!(name, text(&draw(&app, Some(&snapshot), width, height)));
        }
    }
    app.theme = Theme::new(Depth::None);
    app.screen = Screen::Zones;
    let buffer = draw(&app, Some(&snapshot), 80, 24);
    assert!(buffer.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(text(&buffer).contains("you are here"));
}

#[test]
fn hunting_and_zones_before_there_is_anything() {
    let mut app = app(Depth::None);
    for screen in [Screen::Hunt, Screen::Zones, Screen::Timeline] {
        app.screen = screen;
        for snapshot in [fakes::silence(3.0), fakes::company(9.6), fakes::crowd()] {
            let said = text(&draw(&app, Some(&snapshot), 80, 24));
            assert!(said.lines().count() == 24, "{said}");
        }
    }
    app.screen = Screen::Zones;
    assert!(text(&draw(&app, Some(&fakes::silence(3.0)), 80, 24)).contains("--zones vehicle"));
}

#[test]
fn marks_and_stimuli_are_told_with_their_instant() {
    let mut app = app(Depth::None);
    let snapshot = fakes::walk();
    app.screen = Screen::Zones;
    let mark = |zone: Option<&str>| Event::Mark { time_s: 119.0, zone: zone.map(str::to_owned) };
    assert_eq!(wish(&mut app, KeyCode::Char('e'), &snapshot), Some(Wish::Event(mark(Some("rear left")))));
    assert_eq!(wish(&mut app, KeyCode::Char('x'), &snapshot), Some(Wish::Event(mark(None))));
    assert_eq!(wish(&mut app, KeyCode::Char('w'), &snapshot), None, "no such zone");
    app.screen = Screen::Timeline;
    let stimulus = Stimulus { time_s: 119.0, kind: Kind::CoverOff, note: None };
    assert_eq!(wish(&mut app, KeyCode::Char('o'), &snapshot), Some(Wish::Event(Event::Stimulus(stimulus))));
}

#[test]
fn the_bell_rings_for_new_bursts_of_the_hunted_one_alone() {
    let mut app = app(Depth::None);
    let mut snapshot = fakes::walk();
    app.screen = Screen::Hunt;
    press(&mut app, KeyCode::Char('b'), &snapshot);
    app.observe(&snapshot);
    assert_eq!(app.take_rings(), 0, "what was heard before");
    Arc::make_mut(&mut snapshot.transmitters)[0].bursts += 1;
    app.observe(&snapshot);
    assert!(app.take_rings() > 0);
    app.observe(&snapshot);
    assert_eq!(app.take_rings(), 0, "once");
    press(&mut app, KeyCode::Char('b'), &snapshot);
    Arc::make_mut(&mut snapshot.transmitters)[0].bursts += 1;
    app.observe(&snapshot);
    assert_eq!(app.take_rings(), 0, "turned off");
}

#[test]
fn nothing_heard_yet() {
    let app = app(Depth::Indexed);
    insta::assert_snapshot!("waiting_80x24", text(&draw(&app, None, 80, 24)));
    insta::assert_snapshot!("silence_80x24", text(&draw(&app, Some(&fakes::silence(3.0)), 80, 24)));
    insta::assert_snapshot!("silence_200x60", text(&draw(&app, Some(&fakes::silence(3.0)), 200, 60)));
}

#[test]
fn one_tracker_among_company() {
    let mut app = app(Depth::Indexed);
    let snapshot = fakes::company(9.6);
    for (width, height) in [(80, 24), (200, 60)] {
        app.screen = Screen::Survey;
        insta::assert_snapshot!(format!("survey_{width}x{height}"), text(&draw(&app, Some(&snapshot), width, height)));
        app.screen = Screen::Transmitter;
        let name = format!("transmitter_{width}x{height}");
        insta::assert_snapshot!(name, text(&draw(&app, Some(&snapshot), width, height)));
    }
}

#[test]
fn losses_and_overload() {
    let mut app = App::new(Theme::new(Depth::Indexed), true);
    let snapshot = fakes::trouble(9.6);
    insta::assert_snapshot!("trouble_80x24", text(&draw(&app, Some(&snapshot), 80, 24)));
    app.screen = Screen::Health;
    insta::assert_snapshot!("health_trouble_80x24", text(&draw(&app, Some(&snapshot), 80, 24)));
    insta::assert_snapshot!("health_trouble_200x60", text(&draw(&app, Some(&snapshot), 200, 60)));
    let buffer = draw(&app, Some(&snapshot), 80, 24);
    for word in [" OVERLOAD ", " LOST ", " BEHIND ", " TOO SLOW "] {
        let place = find(&buffer, word);
        assert_eq!(buffer[place].bg, Color::Red, "{word}");
    }
}

#[test]
fn finished_and_failed() {
    let app = app(Depth::Indexed);
    let mut snapshot = fakes::company(9.6);
    snapshot.state = State::Finished;
    insta::assert_snapshot!("finished_80x24", text(&draw(&app, Some(&snapshot), 80, 24)));
    snapshot.state = State::Failed("the radio rtlsdr=0 sent nothing for 2 s; plug it in again and start anew".into());
    insta::assert_snapshot!("failed_80x24", text(&draw(&app, Some(&snapshot), 80, 24)));
    insta::assert_snapshot!("failed_200x60", text(&draw(&app, Some(&snapshot), 200, 60)));
}

#[test]
fn help_names_every_key() {
    let mut app = app(Depth::Indexed);
    app.screen = Screen::Help;
    insta::assert_snapshot!("help_80x24", text(&draw(&app, None, 80, 24)));
    insta::assert_snapshot!("help_200x60", text(&draw(&app, None, 200, 60)));
    for live in [false, true] {
        app.live = live;
        let whole = text(&draw(&app, None, 80, 200));
        for binding in super::keys::BINDINGS {
            let line = format!("{:10} {}", binding.label, binding.does);
            assert_eq!(whole.contains(&line), binding.sources.include(live), "{line}");
        }
    }
}

#[test]
fn without_colour_nothing_is_coloured_and_everything_is_said() {
    let app = app(Depth::None);
    let buffer = draw(&app, Some(&fakes::trouble(9.6)), 80, 24);
    assert!(buffer.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    let said = text(&buffer);
    for word in ["OVERLOAD", "LOST", "N NB-IoT", "L LTE", "@"] {
        assert!(said.contains(word), "{word} is missing:\n{said}");
    }
    insta::assert_snapshot!("no_colour_80x24", said);
    insta::assert_snapshot!("no_colour_200x60", text(&draw(&app, Some(&fakes::company(9.6)), 200, 60)));
}

#[test]
fn technologies_have_their_colours_in_table_and_waterfall() {
    let app = app(Depth::True);
    let buffer = draw(&app, Some(&fakes::company(9.6)), 80, 24);
    let theme = Theme::new(Depth::True);
    let color = |technology| theme.technology(technology).fg.unwrap();
    assert_eq!(buffer[find(&buffer, "N NB-IoT")].fg, color(Technology::NbIot));
    assert_eq!(buffer[find(&buffer, "L LTE")].fg, color(Technology::Lte));
    let walls = buffer.content().iter().filter(|cell| cell.symbol() == "▐" && cell.fg == color(Technology::NbIot));
    assert!(walls.count() >= 2, "the tracker's bursts are not outlined");
    let letters =
        buffer.content().iter().filter(|cell| cell.symbol() == "N" && cell.modifier.contains(Modifier::REVERSED));
    assert!(letters.count() >= 2, "the selected transmitter's letters do not stand out");
}

#[test]
fn likely_trackers_stand_first_and_selection_follows_the_device() {
    let mut app = app(Depth::None);
    let snapshot = fakes::company(9.6);
    let ids = |app: &App| app.rows(&snapshot).iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids(&app), [2, 4, 1, 3]);
    assert_eq!(app.selected(&app.rows(&snapshot)).unwrap().id, 2);
    press(&mut app, KeyCode::Down, &snapshot);
    press(&mut app, KeyCode::Char('j'), &snapshot);
    assert_eq!(app.selected(&app.rows(&snapshot)).unwrap().id, 1);
    press(&mut app, KeyCode::Char('s'), &snapshot);
    assert_eq!(ids(&app), [1, 2, 4, 3]);
    assert_eq!(app.selected(&app.rows(&snapshot)).unwrap().id, 1);
    press(&mut app, KeyCode::Char('f'), &snapshot);
    assert_eq!(ids(&app), [1, 2, 4]);
    press(&mut app, KeyCode::Char('f'), &snapshot);
    assert_eq!(ids(&app), [2, 4]);
    assert_eq!(app.selected(&app.rows(&snapshot)).unwrap().id, 2, "a hidden one cannot be selected");
    press(&mut app, KeyCode::End, &snapshot);
    assert_eq!(app.selected(&app.rows(&snapshot)).unwrap().id, 4);
}

#[test]
fn screens_turn_in_a_circle_and_escape_leads_home() {
    let mut app = app(Depth::None);
    let snapshot = fakes::company(1.0);
    press(&mut app, KeyCode::Enter, &snapshot);
    assert_eq!(app.screen, Screen::Transmitter);
    press(&mut app, KeyCode::Tab, &snapshot);
    assert_eq!(app.screen, Screen::Hunt);
    press(&mut app, KeyCode::Esc, &snapshot);
    assert_eq!(app.screen, Screen::Survey);
    press(&mut app, KeyCode::BackTab, &snapshot);
    assert_eq!(app.screen, Screen::Help);
    press(&mut app, KeyCode::PageDown, &snapshot);
    assert_eq!(app.scroll, 10);
    app.limit_scroll(4);
    assert_eq!(app.scroll, 4);
    press(&mut app, KeyCode::Char('1'), &snapshot);
    assert_eq!((app.screen, app.scroll), (Screen::Survey, 0));
    press(&mut app, KeyCode::Char('q'), &snapshot);
    assert!(app.quit);
}

#[test]
fn seeks_add_up_until_the_pipeline_answers() {
    let mut app = app(Depth::None);
    let mut snapshot = fakes::silence(20.0);
    assert_eq!(press(&mut app, KeyCode::Right, &snapshot), Some(Control::Seek(25.0)));
    assert_eq!(press(&mut app, KeyCode::Right, &snapshot), Some(Control::Seek(30.0)));
    for _ in 0..3 {
        app.observe(&snapshot);
    }
    snapshot.position_s = 58.0;
    assert_eq!(press(&mut app, KeyCode::Right, &snapshot), Some(Control::Seek(60.0)), "not beyond the end");
    let far = KeyEvent::new(KeyCode::Left, KeyModifiers::SHIFT);
    let control = Some(Wish::Control(Control::Seek(0.0)));
    assert_eq!(app.press(far, Some(&snapshot)), control, "not before the start");
}

#[test]
fn speed_pause_and_step() {
    let mut app = app(Depth::None);
    let mut snapshot = fakes::silence(20.0);
    assert_eq!(press(&mut app, KeyCode::Char('+'), &snapshot), Some(Control::Speed(2.0)));
    assert_eq!(press(&mut app, KeyCode::Char('+'), &snapshot), Some(Control::Speed(4.0)));
    snapshot.speed = Some(4.0);
    app.observe(&snapshot);
    assert_eq!(press(&mut app, KeyCode::Char('-'), &snapshot), Some(Control::Speed(2.0)));
    assert_eq!(press(&mut app, KeyCode::Char('.'), &snapshot), None, "only while halted");
    assert_eq!(press(&mut app, KeyCode::Char(' '), &snapshot), Some(Control::Pause(true)));
    snapshot.state = State::Paused;
    assert_eq!(press(&mut app, KeyCode::Char(' '), &snapshot), Some(Control::Pause(false)));
    assert_eq!(press(&mut app, KeyCode::Char('.'), &snapshot), Some(Control::Step(0.1)));
    assert_eq!(app.update(Action::Pause, None), None, "nothing to halt yet");
}

/// Any size, any picture, any keys: neither panic nor a control that makes no sense.
#[test]
fn nothing_breaks_it() {
    const DEPTHS: [Depth; 4] = [Depth::None, Depth::Sixteen, Depth::Indexed, Depth::True];
    const CODES: [KeyCode; 12] = [
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::PageUp,
        KeyCode::PageDown,
    ];
    for seed in 0..150 {
        let mut dice = Dice(seed);
        let mut app = App::new(Theme::new(DEPTHS[dice.below(4) as usize]), dice.below(2) == 0);
        let snapshot = fakes::anything(&mut dice);
        for _ in 0..6 {
            for _ in 0..dice.below(6) {
                let code = match dice.below(2) {
                    0 => CODES[dice.below(12) as usize],
                    _ => KeyCode::Char(char::from(32 + dice.below(95) as u8)),
                };
                let control = app.press(KeyEvent::new(code, KeyModifiers::NONE), Some(&snapshot));
                match control {
                    Some(Wish::Control(Control::Seek(to))) => assert!(to.is_finite() && to >= 0.0, "seed {seed}: {to}"),
                    Some(Wish::Control(Control::Speed(speed))) => {
                        assert!(speed.is_finite() && speed > 0.0, "seed {seed}: {speed}")
                    }
                    _ => {}
                }
            }
            let (width, height) = match dice.below(3) {
                0 => (1 + dice.below(12) as u16, 1 + dice.below(12) as u16),
                _ => (1 + dice.below(220) as u16, 1 + dice.below(70) as u16),
            };
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            let mut furthest = 0;
            terminal.draw(|frame| furthest = app.draw(Some(&snapshot), frame)).unwrap();
            app.limit_scroll(furthest);
        }
    }
}

#[test]
fn the_same_picture_gives_the_same_frame() {
    let app = app(Depth::True);
    let snapshot = Arc::new(fakes::company(5.0));
    assert_eq!(draw(&app, Some(&snapshot), 100, 40), draw(&app, Some(&snapshot), 100, 40));
}
