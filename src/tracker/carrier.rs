//! The NB-IoT carrier that bursts belong to.
//!
//! In: fingerprints of NB-IoT bursts. Out: for each carrier the band heard, the middles that its tone grid and the
//! 180 kHz of a carrier leave open, and how far they stand off the raster of carriers.
//! Method: bursts are gathered while together they fit a carrier and one tone grid; the middle stands six data tones
//! above the carrier's lower edge (TS 36.211 §10.1.2.1). Carriers stand on multiples of 5 kHz (TS 36.101 §5.7.3F):
//! what the grid is off by is the device's frequency error and the receiver's together.
//! Ignores: whether it is in an LTE carrier, in its guard band or alone, which the uplink does not tell.

use super::fingerprint::{Fingerprint, GridPosition};
use super::session::{common, reach_hz};

/// Width of a carrier.
const CARRIER_HZ: f64 = 180e3;
/// Edges may be off by the devices' frequency errors.
const EDGE_HZ: f64 = 2.5e3;
/// Bursts of one carrier stand this close on its grid: devices are within ±0.2 ppm of the cell.
const GRID_REACH_HZ: f64 = 450.0;
/// Raster of carriers.
const RASTER_HZ: f64 = 5e3;
/// Finest grid, on which raster and 3.75 kHz tones repeat together.
const COMMON_HZ: f64 = 1250.0;
/// Carriers kept; the one least heard is forgotten beyond it.
const MAX_CARRIERS: usize = 256;

/// What is known of one carrier.
#[derive(Debug, Clone, PartialEq)]
pub struct Carrier {
    /// Number of its bursts.
    pub bursts: u64,
    /// Band heard, hertz from the stream's centre.
    pub heard_hz: (f64, f64),
    /// Spacing of the grid its tones were seen on.
    pub tone_grid_hz: f64,
    /// Middles that fit, hertz from the stream's centre.
    pub centers_hz: Vec<f64>,
    /// What the middles are off the raster by, where the stream's centre frequency is known.
    pub raster_error_hz: Option<f64>,
}

#[derive(Debug, Clone)]
struct Gathered {
    low_hz: f64,
    high_hz: f64,
    grid: GridPosition,
    cell_ids: Option<Vec<u16>>,
    bursts: u64,
}

/// Every NB-IoT carrier heard.
#[derive(Debug, Clone, Default)]
pub(super) struct Carriers {
    all: Vec<Gathered>,
}

impl Carriers {
    /// Adds a burst to the carrier it fits best, or to a new one.
    pub(super) fn add(&mut self, burst: &Fingerprint) {
        let Some(grid) = burst.grid else { return };
        let (low_hz, high_hz) = (burst.extent.low_hz(), burst.extent.high_hz());
        let fits = |carrier: &Gathered| {
            carrier.high_hz.max(high_hz) - carrier.low_hz.min(low_hz) <= reach_hz(burst.technology)
                && carrier.grid.distance_hz(&grid).abs() < GRID_REACH_HZ
                && !common(carrier.cell_ids.as_deref(), burst.cell_ids.as_deref()).is_some_and(|ids| ids.is_empty())
        };
        let best = self.all.iter_mut().filter(|carrier| fits(carrier)).max_by_key(|carrier| carrier.bursts);
        let Some(carrier) = best else {
            if self.all.len() == MAX_CARRIERS
                && let Some(least) = (0..self.all.len()).min_by_key(|index| self.all[*index].bursts)
            {
                self.all.remove(least);
            }
            let cell_ids = burst.cell_ids.clone();
            return self.all.push(Gathered { low_hz, high_hz, grid, cell_ids, bursts: 1 });
        };
        carrier.bursts += 1;
        carrier.low_hz = carrier.low_hz.min(low_hz);
        carrier.high_hz = carrier.high_hz.max(high_hz);
        carrier.cell_ids = common(carrier.cell_ids.as_deref(), burst.cell_ids.as_deref());
        // A wider grid tells more, a surer position too.
        if (grid.modulus_hz, carrier.grid.sigma_hz) > (carrier.grid.modulus_hz, grid.sigma_hz) {
            carrier.grid = grid;
        }
    }

    /// The carrier whose band holds this one.
    pub(super) fn around(&self, low_hz: f64, high_hz: f64, center_frequency_hz: Option<f64>) -> Option<Carrier> {
        let holds = |carrier: &&Gathered| carrier.low_hz <= low_hz && carrier.high_hz >= high_hz;
        let carrier = self.all.iter().filter(holds).max_by_key(|carrier| carrier.bursts)?;
        Some(carrier.picture(center_frequency_hz))
    }
}

/// How far a position stands off the raster of carriers, where the stream's centre frequency is known.
pub(super) fn raster_error_hz(grid: Option<&GridPosition>, center_frequency_hz: Option<f64>) -> Option<f64> {
    let grid = grid?;
    let common_hz = if grid.modulus_hz.rem_euclid(RASTER_HZ) == 0.0 { RASTER_HZ } else { COMMON_HZ };
    let off_hz = (center_frequency_hz? + grid.offset_hz).rem_euclid(common_hz);
    Some(if off_hz > common_hz / 2.0 { off_hz - common_hz } else { off_hz })
}

impl Carrier {
    /// What is known of it in a sentence.
    pub(super) fn sentence(&self) -> String {
        let middles = match self.centers_hz.len() {
            1 => "its middle is known".to_owned(),
            num => format!("{num} middles fit"),
        };
        format!(
            "Its NB-IoT carrier: {} bursts on one {} kHz grid, {middles}; in band, guard band or alone is not told.",
            self.bursts,
            self.tone_grid_hz / 1e3
        )
    }
}

impl Gathered {
    fn picture(&self, center_frequency_hz: Option<f64>) -> Carrier {
        let modulus_hz = self.grid.modulus_hz;
        let (first_hz, last_hz) = (self.high_hz - CARRIER_HZ / 2.0 - EDGE_HZ, self.low_hz + CARRIER_HZ / 2.0 + EDGE_HZ);
        // The lower edge, hence the middle six tones above it, stands on the grid.
        let mut center_hz = first_hz + (self.grid.offset_hz - first_hz).rem_euclid(modulus_hz);
        let mut centers_hz = Vec::new();
        while center_hz <= last_hz {
            centers_hz.push(center_hz);
            center_hz += modulus_hz;
        }
        Carrier {
            bursts: self.bursts,
            heard_hz: (self.low_hz, self.high_hz),
            tone_grid_hz: modulus_hz,
            centers_hz,
            raster_error_hz: raster_error_hz(Some(&self.grid), center_frequency_hz),
        }
    }
}

#[cfg(test)]
mod tests {
    use dsp::finding::Channel;

    use super::*;
    use crate::tracker::testing::burst;

    fn carriers(bursts: &[(Channel, f64, f64)]) -> Carriers {
        let mut carriers = Carriers::default();
        for (channel, center_hz, bandwidth_hz) in bursts {
            carriers.add(&Fingerprint::of(&burst(*channel, 0.0, *center_hz, *bandwidth_hz)));
        }
        carriers
    }

    #[test]
    fn a_burst_as_wide_as_the_carrier_tells_its_middle_and_its_error() {
        let carriers = carriers(&[(Channel::Npusch1, 35e3 + 40.0, 180e3), (Channel::Nprach, 57.5e3 + 40.0, 45e3)]);
        let carrier = carriers.around(35e3, 80e3, Some(842e6)).expect("a carrier");
        assert_eq!(carrier.bursts, 2);
        assert_eq!(carrier.centers_hz, [35_040.0]);
        assert!((carrier.raster_error_hz.expect("an error") - 40.0).abs() < 1e-6);
        assert_eq!(carriers.around(35e3, 80e3, None).and_then(|carrier| carrier.raster_error_hz), None);
    }

    #[test]
    fn a_single_tone_leaves_twelve_middles_or_more_open() {
        let carriers = carriers(&[(Channel::Npusch1, 7500.0, 15e3)]);
        let centers_hz = carriers.around(0.0, 15e3, None).expect("a carrier").centers_hz;
        assert_eq!(centers_hz.len(), 12);
        assert!(centers_hz.contains(&0.0));
    }

    #[test]
    fn bursts_of_two_carriers_are_not_gathered() {
        let carriers = carriers(&[(Channel::Npusch1, 0.0, 180e3), (Channel::Npusch1, 200e3, 180e3)]);
        assert_eq!(carriers.all.len(), 2);
    }
}
