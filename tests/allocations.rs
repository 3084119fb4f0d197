//! Nothing allocates on the sample path once it runs: neither the front end by itself, nor the threads that read and
//! search in a running pipeline.
#![cfg(target_os = "linux")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};

use cellsweep::pipeline::snapshot::Stream;
use cellsweep::pipeline::{self, Options, Outputs};
use cellsweep::source::{Read, Source, SourceError};
use dsp::frontend::{Event, FrontEnd};
use dsp::synth::random::Random;
use num_complex::{Complex32, Complex64};

const SAMPLE_RATE_HZ: f64 = 1.92e6;
const BLOCK_SAMPLES: usize = 38_400;
/// Time after which everything has been used once, and time that is watched.
const WARM_UP_S: f64 = 1.6;
const WATCHED_S: f64 = 1.0;

/// Allocations of the threads of a pipeline, by the names they bear.
static BY_READER: AtomicU64 = AtomicU64::new(0);
static BY_FRONT_END: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static BY_THIS_THREAD: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

/// Asks the kernel for the thread's name: it is known before the thread's own memory is, and the answer needs none.
#[allow(unsafe_code, reason = "a system call, into a buffer of the size it is documented to fill")]
fn thread_name(buffer: &mut [u8; 16]) -> &CStr {
    unsafe extern "C" {
        fn prctl(option: std::ffi::c_int, ...) -> std::ffi::c_int;
    }
    const PR_GET_NAME: std::ffi::c_int = 16;
    // SAFETY: PR_GET_NAME writes at most 16 bytes, the last of them zero.
    unsafe { prctl(PR_GET_NAME, buffer.as_mut_ptr()) };
    CStr::from_bytes_until_nul(buffer).unwrap_or_default()
}

fn count() {
    // A thread that is ending has no counter any more.
    let _ = BY_THIS_THREAD.try_with(|counter| counter.set(counter.get() + 1));
    match thread_name(&mut [0; 16]).to_bytes() {
        b"reader" => BY_READER.fetch_add(1, Ordering::Relaxed),
        b"front end" => BY_FRONT_END.fetch_add(1, Ordering::Relaxed),
        _ => 0,
    };
}

#[allow(unsafe_code, reason = "an allocator that counts and passes on")]
// SAFETY: every request goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

/// Noise with a burst of 10 ms and 45 kHz or so every 40 ms, each at another frequency; it repeats every half second.
fn air() -> Vec<Complex32> {
    let mut random = Random::new(7);
    let samples = (0..(0.48 * SAMPLE_RATE_HZ) as usize).map(|index| {
        let time_s = index as f64 / SAMPLE_RATE_HZ;
        let (slot, within_s) = ((time_s / 0.04) as i32, time_s % 0.04);
        let mut sample = 0.01 * random.gaussian();
        if within_s < 0.01 {
            let frequency_hz = f64::from((slot * 7) % 12 - 6) * 125e3;
            for tone in [-22_500.0, -7_500.0, 7_500.0, 22_500.0] {
                sample += 0.05 * Complex64::cis(std::f64::consts::TAU * (frequency_hz + tone) * time_s);
            }
        }
        Complex32::new(sample.re as f32, sample.im as f32)
    });
    samples.collect()
}

#[test]
fn the_front_end_allocates_nothing_once_it_runs() {
    let air = air();
    let mut front_end = FrontEnd::new(SAMPLE_RATE_HZ, 1.0).expect("a rate that can be analysed");
    let (mut candidates, mut rows) = (0, 0);
    let mut allocations = 0;
    let (warm_up, end) = ((WARM_UP_S * SAMPLE_RATE_HZ) as u64, ((WARM_UP_S + WATCHED_S) * SAMPLE_RATE_HZ) as u64);
    for block in air.chunks(BLOCK_SAMPLES).cycle() {
        let is_watched = front_end.position() >= warm_up;
        let before = BY_THIS_THREAD.get();
        front_end.push(block, &mut |event| match event {
            Event::Candidate(..) | Event::Preamble(..) | Event::WidePreamble(..) => {
                candidates += usize::from(is_watched)
            }
            Event::Row(_) => rows += usize::from(is_watched),
        });
        allocations += if is_watched { BY_THIS_THREAD.get() - before } else { 0 };
        if front_end.position() >= end {
            break;
        }
    }
    assert!(candidates > 20 && rows > 20, "{candidates} candidates and {rows} rows");
    assert_eq!(allocations, 0);
}

/// Repeats what is on the air, and looks at the counters when all is warm and when enough was watched.
struct Repeating {
    stream: Stream,
    air: Vec<Complex32>,
    position: u64,
    /// Allocations of the reader and of the front end at the first look.
    warm: Option<(u64, u64)>,
    watched: std::sync::mpsc::Sender<(u64, u64)>,
}

impl Source for Repeating {
    fn stream(&self) -> &Stream {
        &self.stream
    }

    fn full_scale(&self) -> f32 {
        1.0
    }

    fn is_live(&self) -> bool {
        false
    }

    fn read(&mut self, out: &mut [Complex32]) -> Result<Read, SourceError> {
        let counted = (BY_READER.load(Ordering::Relaxed), BY_FRONT_END.load(Ordering::Relaxed));
        let time_s = self.position as f64 / SAMPLE_RATE_HZ;
        if time_s >= WARM_UP_S + WATCHED_S {
            let warm = self.warm.unwrap_or_default();
            let _ = self.watched.send((counted.0 - warm.0, counted.1 - warm.1));
            return Ok(Read::End);
        }
        if time_s >= WARM_UP_S && self.warm.is_none() {
            self.warm = Some(counted);
        }
        let from = self.position as usize % self.air.len();
        let count = out.len().min(self.air.len() - from);
        out[..count].copy_from_slice(&self.air[from..from + count]);
        self.position += count as u64;
        Ok(Read::Samples { count, lost_before: 0 })
    }
}

#[test]
fn reader_and_front_end_of_a_running_pipeline_allocate_nothing() {
    let stream =
        Stream { name: "air".into(), sample_rate_hz: SAMPLE_RATE_HZ, center_frequency_hz: None, duration_s: None };
    let (watched, looks) = std::sync::mpsc::channel();
    let source = Repeating { stream, air: air(), position: 0, warm: None, watched };
    let options = Options { threads: 2, block_s: 0.02, speed: None, thorough: false };
    let outcome = pipeline::run(Box::new(source), options, Outputs::default(), None).expect("a run");
    assert!(outcome.summary.bursts > 40, "{} bursts", outcome.summary.bursts);
    let (by_reader, by_front_end) = looks.recv().expect("a look at the end");
    assert_eq!((by_reader, by_front_end), (0, 0), "allocations by reader and front end");
}
