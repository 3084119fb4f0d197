//! What the name of a file tells of the samples in it, by the conventions of the programs that write them.
//!
//! | program | a name such as | tells |
//! | --- | --- | --- |
//! | gqrx | `gqrx_20260131_120000_847000000_1800000_fc.raw` | time, centre, rate, `cf32_le` |
//! | SDR++ | `baseband_847000000Hz_12-00-00_31-01-2026.wav` | centre, time (local, so not used) |
//! | SDR# | `SDRSharp_20260131_120000Z_847000000Hz_IQ.wav` | time, centre |
//! | HDSDR | `HDSDR_20260131_120000Z_847000kHz_RF.wav` | time, centre |
//! | SDRuno | `SDRuno_20260131_120000Z_847000kHz.wav` | time, centre |
//! | others, by hand | `x_832.3MHz_1.92Msps.cs16`, `x_847MHz_2.4MSps.cu8` | centre, rate: numbers with their units |
//!
//! `rtl_sdr` and `hackrf_transfer` tell nothing in the names they are given; their samples are `cu8` and `ci8`, which
//! the usual endings `.cu8`, `.cs8` and `.ci8` tell. Whatever is taken from a name is said in a warning.
//! A bare number is never taken for a rate or a frequency but in gqrx's pattern.

use std::path::Path;

use crate::{Endian, SampleFormat, datetime::Instant};

/// What a name tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Told {
    pub sample_rate_hz: Option<f64>,
    pub center_frequency_hz: Option<f64>,
    pub format: Option<SampleFormat>,
    pub datetime: Option<String>,
}

impl Told {
    /// Reads a file's name.
    pub(crate) fn by(path: &Path) -> Self {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let words: Vec<&str> = stem.split('_').collect();
        gqrx(&words).unwrap_or_else(|| by_units(&words))
    }

    /// What was taken, as a warning that says so.
    pub(crate) fn warning(&self) -> Option<String> {
        let told = [
            self.sample_rate_hz.map(|hz| format!("{hz} samples a second")),
            self.center_frequency_hz.map(|hz| format!("a centre of {hz} Hz")),
            self.format.map(|format| format.to_string()),
        ];
        let told: Vec<String> = told.into_iter().flatten().collect();
        (!told.is_empty()).then(|| format!("its name says {}, and is believed", told.join(" and ")))
    }
}

/// `gqrx_DATE_TIME_CENTRE_RATE_fc`.
fn gqrx(words: &[&str]) -> Option<Told> {
    let &["gqrx", date, time, center, rate, "fc"] = words else { return None };
    let hertz = |word: &str| word.parse::<f64>().ok().filter(|_| word.bytes().all(|byte| byte.is_ascii_digit()));
    Some(Told {
        sample_rate_hz: Some(hertz(rate)?),
        center_frequency_hz: Some(hertz(center)?),
        format: Some(SampleFormat::Cf32(Endian::Little)),
        datetime: instant(date, time),
    })
}

/// Words that are numbers with a unit, and a date followed by a time.
fn by_units(words: &[&str]) -> Told {
    let mut told = Told::default();
    for (index, word) in words.iter().enumerate() {
        match quantity(word) {
            Some(Quantity::Frequency(hertz)) => told.center_frequency_hz = told.center_frequency_hz.or(Some(hertz)),
            Some(Quantity::Rate(hertz)) => told.sample_rate_hz = told.sample_rate_hz.or(Some(hertz)),
            None => {}
        }
        let time = words.get(index + 1).and_then(|time| time.strip_suffix('Z'));
        if let (None, Some(time)) = (&told.datetime, time) {
            told.datetime = instant(word, time);
        }
    }
    told
}

enum Quantity {
    Frequency(f64),
    Rate(f64),
}

/// A number with a unit: `847000000Hz`, `847000kHz`, `832.3MHz`, `2.4Msps`.
fn quantity(word: &str) -> Option<Quantity> {
    let lower = word.to_ascii_lowercase();
    let unit_at = lower.find(|letter: char| !(letter.is_ascii_digit() || letter == '.'))?;
    let (number, unit) = lower.split_at(unit_at);
    let number: f64 = number.parse().ok()?;
    let (scale, unit) = match unit.as_bytes().first()? {
        b'k' => (1e3, &unit[1..]),
        b'm' => (1e6, &unit[1..]),
        b'g' => (1e9, &unit[1..]),
        _ => (1.0, unit),
    };
    match unit {
        "hz" => Some(Quantity::Frequency(number * scale)),
        "sps" => Some(Quantity::Rate(number * scale)),
        _ => None,
    }
}

/// `20260131` and `120000`, in UTC.
fn instant(date: &str, time: &str) -> Option<String> {
    let part = |text: &str, from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    if date.len() != 8 || time.len() != 6 {
        return None;
    }
    let parts = [
        part(date, 0, 4)?,
        part(date, 4, 6)?,
        part(date, 6, 8)?,
        part(time, 0, 2)?,
        part(time, 2, 4)?,
        part(time, 4, 6)?,
    ];
    Instant::from_parts(parts, 0).map(|instant| instant.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_that_programs_write() {
        let told = |name: &str| {
            let Told { sample_rate_hz, center_frequency_hz, format, datetime } = Told::by(Path::new(name));
            (sample_rate_hz, center_frequency_hz, format.map(|format| format.to_string()), datetime)
        };
        let noon = || Some("2026-01-31T12:00:00Z".to_owned());
        let gqrx = (Some(1.8e6), Some(847e6), Some("cf32_le".to_owned()), noon());
        assert_eq!(told("a/gqrx_20260131_120000_847000000_1800000_fc.raw"), gqrx);
        assert_eq!(told("baseband_847000000Hz_12-00-00_31-01-2026.wav"), (None, Some(847e6), None, None));
        assert_eq!(told("SDRSharp_20260131_120000Z_847000000Hz_IQ.wav"), (None, Some(847e6), None, noon()));
        assert_eq!(told("HDSDR_20260131_120000Z_847000kHz_RF.wav"), (None, Some(847e6), None, noon()));
        assert_eq!(told("SDRuno_20260131_120000Z_847000kHz.wav"), (None, Some(847e6), None, noon()));
        assert_eq!(told("drive_832.3MHz_1.92Msps.cs16"), (Some(1.92e6), Some(832.3e6), None, None));
        assert_eq!(told("x_0.847GHz_240kSps.cu8"), (Some(240e3), Some(847e6), None, None));
    }

    #[test]
    fn numbers_without_units_tell_nothing() {
        for name in [
            "",
            "a.cu8",
            "847000000.cu8",
            "x_2400000_847000000.cu8",
            "gqrx_1_2_3_4.raw",
            "gqrx_1_2_-3_4_fc.raw",
            "5m_é.iq",
            "100s.iq",
            "2M.iq",
        ] {
            let Told { sample_rate_hz, format, .. } = Told::by(Path::new(name));
            assert_eq!((sample_rate_hz, format), (None, None), "{name}");
        }
        assert_eq!(Told::by(Path::new("x_.Hz_..Msps_5..2M.iq")), Told::default());
    }
}
