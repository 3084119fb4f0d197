//! Energy that is no known cellular uplink: it is gathered by its place in the spectrum, as nothing else tells whose
//! it is.
//!
//! In: unnamed findings. Out: one entry for each place. Method: a finding goes to the nearest place of like width; the
//! number of places is bounded by the raster they keep.

use std::collections::{BTreeMap, VecDeque};

use dsp::finding::Finding;

use crate::pipeline::snapshot::Transmitter;

/// Places are at least this far apart, or half the width of what is there.
const REACH_HZ: f64 = 25e3;
/// Bursts kept for the history of levels.
const LEVELS: usize = 16;

/// Octave of a width, and its raster there.
fn raster(bandwidth_hz: f64) -> (i64, f64) {
    let octave = (bandwidth_hz.max(REACH_HZ) / REACH_HZ).log2().floor();
    (octave as i64, REACH_HZ * octave.exp2())
}

/// All places where unnamed energy was heard.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    /// By octave of width and place on its raster.
    all: BTreeMap<(i64, i64), Transmitter>,
}

impl Places {
    /// The place of a finding; `next_id` names a new one and is counted on.
    pub(super) fn attribute(&mut self, finding: &Finding, next_id: &mut u32) -> u32 {
        let extent = &finding.extent;
        let (octave, step_hz) = raster(extent.bandwidth_hz);
        let cell = (extent.center_hz / step_hz).floor() as i64;
        let apart_hz = |t: &Transmitter| (t.center_hz - extent.center_hz).abs();
        let near = self.all.range((octave, cell - 1)..=(octave, cell + 1));
        let key = near
            .filter(|(_, place)| apart_hz(place) < step_hz)
            .min_by(|a, b| apart_hz(a.1).total_cmp(&apart_hz(b.1)))
            .map_or((octave, cell), |(key, _)| *key);
        let place = self.all.entry(key).or_insert_with(|| {
            *next_id += 1;
            let evidence = vec!["Energy at one place of the spectrum: it may be one device or many.".to_owned()];
            Transmitter { id: *next_id - 1, evidence, ..Transmitter::of(finding) }
        });
        place.bursts += 1;
        place.last_s = place.last_s.max(extent.end_s);
        place.first_s = place.first_s.min(extent.start_s);
        place.confidence = place.confidence.max(finding.confidence);
        place.power_dbfs_max = place.power_dbfs_max.max(finding.power_dbfs);
        place.clipped |= finding.clipped;
        match place.channels.first_mut() {
            Some((_, count)) => *count += 1,
            None => place.channels.push((finding.channel, 1)),
        }
        push(&mut place.levels, (extent.start_s, finding.power_dbfs));
        place.id
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// All of them, by place.
    pub(super) fn pictures(&self) -> impl Iterator<Item = Transmitter> {
        self.all.values().cloned()
    }
}

fn push(levels: &mut VecDeque<(f64, f32)>, level: (f64, f32)) {
    if levels.len() == LEVELS {
        levels.pop_front();
    }
    levels.push_back(level);
}
