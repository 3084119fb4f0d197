//! Bursts of records over time: one line for each transmitter, or their levels.

use anyhow::{Result, bail};
use plotters::chart::SeriesLabelPosition;
use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, Rectangle};
use plotters::prelude::DrawingBackend;
use plotters::style::{Color, IntoFont};

use super::canvas::{Canvas, Drawing, Drawn, FONT, Ink, builder, color_of};
use super::spectrogram::digits;
use crate::report::session::{Burst, Pass, Session, Transmitter};

/// Lines of a timeline at the most: the strongest transmitters.
const MAX_ROWS: usize = 40;

/// Draws the bursts of each transmitter on a line of its own.
///
/// # Errors
/// where the records hold no transmitter, or the picture cannot be written.
pub(crate) fn timeline(session: &Session, only: Option<u64>, canvas: &Canvas) -> Result<()> {
    let (pass, rows) = chosen(session, only)?;
    canvas.show(&Timeline { pass, rows })
}

/// Draws the level of each burst over time.
///
/// # Errors
/// as [`timeline`].
pub(crate) fn levels(session: &Session, only: Option<u64>, canvas: &Canvas) -> Result<()> {
    let (pass, rows) = chosen(session, only)?;
    canvas.show(&Levels { pass, rows })
}

/// The pass that is drawn, the first with transmitters, and those of them that are.
fn chosen(session: &Session, only: Option<u64>) -> Result<(&Pass, Vec<&Transmitter>)> {
    let wanted = |row: &&Transmitter| only.is_none_or(|id| row.id == id);
    let Some(pass) = session.passes.iter().find(|pass| pass.transmitters.iter().any(|row| wanted(&row))) else {
        match only {
            Some(id) => bail!("the records hold no transmitter {id}; leave out --transmitter to see all"),
            None => bail!("the records hold no transmitter: nothing to draw"),
        }
    };
    let mut rows: Vec<&Transmitter> = pass.transmitters.iter().filter(wanted).collect();
    rows.sort_by(|a, b| b.power_dbfs_max.total_cmp(&a.power_dbfs_max));
    rows.truncate(MAX_ROWS);
    rows.sort_by_key(|row| row.id);
    Ok((pass, rows))
}

fn name(row: &Transmitter) -> String {
    format!("{} · {}", row.id, row.technology)
}

/// Bursts of the rows, each with the row's index.
fn bursts<'a>(pass: &'a Pass, rows: &'a [&Transmitter]) -> impl Iterator<Item = (usize, &'a Burst)> {
    rows.iter().enumerate().flat_map(|(index, row)| pass.bursts_of(row.id).map(move |burst| (index, burst)))
}

fn end_s(pass: &Pass) -> f64 {
    pass.bursts.iter().map(|burst| burst.end_s).fold(pass.capture.duration_s.unwrap_or(0.0), f64::max).max(1e-3)
}

struct Timeline<'a> {
    pass: &'a Pass,
    rows: Vec<&'a Transmitter>,
}

impl Drawing for Timeline<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, canvas: &Canvas, ink: Ink) -> Drawn {
        let (end_s, count) = (end_s(self.pass), self.rows.len());
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let mut builder = builder(area, canvas, ink, 110);
        // Row 0 at the top; labels stand at whole numbers.
        let mut chart = builder.build_cartesian_2d(0.0..end_s, count as f64 - 0.5..-0.5).map_err(|e| said(&e))?;
        let label = |y: &f64| {
            let row = (y.round() - y).abs() < 1e-6;
            self.rows.get(y.round().max(0.0) as usize).filter(|_| row).map_or_else(String::new, |row| name(row))
        };
        chart
            .configure_mesh()
            .light_line_style(ink.paper)
            .bold_line_style(ink.line)
            .axis_style(ink.ink)
            .label_style((FONT, 16).into_font().color(&ink.ink))
            .y_labels(count.max(2))
            .x_desc("seconds")
            .x_label_formatter(&|x| format!("{x:.*}", digits(end_s / 8.0)))
            .y_label_formatter(&label)
            .draw()
            .map_err(|e| said(&e))?;
        // A burst is seen however short it is.
        let least_s = end_s * 1.5 / f64::from(chart.plotting_area().dim_in_pixel().0.max(1));
        chart
            .draw_series(bursts(self.pass, &self.rows).map(|(row, burst)| {
                let to_s = burst.end_s.max(burst.start_s + least_s);
                let corners = [(burst.start_s, row as f64 - 0.3), (to_s, row as f64 + 0.3)];
                Rectangle::new(corners, color_of(&burst.technology).filled())
            }))
            .map_err(|e| said(&e))?;
        Ok(())
    }
}

struct Levels<'a> {
    pass: &'a Pass,
    rows: Vec<&'a Transmitter>,
}

impl Drawing for Levels<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, canvas: &Canvas, ink: Ink) -> Drawn {
        let end_s = end_s(self.pass);
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let power = || bursts(self.pass, &self.rows).map(|(_, burst)| burst.power_dbfs);
        let (low, high) = (power().fold(f64::MAX, f64::min), power().fold(f64::MIN, f64::max));
        if low > high {
            return Err("its transmitters have no bursts".to_owned());
        }
        let mut builder = builder(area, canvas, ink, 80);
        let mut chart = builder.build_cartesian_2d(0.0..end_s, low - 3.0..high + 3.0).map_err(|e| said(&e))?;
        chart
            .configure_mesh()
            .light_line_style(ink.paper)
            .bold_line_style(ink.line)
            .axis_style(ink.ink)
            .label_style((FONT, 16).into_font().color(&ink.ink))
            .x_desc("seconds")
            .y_desc("dBFS")
            .x_label_formatter(&|x| format!("{x:.*}", digits(end_s / 8.0)))
            .y_label_formatter(&|y| format!("{y:.0}"))
            .draw()
            .map_err(|e| said(&e))?;
        let mut technologies: Vec<&str> = self.rows.iter().map(|row| row.technology.as_str()).collect();
        technologies.sort_unstable();
        technologies.dedup();
        for technology in technologies {
            let color = color_of(technology);
            let own = bursts(self.pass, &self.rows).filter(|(row, _)| self.rows[*row].technology == technology);
            chart
                .draw_series(own.map(|(_, burst)| Circle::new((burst.start_s, burst.power_dbfs), 4, color.filled())))
                .map_err(|e| said(&e))?
                .label(technology.to_owned())
                .legend(move |(x, y)| Circle::new((x + 8, y), 4, color.filled()));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(ink.paper)
            .border_style(ink.line)
            .label_font((FONT, 16).into_font().color(&ink.ink))
            .draw()
            .map_err(|e| said(&e))
    }
}
