//! Where pictures are drawn: the file's format, its size and its colours.

use std::fs;
use std::path::PathBuf;
use std::sync::Once;

use anyhow::{Context, Result, anyhow, bail};
use plotters::backend::{BitMapBackend, SVGBackend};
use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::prelude::DrawingBackend;
use plotters::style::{FontStyle, IntoFont, RGBColor, register_font};

/// What a drawing may go wrong with; backends say it in types of their own.
pub(super) type Drawn = Result<(), String>;

/// A picture to be made.
#[derive(Debug, Clone)]
pub(crate) struct Canvas {
    /// The file, `.svg` or `.png`.
    pub(crate) path: PathBuf,
    /// Width and height, pixels.
    pub(crate) size: (u32, u32),
    /// Light on dark.
    pub(crate) dark: bool,
    /// Heading, empty for none.
    pub(crate) title: String,
}

/// Colours of a picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink {
    pub(super) paper: RGBColor,
    pub(super) ink: RGBColor,
    pub(super) line: RGBColor,
}

const LIGHT: Ink = Ink { paper: RGBColor(255, 255, 255), ink: RGBColor(26, 29, 33), line: RGBColor(213, 218, 224) };
const DARK: Ink = Ink { paper: RGBColor(21, 24, 28), ink: RGBColor(230, 232, 235), line: RGBColor(54, 60, 68) };

/// The font of all text, the same on every machine.
pub(super) const FONT: &str = "sans-serif";

/// A drawing that any backend can take.
pub(super) trait Drawing {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, canvas: &Canvas, ink: Ink) -> Drawn;
}

impl Canvas {
    /// Draws and writes the file.
    ///
    /// # Errors
    /// where the name ends in neither `.svg` nor `.png`, the picture has no room for its axes, or the file cannot be
    /// written.
    pub(super) fn show(&self, drawing: &impl Drawing) -> Result<()> {
        provide_font();
        let ink = if self.dark { DARK } else { LIGHT };
        let failed = |error: String| anyhow!("{}: cannot be drawn: {error}; try another size", self.path.display());
        let bytes = match self.path.extension().and_then(|extension| extension.to_str()) {
            Some("svg") => {
                let mut text = String::new();
                {
                    let area = SVGBackend::with_string(&mut text, self.size).into_drawing_area();
                    area.fill(&ink.paper).map_err(|error| failed(error.to_string()))?;
                    drawing.draw(&area, self, ink).map_err(failed)?;
                    area.present().map_err(|error| failed(error.to_string()))?;
                }
                // The backend names the type of an embedded picture wrongly, which not every viewer forgives.
                text.replace("href=\"data:png;", "href=\"data:image/png;").into_bytes()
            }
            Some("png") => {
                let mut pixels = vec![0; 3 * self.size.0 as usize * self.size.1 as usize];
                {
                    let area = BitMapBackend::with_buffer(&mut pixels, self.size).into_drawing_area();
                    area.fill(&ink.paper).map_err(|error| failed(error.to_string()))?;
                    drawing.draw(&area, self, ink).map_err(failed)?;
                    area.present().map_err(|error| failed(error.to_string()))?;
                }
                png(&pixels, self.size, png::ColorType::Rgb)?
            }
            _ => bail!("{}: is neither .svg nor .png; name the picture so", self.path.display()),
        };
        fs::write(&self.path, bytes)
            .with_context(|| format!("{}: cannot be written; name another --output", self.path.display()))
    }
}

/// A chart with its heading, and room for its axes, `left_px` of it at the left.
pub(super) fn builder<'a, 'b, B: DrawingBackend>(
    area: &'a DrawingArea<B, Shift>,
    canvas: &Canvas,
    ink: Ink,
    left_px: u32,
) -> ChartBuilder<'a, 'b, B> {
    let mut builder = ChartBuilder::on(area);
    builder.margin(16).x_label_area_size(48).y_label_area_size(left_px);
    if !canvas.title.is_empty() {
        builder.caption(&canvas.title, (FONT, 22).into_font().color(&ink.ink));
    }
    builder
}

/// Text is drawn, and in SVG measured, with this font.
fn provide_font() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Refused only where it is no font.
        let _ = register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    });
}

/// Pixels, row by row from the top, as a PNG.
///
/// # Errors
/// where there are not as many as the size says.
pub(crate) fn png(pixels: &[u8], (width, height): (u32, u32), color: png::ColorType) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

/// The colour of a technology, the same in report and pictures (Okabe and Ito: told apart without colour vision).
pub(super) fn color_of(technology: &str) -> RGBColor {
    match technology {
        "nb-iot" => RGBColor(0, 114, 178),
        "lte-m" => RGBColor(0, 158, 115),
        "lte" => RGBColor(184, 134, 11),
        "gsm" => RGBColor(204, 121, 167),
        "nr" => RGBColor(86, 180, 233),
        _ => RGBColor(128, 128, 128),
    }
}
