//! An earlier sweep, or one of a place outside, as a reference: what is new, what is stronger, what is gone.
//!
//! In: the transmitters of the reference, and of the sweep. Out: how each stands against the reference.
//! Method: a transmitter is like one of the reference where technology, band, cell and frequency error agree as far as
//! both tell them; it is stronger where its best level exceeds that of every like one by more than the power of one device
//! differs between sessions. Ignores: who it is. Of two meters of one cell that nothing tells apart, either is "like".

use super::session::{are_alike, common};
use crate::pipeline::snapshot::Transmitter;

/// Twice the deviation of a difference of levels between sessions.
const STRONGER_DB: f64 = 10.0;
/// A frequency error wanders by this much between sweeps.
const ERROR_REACH_HZ: f64 = 60.0;

/// How a transmitter stands against the reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Standing {
    /// Nothing like it is in the reference.
    New,
    /// There is something like it, weaker by so much.
    Stronger(f64),
    /// There is something like it.
    Like,
}

/// The transmitters of a reference.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Baseline {
    transmitters: Vec<Transmitter>,
    center_frequency_hz: Option<f64>,
}

impl Baseline {
    /// Of the transmitters heard around this radio frequency.
    pub fn new(transmitters: Vec<Transmitter>, center_frequency_hz: Option<f64>) -> Self {
        // Unnamed energy tells nothing to know it by.
        Self { transmitters: transmitters.into_iter().filter(|t| t.proximity.is_some()).collect(), center_frequency_hz }
    }

    /// How a transmitter heard around this radio frequency stands; `None` of unnamed energy.
    pub fn standing(&self, transmitter: &Transmitter, center_frequency_hz: Option<f64>) -> Option<Standing> {
        let level_db = best_db(transmitter)?;
        let like = self.transmitters.iter().filter(|other| self.is_like(other, transmitter, center_frequency_hz));
        let strongest = like.filter_map(best_db).max_by(f64::total_cmp);
        Some(match strongest {
            None => Standing::New,
            Some(before_db) if level_db - before_db > STRONGER_DB => Standing::Stronger(level_db - before_db),
            Some(_) => Standing::Like,
        })
    }

    /// Those of the reference that nothing heard now is like.
    pub fn gone<'a>(
        &'a self,
        now: &'a [Transmitter],
        center_frequency_hz: Option<f64>,
    ) -> impl Iterator<Item = &'a Transmitter> {
        self.transmitters.iter().filter(move |was| !now.iter().any(|is| self.is_like(was, is, center_frequency_hz)))
    }

    fn is_like(&self, was: &Transmitter, is: &Transmitter, center_frequency_hz: Option<f64>) -> bool {
        let shift_hz = match (self.center_frequency_hz, center_frequency_hz) {
            (Some(was_hz), Some(is_hz)) => was_hz - is_hz,
            _ => 0.0,
        };
        let apart_hz = (was.center_hz + shift_hz - is.center_hz).abs();
        let excluded = common(was.cell_ids.as_deref(), is.cell_ids.as_deref()).is_some_and(|ids| ids.is_empty());
        let errors = was.frequency_error_hz.zip(is.frequency_error_hz);
        are_alike(was.technology, is.technology)
            && apart_hz <= (was.bandwidth_hz + is.bandwidth_hz) / 2.0
            && !excluded
            && errors.is_none_or(|(was_hz, is_hz)| (was_hz - is_hz).abs() <= ERROR_REACH_HZ)
    }
}

fn best_db(transmitter: &Transmitter) -> Option<f64> {
    transmitter.proximity.as_ref().map(|proximity| proximity.peak.level_db)
}

#[cfg(test)]
mod tests {
    use dsp::finding::{Channel, Finding};

    use super::*;
    use crate::tracker::Tracker;
    use crate::tracker::testing::burst;

    /// Devices at these offsets, cells and levels.
    fn heard(devices: &[(f64, u16, f32)]) -> Vec<Transmitter> {
        let mut tracker = Tracker::default();
        for (i, (center_hz, cell_id, power_dbfs)) in devices.iter().enumerate() {
            let mut finding = burst(Channel::Npusch1, i as f64, *center_hz, 15e3);
            finding.parameters.cell_ids = Some(vec![*cell_id]);
            tracker.attribute(&Finding { power_dbfs: *power_dbfs, ..finding });
        }
        tracker.transmitters()
    }

    #[test]
    fn what_is_new_stronger_or_gone_is_told() {
        let center_hz = Some(842e6);
        let baseline =
            Baseline::new(heard(&[(7500.0, 7, -60.0), (307_500.0, 8, -60.0), (-300e3, 9, -50.0)]), center_hz);
        let now = heard(&[(7500.0, 7, -58.0), (307_500.0, 8, -40.0), (7500.0, 11, -60.0)]);
        let standing: Vec<Option<Standing>> = now.iter().map(|t| baseline.standing(t, center_hz)).collect();
        assert_eq!(standing, [Some(Standing::Like), Some(Standing::Stronger(20.0)), Some(Standing::New)]);
        let gone: Vec<f64> = baseline.gone(&now, center_hz).map(|t| t.center_hz).collect();
        assert_eq!(gone, [-300e3]);
        // The same transmitters around another middle.
        let moved = heard(&[(-92_500.0, 7, -60.0)]);
        assert_eq!(baseline.standing(&moved[0], Some(842.1e6)), Some(Standing::Like));
        assert_eq!(baseline.standing(&moved[0], center_hz), Some(Standing::New));
    }
}
