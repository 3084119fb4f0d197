//! A radio as a source, through SoapySDR.
//!
//! The device streams in its own format, which is decoded by [`SampleFormat::decode`]; its full scale is brought to 1.
//! Losses are counted where they happen: by the device's clock, by the driver's word, or because nobody took the
//! samples in time.

pub mod abilities;
mod device_clock;
mod feed;
mod gain;
mod retune;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytemuck::Pod;
use captures::{Endian, SampleFormat};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use num_complex::{Complex, Complex32};
use soapysdr::{Args, Device, Direction, Format, StreamSample};

use super::{Read, Source, SourceError, Tune};
use crate::pipeline::snapshot::Stream;
use device_clock::DeviceClock;
use feed::{Chunk, Delivery, Feed, Native, NativeStream};
use gain::GainControl;
use retune::Retune;

/// Channel of the device that is listened to.
const CHANNEL: usize = 0;
/// Longest wait of one read.
const PATIENCE: Duration = Duration::from_millis(100);
/// Silence after which a device that has streamed is given up, and one that has not begun to.
const SILENCE: Duration = Duration::from_secs(2);
const SILENCE_AT_FIRST: Duration = Duration::from_secs(10);
/// Longest wait for the driver to close the device.
const CLOSING: Duration = Duration::from_secs(1);
/// Time of one chunk, and of all of them together where that fits into memory.
const CHUNK_S: f64 = 0.004;
const RING_S: f64 = 0.5;
const MAX_RING_BYTES: usize = 32 << 20;

/// How the radio is to be set.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// SoapySDR's `key=value,…` that choose the device; empty for the first found.
    pub device: String,
    /// Radio frequency of offset 0.
    pub center_frequency_hz: f64,
    /// Complex samples a second.
    pub sample_rate_hz: f64,
    /// Gain.
    pub gain: GainWish,
}

/// What the gain is to be.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum GainWish {
    /// Chosen here, from the noise and from clipping.
    #[default]
    Auto,
    /// The device's own control.
    Device,
    /// So many dB.
    Db(f64),
}

/// What the gain is.
enum GainSet {
    /// It stays; with what the user should know of it, and how much it is.
    Fixed(Option<String>, Option<f64>),
    /// It is chosen while it is heard.
    Chosen { gain_db: f64, range_db: (f64, f64) },
}

/// A device that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it calls itself.
    pub label: String,
    /// Its SoapySDR driver.
    pub driver: String,
    /// Serial number, where it tells one.
    pub serial: Option<String>,
    /// All that opens it again.
    pub args: Vec<(String, String)>,
}

impl Found {
    /// What tells it from others: driver and serial number, else all it says.
    pub fn key(&self) -> String {
        match &self.serial {
            Some(serial) => format!("driver={},serial={serial}", self.driver),
            None => self.args.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(","),
        }
    }
}

/// Devices that match; sound cards, which SoapySDR lists as well, only where they are asked for.
///
/// # Errors
/// [`SourceError`] where SoapySDR cannot look.
pub fn find(filter: &str) -> Result<Vec<Found>, SourceError> {
    // Else SoapySDR writes to standard error, over the screens.
    soapysdr::configure_logging();
    let found = soapysdr::enumerate(filter).map_err(|error| {
        SourceError(format!("SoapySDR cannot look for radios ({}); check its modules", error.message))
    })?;
    let described = found.iter().map(|args| {
        let driver = args.get("driver").unwrap_or("unknown").to_owned();
        Found {
            label: args.get("label").filter(|label| !label.is_empty()).unwrap_or(&driver).to_owned(),
            serial: args.get("serial").filter(|serial| !serial.is_empty()).map(str::to_owned),
            args: args.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            driver,
        }
    });
    Ok(described.filter(|found| found.driver != "audio" || filter.contains("driver=audio")).collect())
}

/// The sentence for where no device was found.
pub fn none_found(filter: &str) -> String {
    let found = match filter {
        "" => "no radio was found".to_owned(),
        filter => format!("no radio was found that matches {filter}"),
    };
    format!(
        "{found}; plug one in and install its SoapySDR module (for an RTL-SDR: apt install soapysdr-module-rtlsdr), \
         then list what is there with: cellsweep devices"
    )
}

/// A radio that streams.
pub struct Radio {
    stream: Stream,
    format: SampleFormat,
    full_scale: f32,
    gain_note: Option<String>,
    /// The gain in the beginning, where it is known.
    gain_db: Option<f64>,
    full: Receiver<Delivery>,
    empty: Sender<Box<Chunk>>,
    /// The chunk being read and how much of it was.
    current: Option<(Box<Chunk>, usize)>,
    failure: Option<String>,
    /// When samples came last.
    heard: Option<Instant>,
    begun: Instant,
    stop: Arc<AtomicBool>,
    cuts_unmeasured: Arc<AtomicU64>,
    /// Frequencies that are asked for.
    tunings: Sender<f64>,
}

impl Radio {
    /// Finds, opens and sets a device and starts its stream. Rate and frequency are what the device then says they are.
    ///
    /// # Errors
    /// [`SourceError`] where there is none, or it refuses: the sentence says what and what to do.
    pub fn open(settings: &Settings) -> Result<Self, SourceError> {
        let found = find(&settings.device)?;
        let Some(found) = found.first() else { return Err(SourceError(none_found(&settings.device))) };
        let refused = |what: &str, advice: &str, error: soapysdr::Error| {
            let why = if error.message.is_empty() { format!("{:?}", error.code) } else { error.message };
            SourceError(format!("{}: {what} ({why}); {advice}", found.label))
        };
        // What the user typed opens it, as not every driver gives all of it back.
        let device = match settings.device.as_str() {
            "" => Device::new(found.args.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect::<Args>()),
            typed => Device::new(typed),
        };
        let device = device.map_err(|error| {
            refused("cannot be opened", "check that no other program uses it and that you may access it", error)
        })?;
        let Settings { sample_rate_hz, center_frequency_hz, .. } = *settings;
        device.set_sample_rate(Direction::Rx, CHANNEL, sample_rate_hz).map_err(|error| {
            refused(&format!("does not sample at {sample_rate_hz} S/s"), "choose another --rate", error)
        })?;
        device.set_frequency(Direction::Rx, CHANNEL, center_frequency_hz, ()).map_err(|error| {
            refused(&format!("cannot be tuned to {center_frequency_hz} Hz"), "choose another --center", error)
        })?;
        let gain = set_gain(&device, settings.gain)
            .map_err(|error| refused("does not take the gain", "choose another --gain", error))?;
        let strange = |error| refused("does not tell its settings", "check its driver", error);
        let stream = Stream {
            name: found.label.clone(),
            sample_rate_hz: device.sample_rate(Direction::Rx, CHANNEL).map_err(strange)?,
            center_frequency_hz: Some(device.frequency(Direction::Rx, CHANNEL).map_err(strange)?),
            duration_s: None,
        };
        let lengths = Lengths::new(stream.sample_rate_hz);
        let opened = Opened::new(&device, lengths.chunk)
            .map_err(|error| refused("does not stream", "check that no other program uses it", error))?;
        Self::start(stream, opened, device, gain, &lengths)
    }

    fn start(
        stream: Stream,
        opened: Opened,
        device: Device,
        gain: GainSet,
        lengths: &Lengths,
    ) -> Result<Self, SourceError> {
        let chunk = || {
            let samples = vec![Complex32::default(); lengths.chunk].into_boxed_slice();
            Box::new(Chunk { samples, count: 0, lost_before: 0, cuts_unmeasured: 0, tuned: None })
        };
        // One more has room than there are chunks: the sentence at the end.
        let (full_sender, full) = bounded(lengths.num_chunks + 2);
        let (empty, empty_receiver) = bounded(lengths.num_chunks + 1);
        for _ in 0..lengths.num_chunks {
            let _ = empty.try_send(chunk());
        }
        let stop = Arc::new(AtomicBool::new(false));
        let (tunings, asked) = bounded(1);
        let (gain_note, gain, gain_db) = match gain {
            GainSet::Fixed(note, gain_db) => (note, None, gain_db),
            GainSet::Chosen { gain_db, range_db } => {
                let control = GainControl::new(gain_db, range_db, stream.sample_rate_hz, opened.full_scale);
                (None, Some(control), Some(gain_db))
            }
        };
        let feed = Feed {
            stream: opened.native,
            retune: Retune::new(device, &stream, asked),
            gain,
            clock: DeviceClock::new(stream.sample_rate_hz),
            fresh: vec![Complex32::default(); lengths.chunk].into_boxed_slice(),
            chunk: chunk(),
            empty: empty_receiver,
            stop: Arc::clone(&stop),
            full: full_sender,
        };
        std::thread::Builder::new()
            .name("radio".to_owned())
            .spawn(move || feed.run())
            .map_err(|error| SourceError(format!("{}: its thread cannot be started ({error})", stream.name)))?;
        Ok(Self {
            stream,
            format: opened.format,
            full_scale: opened.full_scale,
            gain_note,
            gain_db,
            full,
            empty,
            current: None,
            failure: None,
            heard: None,
            begun: Instant::now(),
            stop,
            cuts_unmeasured: Arc::default(),
            tunings,
        })
    }

    /// Format in which the device streams.
    pub fn format(&self) -> SampleFormat {
        self.format
    }

    /// What the user should know of the gain, if anything.
    pub fn gain_note(&self) -> Option<&str> {
        self.gain_note.as_deref()
    }

    /// The gain in the beginning; `None` where the device sets it itself and does not tell.
    pub fn gain_db(&self) -> Option<f64> {
        self.gain_db
    }

    /// Cuts of the stream of which neither driver nor clock tells the length; each counts as one lost sample.
    pub fn cuts_unmeasured(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.cuts_unmeasured)
    }

    /// Waits for the next chunk until `deadline`; false where none came.
    fn next_chunk(&mut self, deadline: Instant) -> bool {
        match self.full.recv_deadline(deadline) {
            Ok(Ok(chunk)) => {
                self.heard = Some(Instant::now());
                self.current = Some((chunk, 0));
                true
            }
            Ok(Err(sentence)) => {
                self.failure = Some(sentence);
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                self.failure.get_or_insert_with(|| "its driver broke off".to_owned());
                false
            }
        }
    }

    fn lost(&self, why: &str) -> SourceError {
        SourceError(format!("{}: the radio is lost: {why}; check cable and power, then start again", self.stream.name))
    }
}

impl Source for Radio {
    fn stream(&self) -> &Stream {
        &self.stream
    }

    fn full_scale(&self) -> f32 {
        self.full_scale
    }

    fn is_live(&self) -> bool {
        true
    }

    fn read(&mut self, out: &mut [Complex32]) -> Result<Read, SourceError> {
        let deadline = Instant::now() + PATIENCE;
        let (mut count, mut lost_before) = (0, 0);
        while count < out.len() {
            if self.current.is_none() && (self.failure.is_some() || !self.next_chunk(deadline)) {
                break;
            }
            let Some((chunk, read)) = &mut self.current else { break };
            if count > 0 && (chunk.lost_before > 0 || chunk.tuned.is_some()) {
                break;
            }
            if lost_before == 0
                && let Some(tuned) = chunk.tuned.take()
            {
                return Ok(Read::Tuned(tuned));
            }
            lost_before += std::mem::take(&mut chunk.lost_before);
            self.cuts_unmeasured.fetch_add(std::mem::take(&mut chunk.cuts_unmeasured), Ordering::Relaxed);
            let fresh = &chunk.samples[*read..chunk.count];
            let taken = fresh.len().min(out.len() - count);
            out[count..count + taken].copy_from_slice(&fresh[..taken]);
            count += taken;
            *read += taken;
            if *read == chunk.count
                && let Some((chunk, _)) = self.current.take()
            {
                let _ = self.empty.try_send(chunk);
            }
        }
        if count > 0 || lost_before > 0 {
            return Ok(Read::Samples { count, lost_before });
        }
        if let Some(why) = &self.failure {
            return Err(self.lost(why));
        }
        match self.heard {
            Some(heard) if heard.elapsed() > SILENCE => Err(self.lost("no sample came for 2 s")),
            None if self.begun.elapsed() > SILENCE_AT_FIRST => Err(self.lost("no sample came in the first 10 s")),
            _ => Ok(Read::Nothing),
        }
    }
}

impl Tune for Radio {
    fn tune(&mut self, center_frequency_hz: f64) {
        let _ = self.tunings.try_send(center_frequency_hz);
    }
}

impl Drop for Radio {
    /// Has the device closed, but waits no longer than a driver in order needs.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + CLOSING;
        while self.full.recv_deadline(deadline).is_ok() {}
    }
}

/// Sets the gain, or who is to choose it.
fn set_gain(device: &Device, wish: GainWish) -> Result<GainSet, soapysdr::Error> {
    let has_control = device.has_gain_mode(Direction::Rx, CHANNEL)?;
    if has_control {
        device.set_gain_mode(Direction::Rx, CHANNEL, wish == GainWish::Device)?;
    }
    match wish {
        GainWish::Device if has_control => Ok(GainSet::Fixed(None, None)),
        GainWish::Device => {
            let set_db = device.gain(Direction::Rx, CHANNEL)?;
            let note = format!("it has no automatic gain and stays at {set_db} dB; set it with --gain");
            Ok(GainSet::Fixed(Some(note), Some(set_db)))
        }
        GainWish::Db(gain_db) => {
            device.set_gain(Direction::Rx, CHANNEL, gain_db)?;
            let set_db = device.gain(Direction::Rx, CHANNEL)?;
            let note = (set_db != gain_db).then(|| format!("the gain is {set_db} dB"));
            Ok(GainSet::Fixed(note, Some(set_db)))
        }
        GainWish::Auto => {
            let range = device.gain_range(Direction::Rx, CHANNEL)?;
            let gain_db = device.gain(Direction::Rx, CHANNEL)?;
            Ok(GainSet::Chosen { gain_db, range_db: (range.minimum.min(gain_db), range.maximum.max(gain_db)) })
        }
    }
}

/// How samples are cut up on their way.
struct Lengths {
    chunk: usize,
    num_chunks: usize,
}

impl Lengths {
    fn new(sample_rate_hz: f64) -> Self {
        let chunk = ((CHUNK_S * sample_rate_hz) as usize).clamp(1024, 65_536);
        let most = MAX_RING_BYTES / size_of::<Complex32>() / chunk;
        Self { chunk, num_chunks: ((RING_S * sample_rate_hz) as usize / chunk).clamp(8, most) }
    }
}

/// A running stream and how its samples are to be understood.
struct Opened {
    native: Box<dyn Native>,
    format: SampleFormat,
    full_scale: f32,
}

impl Opened {
    /// Opens the stream in the device's own format, or, where that has no name here (12 bits packed), in 16 bits.
    fn new(device: &Device, most: usize) -> Result<Self, soapysdr::Error> {
        let order = if cfg!(target_endian = "big") { Endian::Big } else { Endian::Little };
        let (native, full_scale) =
            device.native_stream_format(Direction::Rx, CHANNEL).unwrap_or((Format::CS16, 32_768.0));
        match native {
            Format::CS8 => Self::stream::<Complex<i8>>(device, SampleFormat::Ci8, Scale::of(full_scale, 128.0), most),
            Format::CU8 => Self::stream::<Complex<u8>>(device, SampleFormat::Cu8, Scale::of(full_scale, 128.0), most),
            Format::CF32 => {
                let scale = Scale { gain: if full_scale > 0.0 { 1.0 / full_scale as f32 } else { 1.0 }, top: 1.0 };
                Self::stream::<Complex32>(device, SampleFormat::Cf32(order), scale, most)
            }
            Format::CS16 => {
                let scale = Scale::of(full_scale, 32_768.0);
                Self::stream::<Complex<i16>>(device, SampleFormat::Ci16(order), scale, most)
            }
            _ => {
                let scale = Scale::of(32_768.0, 32_768.0);
                Self::stream::<Complex<i16>>(device, SampleFormat::Ci16(order), scale, most)
            }
        }
    }

    fn stream<E: StreamSample + Pod + Send>(
        device: &Device,
        format: SampleFormat,
        scale: Scale,
        most: usize,
    ) -> Result<Self, soapysdr::Error> {
        let mut rx = device.rx_stream::<E>(&[CHANNEL])?;
        rx.activate(None)?;
        let native = NativeStream { rx, native: vec![E::zeroed(); most], format, gain: scale.gain };
        Ok(Self { native: Box::new(native), format, full_scale: scale.top })
    }
}

/// How a device's full scale stands to that of its format.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    /// What brings it to 1.
    gain: f32,
    /// Largest value a component then takes.
    top: f32,
}

impl Scale {
    /// `full_scale` as the driver tells it, for integers whose codes are `nominal` to each side of the middle.
    ///
    /// Some drivers tell the largest code instead, 2047 or 32767: one code is added where that makes a power of two.
    /// What cannot be, fewer than 4 bits or more than there are, is not believed.
    fn of(full_scale: f64, nominal: f64) -> Self {
        let told = if (full_scale + 1.0).log2().fract() == 0.0 { full_scale + 1.0 } else { full_scale };
        let scale = if (8.0..=nominal).contains(&told) { told } else { nominal };
        Self { gain: (nominal / scale) as f32, top: ((scale - 1.0) / scale) as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_of_fewer_bits_than_its_format_reaches_full_scale() {
        for full_scale in [2048.0, 2047.0] {
            assert_eq!(Scale::of(full_scale, 32_768.0), Scale { gain: 16.0, top: 2047.0 / 2048.0 });
        }
        for full_scale in [32_768.0, 32_767.0, 0.0, f64::NAN, 1.0, 1e9, -5.0] {
            assert_eq!(Scale::of(full_scale, 32_768.0), Scale { gain: 1.0, top: 32_767.0 / 32_768.0 });
        }
        assert_eq!(Scale::of(128.0, 128.0), Scale { gain: 1.0, top: 127.0 / 128.0 });
    }

    #[test]
    fn the_ring_is_bounded_at_every_rate() {
        for rate_hz in [1e3, 240e3, 1.92e6, 61.44e6, 1e9] {
            let Lengths { chunk, num_chunks } = Lengths::new(rate_hz);
            assert!(num_chunks >= 8 && chunk * num_chunks * size_of::<Complex32>() <= MAX_RING_BYTES, "{rate_hz}");
        }
    }
}
