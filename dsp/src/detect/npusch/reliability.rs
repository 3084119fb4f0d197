//! Is a confidence the share of findings that are right?
//!
//! As many transmissions as imitations are shown at levels where neither is sure: what is said with `p` is right in `p`.

use super::generated::{ANSWER, Draw, NARROW, Sent, WIDE, transmit};
use super::*;
use num_complex::{Complex32, Complex64};
use std::f64::consts::TAU;

/// Keyed tones with two or four frequencies, or with QPSK at some rate, or noise, as wide as `bandwidth_hz`.
fn imitation(bandwidth_hz: f64, length_s: f64, snr_db: f64, draw: &mut Draw) -> (Vec<Complex32>, Segment) {
    let kind = draw.below(3);
    let symbol_rate_hz = bandwidth_hz * (0.6 + draw.within(0.3));
    let noise = (RATE_HZ / (bandwidth_hz * 10f64.powf(snr_db / 10.0))).sqrt() as f32;
    let start_s = MARGIN_S + draw.within(1e-3);
    let (mut phase_rad, mut value, mut tone_hz, mut until_s) = (0.0, Complex64::ONE, 0.0, start_s);
    let samples = (0..((length_s + 2.0 * MARGIN_S) * RATE_HZ) as usize)
        .map(|i| {
            let t_s = i as f64 / RATE_HZ;
            let background = draw.noise() * noise;
            if !(start_s..start_s + length_s).contains(&t_s) {
                return background;
            }
            while t_s >= until_s {
                until_s += 1.0 / symbol_rate_hz;
                match kind {
                    0 => tone_hz = (draw.below(2) as f64 - 0.5) * 0.5 * bandwidth_hz,
                    1 => value = Complex64::from_polar(1.0, TAU / 4.0 * draw.below(4) as f64),
                    _ => {
                        let z = draw.noise();
                        value = Complex64::new(z.re.into(), z.im.into());
                    }
                }
            }
            phase_rad += TAU * tone_hz / RATE_HZ;
            let signal = value * Complex64::from_polar(1.0, phase_rad);
            background + Complex32::new(signal.re as f32, signal.im as f32)
        })
        .collect();
    (samples, Segment { start_s, end_s: start_s + length_s, center_hz: 0.0, bandwidth_hz })
}

#[test]
fn confidence_is_the_share_that_is_right() {
    let mut draw = Draw(2024);
    let kinds = [
        Sent { num_slots: 16, ..WIDE },
        WIDE,
        Sent { num_slots: 16, ..NARROW },
        Sent { tones: 3, num_slots: 8, ..WIDE },
        Sent { tones: 6, num_slots: 4, ..WIDE },
        Sent { tones: 12, num_slots: 4, ..WIDE },
        Sent { num_slots: 8, ..ANSWER },
    ];
    let (mut said, mut promised, mut right) = (0.0, 0.0, 0.0);
    let mut sure_and_wrong = 0;
    for trial in 0..280 {
        let sent = Sent { snr_db: 3.0 + draw.within(5.0), ..kinds[trial / 2 % kinds.len()] };
        let is_true = trial % 2 == 0;
        let (samples, truth) = if is_true {
            transmit(&sent, draw.below(12) as u8, &mut draw)
        } else {
            let length_s = sent.num_slots as f64 * sent.spacing.slot_s();
            imitation(f64::from(sent.tones) * sent.spacing.hz(), length_s, sent.snr_db, &mut draw)
        };
        let extent = Segment {
            start_s: truth.start_s + draw.within(0.15e-3),
            end_s: truth.end_s + draw.within(0.15e-3),
            center_hz: truth.center_hz + draw.within(1500.0),
            ..truth
        };
        let baseband = Baseband { samples: &samples, sample_rate_hz: RATE_HZ, center_hz: 0.0, start_s: 0.0 };
        let candidate = Candidate { extent, power_dbfs: 0.0, snr_db: sent.snr_db as f32 };
        if let Ok(finding) = classify(&baseband, &candidate) {
            let channel = if sent.format == Format::One { Channel::Npusch1 } else { Channel::Npusch2 };
            let is_right = is_true && finding.channel == channel;
            said += 1.0;
            promised += finding.confidence;
            right += if is_right { 1.0 } else { 0.0 };
            if !is_right && finding.confidence > 0.97 {
                sure_and_wrong += 1;
            }
        }
    }
    assert!(said > 60.0, "{said} findings");
    assert!((promised - right) / said < 0.04, "{promised} promised, {right} right of {said}");
    assert!(sure_and_wrong <= 3, "{sure_and_wrong} sure and wrong");
}
