//! The keys: one table from which presses are understood and footer and help are drawn.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::Screen;

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
    /// It makes no sense with a live radio.
    pub(super) replay_only: bool,
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
const LISTS: &[Screen] = &[Screen::Survey, Screen::Transmitter];
const SURVEY: &[Screen] = &[Screen::Survey];
const TEXTS: &[Screen] = &[Screen::Health, Screen::Help];
const PAGES: &[Screen] = &[Screen::Transmitter, Screen::Health, Screen::Help];
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
    Binding { keys, label, short, does, action, screens, replay_only: false }
}

const fn in_replay(
    keys: &'static [(KeyCode, KeyModifiers)],
    label: &'static str,
    short: &'static str,
    does: &'static str,
    action: Action,
) -> Binding {
    Binding { keys, label, short, does, action, screens: EVERYWHERE, replay_only: true }
}

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
        &[char('?'), char('4'), key(KeyCode::F(1))],
        "?",
        "help",
        "these keys, and what the words mean (or 4, or F1)",
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
    on(PAGES, &[key(KeyCode::Esc), key(KeyCode::Backspace)], "Esc", "back", "back to the survey", Action::Back),
    on(TEXTS, &[key(KeyCode::Up), char('k')], "↑", "", "one line up (or k)", Action::Scroll(-1)),
    on(TEXTS, &[key(KeyCode::Down), char('j')], "↓", "scroll", "one line down (or j)", Action::Scroll(1)),
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
    on(SURVEY, &[char(']')], "]", "", "twice the time in the waterfall", Action::Stretch { longer: true }),
    on(SURVEY, &[char('[')], "[", "", "half the time in the waterfall", Action::Stretch { longer: false }),
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
    on(EVERYWHERE, &[char('3')], "3", "", "Health: losses, overload, load", Action::Show(Screen::Health)),
];

/// Rows that work on a screen.
pub(super) fn bindings(screen: Screen, live: bool) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |binding| binding.screens.contains(&screen) && !(live && binding.replay_only))
}

/// The table in Markdown: key, what it does, where.
pub fn keys_markdown() -> String {
    let row = |binding: &Binding| {
        let replay = if binding.replay_only { "; `replay` only" } else { "" };
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
    bindings(screen, live).find(|binding| binding.keys.contains(&pressed)).map(|binding| binding.action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_key_means_two_things_on_a_screen() {
        for screen in Screen::ALL {
            let mut seen = HashSet::new();
            for binding in bindings(screen, false) {
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
    }
}
