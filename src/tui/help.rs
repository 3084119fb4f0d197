//! The keys, drawn from their table, and what the words on the screens mean.

use dsp::finding::Technology;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::Screen;
use super::app::App;
use super::keys::BINDINGS;
use super::page::{self, Lines};
use super::words;

/// Width from which on keys and words stand side by side.
const BESIDE_FROM_WIDTH: u16 = 140;

/// Columns of a key and of a word.
const LABEL_WIDTH: usize = 10;

/// What a technician may want explained.
const GLOSSARY: &[(&str, &str)] = &[
    (
        "Level",
        "How strong it arrives, in dBFS: 0 is the most the receiver can take, every −6 halves it. Stronger often \
        means nearer, but a level is no distance: devices change their power. Compare bursts while walking. A ! says that the receiver was overloaded.",
    ),
    ("History", "Levels of its latest bursts, the latest at the right; the full height is 24 dB."),
    (
        "HOTTER",
        "Its level has risen by more than chance explains, nine times in ten. UNSURE: stand still, wait for a burst.",
    ),
    ("Sure", "How probable it is that this is one device of this type. An indication, never an identity."),
    ("Repeats", "Trackers report at fixed times: every 10 s to 60 s driving, minutes to hours parked."),
    ("Spectrum", "Bright bars: mean; dark bars behind them: strongest; line: noise floor; letters: transmitters."),
    (
        "Waterfall",
        "The newest is at the top; bright is strong. A burst stands between walls under the letter of its \
        type. In colour, blank is what was not listened to.",
    ),
    (
        "OVERLOAD",
        "Something is too strong for the receiver. It then shows signals that do not exist and misses others.",
    ),
    ("LOST", "Samples that never arrived: what was sent then was not heard."),
    ("unknown", "Energy that is no known cellular signal."),
];

/// Draws it; the answer is how far the text can be scrolled.
pub(super) fn draw(app: &App, frame: &mut Frame, area: Rect) -> u16 {
    if area.width >= BESIDE_FROM_WIDTH {
        let [left, _, right] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Length(3), Constraint::Fill(1)]).areas(area);
        let furthest = page::draw(keys(app, left.width), app.scroll, frame, left);
        furthest.max(page::draw(words(app, right.width), app.scroll, frame, right))
    } else {
        let mut lines = keys(app, area.width);
        lines.push(Line::default());
        lines.extend(words(app, area.width));
        page::draw(lines, app.scroll, frame, area)
    }
}

fn keys(app: &App, width: u16) -> Lines {
    let mut lines = vec![Line::styled("Keys", app.theme.title())];
    for binding in BINDINGS.iter().filter(|binding| binding.sources.include(app.live)) {
        let everywhere = binding.screens.len() == Screen::ALL.len();
        let place = if everywhere { String::new() } else { format!(" [{}]", binding.place()) };
        let does = format!("{}{place}", binding.does);
        lines.extend(page::fact(binding.label, &does, LABEL_WIDTH, width, app.theme.title()));
    }
    lines
}

fn words(app: &App, width: u16) -> Lines {
    let mut lines = vec![Line::styled("Types of transmitter", app.theme.title())];
    let technologies =
        [Technology::NbIot, Technology::LteM, Technology::Gsm, Technology::Lte, Technology::Nr, Technology::Unknown];
    for technology in technologies {
        let name = format!("{} {}", words::letter(technology), words::technology(technology));
        let style = app.theme.technology(technology);
        lines.extend(page::fact(&name, words::meaning(technology), LABEL_WIDTH, width, style));
    }
    lines.push(Line::default());
    lines.push(Line::from(Span::styled("Words", app.theme.title())));
    for (word, meaning) in GLOSSARY {
        lines.extend(page::fact(word, meaning, LABEL_WIDTH, width, app.theme.title()));
    }
    lines
}
