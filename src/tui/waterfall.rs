//! The waterfall: time downwards from now, two instants a cell, the strongest power of all that a cell covers.
//!
//! Bursts stand between walls in the colour of their technology, under its letter.

use std::collections::VecDeque;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::Widget;

use super::band::{Band, plot_area, round_up};
use super::theme::{HEAT_LEVELS, Theme};
use super::words;
use crate::pipeline::snapshot::{Burst, WaterfallRow};

/// Least contrast from dark to bright, so that noise alone stays dark.
const LEAST_SPAN_DB: f32 = 20.0;

/// Most contrast, so that a weak signal beside a strong one still stands out; what is stronger is simply bright.
const MOST_SPAN_DB: f32 = 40.0;

/// Cells a burst must be high for its hops to be drawn one by one.
const HOPS_FROM_CELLS: isize = 3;

/// Cells between labels of the time axis, at least.
const LABEL_CELLS: f64 = 2.5;

/// Time shown where nothing says otherwise.
const USUAL_VIEW_S: f64 = 10.0;

/// Spacing of the rows, from the latest few; `None` where there are too few.
fn row_spacing_s(rows: &VecDeque<WaterfallRow>) -> Option<f64> {
    let ends = rows.iter().take(9).map(|row| row.end_s);
    let spacings = ends.clone().zip(ends.skip(1)).map(|(newer, older)| newer - older);
    spacings.filter(|spacing| *spacing > 0.0).min_by(f64::total_cmp)
}

/// Time a line (half a cell) covers when the screen shows all of a short recording or the usual view, `2^stretch`
/// times as much. The latest line is seldom full, so one is to spare.
pub(super) fn line_s(lines: usize, duration_s: Option<f64>, stretch: i8) -> f64 {
    let view_s = duration_s.filter(|duration| *duration > 0.0).map_or(USUAL_VIEW_S, |all| all.min(USUAL_VIEW_S));
    view_s / lines.saturating_sub(1).max(1) as f64 * 2_f64.powi(i32::from(stretch))
}

/// The waterfall and its time axis.
pub(super) struct Waterfall<'a> {
    /// Newest first.
    pub(super) rows: &'a VecDeque<WaterfallRow>,
    /// Those to outline, oldest first.
    pub(super) bursts: &'a [&'a Burst],
    /// Transmitter whose bursts stand out.
    pub(super) selected: Option<u32>,
    pub(super) band: Band,
    /// Length of the recording.
    pub(super) duration_s: Option<f64>,
    /// Doublings of the time on screen.
    pub(super) stretch: i8,
    pub(super) theme: &'a Theme,
}

/// Lines of the screen against instants of the stream: line 0 is the latest.
#[derive(Clone, Copy)]
struct Lines {
    newest: f64,
    line_s: f64,
    num: usize,
}

impl Lines {
    /// Line of an instant; beyond the screen it is -1 or `num`.
    fn of(&self, instant_s: f64) -> isize {
        (self.newest - (instant_s / self.line_s).floor()).clamp(-1.0, self.num as f64) as isize
    }

    /// Lines whose middle lies between two instants, and the one the middle of the two lies in.
    fn covered(self, start_s: f64, end_s: f64) -> impl Iterator<Item = usize> {
        let middle = self.of((start_s + end_s) / 2.0);
        (self.of(end_s).max(0)..=self.of(start_s))
            .map_while(move |line| usize::try_from(line).ok().filter(|line| *line < self.num))
            .filter(move |&line| {
                let instant_s = (self.newest - line as f64 + 0.5) * self.line_s;
                line as isize == middle || (start_s < instant_s && instant_s <= end_s)
            })
    }
}

impl Waterfall<'_> {
    /// Strongest power of every line and column, line by line; negative infinity where nothing was listened to.
    fn pool(&self, lines: Lines, columns: u16) -> Vec<f32> {
        let width = usize::from(columns);
        let mut grid = vec![f32::NEG_INFINITY; lines.num * width];
        let spacing_s = row_spacing_s(self.rows).unwrap_or(lines.line_s);
        for (index, row) in self.rows.iter().enumerate() {
            let older_s = self.rows.get(index + 1).map(|older| older.end_s);
            let start_s = older_s.filter(|older| row.end_s - older < 3.0 * spacing_s).unwrap_or(row.end_s - spacing_s);
            if lines.of(row.end_s) >= lines.num as isize {
                break;
            }
            let mut pooled = None;
            for line in lines.covered(start_s, row.end_s) {
                let powers = pooled.get_or_insert_with(|| self.band.pool(&row.peak_dbfs, columns));
                for (cell, power) in grid[line * width..].iter_mut().zip(powers.iter()) {
                    *cell = cell.max(*power);
                }
            }
        }
        grid
    }

    fn outline(&self, burst: &Burst, lines: Lines, plot: Rect, buffer: &mut Buffer) {
        let extent = burst.finding.extent;
        let height = lines.of(extent.start_s) / 2 - lines.of(extent.end_s) / 2;
        let hops = burst.finding.segments.as_slice();
        let parts = if hops.is_empty() || height < HOPS_FROM_CELLS { &[extent][..] } else { hops };
        let selected = self.selected.is_some() && burst.transmitter == self.selected;
        let style = self.theme.technology(burst.finding.technology).add_modifier(Modifier::BOLD);
        let (left, right) = if self.theme.colored() { ("▐", "▌") } else { ("[", "]") };
        for (index, part) in parts.iter().enumerate() {
            let (top, bottom) = (lines.of(part.end_s), lines.of(part.start_s));
            if bottom < 0 || top >= lines.num as isize {
                continue;
            }
            let from = self.band.column(part.low_hz(), plot.width).clamp(-2.0, 2e4).floor() as i32 - 1;
            let to = self.band.column(part.high_hz(), plot.width).clamp(-2.0, 2e4).ceil() as i32;
            if to < 0 || from >= i32::from(plot.width) {
                continue;
            }
            let rows = (top.max(0) / 2) as u16..=(bottom.min(lines.num as isize - 1) / 2) as u16;
            let mut put = |column: i32, row: u16, symbol: &str, style: Style| {
                if let Some(column) = u16::try_from(column).ok().filter(|column| *column < plot.width)
                    && let Some(cell) = buffer.cell_mut((plot.x + column, plot.y + row))
                {
                    cell.set_symbol(symbol).set_style(style);
                }
            };
            for row in rows.clone() {
                put(from, row, left, style);
                put(to.max(from + 2), row, right, style);
            }
            if index + 1 == parts.len() {
                let mark = if selected { style.add_modifier(Modifier::REVERSED) } else { style };
                let mark = if self.theme.colored() { mark.bg(Color::Black) } else { mark };
                put(from.max(0), *rows.start(), words::letter(burst.finding.technology), mark);
            }
        }
    }
}

impl Widget for Waterfall<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let plot = plot_area(area);
        let Some(newest) = self.rows.front().filter(|row| row.end_s.is_finite() && !plot.is_empty()) else { return };
        let num = 2 * usize::from(plot.height);
        let line_s = line_s(num, self.duration_s, self.stretch);
        // The end of a row belongs to the line before it, not to the one that begins there.
        let lines = Lines { newest: ((newest.end_s - 1e-3 * line_s) / line_s).floor(), line_s, num };

        let grid = self.pool(lines, plot.width);
        let scale = Scale::of(&grid);
        let width = usize::from(plot.width);
        for (y, pair) in grid.chunks_exact(2 * width).enumerate() {
            let (upper, lower) = pair.split_at(width);
            for x in 0..width {
                let Some(cell) = buffer.cell_mut((plot.x + x as u16, plot.y + y as u16)) else { continue };
                if self.theme.colored() {
                    let color = |power| scale.level(power).map_or(Color::Reset, |level| self.theme.heat(level));
                    cell.set_symbol("▀").set_fg(color(upper[x])).set_bg(color(lower[x]));
                    if upper[x] == f32::NEG_INFINITY {
                        // Nothing was listened to: leave the terminal's own ground, not its text colour.
                        let below = color(lower[x]);
                        cell.set_symbol(if lower[x] == f32::NEG_INFINITY { " " } else { "▄" })
                            .set_fg(below)
                            .set_bg(Color::Reset);
                    }
                } else {
                    cell.set_symbol(scale.level(upper[x].max(lower[x])).map_or(" ", Theme::density));
                }
            }
        }
        let (chosen, others): (Vec<_>, Vec<_>) = self
            .bursts
            .iter()
            .copied()
            .partition(|burst: &&Burst| self.selected.is_some() && burst.transmitter == self.selected);
        for burst in others.into_iter().chain(chosen) {
            self.outline(burst, lines, plot, buffer);
        }
        if plot.x > area.x {
            let cell_s = 2.0 * line_s;
            let step_s = round_up(LABEL_CELLS * cell_s);
            let steps = (f64::from(plot.height) * cell_s / step_s).ceil() as u16;
            for (y, ago_s) in (0..steps).map(|step| (f64::from(step) * step_s / cell_s, f64::from(step) * step_s)) {
                let label = if ago_s == 0.0 { "now".into() } else { words::duration(-ago_s) };
                let y = plot.y + (y.round() as u16).min(plot.height - 1);
                buffer.set_stringn(area.x, y, format!("{label:>6}"), 6, self.theme.quiet());
            }
        }
    }
}

/// From dark to bright: a little above what most cells show, to the strongest.
struct Scale {
    dark_dbfs: f32,
    span_db: f32,
}

impl Scale {
    fn of(grid: &[f32]) -> Self {
        let mut powers: Vec<f32> = grid.iter().copied().filter(|power| power.is_finite()).collect();
        if powers.is_empty() {
            return Self { dark_dbfs: 0.0, span_db: LEAST_SPAN_DB };
        }
        let strongest = powers.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let third = powers.len() / 3;
        let (_, quiet, _) = powers.select_nth_unstable_by(third, f32::total_cmp);
        // Whole steps of 2 and 5 dB keep the picture from flickering with the noise.
        let dark_dbfs = (*quiet / 2.0).floor() * 2.0 + 2.0;
        let span_db = (((strongest - dark_dbfs) / 5.0).floor() * 5.0).clamp(LEAST_SPAN_DB, MOST_SPAN_DB);
        Self { dark_dbfs, span_db }
    }

    /// Level of a power, `None` where nothing was listened to.
    fn level(&self, power_dbfs: f32) -> Option<usize> {
        let place = (power_dbfs - self.dark_dbfs) / self.span_db * (HEAT_LEVELS - 1) as f32;
        (power_dbfs != f32::NEG_INFINITY).then(|| place.clamp(0.0, (HEAT_LEVELS - 1) as f32).round() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Depth;
    use std::sync::Arc;

    fn rows(powers: &[&[f32]], spacing_s: f64) -> VecDeque<WaterfallRow> {
        let last = powers.len() as f64;
        let row = |(index, powers): (usize, &&[f32])| WaterfallRow {
            end_s: (last - index as f64) * spacing_s,
            peak_dbfs: Arc::from(*powers),
        };
        powers.iter().enumerate().map(row).collect()
    }

    fn render(rows: &VecDeque<WaterfallRow>, duration_s: f64, width: u16, height: u16, depth: Depth) -> Buffer {
        let theme = Theme::new(depth);
        let waterfall = Waterfall {
            rows,
            bursts: &[],
            selected: None,
            band: Band::new(1e6, 0, 0.0),
            duration_s: Some(duration_s),
            stretch: 0,
            theme: &theme,
        };
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        waterfall.render(buffer.area, &mut buffer);
        buffer
    }

    #[test]
    fn newer_is_the_upper_half_and_older_the_lower() {
        let rows = rows(&[&[-100.0, -20.0], &[-100.0, -100.0]], 1.0);
        let buffer = render(&rows, 1.0, 2, 1, Depth::True);
        let theme = Theme::new(Depth::True);
        assert_eq!(buffer[(1, 0)].symbol(), "▀");
        assert_eq!(buffer[(1, 0)].fg, theme.heat(HEAT_LEVELS - 1));
        assert_eq!(buffer[(1, 0)].bg, theme.heat(0));
        assert_eq!(buffer[(0, 0)].fg, theme.heat(0));
    }

    #[test]
    fn a_burst_of_one_bin_and_one_row_is_never_lost() {
        let quiet = vec![-100.0_f32; 500];
        let mut loud = quiet.clone();
        loud[123] = -40.0;
        for at in 0..100 {
            let powers: Vec<&[f32]> = (0..100).map(|i| if i == at { &loud[..] } else { &quiet[..] }).collect();
            let buffer = render(&rows(&powers, 0.01), 1.0, 20, 3, Depth::None);
            assert!(buffer.content().iter().any(|cell| cell.symbol() == "@"), "row {at}");
        }
    }

    #[test]
    fn rows_slower_than_lines_leave_no_holes_but_losses_do() {
        let mut slow = rows(&[&[-50.0], &[-50.0], &[-50.0], &[-50.0]], 1.0);
        let filled = |rows: &VecDeque<WaterfallRow>| {
            let buffer = render(rows, 4.0, 1, 8, Depth::True);
            buffer.content().iter().filter(|cell| cell.symbol() == "▀" && cell.bg != Color::Reset).count()
        };
        let whole = filled(&slow);
        slow.remove(2);
        assert_eq!(whole, filled(&slow), "one late row is no loss");
        for row in slow.iter_mut().skip(2) {
            row.end_s -= 20.0;
        }
        assert!(filled(&slow) < whole);
    }

    #[test]
    fn a_weak_signal_beside_a_strong_one_stands_out() {
        let rows = rows(&[&[-100.0, -100.0, -100.0, -75.0, -20.0]], 1.0);
        let scale = Scale::of(&rows[0].peak_dbfs);
        assert_eq!(scale.level(-20.0), Some(HEAT_LEVELS - 1));
        assert!(scale.level(-75.0) > Some(HEAT_LEVELS / 3));
        assert!(scale.level(-98.0) < Some(2), "noise stays dark");
        assert_eq!(scale.level(f32::NEG_INFINITY), None);
    }

    #[test]
    fn a_short_recording_fits_whole() {
        assert!(line_s(16, Some(0.8), 0) * 16.0 >= 0.8);
        assert_eq!(line_s(101, None, 0), 0.1);
        assert_eq!(line_s(101, None, 1), 0.2);
    }
}
