//! Bands by region: those that networks of a region give to machines. No standard says so; `--band` names any other.

use super::Wanted;

/// A region's name, and its bands by number.
const REGIONS: [(&str, &[u16]); 5] = [
    ("eu", &[1, 3, 7, 8, 20, 28]),
    ("us", &[2, 4, 5, 12, 13, 14, 17, 25, 26, 66, 71, 85]),
    ("jp", &[1, 3, 8, 11, 18, 19, 21, 26, 28]),
    ("cn", &[1, 3, 5, 8, 34, 39, 40, 41]),
    ("au", &[1, 3, 5, 7, 8, 28]),
];

/// The bands of a region.
///
/// # Errors
/// The sentence that names the regions there are.
pub fn region(name: &str) -> Result<Vec<Wanted>, String> {
    match REGIONS.iter().find(|(known, _)| *known == name) {
        Some((_, numbers)) => numbers.iter().map(|number| band(*number, None)).collect(),
        None => Err(format!("expected one of {}; or name bands with --band", REGIONS.map(|(name, _)| name).join(", "))),
    }
}

/// The uplink of a band.
///
/// # Errors
/// The sentence that it is not known.
pub fn band(number: u16, dwell_s: Option<f64>) -> Result<Wanted, String> {
    let band = dsp::spec::bands::Band::numbered(number)
        .ok_or_else(|| format!("band {number} is not known; list those that are with: cellsweep bands"))?;
    let (low_hz, high_hz) = band.uplink_hz;
    Ok(Wanted { name: format!("B{number}"), low_hz, high_hz, dwell_s })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_band_of_every_region_is_in_the_table() {
        for (name, numbers) in REGIONS {
            assert_eq!(region(name).map(|bands| bands.len()), Ok(numbers.len()), "{name}");
        }
        assert!(region("moon").is_err() && band(6, None).is_err());
    }
}
