//! Inside or outside: which side of the body of an object a device is on, from two antennas.
//!
//! In: for each burst its level at an antenna inside and at one outside, and the difference that a far source shows at
//! both. Out: the probability of inside, and that of being wrong.
//! Method: the transmit power cancels in the difference. Under either side the difference has the same size, spread as
//! the losses of vehicles are, and the other sign; fading of both antennas and a bias of the site make its deviation.
//! With one receiver the walk to a place outside tells the same: see [`super::whereabouts`].

/// What the body keeps off, in effect: 5 to 20 dB, 10 dB mostly, each with its weight.
const CONTRASTS_DB: [(f64, f64); 4] = [(5.0, 0.25), (10.0, 0.4), (15.0, 0.25), (20.0, 0.1)];
/// Of the site, the same for all bursts.
const SITE_SIGMA_DB: f64 = 3.0;
/// Of a burst: both antennas fade on their own, and the ratio of two exponential variables has a logistic logarithm.
const FADING_SIGMA_DB: f64 = 10.0 / std::f64::consts::LN_10 * 1.813_799_364_234_217_8;

/// Which side a device is on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Side {
    /// Probability that it is inside.
    pub inside: f64,
    /// Level inside above that outside, of a far source none.
    pub difference_db: f64,
    /// Bursts that both antennas heard, each another look.
    pub looks: u32,
}

impl Side {
    /// Probability that the likelier side is the wrong one.
    pub fn error(&self) -> f64 {
        self.inside.min(1.0 - self.inside)
    }
}

/// The side of a device whose bursts were heard at these levels (inside, outside), where a far source is heard
/// `far_db` stronger inside; `None` where no burst was heard by both.
pub fn side(looks: &[(f64, f64)], far_db: f64) -> Option<Side> {
    // Burst by burst: only so does the transmit power cancel.
    let heard = looks.iter().map(|(inside_db, outside_db)| inside_db - outside_db).filter(|db| db.is_finite());
    let (sum, count) = heard.fold((0.0, 0u32), |(sum, count), db| (sum + db, count + 1));
    if count == 0 || !far_db.is_finite() {
        return None;
    }
    let difference_db = sum / f64::from(count) - far_db;
    let variance = FADING_SIGMA_DB.powi(2) / f64::from(count) + SITE_SIGMA_DB.powi(2);
    // Both likelihoods without what is common to them, so that neither vanishes.
    let likelihood = |sign: f64| -> f64 {
        let of = |(contrast_db, weight): &(f64, f64)| {
            let off_db = difference_db.abs() - sign * contrast_db;
            let nearest =
                CONTRASTS_DB.iter().map(|c| (difference_db.abs() - c.0).powi(2)).fold(f64::INFINITY, f64::min);
            weight * (-(off_db.powi(2) - nearest) / (2.0 * variance)).exp()
        };
        CONTRASTS_DB.iter().map(of).sum()
    };
    let (as_it_looks, otherwise) = (likelihood(1.0), likelihood(-1.0));
    let probability = as_it_looks / (as_it_looks + otherwise);
    let is_inside = difference_db >= 0.0;
    Some(Side { inside: if is_inside { probability } else { 1.0 - probability }, difference_db, looks: count })
}

/// The difference that a far source shows between the antennas, from bursts of it at both (inside, outside).
pub fn calibrated(looks: &[(f64, f64)]) -> Option<f64> {
    side(looks, 0.0).map(|side| side.difference_db)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracker::testing::Dice;

    /// Share of devices put on the wrong side, and mean of the error that was told.
    fn errors(contrast_db: f64, looks: usize, devices: u32) -> (f64, f64) {
        let (mut dice, mut wrong, mut told) = (Dice(looks as u64), 0, 0.0);
        for device in 0..devices {
            let (sign, site, gain) = (if device % 2 == 0 { 1.0 } else { -1.0 }, 3.0 * dice.normal(), -7.0);
            let far: Vec<(f64, f64)> =
                (0..200).map(|_| (-80.0 + gain + dice.rayleigh_db(), -80.0 + dice.rayleigh_db())).collect();
            let heard: Vec<(f64, f64)> = (0..looks)
                .map(|_| {
                    let power = -60.0 + 6.0 * dice.normal();
                    let inside = power + gain + sign * contrast_db + site + dice.rayleigh_db();
                    (inside, power + dice.rayleigh_db())
                })
                .collect();
            let far_db = calibrated(&far).unwrap_or(f64::NAN);
            let Some(side) = side(&heard, far_db) else { continue };
            wrong += u32::from((side.inside > 0.5) != (sign > 0.0));
            told += side.error();
        }
        (f64::from(wrong) / f64::from(devices), told / f64::from(devices))
    }

    #[test]
    fn two_antennas_tell_inside_from_outside() {
        for (contrast_db, looks, bar) in [(10.0, 1, 0.12), (10.0, 4, 0.025), (10.0, 16, 0.005), (6.0, 16, 0.05)] {
            let (wrong, told) = errors(contrast_db, looks, 4000);
            eprintln!("contrast {contrast_db} dB, {looks} looks: {wrong:.4} wrong, told {told:.4}");
            assert!(wrong <= bar, "{looks} looks: {wrong} wrong");
            assert!(looks > 4 || told < 2.5 * wrong + 0.01 && told > 0.4 * wrong, "{told} told, {wrong} wrong");
        }
    }

    #[test]
    fn what_was_not_heard_by_both_tells_nothing() {
        assert_eq!(side(&[], 0.0), None);
        assert_eq!(side(&[(f64::NAN, -50.0), (-50.0, f64::INFINITY)], 0.0), None);
        assert_eq!(side(&[(-50.0, -60.0)], f64::NAN), None);
        let clear = side(&[(0.0, -2000.0)], 0.0).expect("it was heard");
        assert!(clear.inside > 0.99 && clear.error().is_finite());
    }
}
