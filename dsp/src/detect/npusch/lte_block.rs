//! One resource block of LTE has the tones, the sequences and the data's phases of twelve tones of NB-IoT.

use num_complex::{Complex32, Complex64};

use super::generated::Draw;
use super::*;
use crate::synth::Waveform;
use crate::synth::pusch::Allocation;
use crate::synth::random::Random;

/// Its sequence shifts anew in every slot, which tells the two apart from two subframes on, in whatever cell; where the
/// two slots of a single subframe agree by chance, no more than even odds are given.
#[test]
fn a_resource_block_of_lte_is_no_nb_iot() {
    let mut random = Random::new(7);
    let mut draw = Draw(8);
    for subframes in [1, 2, 3] {
        let mut named = 0;
        for trial in 0..60u16 {
            let allocation = Allocation {
                cell_id: 8 * trial + 3,
                carrier_prb: 6,
                first_prb: 3,
                num_prb: 1,
                subframes,
                first_subframe: u64::from(trial),
                cyclic_shift: (trial % 12) as u8,
            };
            let block = allocation.waveform(&mut random).unwrap();
            let (low_hz, high_hz) = block.band_hz();
            let (start_s, center_hz) = (6e-3 + random.uniform() * 1e-3, (low_hz + high_hz) / 2.0);
            let noise = (10f64.powf(-1.5) * RATE_HZ / 180e3).sqrt() as f32;
            let end_s = start_s + block.duration_s();
            let samples: Vec<Complex32> = (0..((end_s + 6e-3) * RATE_HZ) as usize)
                .map(|i| {
                    let t = i as f64 / RATE_HZ;
                    let on = (start_s..end_s).contains(&t);
                    let z = if on { block.at(t - start_s) } else { Complex64::ZERO };
                    let down = z * Complex64::cis(-std::f64::consts::TAU * (center_hz * t).fract());
                    Complex32::new(down.re as f32, down.im as f32) + draw.noise() * noise
                })
                .collect();
            let extent = Segment {
                start_s: start_s + draw.within(0.1e-3),
                end_s: end_s + draw.within(0.1e-3),
                center_hz: center_hz + draw.within(1e3),
                bandwidth_hz: 180e3,
            };
            let baseband = Baseband { samples: &samples, sample_rate_hz: RATE_HZ, center_hz, start_s: 0.0 };
            let candidate = Candidate { extent, power_dbfs: 0.0, snr_db: 15.0 };
            let Ok(found) = classify(&baseband, &candidate) else { continue };
            named += usize::from(subframes > 1 || found.confidence > 0.6);
        }
        assert!(named <= 3, "{named} of 60, {subframes} ms");
    }
}
