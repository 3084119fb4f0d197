//! Colours: what the terminal can show, the heat scale of the waterfall, the colour of each technology.
//!
//! Everything said by colour is also said by a letter or a word, so that [`Depth::None`] loses nothing.

use dsp::finding::Technology;
use ratatui::style::{Color, Modifier, Style};

use crate::heat::inferno;

/// Steps of the heat scale: few enough that noise repaints little of the terminal.
pub(super) const HEAT_LEVELS: usize = 32;

/// Density of the heat scale where there is no colour.
const RAMP: [&str; 10] = [" ", ".", ":", "-", "=", "+", "*", "#", "%", "@"];

/// The same scale with the sixteen colours every terminal has.
const BASIC_HEAT: [Color; 6] =
    [Color::Black, Color::Blue, Color::Magenta, Color::LightRed, Color::LightYellow, Color::White];

/// Colours a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// None, or none wanted.
    None,
    /// The sixteen of ANSI.
    Sixteen,
    /// The 256 of xterm.
    Indexed,
    /// 24 bits.
    True,
}

impl Depth {
    /// Reads it off `COLORTERM` and `TERM`.
    pub(super) fn of(no_color: bool, colorterm: &str, term: &str) -> Self {
        if no_color || matches!(term, "" | "dumb") {
            Self::None
        } else if matches!(colorterm, "truecolor" | "24bit") {
            Self::True
        } else if term.contains("256") {
            Self::Indexed
        } else {
            Self::Sixteen
        }
    }
}

/// Every style on screen.
#[derive(Debug, Clone)]
pub(super) struct Theme {
    depth: Depth,
    heat: [Color; HEAT_LEVELS],
}

impl Theme {
    pub(super) fn new(depth: Depth) -> Self {
        let heat = std::array::from_fn(|level| {
            let position = level as f32 / (HEAT_LEVELS - 1) as f32;
            let basic = BASIC_HEAT[(position * (BASIC_HEAT.len() - 1) as f32).round() as usize];
            color(depth, inferno(position), basic)
        });
        Self { depth, heat }
    }

    /// Whether colours may be used at all.
    pub(super) fn colored(&self) -> bool {
        self.depth != Depth::None
    }

    /// Colour of a level of the heat scale.
    pub(super) fn heat(&self, level: usize) -> Color {
        self.heat[level.min(HEAT_LEVELS - 1)]
    }

    /// Symbol of a level of the heat scale, where there is no colour.
    pub(super) fn density(level: usize) -> &'static str {
        RAMP[level.min(HEAT_LEVELS - 1) * (RAMP.len() - 1) / (HEAT_LEVELS - 1)]
    }

    /// Colour of a technology, after Okabe and Ito, lightened to stand on the heat scale.
    pub(super) fn technology(&self, technology: Technology) -> Style {
        let (rgb, basic) = match technology {
            Technology::NbIot => ([86, 215, 255], Color::LightCyan),
            Technology::LteM => ([95, 255, 175], Color::LightGreen),
            Technology::Gsm => ([255, 160, 215], Color::LightMagenta),
            Technology::Lte => ([175, 175, 255], Color::LightBlue),
            Technology::Nr => ([240, 228, 66], Color::LightYellow),
            Technology::Unknown => ([188, 188, 188], Color::Gray),
        };
        self.foreground(rgb, basic)
    }

    /// What must not be overlooked.
    pub(super) fn alarm(&self) -> Style {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        if self.colored() { bold.fg(Color::White).bg(Color::Red) } else { bold.add_modifier(Modifier::REVERSED) }
    }

    /// What deserves a look.
    pub(super) fn warning(&self) -> Style {
        self.foreground([255, 215, 0], Color::LightYellow).add_modifier(Modifier::BOLD)
    }

    /// Labels and other things that stand back.
    pub(super) fn quiet(&self) -> Style {
        self.foreground([138, 138, 138], Color::Gray)
    }

    /// Titles and heads.
    pub(super) fn title(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The selected row, the current tab.
    pub(super) fn chosen(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Bars of the mean spectrum.
    pub(super) fn mean(&self) -> Style {
        self.foreground([0, 175, 255], Color::LightBlue)
    }

    /// Bars of the strongest power, behind those of the mean.
    pub(super) fn peak(&self) -> Style {
        self.foreground([0, 75, 135], Color::Blue)
    }

    /// The line of the noise floor.
    pub(super) fn floor(&self) -> Style {
        self.foreground([255, 175, 0], Color::LightYellow)
    }

    fn foreground(&self, rgb: [u8; 3], basic: Color) -> Style {
        if self.colored() { Style::new().fg(color(self.depth, rgb, basic)) } else { Style::new() }
    }
}

fn color(depth: Depth, rgb: [u8; 3], basic: Color) -> Color {
    match depth {
        Depth::None => Color::Reset,
        Depth::Sixteen => basic,
        Depth::Indexed => Color::Indexed(nearest_index(rgb)),
        Depth::True => Color::Rgb(rgb[0], rgb[1], rgb[2]),
    }
}

/// The nearest of xterm's colour cube (16 to 231) and greys (232 to 255).
fn nearest_index(rgb: [u8; 3]) -> u8 {
    const STEPS: [i32; 6] = [0, 95, 135, 175, 215, 255];
    let distance = |other: [i32; 3]| -> i32 { (0..3).map(|c| (i32::from(rgb[c]) - other[c]).pow(2)).sum() };
    let cube = (0..216).map(|i| (16 + i, [STEPS[i / 36], STEPS[i / 6 % 6], STEPS[i % 6]]));
    let greys = (0..24).map(|i| (232 + i, [8 + 10 * i as i32; 3]));
    cube.chain(greys).min_by_key(|&(_, other)| distance(other)).map_or(16, |(index, _)| index as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_follows_the_environment() {
        assert_eq!(Depth::of(true, "truecolor", "xterm-256color"), Depth::None);
        assert_eq!(Depth::of(false, "truecolor", "xterm-256color"), Depth::True);
        assert_eq!(Depth::of(false, "24bit", "xterm"), Depth::True);
        assert_eq!(Depth::of(false, "", "tmux-256color"), Depth::Indexed);
        assert_eq!(Depth::of(false, "", "linux"), Depth::Sixteen);
        assert_eq!(Depth::of(false, "", "dumb"), Depth::None);
    }

    #[test]
    fn xterm_colours_are_found_exactly_where_they_exist() {
        assert_eq!(nearest_index([0, 0, 0]), 16);
        assert_eq!(nearest_index([255, 0, 0]), 196);
        assert_eq!(nearest_index([215, 175, 95]), 179);
        assert_eq!(nearest_index([118, 118, 118]), 243);
    }

    #[test]
    fn the_heat_scale_only_ever_gets_lighter() {
        let lightness =
            |rgb: [u8; 3]| 0.2126 * f32::from(rgb[0]) + 0.7152 * f32::from(rgb[1]) + 0.0722 * f32::from(rgb[2]);
        let scale: Vec<f32> = (0..=100).map(|i| lightness(inferno(i as f32 / 100.0))).collect();
        assert!(scale.windows(2).all(|pair| pair[1] >= pair[0]), "{scale:?}");
    }

    #[test]
    fn density_uses_the_whole_ramp() {
        assert_eq!(Theme::density(0), " ");
        assert_eq!(Theme::density(HEAT_LEVELS - 1), "@");
        assert_eq!(Theme::density(usize::MAX), "@");
    }
}
