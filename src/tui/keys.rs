//! The keys: one table from which presses are understood and footer and help are drawn.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::Screen;
use super::{timeline, zones};

/// What the user asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Action {
    /// Leave the program.
    Quit,
    /// Show a screen.
    Show(Screen),
    /// Show the next screen, or the one before.
    Turn { forward: bool },
    /// Leave for the survey.
    Back,
    /// Select a transmitter this many rows further down.
    Select(i32),
    /// Scroll the text by this many lines.
    Scroll(i32),
    /// Order the table by something else.
    Sort,
    /// Show other transmitters.
    Filter,
    /// Show half the band around the selected transmitter, or twice as much.
    Zoom { closer: bool },
    /// Show twice the time, or half.
    Stretch { longer: bool },
    /// Halt the replay, or go on.
    Pause,
    /// Go this many seconds on in the recording.
    Seek(f64),
    /// Replay faster, or slower.
    Speed { faster: bool },
    /// While halted, advance a little.
    Step,
    /// The operator is in the zone of this number; of a binding with several keys, that of the key.
    Mark(usize),
    /// The operator has left all zones.
    Leave,
    /// The stimulus of this number was given; of a binding with several keys, that of the key.
    Stimulus(usize),
    /// Ring the bell at each burst of the selected transmitter, or no more.
    Bell,
    /// Start a recording, or end it.
    Record,
}

/// One row of the table.
pub(super) struct Binding {
    /// Keys that do it.
    keys: &'static [(KeyCode, KeyModifiers)],
    /// How the keys are written.
    pub(super) label: &'static str,
    /// A word or two for the footer; empty: not there.
    pub(super) short: &'static str,
    /// What it does.
    pub(super) does: &'static str,
    pub(super) action: Action,
    /// Screens it works on.
    pub(super) screens: &'static [Screen],
    pub(super) sources: Sources,
}

/// What it makes sense with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sources {
    /// Everything.
    All,
    /// A recording.
    Replay,
    /// A radio.
    Radio,
}

impl Sources {
    /// Whether a radio, or else a recording, is one of them.
    pub(super) fn include(self, live: bool) -> bool {
        match self {
            Self::All => true,
            Self::Replay => !live,
            Self::Radio => live,
        }
    }
}

impl Binding {
    /// Names of the screens it works on.
    pub(super) fn place(&self) -> String {
        if self.screens.len() == Screen::ALL.len() {
            return "everywhere".into();
        }
        self.screens.iter().map(|screen| screen.name()).collect::<Vec<_>>().join(", ")
    }
}

const EVERYWHERE: &[Screen] = &Screen::ALL;
const LISTS: &[Screen] = &[Screen::Survey, Screen::Transmitter, Screen::Hunt, Screen::Zones, Screen::Timeline];
const TIMES: &[Screen] = &[Screen::Survey, Screen::Timeline];
const HUNT: &[Screen] = &[Screen::Hunt];
const ZONES: &[Screen] = &[Screen::Zones];
const TIMELINE: &[Screen] = &[Screen::Timeline];
const SURVEY: &[Screen] = &[Screen::Survey];
const TEXTS: &[Screen] = &[Screen::Health, Screen::Help];
const PAGES: &[Screen] = &[Screen::Transmitter, Screen::Health, Screen::Help];
const ASIDE: &[Screen] =
    &[Screen::Transmitter, Screen::Hunt, Screen::Zones, Screen::Timeline, Screen::Health, Screen::Help];
const NONE: KeyModifiers = KeyModifiers::NONE;

const fn key(code: KeyCode) -> (KeyCode, KeyModifiers) {
    (code, NONE)
}

const fn char(char: char) -> (KeyCode, KeyModifiers) {
    (KeyCode::Char(char), NONE)
}

const fn on(
    screens: &'static [Screen],
    keys: &'static [(KeyCode, KeyModifiers)],
    label: &'static str,
    short: &'static str,
    does: &'static str,
    action: Action,
) -> Binding {
    Binding { keys, label, short, does, action, screens, sources: Sources::All }
}

const fn in_replay(
    keys: &'static [(KeyCode, KeyModifiers)],
    label: &'static str,
    short: &'static str,
    does: &'static str,
    action: Action,
) -> Binding {
    Binding { keys, label, short, does, action, screens: EVERYWHERE, sources: Sources::Replay }
}

const fn letters<const N: usize>(letters: [char; N]) -> [(KeyCode, KeyModifiers); N] {
    let mut keys = [char(' '); N];
    let mut index = 0;
    while index < N {
        keys[index] = char(letters[index]);
        index += 1;
    }
    keys
}

const ZONE_KEYS: [(KeyCode, KeyModifiers); zones::KEYS.len()] = letters(zones::KEYS);
const STIMULUS_KEYS: [(KeyCode, KeyModifiers); timeline::KEYS.len()] = letters(timeline::KEYS);

/// Every key, the most wanted first: a narrow footer shows the head of this list.
pub(super) const BINDINGS: &[Binding] = &[
    on(
        EVERYWHERE,
        &[char('q'), (KeyCode::Char('c'), KeyModifiers::CONTROL)],
        "q",
        "quit",
        "leave cellsweep (so does Ctrl-C)",
        Action::Quit,
    ),
    on(
        EVERYWHERE,
        &[char('?'), char('7'), key(KeyCode::F(1))],
        "?",
        "help",
        "these keys, and what the words mean (or 7, or F1)",
        Action::Show(Screen::Help),
    ),
    on(
        SURVEY,
        &[key(KeyCode::Enter)],
        "Enter",
        "details",
        "all about the selected transmitter",
        Action::Show(Screen::Transmitter),
    ),
    on(ASIDE, &[key(KeyCode::Esc), key(KeyCode::Backspace)], "Esc", "back", "back to the survey", Action::Back),
    on(TEXTS, &[key(KeyCode::Up), char('k')], "↑", "", "one line up (or k)", Action::Scroll(-1)),
    on(TEXTS, &[key(KeyCode::Down), char('j')], "↓", "scroll", "one line down (or j)", Action::Scroll(1)),
    on(
        SURVEY,
        &[char('h')],
        "h",
        "hunt",
        "walk towards the selected transmitter: hotter or colder",
        Action::Show(Screen::Hunt),
    ),
    on(ZONES, &ZONE_KEYS, "a…y", "I am here", "you stand in the zone of this letter now", Action::Mark(0)),
    on(ZONES, &[char('0'), char('x')], "x", "left", "you have left all zones (or 0)", Action::Leave),
    on(
        TIMELINE,
        &STIMULUS_KEYS,
        "ipvcod",
        "done",
        "you did it: ignition, power, jolt, cover on, off, door",
        Action::Stimulus(0),
    ),
    on(HUNT, &[char('b')], "b", "bell", "ring the bell at each of its bursts, twice where it is hotter", Action::Bell),
    in_replay(&[char(' ')], "Space", "pause", "halt the replay, or go on", Action::Pause),
    on(LISTS, &[key(KeyCode::Up), char('k')], "↑", "", "select the transmitter above (or k)", Action::Select(-1)),
    on(
        LISTS,
        &[key(KeyCode::Down), char('j')],
        "↓",
        "select",
        "select the transmitter below (or j)",
        Action::Select(1),
    ),
    on(SURVEY, &[char('s')], "s", "sort", "order the table by something else", Action::Sort),
    on(SURVEY, &[char('f')], "f", "filter", "show all, only the known, or only tracker technologies", Action::Filter),
    Binding {
        keys: &[char('R')],
        label: "Shift-r",
        short: "record",
        does: "start or end a recording (with --trigger key)",
        action: Action::Record,
        screens: EVERYWHERE,
        sources: Sources::Radio,
    },
    in_replay(&[key(KeyCode::Left)], "←", "", "5 seconds back", Action::Seek(-5.0)),
    in_replay(&[key(KeyCode::Right)], "→", "seek", "5 seconds on", Action::Seek(5.0)),
    in_replay(&[(KeyCode::Left, KeyModifiers::SHIFT)], "Shift-←", "", "60 seconds back", Action::Seek(-60.0)),
    in_replay(&[(KeyCode::Right, KeyModifiers::SHIFT)], "Shift-→", "", "60 seconds on", Action::Seek(60.0)),
    in_replay(&[char('+'), char('=')], "+", "faster", "replay faster", Action::Speed { faster: true }),
    in_replay(&[char('-')], "-", "slower", "replay slower", Action::Speed { faster: false }),
    in_replay(&[char('.')], ".", "step", "while halted: go on by 0.1 seconds", Action::Step),
    on(
        SURVEY,
        &[char('z')],
        "z",
        "zoom",
        "half the band, around the selected transmitter",
        Action::Zoom { closer: true },
    ),
    on(SURVEY, &[char('Z'), char('x')], "x", "unzoom", "twice the band (or Shift-z)", Action::Zoom { closer: false }),
    on(TIMES, &[char(']')], "]", "", "twice the time in waterfall and timeline", Action::Stretch { longer: true }),
    on(TIMES, &[char('[')], "[", "", "half the time in waterfall and timeline", Action::Stretch { longer: false }),
    on(PAGES, &[key(KeyCode::PageUp)], "PgUp", "", "ten lines up", Action::Scroll(-10)),
    on(PAGES, &[key(KeyCode::PageDown)], "PgDn", "", "ten lines down", Action::Scroll(10)),
    on(SURVEY, &[key(KeyCode::PageUp)], "PgUp", "", "ten transmitters up", Action::Select(-10)),
    on(SURVEY, &[key(KeyCode::PageDown)], "PgDn", "", "ten transmitters down", Action::Select(10)),
    on(
        LISTS,
        &[key(KeyCode::Home), char('g')],
        "Home",
        "",
        "select the first transmitter (or g)",
        Action::Select(i32::MIN),
    ),
    on(
        LISTS,
        &[key(KeyCode::End), char('G')],
        "End",
        "",
        "select the last transmitter (or Shift-g)",
        Action::Select(i32::MAX),
    ),
    on(EVERYWHERE, &[key(KeyCode::Tab)], "Tab", "", "the next screen", Action::Turn { forward: true }),
    on(EVERYWHERE, &[key(KeyCode::BackTab)], "Shift-Tab", "", "the screen before", Action::Turn { forward: false }),
    on(EVERYWHERE, &[char('1')], "1", "", "Survey: spectrum, waterfall, table", Action::Show(Screen::Survey)),
    on(EVERYWHERE, &[char('2')], "2", "", "Transmitter: all about the selected one", Action::Show(Screen::Transmitter)),
    on(EVERYWHERE, &[char('3')], "3", "", "Hunt: the selected one, hotter or colder", Action::Show(Screen::Hunt)),
    on(EVERYWHERE, &[char('4')], "4", "", "Zones: where it may be, and where to go next", Action::Show(Screen::Zones)),
    on(EVERYWHERE, &[char('5')], "5", "", "Timeline: bursts over time, what was done", Action::Show(Screen::Timeline)),
    on(EVERYWHERE, &[char('6')], "6", "", "Health: losses, overload, load", Action::Show(Screen::Health)),
];

/// Rows that work on a screen.
pub(super) fn bindings(screen: Screen, live: bool) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |binding| binding.screens.contains(&screen) && binding.sources.include(live))
}

/// The table in Markdown: key, what it does, where.
pub fn keys_markdown() -> String {
    let row = |binding: &Binding| {
        let replay = match binding.sources {
            Sources::All => "",
            Sources::Replay => "; `replay` only",
            Sources::Radio => "; `sweep` only",
        };
        let keys = binding.label;
        format!("| `{keys}` | {} | {}{replay} |\n", binding.does, binding.place())
    };
    let rows: String = BINDINGS.iter().map(row).collect();
    format!("| key | does | where |\n| --- | --- | --- |\n{rows}")
}

/// What a press asks for on a screen, if anything.
pub(super) fn action(press: KeyEvent, screen: Screen, live: bool) -> Option<Action> {
    // Shift is part of the character already; only arrows are told apart by it.
    let told_apart = match press.code {
        KeyCode::Left | KeyCode::Right => KeyModifiers::all(),
        _ => !KeyModifiers::SHIFT,
    };
    let pressed = (press.code, press.modifiers & told_apart);
    let nth = |binding: &Binding| binding.keys.iter().position(|key| *key == pressed);
    let (binding, nth) = bindings(screen, live).find_map(|binding| Some((binding, nth(binding)?)))?;
    Some(match binding.action {
        Action::Mark(_) => Action::Mark(nth),
        Action::Stimulus(_) => Action::Stimulus(nth),
        action => action,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_key_means_two_things_on_a_screen() {
        for (screen, live) in Screen::ALL.into_iter().flat_map(|screen| [(screen, false), (screen, true)]) {
            let mut seen = HashSet::new();
            for binding in bindings(screen, live) {
                for key in binding.keys {
                    assert!(seen.insert(*key), "{key:?} twice on {screen:?}");
                }
            }
        }
    }

    #[test]
    fn every_row_has_a_key_a_place_and_a_meaning() {
        for binding in BINDINGS {
            assert!(!binding.keys.is_empty() && !binding.screens.is_empty(), "{}", binding.label);
            assert!(!binding.label.is_empty() && !binding.does.is_empty());
        }
    }

    #[test]
    fn the_markdown_has_a_row_for_every_key() {
        let table = keys_markdown();
        assert_eq!(table.lines().count(), BINDINGS.len() + 2);
        assert!(table.contains("| `Space` | halt the replay, or go on | everywhere; `replay` only |\n"), "{table}");
        assert!(table.contains("| `s` | order the table by something else | Survey |\n"), "{table}");
    }

    #[test]
    fn every_screen_can_be_left_and_helped() {
        for screen in Screen::ALL {
            for live in [true, false] {
                let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
                assert_eq!(action(ctrl_c, screen, live), Some(Action::Quit));
                let help = KeyEvent::new(KeyCode::Char('?'), KeyModifiers::SHIFT);
                assert_eq!(action(help, screen, live), Some(Action::Show(Screen::Help)));
            }
        }
    }

    #[test]
    fn a_live_radio_neither_pauses_nor_seeks() {
        let space = KeyEvent::new(KeyCode::Char(' '), NONE);
        assert_eq!(action(space, Screen::Survey, true), None);
        assert_eq!(action(space, Screen::Survey, false), Some(Action::Pause));
        let far = KeyEvent::new(KeyCode::Left, KeyModifiers::SHIFT);
        assert_eq!(action(far, Screen::Survey, true), None);
        assert_eq!(action(far, Screen::Survey, false), Some(Action::Seek(-60.0)));
        let record = KeyEvent::new(KeyCode::Char('R'), KeyModifiers::SHIFT);
        assert_eq!(action(record, Screen::Survey, true), Some(Action::Record));
        assert_eq!(action(record, Screen::Survey, false), None);
    }
}
