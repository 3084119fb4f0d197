//! The command line exactly as typed; what it means is the commands' business.

use std::path::PathBuf;

use captures::{OpenOptions, SampleFormat};
use clap::{Args, Parser, Subcommand};

use crate::hop_plan::{self, SHORTEST_DWELL_S, Wanted};
use crate::pipeline::Trigger;
use crate::pipeline::mqtt::Broker;
use crate::report::Language;
use crate::source::vetted;

/// Finds concealed cellular modules by listening for their uplink. It only receives.
#[derive(Debug, Parser)]
#[command(name = "cellsweep", version, max_term_width = 100)]
pub struct Cli {
    /// What to do; nothing: be told what can be done.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Listen with a radio (SoapySDR)
    Sweep(SweepArgs),
    /// Write what a radio hears to disk, all of it or what is around bursts
    Record(RecordArgs),
    /// Play a recorded capture through the same screens
    Replay(ReplayArgs),
    /// Analyse captures as fast as the machine allows and print records (JSON Lines)
    Analyze(AnalyzeArgs),
    /// List the radios that are plugged in
    Devices(DevicesArgs),
    /// List the uplink bands that modules use
    Bands(BandsArgs),
    /// Tell what a capture holds
    Info(InfoArgs),
    /// Write a capture, or a part of its time and band, in another format
    Convert(ConvertArgs),
    /// Make a synthetic capture, with its truth, from a scene
    Simulate(SimulateArgs),
    /// Make a report for a client (HTML) from records, with a machine-readable annex
    Report(ReportArgs),
    /// Draw a capture or records as SVG or PNG
    Plot(PlotArgs),
    /// Print the completions of a shell, to be sourced
    Completions(CompletionsArgs),
    /// Print the manual page (roff)
    Man,
    /// Open a capture and read a little of it: for `source::vetted`
    #[command(name = vetted::TRY, hide = true)]
    TryCapture {
        /// The capture
        capture: PathBuf,
    },
}

/// What a capture does not tell itself.
#[derive(Debug, Args)]
pub struct CaptureArgs {
    /// Sample rate, e.g. 1.92M (raw IQ does not tell it)
    #[arg(long, value_name = "HZ", value_parser = frequency)]
    pub rate: Option<f64>,
    /// Sample format, e.g. cu8, ci16_le, cf32_le (where the name does not tell it)
    #[arg(long)]
    pub format: Option<SampleFormat>,
    /// Radio frequency at the middle of the band, e.g. 832.3M
    #[arg(long, value_name = "HZ", value_parser = frequency)]
    pub center: Option<f64>,
    /// One channel of several, counted from 0 [default: analyze takes each in turn, other commands the first]
    #[arg(long, value_name = "N")]
    pub channel: Option<usize>,
    /// First compare the samples with the hash that the capture states of them (SigMF's SHA-512)
    #[arg(long)]
    pub verify: bool,
}

impl CaptureArgs {
    /// As the captures crate takes it.
    pub fn open_options(&self) -> OpenOptions {
        OpenOptions {
            sample_rate_hz: self.rate,
            format: self.format,
            center_frequency_hz: self.center,
            channel: self.channel,
            part: None,
            verify: self.verify,
        }
    }
}

/// How to compute; the findings do not depend on it.
#[derive(Debug, Clone, Copy, Args)]
pub struct ComputeArgs {
    /// Threads that compute [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    /// Length of a block of samples
    #[arg(long, value_name = "MS", default_value_t = 20.0, value_parser = block_ms)]
    pub block_ms: f64,
}

/// What is kept of a sweep, and what is walked.
#[derive(Debug, Default, Args)]
pub struct KeepArgs {
    /// Keep everything in a directory that grows as the sweep goes on; replay and report open it
    #[arg(long = "keep", value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Continue the sweep in that directory
    #[arg(long, requires = "directory")]
    pub resume: bool,
    /// Zones to be walked: vehicle, room, or a list of your own (TOML)
    #[arg(long, value_name = "ZONES")]
    pub zones: Option<PathBuf>,
    /// The directory of an earlier sweep, or one outside, as the reference for what is new or stronger
    #[arg(long, value_name = "DIR")]
    pub baseline: Option<PathBuf>,
}

/// How to draw.
#[derive(Debug, Clone, Copy, Args)]
pub struct ScreenArgs {
    /// Draw without colour (as NO_COLOR does)
    #[arg(long)]
    pub no_color: bool,
    /// Frames a second at most
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=60))]
    pub fps: u16,
}

/// Where to listen: around one frequency, or over bands, for which the radio hops where it cannot hear them at once.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct PlaceArgs {
    /// Radio frequency at the middle of the band, e.g. 832.3M
    #[arg(long, value_name = "HZ", value_parser = frequency, conflicts_with_all = ["band", "region", "range"])]
    pub center: Option<f64>,
    /// Uplink bands by number, e.g. 8,20,28; 20:0.5 stays half a second on each part of band 20
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = band)]
    pub band: Vec<Wanted>,
    /// The bands of a region: eu, us, jp, cn, au
    #[arg(long, value_name = "NAME", value_parser = region)]
    pub region: Option<Region>,
    /// From one radio frequency to another, e.g. 880M:915M
    #[arg(long, value_name = "HZ:HZ", value_delimiter = ',', value_parser = range)]
    pub range: Vec<Wanted>,
}

/// The bands of a region.
#[derive(Debug, Clone)]
pub struct Region(pub Vec<Wanted>);

/// Which radio, and how it is to be set.
#[derive(Debug, Args)]
pub struct RadioArgs {
    /// Sample rate
    #[arg(long, value_name = "HZ", default_value = "1.92M", value_parser = frequency)]
    pub rate: f64,
    /// Gain in dB; auto keeps the noise just above the converter's own and takes the gain down on clipping; device leaves
    /// it to the radio's own control
    #[arg(long, value_name = "DB", default_value = "auto", allow_negative_numbers = true, value_parser = gain)]
    pub gain: Gain,
    /// Which radio, e.g. driver=rtlsdr,serial=1 [default: the one chosen with devices --choose, else the first found]
    #[arg(long, value_name = "ARGS", default_value = "", hide_default_value = true, value_parser = device)]
    pub device: String,
    /// End after so many seconds
    #[arg(long, value_name = "S", value_parser = duration)]
    pub duration: Option<f64>,
}

/// What starts a recording, and how much of the time around it is recorded.
#[derive(Debug, Args)]
pub struct TriggerArgs {
    /// Record only around bursts: of a technology (nb-iot, lte-m, lte, gsm, nr, unknown), transmitter=ID, level=DBFS; or
    /// key: what Shift-r starts and ends on the screens; may be given several times [default: record everything]
    #[arg(long = "trigger", value_name = "WHAT", allow_negative_numbers = true)]
    pub triggers: Vec<Trigger>,
    /// Seconds recorded before what triggers
    #[arg(long, value_name = "S", default_value_t = 2.0, value_parser = margin)]
    pub before: f64,
    /// Seconds recorded after it
    #[arg(long, value_name = "S", default_value_t = 2.0, value_parser = margin)]
    pub after: f64,
}

/// Arguments of `sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// Where to listen.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Sessions of this length are to be caught: no part of a band is revisited later, where that can be
    #[arg(long, value_name = "S", default_value_t = 2.0, value_parser = session)]
    pub session: f64,
    /// Which radio.
    #[command(flatten)]
    pub radio: RadioArgs,
    /// Print records (JSON Lines) instead of drawing screens; Ctrl-C ends it
    #[arg(long)]
    pub headless: bool,
    /// Where records go [default: standard output]
    #[arg(long, short, value_name = "FILE", requires = "headless")]
    pub output: Option<PathBuf>,
    /// What is kept.
    #[command(flatten)]
    pub keep: KeepArgs,
    /// Begin a new file after so many seconds; its name bears the time, and no earlier one is written over
    #[arg(long, value_name = "S", requires = "output", value_parser = duration)]
    pub rotate: Option<f64>,
    /// Also publish each record to a broker, under TOPIC/burst, TOPIC/transmitter and so on
    #[arg(long, value_name = "mqtt://HOST/TOPIC", requires = "headless")]
    pub mqtt: Option<Broker>,
    /// Also record IQ; with --trigger, into X-0001.sigmf-meta and so on
    #[arg(long, value_name = "X.sigmf-meta")]
    pub record: Option<PathBuf>,
    /// What starts a recording.
    #[command(flatten)]
    pub trigger: TriggerArgs,
    /// List of the transmitters you know (TOML), to be told by their names
    #[arg(long, value_name = "FILE")]
    pub known: Option<PathBuf>,
    /// How to compute.
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// How to draw.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// Arguments of `record`.
#[derive(Debug, Args)]
pub struct RecordArgs {
    /// The recording; with --trigger, there are X-0001.sigmf-meta and so on
    #[arg(value_name = "X.sigmf-meta")]
    pub recording: PathBuf,
    /// Radio frequency at the middle of the band, e.g. 832.3M
    #[arg(long, value_name = "HZ", value_parser = frequency)]
    pub center: f64,
    /// Which radio.
    #[command(flatten)]
    pub radio: RadioArgs,
    /// What starts a recording.
    #[command(flatten)]
    pub trigger: TriggerArgs,
    /// How to compute.
    #[command(flatten)]
    pub compute: ComputeArgs,
}

/// Arguments of `devices`.
#[derive(Debug, Args)]
pub struct DevicesArgs {
    /// Only those that match, e.g. driver=rtlsdr
    #[arg(long, value_name = "ARGS", default_value = "", hide_default_value = true, value_parser = device)]
    pub device: String,
    /// Remember the first of them as the radio to use where none is named
    #[arg(long)]
    pub choose: bool,
    /// As one JSON array
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `bands`.
#[derive(Debug, Args)]
pub struct BandsArgs {
    /// Only those whose uplink holds this frequency, e.g. 832.3M
    #[arg(long, value_name = "HZ", value_parser = frequency)]
    pub at: Option<f64>,
    /// As one JSON array
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The capture (X.sigmf-meta, X.sigmf-data, or raw IQ), or the directory of a sweep
    pub capture: PathBuf,
    /// Times real time
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// What the capture does not tell.
    #[command(flatten)]
    pub open: CaptureArgs,
    /// Zones to be walked: vehicle, room, or a list of your own (TOML)
    #[arg(long, value_name = "ZONES")]
    pub zones: Option<PathBuf>,
    /// List of the transmitters you know (TOML), to be told by their names
    #[arg(long, value_name = "FILE")]
    pub known: Option<PathBuf>,
    /// How to compute.
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// How to draw.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// Arguments of `analyze`.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// The captures: X.sigmf-meta, X.sigmf-data, or raw IQ
    #[arg(required = true)]
    pub captures: Vec<PathBuf>,
    /// Where records go [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Also write the bursts into the captures' metadata as annotations (SigMF pairs), in place of earlier ones
    #[arg(long)]
    pub annotate: bool,
    /// Also write bursts, transmitters and the samples of each burst into an HDF5 file
    #[arg(long, value_name = "OUT.h5")]
    pub hdf5: Option<PathBuf>,
    /// What is kept.
    #[command(flatten)]
    pub keep: KeepArgs,
    /// Look for LTE and LTE-M preambles everywhere, not only where there is energy: finds them 3.5 dB further down, and
    /// takes minutes for a second of 2 MHz
    #[arg(long)]
    pub thorough: bool,
    /// What the captures do not tell.
    #[command(flatten)]
    pub open: CaptureArgs,
    /// List of the transmitters you know (TOML), to be told by their names
    #[arg(long, value_name = "FILE")]
    pub known: Option<PathBuf>,
    /// How to compute.
    #[command(flatten)]
    pub compute: ComputeArgs,
}

/// Arguments of `info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// The capture
    pub capture: PathBuf,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
    /// What the capture does not tell.
    #[command(flatten)]
    pub open: CaptureArgs,
}

/// Arguments of `convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// The capture
    pub capture: PathBuf,
    /// What to write: X.sigmf-meta, X.sigmf, X.wav, X.h5 or raw IQ such as X.cf32
    pub output: PathBuf,
    /// Sample format to write [default: the capture's, or what the output's name says]
    #[arg(long, value_name = "FORMAT")]
    pub to: Option<SampleFormat>,
    /// Where to begin, seconds from the first sample
    #[arg(long, value_name = "S", default_value_t = 0.0, value_parser = instant)]
    pub start: f64,
    /// How much to write [default: to the end]
    #[arg(long, value_name = "S", value_parser = duration)]
    pub duration: Option<f64>,
    /// Sample rate to write, filtered [default: the capture's]; --rate says the same where the capture tells its own
    #[arg(long, value_name = "HZ", value_parser = frequency)]
    pub to_rate: Option<f64>,
    /// Radio frequency to shift to the middle [default: the capture's]; so says --center where the capture tells its own
    #[arg(long, value_name = "HZ", value_parser = frequency)]
    pub to_center: Option<f64>,
    /// Write even where not every sample can be kept exactly, or gaps cannot be told
    #[arg(long)]
    pub force: bool,
    /// What the capture does not tell.
    #[command(flatten)]
    pub open: CaptureArgs,
}

/// Arguments of `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// The scene (TOML)
    pub scene: PathBuf,
    /// The capture's metadata file [default: beside the scene]
    #[arg(long, short, value_name = "X.sigmf-meta")]
    pub output: Option<PathBuf>,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The sweep's directory (--keep), or a file of records that `analyze` or `sweep --headless` wrote
    pub session: PathBuf,
    /// What a person knows of the sweep: client, scope, stimuli, verdicts (TOML)
    #[arg(long, value_name = "FILE")]
    pub about: Option<PathBuf>,
    /// The page [default: beside the records, or in the sweep's directory]
    #[arg(long, short, value_name = "X.html")]
    pub output: Option<PathBuf>,
    /// Language of the page
    #[arg(long, value_enum, default_value_t)]
    pub language: Language,
}

/// Arguments of `plot`.
#[derive(Debug, Args)]
pub struct PlotArgs {
    /// What to draw.
    #[command(subcommand)]
    pub what: PlotWhat,
}

/// What to draw.
#[derive(Debug, Subcommand)]
pub enum PlotWhat {
    /// Power of a capture over time and frequency, its bursts outlined where records are named
    Spectrogram(SpectrogramArgs),
    /// Bursts of records over time, a line for each transmitter
    Timeline(RecordsPlotArgs),
    /// Levels of the bursts of records over time
    Levels(RecordsPlotArgs),
}

/// Where a picture goes and how it looks.
#[derive(Debug, Args)]
pub struct PictureArgs {
    /// The picture
    #[arg(long, short, value_name = "X.svg|X.png")]
    pub output: PathBuf,
    /// Width and height, pixels
    #[arg(long, value_name = "W,H", default_value = "1200,700", value_parser = size)]
    pub size: (u32, u32),
    /// A heading
    #[arg(long, default_value = "", hide_default_value = true)]
    pub title: String,
    /// Light on dark
    #[arg(long)]
    pub dark: bool,
}

/// Arguments of `plot spectrogram`.
#[derive(Debug, Args)]
pub struct SpectrogramArgs {
    /// The capture
    pub capture: PathBuf,
    /// Records of the capture (from analyze) whose bursts are outlined
    #[arg(long, value_name = "FILE")]
    pub records: Option<PathBuf>,
    /// Where to begin, seconds from the first sample
    #[arg(long, value_name = "S", default_value_t = 0.0, value_parser = instant)]
    pub start: f64,
    /// How much to draw [default: to the end]
    #[arg(long, value_name = "S", value_parser = duration)]
    pub duration: Option<f64>,
    /// Middle of the band that is drawn, a radio frequency [default: the capture's]
    #[arg(long, value_name = "HZ", value_parser = frequency)]
    pub around: Option<f64>,
    /// Width of the band that is drawn [default: all]
    #[arg(long, value_name = "HZ", value_parser = frequency)]
    pub span: Option<f64>,
    /// Where the picture goes.
    #[command(flatten)]
    pub picture: PictureArgs,
    /// What the capture does not tell.
    #[command(flatten)]
    pub open: CaptureArgs,
}

/// Arguments of `plot timeline` and `plot levels`.
#[derive(Debug, Args)]
pub struct RecordsPlotArgs {
    /// The records: a file that `analyze` or `sweep --headless` wrote
    pub records: PathBuf,
    /// One transmitter only
    #[arg(long, value_name = "ID")]
    pub transmitter: Option<u64>,
    /// Where the picture goes.
    #[command(flatten)]
    pub picture: PictureArgs,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    pub shell: clap_complete::Shell,
}

/// A frequency or rate with an optional k, M or G: `1.92M`, `832.3e6`, `240k`.
fn frequency(text: &str) -> Result<f64, String> {
    let text = text.trim().trim_end_matches("Hz");
    let (digits, scale) = match text.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (&text[..at], 1e3),
        Some((at, 'M' | 'm')) => (&text[..at], 1e6),
        Some((at, 'G' | 'g')) => (&text[..at], 1e9),
        _ => (text, 1.0),
    };
    match digits.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value * scale),
        _ => Err("expected a positive number of hertz, such as 1920000, 1.92M or 832.3e6".to_owned()),
    }
}

/// What the gain is to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gain {
    /// Chosen from the noise and from clipping.
    Auto,
    /// The radio's own control.
    Device,
    /// So many dB.
    Db(f64),
}

fn gain(text: &str) -> Result<Gain, String> {
    match text {
        "auto" => return Ok(Gain::Auto),
        "device" => return Ok(Gain::Device),
        _ => {}
    }
    match text.trim_end_matches("dB").trim().parse::<f64>() {
        Ok(value) if (-200.0..=200.0).contains(&value) => Ok(Gain::Db(value)),
        _ => Err("expected a gain in dB, such as 30, or auto or device".to_owned()),
    }
}

fn duration(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('s').parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 1e9 => Ok(value),
        _ => Err("expected a positive number of seconds, such as 60".to_owned()),
    }
}

/// A band with its dwell, where one is given: `20` or `20:0.5`.
fn band(text: &str) -> Result<Wanted, String> {
    let (number, dwell) = text.split_once(':').map_or((text, None), |(number, dwell)| (number, Some(dwell)));
    let number = number.trim().trim_start_matches(['B', 'b']).parse();
    let dwell_s = dwell.map(|text| text.trim_end_matches('s').parse()).transpose();
    match (number, dwell_s) {
        (Ok(number), Ok(dwell_s)) if dwell_s.is_none_or(|s| (SHORTEST_DWELL_S..=3600.0).contains(&s)) => {
            hop_plan::region::band(number, dwell_s)
        }
        _ => Err(format!("expected a band's number, such as 20, or 20:0.5 with seconds from {SHORTEST_DWELL_S}")),
    }
}

fn region(text: &str) -> Result<Region, String> {
    hop_plan::region::region(text).map(Region)
}

fn range(text: &str) -> Result<Wanted, String> {
    let (low, high) = text.split_once(':').ok_or("expected two frequencies, such as 880M:915M")?;
    let (low_hz, high_hz) = (frequency(low)?, frequency(high)?);
    if low_hz >= high_hz {
        return Err("expected the lower frequency first, such as 880M:915M".to_owned());
    }
    Ok(Wanted { name: text.to_owned(), low_hz, high_hz, dwell_s: None })
}

fn session(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('s').parse::<f64>() {
        Ok(value) if (0.2..=3600.0).contains(&value) => Ok(value),
        _ => Err("expected seconds from 0.2 to 3600, such as 2".to_owned()),
    }
}

fn margin(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('s').parse::<f64>() {
        Ok(value) if (0.0..=600.0).contains(&value) => Ok(value),
        _ => Err("expected seconds from 0 to 600, such as 2".to_owned()),
    }
}

fn instant(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('s').parse::<f64>() {
        Ok(value) if (0.0..=1e9).contains(&value) => Ok(value),
        _ => Err("expected a number of seconds, such as 1.5".to_owned()),
    }
}

/// SoapySDR's `key=value,…`; it would silently pass over what is none.
fn device(text: &str) -> Result<String, String> {
    let sound = |pair: &str| pair.split_once('=').is_some_and(|(key, _)| !key.trim().is_empty());
    if text.contains('\0') || !(text.is_empty() || text.split(',').all(sound)) {
        return Err("expected key=value pairs with commas between, such as driver=rtlsdr,serial=1".to_owned());
    }
    Ok(text.to_owned())
}

/// Pixels: room for axes, and no more than a picture is looked at.
fn size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once([',', 'x']).map(|(width, height)| (width.trim().parse(), height.trim().parse()));
    match sides {
        Some((Ok(width), Ok(height))) if (300..=10_000).contains(&width) && (200..=10_000).contains(&height) => {
            Ok((width, height))
        }
        _ => Err("expected width,height in pixels from 300,200 to 10000,10000, such as 1200,700".to_owned()),
    }
}

fn block_ms(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.01..=2000.0).contains(&value) => Ok(value),
        _ => Err("expected milliseconds from 0.01 to 2000".to_owned()),
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.trim_end_matches(['x', '×']).parse::<f64>() {
        Ok(value) if (0.01..=1000.0).contains(&value) => Ok(value),
        _ => Err("expected a number from 0.01 to 1000: times real time".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn frequencies_are_read_with_and_without_letters() {
        for (text, hz) in [("1.92M", 1.92e6), ("240k", 240e3), ("832.3e6", 832.3e6), ("1.8 GHz", 1.8e9), ("5", 5.0)] {
            assert_eq!(frequency(text), Ok(hz), "{text}");
        }
        for text in ["", "M", "abc", "-1", "0", "nan", "inf", "1e400"] {
            assert!(frequency(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bands_and_ranges_are_read() {
        let told = |wanted: Result<Wanted, String>| wanted.map(|w| (w.name, w.low_hz, w.high_hz, w.dwell_s));
        assert_eq!(told(band("20")), Ok(("B20".to_owned(), 832e6, 862e6, None)));
        assert_eq!(told(band("B8:0.5s")), Ok(("B8".to_owned(), 880e6, 915e6, Some(0.5))));
        assert_eq!(told(range("880M:915M")), Ok(("880M:915M".to_owned(), 880e6, 915e6, None)));
        for text in ["", "x", "6", "20:", "20:0", "20:1e9", "-1"] {
            assert!(band(text).is_err(), "{text}");
        }
        for text in ["880M", "915M:880M", "880M:880M", ":", "a:b"] {
            assert!(range(text).is_err(), "{text}");
        }
        let typed = |args: &[&str]| Cli::try_parse_from(["cellsweep", "sweep"].iter().chain(args)).is_ok();
        assert!(typed(&["--center", "832M"]) && typed(&["--band", "8,20:0.5,28"]) && typed(&["--region", "eu"]));
        assert!(typed(&["--band", "8", "--range", "450M:455M"]));
        assert!(!typed(&[]) && !typed(&["--center", "832M", "--band", "8"]) && !typed(&["--session", "2"]));
    }

    #[test]
    fn a_radio_is_named_by_pairs() {
        for text in ["", "driver=rtlsdr", "driver=remote, remote=tcp://10.0.0.1:55132,remote:driver=lime", "serial="] {
            assert_eq!(device(text).as_deref(), Ok(text));
        }
        for text in ["rtlsdr", "driver=rtlsdr,", "=1", "a=b,c", "a=\0"] {
            assert!(device(text).is_err(), "{text:?}");
        }
    }
}
