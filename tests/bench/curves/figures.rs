//! Detection curves drawn: one picture a family, one line a length, bars of the 95 % interval.

use plotters::prelude::*;
use plotters::style::register_font;

use crate::Curve;
use crate::trials::interval;

/// Colours that the colour-blind tell apart (Okabe and Ito).
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
    RGBColor(120, 120, 120),
    RGBColor(0, 0, 0),
];

/// File name and picture of every family.
pub(crate) fn families(curves: &[Curve]) -> Vec<(String, String)> {
    let mut names: Vec<&str> = curves.iter().map(|curve| curve.family.as_str()).collect();
    names.dedup();
    names
        .into_iter()
        .map(|family| {
            let members: Vec<&Curve> = curves.iter().filter(|curve| curve.family == family).collect();
            let name = format!("{}.svg", family.to_lowercase().replace(' ', "-"));
            (name, draw(family, &members).expect("a picture in memory"))
        })
        .collect()
}

fn draw(family: &str, curves: &[&Curve]) -> Result<String, Box<dyn std::error::Error>> {
    let mut svg = String::new();
    {
        // Text is measured with it.
        let _ = register_font("sans-serif", FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
        let root = SVGBackend::with_string(&mut svg, (760, 460)).into_drawing_area();
        root.fill(&WHITE)?;
        let snrs = curves.iter().flat_map(|curve| &curve.points).map(|(snr_db, _)| *snr_db);
        let (low, high) = snrs.fold((f64::MAX, f64::MIN), |(low, high), snr| (low.min(snr), high.max(snr)));
        let mut chart = ChartBuilder::on(&root)
            .caption(format!("{family}: share named right"), ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(52)
            .build_cartesian_2d(low - 0.5..high + 0.5, 0.0..1.0f64)?;
        chart
            .configure_mesh()
            .x_desc("SNR in the band occupied at any instant, dB")
            .y_label_formatter(&|share| format!("{:.0} %", 100.0 * share))
            .light_line_style(TRANSPARENT)
            .draw()?;
        for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
            let points: Vec<(f64, f64)> =
                curve.points.iter().map(|(snr_db, o)| (*snr_db, o.named as f64 / o.sent.max(1) as f64)).collect();
            chart
                .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
                .label(curve.label.clone())
                .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
            chart.draw_series(curve.points.iter().map(|(snr_db, o)| {
                let (low, high) = interval(o.named, o.sent);
                PathElement::new([(*snr_db, low), (*snr_db, high)], colour.stroke_width(1))
            }))?;
            chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        root.present()?;
    }
    Ok(svg)
}
