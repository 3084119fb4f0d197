//! `plot`: a capture or records as a picture.

use anyhow::{Result, bail};

use super::tell;
use crate::cli::{PictureArgs, PlotArgs, PlotWhat, SpectrogramArgs};
use crate::plot::{Canvas, Part, levels, of_capture, timeline};
use crate::report::session::Session;
use crate::source::vetted;

pub(super) fn run(args: &PlotArgs) -> Result<()> {
    let (drawn, picture) = match &args.what {
        PlotWhat::Spectrogram(args) => (spectrogram(args), &args.picture),
        PlotWhat::Timeline(args) => {
            let session = Session::read(&args.records)?;
            (timeline(&session, args.transmitter, &canvas(&args.picture)), &args.picture)
        }
        PlotWhat::Levels(args) => {
            let session = Session::read(&args.records)?;
            (levels(&session, args.transmitter, &canvas(&args.picture)), &args.picture)
        }
    };
    drawn?;
    tell(&format!("{}", picture.output.display()));
    Ok(())
}

fn canvas(args: &PictureArgs) -> Canvas {
    Canvas { path: args.output.clone(), size: args.size, dark: args.dark, title: args.title.clone() }
}

fn spectrogram(args: &SpectrogramArgs) -> Result<()> {
    let mut capture = vetted::open(&args.capture, &args.open.open_options())?;
    let info = capture.info();
    let name = args.capture.display();
    let (rate_hz, length_s) = (info.sample_rate_hz, info.duration_s());
    if args.start >= length_s {
        bail!("{name}: lasts {length_s} s; choose a --start before its end");
    }
    let around_hz = match (args.around, info.center_frequency_hz) {
        (None, _) => 0.0,
        (Some(around_hz), Some(center_hz)) => around_hz - center_hz,
        (Some(_), None) => bail!("{name}: does not tell its frequency; give it with --center"),
    };
    let half_hz = 0.5 * args.span.unwrap_or(rate_hz);
    if around_hz.abs() - half_hz >= 0.5 * rate_hz {
        bail!("{name}: its band of {rate_hz} Hz does not reach there; choose another --around");
    }
    let part = Part {
        start_s: args.start,
        duration_s: args.duration.unwrap_or(length_s - args.start),
        low_hz: (around_hz - half_hz).max(-0.5 * rate_hz),
        high_hz: (around_hz + half_hz).min(0.5 * rate_hz),
    };
    let session = args.records.as_deref().map(Session::read).transpose()?;
    let bursts = session.iter().flat_map(|session| &session.passes).next().map_or(&[][..], |pass| &pass.bursts);
    of_capture(&mut capture, part, bursts, &canvas(&args.picture))
}
