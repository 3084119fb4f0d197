//! Drawings within the page, in its own colours.

use maud::{Markup, html};

use super::about::Stimulus;
use super::session::{Burst, Pass, Transmitter};

const WIDTH: f64 = 900.0;
const LABEL: f64 = 150.0;
const RIGHT: f64 = 30.0;
const ROW: f64 = 20.0;

/// Bursts of the chosen transmitters over the time of a pass, with what was done to provoke them.
pub(super) fn timeline(pass: &Pass, rows: &[&Transmitter], stimuli: &[Stimulus], seconds: &str) -> Markup {
    let end_s =
        pass.bursts.iter().map(|burst| burst.end_s).fold(pass.capture.duration_s.unwrap_or(0.0), f64::max).max(1e-3);
    let x = |time_s: f64| LABEL + (WIDTH - LABEL - RIGHT) * (time_s / end_s).clamp(0.0, 1.0);
    let height = ROW * (rows.len() as f64 + 1.5);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (height) } role="img" {
            @for stimulus in stimuli.iter().filter(|s| s.time_s <= end_s) {
                line.stimulus x1=(x(stimulus.time_s)) x2=(x(stimulus.time_s)) y1="0" y2=(height - ROW) {
                    title { (stimulus.what) }
                }
            }
            @for (index, row) in rows.iter().enumerate() {
                @let y = ROW * index as f64 + 4.0;
                text x="0" y=(y + 10.0) { (row.id) " · " (row.technology) }
                line.rule x1=(LABEL) x2=(WIDTH - RIGHT) y1=(y + 6.0) y2=(y + 6.0) {}
                @for burst in pass.bursts_of(row.id) {
                    rect class=(row.technology) x=(x(burst.start_s)) y=(y)
                        width=((x(burst.end_s) - x(burst.start_s)).max(1.5)) height="12" {
                        title { (burst.channel) ", " (format!("{:.3}", burst.start_s)) " s" }
                    }
                }
            }
            @for tick in 0..=5 {
                @let time_s = end_s * f64::from(tick) / 5.0;
                text.tick x=(x(time_s)) y=(height - 6.0) { (format!("{time_s:.1} {seconds}")) }
            }
        }
    }
}

/// Levels of a transmitter's bursts over time.
pub(super) fn levels<'a>(bursts: impl Iterator<Item = &'a Burst>) -> Markup {
    let points: Vec<(f64, f64)> = bursts.map(|burst| (burst.start_s, burst.power_dbfs)).collect();
    let over = |value: fn(&(f64, f64)) -> f64| {
        points.iter().map(value).fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)))
    };
    let ((from_s, to_s), (low, high)) = (over(|p| p.0), over(|p| p.1));
    let (low, high) = (low - 3.0, high + 3.0);
    let x = |time_s: f64| 50.0 + 240.0 * (time_s - from_s) / (to_s - from_s).max(1e-9);
    let y = |level: f64| 8.0 + 84.0 * (high - level) / (high - low);
    html! {
        @if !points.is_empty() {
            svg.levels viewBox="0 0 310 100" role="img" {
                text x="0" y="14" { (format!("{high:.0} dB")) }
                text x="0" y="96" { (format!("{low:.0} dB")) }
                line.rule x1="50" x2="300" y1="96" y2="96" {}
                @for (time_s, level) in &points {
                    circle cx=(x(*time_s)) cy=(y(*level)) r="3" {}
                }
            }
        }
    }
}
