//! The window of frequencies on screen: which column shows which offset, and the axis below it.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::theme::Theme;
use super::words;
use crate::pipeline::snapshot::Stream;

/// Columns left of spectrum, axis and waterfall for their labels.
pub(super) const GUTTER: u16 = 7;

/// A window of frequencies, in hertz from the stream's centre; never empty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Band {
    low_hz: f64,
    high_hz: f64,
    rate_hz: f64,
}

impl Band {
    /// The part of `sample_rate_hz` that is `2^zoom` times narrower and has `center_hz` in it, in the middle where
    /// the edges allow.
    pub(super) fn new(sample_rate_hz: f64, zoom: u8, center_hz: f64) -> Self {
        let rate_hz = if sample_rate_hz.is_finite() { sample_rate_hz.max(1.0) } else { 1.0 };
        let width_hz = rate_hz / f64::from(1_u32 << zoom.min(16));
        let free_hz = (rate_hz - width_hz) / 2.0;
        let center_hz = if center_hz.is_finite() { center_hz.clamp(-free_hz, free_hz) } else { 0.0 };
        Self { low_hz: center_hz - width_hz / 2.0, high_hz: center_hz + width_hz / 2.0, rate_hz }
    }

    /// Place of an offset in a width of `columns`, in columns from the left edge; outside the window it is outside
    /// `0..columns`.
    pub(super) fn column(&self, offset_hz: f64, columns: u16) -> f64 {
        (offset_hz - self.low_hz) / (self.high_hz - self.low_hz) * f64::from(columns)
    }

    /// Offset at the middle of a column.
    fn offset_hz(&self, column: f64, columns: u16) -> f64 {
        self.low_hz + column / f64::from(columns.max(1)) * (self.high_hz - self.low_hz)
    }

    /// Bins of `num_bins` over the whole sample rate that a column shows: all that begin in it, at least one.
    pub(super) fn bins(&self, column: u16, columns: u16, num_bins: usize) -> Range<usize> {
        if num_bins == 0 {
            return 0..0;
        }
        let bin = |column: f64| {
            let share = (self.offset_hz(column, columns) + self.rate_hz / 2.0) / self.rate_hz;
            // The sliver keeps an edge that falls on a bin from being pushed below it by rounding.
            ((share * num_bins as f64 + 1e-6).floor().max(0.0) as usize).min(num_bins)
        };
        let start = bin(f64::from(column)).min(num_bins - 1);
        start..bin(f64::from(column) + 1.0).max(start + 1)
    }

    /// Strongest power in each of `columns`; a burst one bin wide is never lost.
    pub(super) fn pool(&self, powers_dbfs: &[f32], columns: u16) -> Vec<f32> {
        let pooled = |column| {
            powers_dbfs[self.bins(column, columns, powers_dbfs.len())].iter().copied().fold(f32::NEG_INFINITY, f32::max)
        };
        (0..columns).map(pooled).collect()
    }
}

/// The numbers under the spectrum: megahertz where the centre is known, else kilohertz from it.
pub(super) struct Axis<'a> {
    pub(super) band: Band,
    pub(super) stream: &'a Stream,
    pub(super) theme: &'a Theme,
}

impl Widget for Axis<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let plot = plot_area(area);
        if plot.is_empty() {
            return;
        }
        let (zero_hz, unit_hz, unit) = match self.stream.center_frequency_hz.filter(|center| center.is_finite()) {
            Some(center_hz) => (center_hz, 1e6, "MHz"),
            None => (0.0, 1e3, "kHz"),
        };
        if plot.x > area.x {
            buffer.set_stringn(area.x, area.y, format!("{unit:>6}"), usize::from(plot.x - area.x), self.theme.quiet());
        }
        const LABEL_COLUMNS: f64 = 13.0;
        let per_column = (self.band.high_hz - self.band.low_hz) / unit_hz / f64::from(plot.width);
        let step = round_up(per_column * LABEL_COLUMNS);
        let decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
        let low = (zero_hz + self.band.low_hz) / unit_hz;
        let first = (low / step).ceil();
        let mut free_from = plot.x;
        for index in 0..plot.width {
            let value = (first + f64::from(index)) * step;
            let column = (value - low) / per_column;
            if column >= f64::from(plot.width) {
                break;
            }
            let label = format!("╷{}", words::signed_minus(value, decimals));
            let x = plot.x + column as u16;
            if x >= free_from && usize::from(plot.right() - x) >= label.chars().count() {
                let (end, _) = buffer.set_stringn(x, plot.y, &label, usize::from(plot.right() - x), self.theme.quiet());
                free_from = end + 1;
            }
        }
    }
}

/// The area of a plot beside its labels; a very narrow one has no labels.
pub(super) fn plot_area(area: Rect) -> Rect {
    let gutter = if area.width >= 4 * GUTTER { GUTTER } else { 0 };
    Rect { x: area.x + gutter, width: area.width - gutter, ..area }
}

/// The next of 1, 2 or 5 times a power of ten.
pub(super) fn round_up(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let decade = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0]
        .map(|step| step * decade)
        .into_iter()
        .find(|&step| step >= value * (1.0 - 1e-9))
        .unwrap_or(10.0 * decade)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bin_is_in_exactly_one_column_when_there_are_more_bins() {
        let band = Band::new(1e6, 0, 0.0);
        for (columns, num_bins) in [(80, 256), (73, 1000), (200, 200), (1, 7)] {
            let bins: Vec<usize> = (0..columns).flat_map(|column| band.bins(column, columns, num_bins)).collect();
            assert_eq!(bins, (0..num_bins).collect::<Vec<_>>(), "{columns} columns");
        }
    }

    #[test]
    fn fewer_bins_than_columns_are_repeated() {
        let pooled = Band::new(1e6, 0, 0.0).pool(&[1.0, 2.0], 6);
        assert_eq!(pooled, [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
        assert!(Band::new(1e6, 0, 0.0).pool(&[], 2).iter().all(|power| *power == f32::NEG_INFINITY));
    }

    #[test]
    fn zoom_stays_inside_the_band() {
        let band = Band::new(1e6, 2, 490e3);
        assert_eq!((band.low_hz, band.high_hz), (250e3, 500e3));
        assert_eq!(band.column(250e3, 100), 0.0);
        assert_eq!(band.bins(0, 100, 400), 300..301);
        assert_eq!(Band::new(f64::NAN, 0, f64::NAN), Band::new(1.0, 0, 0.0));
    }

    #[test]
    fn steps_are_one_two_five() {
        assert_eq!([0.9, 1.0, 1.1, 3.0, 7.0].map(round_up), [1.0, 1.0, 2.0, 5.0, 10.0]);
    }
}
