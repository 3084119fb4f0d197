//! The thread that alone speaks to the driver: native samples to floats, losses counted, chunks to the source.
//!
//! A driver may never return from a call. So this thread belongs to no scope and nobody waits for it without limit;
//! the source at the other end of the channels notices the silence.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytemuck::Pod;
use captures::SampleFormat;
use crossbeam_channel::{Receiver, Sender};
use num_complex::Complex32;
use soapysdr::{ErrorCode, RxStream, StreamSample};

use super::device_clock::DeviceClock;
use super::gain::GainControl;
use super::retune::Retune;
use crate::source::Tuned;

/// Longest time a call of the driver is asked to take.
const DRIVER_TIMEOUT_US: i64 = 20_000;
/// Stream errors in a row that mean the device is gone, and the pause after each. A few come at the start of a remote
/// stream.
const MAX_STREAM_ERRORS: u32 = 25;
const AFTER_ERROR: Duration = Duration::from_millis(20);

/// Samples on their way from the driver.
pub(super) struct Chunk {
    /// The first `count` are samples.
    pub samples: Box<[Complex32]>,
    pub count: usize,
    /// Samples lost before the first.
    pub lost_before: u64,
    /// Cuts before the first of which nothing told the length.
    pub cuts_unmeasured: u64,
    /// The device was tuned before the first, and the losses before that.
    pub tuned: Option<Tuned>,
}

/// A chunk, or the sentence with which the stream ended.
pub(super) type Delivery = Result<Box<Chunk>, String>;

/// A stream of the driver, read as floats.
pub(super) trait Native: Send {
    /// Reads what there is, up to the length of `out`.
    fn read(&mut self, out: &mut [Complex32]) -> Result<usize, ErrorCode>;

    /// Time stamp of the first sample of the last read; unchanged where it had none.
    fn time_ns(&self) -> i64;
}

/// A SoapySDR stream in the device's own format.
pub(super) struct NativeStream<E: StreamSample> {
    pub rx: RxStream<E>,
    /// As long as the longest read.
    pub native: Vec<E>,
    pub format: SampleFormat,
    /// What brings the device's full scale to 1 after decoding.
    pub gain: f32,
}

impl<E: StreamSample + Pod + Send> Native for NativeStream<E> {
    fn read(&mut self, out: &mut [Complex32]) -> Result<usize, ErrorCode> {
        let room = self.native.len().min(out.len());
        let native = &mut self.native[..room];
        let count = self.rx.read(&mut [native], DRIVER_TIMEOUT_US).map_err(|error| error.code)?.min(room);
        let out = &mut out[..count];
        self.format.decode(bytemuck::cast_slice(&self.native[..count]), out);
        if self.gain != 1.0 {
            out.iter_mut().for_each(|sample| *sample *= self.gain);
        }
        Ok(count)
    }

    fn time_ns(&self) -> i64 {
        self.rx.time_ns()
    }
}

/// Reads the driver until it is told to stop or the device is gone. Fields are dropped in this order: the device is
/// closed before the other end hears that the thread has ended.
pub(super) struct Feed {
    pub stream: Box<dyn Native>,
    pub retune: Retune,
    /// Chooses the gain, where that is left to it.
    pub gain: Option<GainControl>,
    pub clock: DeviceClock,
    pub fresh: Box<[Complex32]>,
    pub chunk: Box<Chunk>,
    pub empty: Receiver<Box<Chunk>>,
    pub stop: Arc<AtomicBool>,
    pub full: Sender<Delivery>,
}

impl Feed {
    pub(super) fn run(mut self) {
        let failure = self.read_on();
        if self.chunk.count > 0 || self.chunk.lost_before > 0 {
            self.deliver();
        }
        if let Some(sentence) = failure {
            let _ = self.full.try_send(Err(sentence));
        }
    }

    /// Reads until told to stop (`None`) or until the device is gone (why).
    fn read_on(&mut self) -> Option<String> {
        let mut errors = 0;
        while !self.stop.load(Ordering::Relaxed) {
            match self.retune.begin() {
                Ok(false) => {}
                Ok(true) => self.hand_over(),
                Err(sentence) => return Some(sentence),
            }
            let room = self.chunk.samples.len() - self.chunk.count;
            let asked = Instant::now();
            match self.stream.read(&mut self.fresh[..room]) {
                Ok(0) | Err(ErrorCode::Timeout) => {
                    // What has come goes on its way; a driver that does not wait itself is not asked without a pause.
                    if self.chunk.count > 0 {
                        self.deliver();
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
                Ok(count) => {
                    errors = 0;
                    self.take(count, asked.elapsed());
                }
                Err(ErrorCode::Overflow | ErrorCode::Corruption) => self.clock.cut(),
                Err(ErrorCode::NotSupported) => return Some("its driver cannot receive a stream".to_owned()),
                Err(code) => {
                    errors += 1;
                    if errors == MAX_STREAM_ERRORS {
                        return Some(format!("it gave {errors} errors in a row ({code:?})"));
                    }
                    std::thread::sleep(AFTER_ERROR);
                }
            }
        }
        None
    }

    /// Sends on what was heard before.
    fn hand_over(&mut self) {
        if self.chunk.count > 0 || self.chunk.lost_before > 0 {
            self.deliver();
        }
    }

    /// Appends the first `count` fresh samples, for which the driver took `waited`.
    fn take(&mut self, count: usize, waited: Duration) {
        let time_ns = self.stream.time_ns();
        let lost = self.clock.lost_before(count as u64, time_ns);
        let stale = self.retune.stale(count, lost, time_ns, waited);
        if stale == count {
            return;
        }
        if let Some(tuned) = self.retune.arrived() {
            self.chunk.tuned = Some(tuned);
            self.append(stale, count);
            return;
        }
        if lost > 0 {
            if self.chunk.count > 0 {
                self.deliver();
            }
            self.chunk.lost_before += lost;
            self.chunk.cuts_unmeasured += self.clock.take_cuts_unmeasured();
        }
        self.append(0, count);
    }

    /// Appends fresh samples from `from` to `to`.
    fn append(&mut self, from: usize, to: usize) {
        let Chunk { samples, count: filled, .. } = self.chunk.as_mut();
        samples[*filled..*filled + to - from].copy_from_slice(&self.fresh[from..to]);
        *filled += to - from;
        if let Some(gain) = &mut self.gain
            && let Some(step) = gain.push(&self.fresh[from..to])
            && let Some(to_db) = self.retune.change_gain(step)
        {
            gain.set(to_db);
            self.hand_over();
        }
        if self.chunk.count == self.chunk.samples.len() {
            self.deliver();
        }
    }

    /// Sends the chunk on; where no empty one takes its place, its samples are lost and counted: the radio never waits.
    fn deliver(&mut self) {
        match self.empty.try_recv() {
            Ok(mut next) => {
                next.count = 0;
                next.lost_before = 0;
                next.cuts_unmeasured = 0;
                next.tuned = None;
                // The channel holds all chunks; where the other end has gone, the stop flag is set.
                let _ = self.full.try_send(Ok(std::mem::replace(&mut self.chunk, next)));
            }
            Err(_) => {
                self.chunk.lost_before += self.chunk.count as u64;
                self.chunk.count = 0;
            }
        }
    }
}
