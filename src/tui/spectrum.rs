//! The spectrum: bars of the mean before bars of the strongest power, the noise floor as a line, and a letter over
//! each transmitter.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::widgets::Widget;

use super::band::{Band, plot_area};
use super::theme::Theme;
use super::words;
use crate::pipeline::snapshot::{Spectrum, Transmitter};

/// Least height of the scale.
const LEAST_SPAN_DB: f32 = 30.0;

/// The spectrum, its scale, and letters over the transmitters.
pub(super) struct SpectrumPlot<'a> {
    pub(super) spectrum: &'a Spectrum,
    pub(super) transmitters: &'a [&'a Transmitter],
    /// Transmitter whose letter stands out.
    pub(super) selected: Option<u32>,
    pub(super) band: Band,
    pub(super) theme: &'a Theme,
}

/// Bottom and top of the scale in whole tens of dB: from just below the floor to above the strongest.
fn scale_dbfs(spectrum: &Spectrum) -> Option<(f32, f32)> {
    let finite = |powers: &[f32]| powers.iter().copied().filter(|power| power.is_finite()).collect::<Vec<_>>();
    let mut quiet = finite(&spectrum.floor_dbfs);
    if quiet.is_empty() {
        quiet = finite(&spectrum.mean_dbfs);
    }
    let floor = quiet.into_iter().reduce(f32::min)?;
    let top = finite(&spectrum.peak_dbfs).into_iter().chain(finite(&spectrum.mean_dbfs)).fold(floor, f32::max);
    let bottom = ((floor - 3.0) / 10.0).floor() * 10.0;
    Some((bottom, ((top + 3.0) / 10.0).ceil().max((bottom + LEAST_SPAN_DB) / 10.0) * 10.0))
}

impl Widget for SpectrumPlot<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let plot = plot_area(area);
        let Some((bottom, top)) = scale_dbfs(self.spectrum).filter(|_| !plot.is_empty()) else { return };
        let eighths = f32::from(plot.height) * 8.0;
        let height = |power: f32| ((power - bottom) / (top - bottom) * eighths).clamp(0.0, eighths).round() as u16;
        let mean = self.band.pool(&self.spectrum.mean_dbfs, plot.width);
        let peak = self.band.pool(&self.spectrum.peak_dbfs, plot.width);
        let floor = self.band.pool(&self.spectrum.floor_dbfs, plot.width);
        let (mean_style, peak_style) = (self.theme.mean(), self.theme.peak());
        for x in 0..plot.width {
            let column = usize::from(x);
            let (mean, peak) = (height(mean[column]), height(peak[column]));
            let floor_row = floor[column].is_finite().then(|| height(floor[column]).min(eighths as u16 - 1) / 8);
            for row in 0..plot.height {
                let Some(cell) = buffer.cell_mut((plot.x + x, plot.bottom() - 1 - row)) else { continue };
                let (mean_here, peak_here) = (mean.saturating_sub(8 * row), peak.saturating_sub(8 * row));
                let ground = |here: u16, style: Style| style.fg.filter(|_| here >= 4);
                let behind = ground(peak_here, peak_style);
                let (symbol, mut style) = if floor_row == Some(row) {
                    cell.set_style(Style { bg: ground(mean_here, mean_style).or(behind), ..Style::new() });
                    ("─", self.theme.floor())
                } else if mean_here > 0 {
                    (words::EIGHTHS[usize::from(mean_here.min(8)) - 1], Style { bg: behind, ..mean_style })
                } else if peak_here > 0 && self.theme.colored() {
                    (words::EIGHTHS[usize::from(peak_here.min(8)) - 1], peak_style)
                } else if peak_here > 0 {
                    (if peak_here >= 4 { ":" } else { "." }, peak_style)
                } else {
                    continue;
                };
                style.add_modifier = Modifier::empty();
                cell.set_symbol(symbol).set_style(style);
            }
        }
        for transmitter in self.transmitters {
            let column = self.band.column(transmitter.center_hz, plot.width);
            if (0.0..f64::from(plot.width)).contains(&column) {
                let selected = self.selected == Some(transmitter.id);
                let style = self.theme.technology(transmitter.technology).add_modifier(Modifier::BOLD);
                let style = if selected { style.add_modifier(Modifier::REVERSED) } else { style };
                buffer.set_string(plot.x + column as u16, plot.y, words::letter(transmitter.technology), style);
            }
        }
        if plot.x > area.x {
            let mut label = |y: u16, text: String| {
                buffer.set_stringn(area.x, y, format!("{text:>6}"), 6, self.theme.quiet());
            };
            label(plot.y, words::level(top));
            if plot.height > 1 {
                label(plot.bottom() - 1, words::level(bottom));
            }
            if plot.height > 2 {
                label(plot.y + plot.height / 2, "dBFS".into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;

    fn render(mean: &[f32], peak: &[f32], floor: &[f32]) -> Buffer {
        let spectrum = Spectrum { mean_dbfs: mean.into(), peak_dbfs: peak.into(), floor_dbfs: floor.into() };
        let theme = Theme::new(Depth::True);
        let plot = SpectrumPlot {
            spectrum: &spectrum,
            transmitters: &[],
            selected: None,
            band: Band::new(1e6, 0, 0.0),
            theme: &theme,
        };
        let mut buffer = Buffer::empty(Rect::new(0, 0, mean.len().max(1) as u16, 6));
        plot.render(buffer.area, &mut buffer);
        buffer
    }

    #[test]
    fn bars_stand_on_the_scale() {
        // The scale is -100 to -40 dBFS, 10 dB a cell.
        let buffer = render(&[-92.0, -55.0, -92.0], &[-92.0, -55.0, -45.0], &[-95.0; 3]);
        let theme = Theme::new(Depth::True);
        assert_eq!(buffer[(0, 5)].symbol(), "─", "the floor is drawn over the bar it lies in");
        assert_eq!(buffer[(1, 4)].symbol(), "█");
        assert_eq!(buffer[(1, 1)].symbol(), "▄");
        assert_eq!(buffer[(1, 1)].fg, theme.mean().fg.unwrap());
        assert_eq!(buffer[(1, 0)].symbol(), " ");
        assert_eq!(buffer[(2, 0)].symbol(), "▄");
        assert_eq!(buffer[(2, 0)].fg, theme.peak().fg.unwrap(), "only the strongest power reached here");
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(render(&[], &[], &[]), Buffer::empty(Rect::new(0, 0, 1, 6)));
        assert_eq!(render(&[f32::NAN], &[f32::NAN], &[]), Buffer::empty(Rect::new(0, 0, 1, 6)));
    }
}
