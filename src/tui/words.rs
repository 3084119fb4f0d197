//! How values are worded for a reader who is no radio engineer; what is not known is [`UNKNOWN`].

use dsp::finding::{Channel, Technology};

use crate::pipeline::snapshot::Stream;

/// Stands where a value is not known.
pub(super) const UNKNOWN: &str = "–";

/// Symbols of a bar from one eighth to full.
pub(super) const EIGHTHS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// Name of a technology.
pub(super) const fn technology(technology: Technology) -> &'static str {
    match technology {
        Technology::NbIot => "NB-IoT",
        Technology::LteM => "LTE-M",
        Technology::Lte => "LTE",
        Technology::Gsm => "GSM",
        Technology::Nr => "5G NR",
        Technology::Unknown => "unknown",
    }
}

/// Letter of a technology: what its colour says, where there is room for one symbol.
pub(super) const fn letter(technology: Technology) -> &'static str {
    match technology {
        Technology::NbIot => "N",
        Technology::LteM => "M",
        Technology::Lte => "L",
        Technology::Gsm => "G",
        Technology::Nr => "R",
        Technology::Unknown => "?",
    }
}

/// What a technology means to someone who looks for hidden devices.
pub(super) const fn meaning(technology: Technology) -> &'static str {
    match technology {
        Technology::NbIot => "Trackers, sensors and meters use it; phones do not.",
        Technology::LteM => "Trackers, alarms and wearables use it; ordinary phones do not.",
        Technology::Lte => "Phones and routers use it, some trackers too: take the phones out and look again.",
        Technology::Gsm => "Older trackers and listening devices use it, and phones where 2G still runs.",
        Technology::Nr => "Phones and routers use it.",
        Technology::Unknown => "Energy that is no known cellular signal: interference, or too weak to tell.",
    }
}

/// What a channel carries.
pub(super) const fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Nprach => "access request (NPRACH)",
        Channel::Npusch1 => "data (NPUSCH 1)",
        Channel::Npusch2 => "acknowledgement (NPUSCH 2)",
        Channel::Prach => "access request (PRACH)",
        Channel::Pusch => "data (PUSCH)",
        Channel::Pucch => "control (PUCCH)",
        Channel::Srs => "sounding (SRS)",
        Channel::GsmNormal => "traffic (GSM)",
        Channel::GsmAccess => "access request (GSM)",
        Channel::Unknown => "not known",
    }
}

/// Radio frequency of an offset, or the offset itself where the centre is not known.
pub(super) fn frequency(stream: &Stream, offset_hz: f64) -> String {
    match stream.center_frequency_hz {
        Some(center_hz) => megahertz(center_hz + offset_hz),
        None if offset_hz.is_finite() => format!("{} kHz", signed(offset_hz / 1e3, 1)),
        None => UNKNOWN.into(),
    }
}

/// `832.344 MHz`.
pub(super) fn megahertz(frequency_hz: f64) -> String {
    if frequency_hz.is_finite() { format!("{:.3} MHz", frequency_hz / 1e6) } else { UNKNOWN.into() }
}

/// A width of band: `3.75 kHz`, `180 kHz`, `1.4 MHz`; three figures are enough.
pub(super) fn width(bandwidth_hz: f64) -> String {
    let step = match bandwidth_hz.abs() {
        magnitude if magnitude >= 100e3 => 10f64.powi(magnitude.log10() as i32 - 2),
        magnitude if magnitude >= 10e3 => 100.0,
        _ => 10.0,
    };
    scaled((bandwidth_hz / step).round() * step, "Hz")
}

/// A sample rate: `640 kS/s`, `1.92 MS/s`.
pub(super) fn rate(sample_rate_hz: f64) -> String {
    scaled(sample_rate_hz, "S/s")
}

fn scaled(value: f64, unit: &str) -> String {
    let (value, prefix) = match value.abs() {
        magnitude if !magnitude.is_finite() => return UNKNOWN.into(),
        magnitude if magnitude >= 1e9 => (value / 1e9, "G"),
        magnitude if magnitude >= 1e6 => (value / 1e6, "M"),
        magnitude if magnitude >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = format!("{value:.2}");
    format!("{} {prefix}{unit}", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// A length of time: `6.4 ms`, `3.2 s`, `42 s`, `3 min 12 s`, `2 h 05 min`.
pub(super) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return UNKNOWN.into();
    }
    let magnitude = seconds.abs();
    let sign = if seconds < 0.0 { "−" } else { "" };
    let whole = magnitude.round() as u64;
    if magnitude > 0.0 && magnitude < 0.0995 {
        format!("{sign}{:.1} ms", magnitude * 1e3)
    } else if magnitude < 9.95 {
        format!("{sign}{magnitude:.1} s")
    } else if whole < 60 {
        format!("{sign}{whole} s")
    } else if whole < 3600 {
        two(sign, (whole / 60, "min"), (whole % 60, "s"))
    } else {
        two(sign, (whole / 3600, "h"), (whole % 3600 / 60, "min"))
    }
}

/// `3 min 05 s`, or `3 min` where there is nothing to add.
fn two(sign: &str, (large, large_unit): (u64, &str), (small, small_unit): (u64, &str)) -> String {
    match small {
        0 => format!("{sign}{large} {large_unit}"),
        small => format!("{sign}{large} {large_unit} {small:02} {small_unit}"),
    }
}

/// How long ago, roughly: `now`, `3.2 s ago`, `12 min ago`, `5 h ago`.
pub(super) fn ago(seconds: f64) -> String {
    match seconds {
        seconds if !seconds.is_finite() => UNKNOWN.into(),
        seconds if seconds < 0.1 => "now".into(),
        seconds if seconds < 59.5 => format!("{} ago", duration(seconds)),
        seconds if seconds < 3600.0 => format!("{:.0} min ago", (seconds / 60.0).floor().max(1.0)),
        seconds => format!("{:.0} h ago", (seconds / 3600.0).floor().min(99_999.0)),
    }
}

/// A level without its unit: `−31`.
pub(super) fn level(power_dbfs: f32) -> String {
    if power_dbfs.is_finite() { signed_minus(f64::from(power_dbfs), 0) } else { UNKNOWN.into() }
}

/// A probability: `97 %`; certainty is never claimed.
pub(super) fn percent(probability: f64) -> String {
    match probability {
        probability if probability.is_nan() => UNKNOWN.into(),
        probability if probability > 0.99 => ">99 %".into(),
        probability => format!("{:.0} %", probability.max(0.0) * 100.0),
    }
}

/// A share of a whole: `12 %`, `0.3 %`.
pub(super) fn share(share: f64) -> String {
    match share * 100.0 {
        share if !share.is_finite() => UNKNOWN.into(),
        share if share > 0.0 && share < 0.1 => "<0.1 %".into(),
        share if share < 9.95 && share != share.round() => format!("{share:.1} %"),
        share => format!("{share:.0} %"),
    }
}

/// A count: `1234`, `12.3 k`, `4.5 M`, `6.7 G`.
pub(super) fn count(count: u64) -> String {
    match count {
        0..=9_999 => count.to_string(),
        10_000..=999_949 => format!("{:.1} k", count as f64 / 1e3),
        999_950..=999_949_999 => format!("{:.1} M", count as f64 / 1e6),
        _ => format!("{:.1} G", count as f64 / 1e9),
    }
}

/// `+12.3` or `−12.3`.
pub(super) fn signed(value: f64, decimals: usize) -> String {
    let digits = signed_minus(value, decimals);
    if digits.starts_with('−') { digits } else { format!("+{digits}") }
}

/// `12.3` or `−12.3`, with a true minus sign, and none before a zero.
pub(super) fn signed_minus(value: f64, decimals: usize) -> String {
    let digits = format!("{:.decimals$}", value.abs());
    let zero = digits.bytes().all(|digit| matches!(digit, b'0' | b'.'));
    if value < 0.0 && !zero { format!("−{digits}") } else { digits }
}

/// Level history as one row of bars, latest at the right: the top is the strongest, the bottom 24 dB below it.
pub(super) fn sparkline(levels: impl DoubleEndedIterator<Item = f32> + Clone, width: usize) -> String {
    const SPAN_DB: f32 = 24.0;
    let finite = levels.filter(|level| level.is_finite());
    let strongest = finite.clone().fold(f32::NEG_INFINITY, f32::max);
    let mut bars: Vec<&str> = finite
        .rev()
        .take(width)
        .map(|level| EIGHTHS[((1.0 + (level - strongest) / SPAN_DB) * 7.0).round().clamp(0.0, 7.0) as usize])
        .collect();
    bars.reverse();
    bars.concat()
}

/// Breaks text into lines of at most `width` characters, at spaces where there are any.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let characters: Vec<char> = word.chars().collect();
        if used > 0 && used + 1 + characters.len() > width {
            lines.push(String::new());
            used = 0;
        }
        for (index, &character) in characters.iter().enumerate() {
            let line = lines.len() - 1;
            if index == 0 && used > 0 {
                lines[line].push(' ');
                used += 1;
            }
            if used >= width {
                lines.push(String::new());
                used = 0;
            }
            let line = lines.len() - 1;
            lines[line].push(character);
            used += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let cases = [
            (0.0, "0.0 s"),
            (0.0064, "6.4 ms"),
            (0.8, "0.8 s"),
            (9.96, "10 s"),
            (59.6, "1 min"),
            (192.0, "3 min 12 s"),
            (7500.0, "2 h 05 min"),
            (-3.0, "−3.0 s"),
            (f64::NAN, "–"),
        ];
        for (seconds, said) in cases {
            assert_eq!(duration(seconds), said);
        }
        assert_eq!(ago(0.01), "now");
        assert_eq!(ago(3.21), "3.2 s ago");
        assert_eq!(ago(59.7), "1 min ago");
        assert_eq!(ago(7_300.0), "2 h ago");
    }

    #[test]
    fn quantities_carry_the_fitting_prefix() {
        assert_eq!(rate(640e3), "640 kS/s");
        assert_eq!(rate(1.92e6), "1.92 MS/s");
        assert_eq!(width(3750.0), "3.75 kHz");
        assert_eq!(width(f64::INFINITY), "–");
        assert_eq!(count(9_999), "9999");
        assert_eq!(count(12_345), "12.3 k");
        assert_eq!(count(999_999), "1.0 M");
    }

    #[test]
    fn levels_have_no_negative_zero_and_certainty_is_never_claimed() {
        assert_eq!(level(-0.2), "0");
        assert_eq!(level(-31.4), "−31");
        assert_eq!(level(f32::NEG_INFINITY), "–");
        assert_eq!(percent(1.0), ">99 %");
        assert_eq!(percent(0.974), "97 %");
        assert_eq!(percent(f64::NAN), "–");
        assert_eq!(share(0.0), "0 %");
        assert_eq!(share(0.0003), "<0.1 %");
        assert_eq!(share(0.034), "3.4 %");
        assert_eq!(share(0.5), "50 %");
    }

    #[test]
    fn an_unknown_centre_gives_offsets() {
        let mut stream =
            Stream { name: String::new(), sample_rate_hz: 1e6, center_frequency_hz: None, duration_s: None };
        assert_eq!(frequency(&stream, -12_345.0), "−12.3 kHz");
        stream.center_frequency_hz = Some(832e6);
        assert_eq!(frequency(&stream, 344e3), "832.344 MHz");
    }

    #[test]
    fn a_sparkline_keeps_the_latest_and_spans_24_db() {
        assert_eq!(sparkline([-90.0, -54.0, -42.0, -30.0].into_iter(), 3), "▁▅█");
        assert_eq!(sparkline([f32::NAN].into_iter(), 3), "");
    }

    #[test]
    fn wrapping_never_exceeds_the_width_and_loses_no_word() {
        let text = "a sentence with extraordinarily long words";
        for width in 1..50 {
            let lines = wrap(text, width);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}: {lines:?}");
            assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    }
}
