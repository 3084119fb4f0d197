//! Segments on one axis of time: which samples were taken at which frequency, and what is missing between them.
//!
//! In: the entries of `captures`, in order. Out: [`Part`]s, one for each centre frequency, each a list of segments with
//! their times. A gap is what `core:global_index` tells, else what `core:datetime` tells beyond the steps of
//! its last digit; where neither does, a segment follows the one before at once, and a warning says so.
//! Time counts from the first sample of the recording, so that parts of one recording share their clock.

use super::metadata::Segment;
use crate::{capture::Stretch, datetime::Instant};

/// The longest time that is believed, in samples.
const MAX_TIME: u64 = 1 << 53;

/// A segment's samples within the recording.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Span {
    /// Index of its first sample in the data.
    pub start: u64,
    /// The number of its samples.
    pub num_samples: u64,
    /// Index of the first sample on the recording's axis of time.
    pub time: u64,
    /// The bytes of headers up to and with its own.
    pub header_bytes: u64,
}

/// All that was taken at one centre frequency.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub frequency_hz: Option<f64>,
    /// As the first segment of it writes it.
    pub datetime: Option<String>,
    pub spans: Vec<Span>,
}

impl Part {
    /// Its samples, with what follows without a gap in one.
    pub(super) fn stretches(&self) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        for &Span { start, num_samples, time, .. } in &self.spans {
            match stretches.last_mut() {
                Some(last) if last.time + last.num_samples == time && last.sample + last.num_samples == start => {
                    last.num_samples += num_samples;
                }
                _ => stretches.push(Stretch { sample: start, time, num_samples }),
            }
        }
        stretches
    }

    /// The index, within the part, of a sample of the recording that is in it. The last sample's successor is, too,
    /// and whatever lies beyond the end of the data is counted on.
    pub(super) fn index_of(&self, sample: u64, is_last: bool) -> Option<u64> {
        let mut stored = 0;
        for (number, span) in (1..).zip(&self.spans) {
            let within = sample.checked_sub(span.start);
            let beyond = is_last && number == self.spans.len();
            if let Some(within) = within.filter(|within| *within < span.num_samples || beyond) {
                return Some(stored + within);
            }
            stored += span.num_samples;
        }
        None
    }
}

/// Sorts `segments`, in order of their start, into parts. The last reaches up to `num_samples`, the first begins at 0.
pub(super) fn parts(
    segments: &[Segment],
    num_samples: u64,
    sample_rate_hz: f64,
    warnings: &mut Vec<String>,
) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let (mut untold, mut backwards) = (0, 0);
    let mut header_bytes = 0;
    let mut before: Option<(&Segment, Span)> = None;
    for (index, segment) in segments.iter().enumerate() {
        let start = if index == 0 { 0 } else { segment.sample_start };
        let end = segments.get(index + 1).map_or(num_samples, |next| next.sample_start);
        header_bytes += segment.header_bytes;
        let time = before.as_ref().map_or(0, |(earlier, span)| {
            // What stands before the first segment counts as its own.
            let (stored, lead) = (start - earlier.sample_start, earlier.sample_start - span.start);
            let at = span.time + lead;
            match elapsed_samples(earlier, segment, stored, sample_rate_hz) {
                Elapsed::Samples(elapsed) if elapsed >= stored && elapsed <= MAX_TIME - at.min(MAX_TIME) => {
                    at + elapsed
                }
                Elapsed::Samples(_) => {
                    backwards += 1;
                    at + stored
                }
                Elapsed::Untold => {
                    untold += 1;
                    at + stored
                }
            }
        });
        let span = Span { start, num_samples: end - start, time, header_bytes };
        before = Some((segment, span.clone()));
        if span.num_samples == 0 {
            continue;
        }
        let same = |part: &&mut Part| part.frequency_hz.map(f64::to_bits) == segment.frequency_hz.map(f64::to_bits);
        match parts.iter_mut().find(same) {
            Some(part) => part.spans.push(span),
            None => parts.push(Part {
                frequency_hz: segment.frequency_hz,
                datetime: segment.datetime.clone(),
                spans: vec![span],
            }),
        }
    }
    if untold > 0 {
        warnings.push(format!(
            "of its {} segments {untold} do not tell the time since the one before (core:global_index or \
             core:datetime); they are read as if they followed without a gap",
            segments.len()
        ));
    }
    if backwards > 0 {
        warnings.push(format!(
            "{backwards} of its {} segments are said to begin before the one before ended, or in another age; they are \
             read as if they followed without a gap",
            segments.len()
        ));
    }
    parts
}

enum Elapsed {
    Samples(u64),
    Untold,
}

/// Time from the start of one segment to that of the next, which is `stored` samples if none is missing.
fn elapsed_samples(earlier: &Segment, later: &Segment, stored: u64, sample_rate_hz: f64) -> Elapsed {
    if let (Some(earlier), Some(later)) = (earlier.global_index, later.global_index) {
        return Elapsed::Samples(later.saturating_sub(earlier));
    }
    let instant = |segment: &Segment| segment.datetime.as_deref().and_then(Instant::parse);
    let (Some(earlier), Some(later)) = (instant(earlier), instant(later)) else { return Elapsed::Untold };
    let elapsed = later.since(earlier) * sample_rate_hz;
    // Half a step of the last digit either way, at both ends.
    let uncertain = (earlier.resolution_s + later.resolution_s).max(1e-9) * sample_rate_hz;
    if (elapsed - stored as f64).abs() <= uncertain.max(1.0) {
        Elapsed::Samples(stored)
    } else {
        Elapsed::Samples(elapsed.round().max(0.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(sample_start: u64, frequency_hz: f64, global_index: Option<u64>, datetime: Option<&str>) -> Segment {
        let datetime = datetime.map(str::to_owned);
        Segment { sample_start, frequency_hz: Some(frequency_hz), global_index, datetime, ..Segment::default() }
    }

    #[test]
    fn indices_and_instants_tell_the_same_gap() {
        let by_index = [segment(0, 1e6, Some(500), None), segment(100, 1e6, Some(650), None)];
        let by_time = [
            segment(0, 1e6, None, Some("2026-01-01T00:00:00.000000Z")),
            segment(100, 1e6, None, Some("2026-01-01T00:00:00.150000Z")),
        ];
        for segments in [&by_index, &by_time] {
            let mut warnings = Vec::new();
            let parts = parts(segments, 300, 1000.0, &mut warnings);
            assert_eq!(parts.len(), 1);
            let stretch = |sample, time, num_samples| Stretch { sample, time, num_samples };
            assert_eq!(parts[0].stretches(), [stretch(0, 0, 100), stretch(100, 150, 200)]);
            assert_eq!(warnings, [""; 0]);
        }
    }

    #[test]
    fn an_instant_to_the_second_tells_no_gap_of_less() {
        let segments = [
            segment(0, 1e6, None, Some("2026-01-01T00:00:00Z")),
            segment(900, 1e6, None, Some("2026-01-01T00:00:01Z")),
        ];
        let parts = parts(&segments, 2000, 1000.0, &mut Vec::new());
        assert_eq!(parts[0].stretches(), [Stretch { sample: 0, time: 0, num_samples: 2000 }]);
    }

    #[test]
    fn each_frequency_is_a_part_on_the_same_clock() {
        let segments =
            [segment(0, 1e6, Some(0), None), segment(100, 2e6, Some(200), None), segment(150, 1e6, Some(300), None)];
        let parts = parts(&segments, 250, 1000.0, &mut Vec::new());
        assert_eq!(parts.iter().map(|part| part.frequency_hz).collect::<Vec<_>>(), [Some(1e6), Some(2e6)]);
        let stretch = |sample, time, num_samples| Stretch { sample, time, num_samples };
        assert_eq!(parts[0].stretches(), [stretch(0, 0, 100), stretch(150, 300, 100)]);
        assert_eq!(parts[1].stretches(), [stretch(100, 200, 50)]);
        assert_eq!(parts[0].index_of(170, true), Some(120));
        assert_eq!(parts[0].index_of(120, false), None);
    }

    #[test]
    fn a_segment_without_samples_is_no_part() {
        let segments = [segment(0, 1e6, None, None), segment(100, 2e6, None, None), segment(100, 1e6, None, None)];
        let parts = parts(&segments, 100, 1000.0, &mut Vec::new());
        assert_eq!(parts.iter().map(|part| part.frequency_hz).collect::<Vec<_>>(), [Some(1e6)]);
    }

    #[test]
    fn time_that_runs_backwards_costs_a_warning() {
        let mut warnings = Vec::new();
        let segments = [segment(0, 1e6, Some(500), None), segment(100, 1e6, Some(20), None)];
        assert_eq!(parts(&segments, 300, 1000.0, &mut warnings)[0].stretches().len(), 1);
        assert!(warnings[0].contains("begin before the one before ended"), "{warnings:?}");
    }
}
