//! Instants as recordings write them: ISO 8601 in UTC, and seconds since 1970.
//!
//! Leap seconds are ignored, as everywhere in POSIX time.

/// An instant of UTC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Instant {
    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// What is beyond them.
    pub nanoseconds: u32,
    /// The step of the last digit that was written.
    pub resolution_s: f64,
}

impl Instant {
    /// Reads `2026-01-31T12:00:00.25Z`; an offset such as `+01:00` may stand for the `Z`. Nothing else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.trim().split_once(['T', 't', ' '])?;
        let mut parts = date.splitn(3, '-').map(digits);
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        let zone_at = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
        let (clock, zone) = time.split_at(zone_at);
        let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
        let mut parts = whole.splitn(3, ':').map(digits);
        let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
        let sound = year <= 9999
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour <= 24
            && minute < 60
            && second <= 60
            && fraction.bytes().all(|byte| byte.is_ascii_digit());
        if !sound {
            return None;
        }
        let kept: String = fraction.chars().chain("000000000".chars()).take(9).collect();
        let seconds = 86_400 * days_since_1970(year, month, day) + 3600 * hour + 60 * minute + second;
        Some(Self {
            seconds: seconds - zone_offset_s(zone)?,
            nanoseconds: kept.parse().ok()?,
            resolution_s: 10f64.powi(-(fraction.len().min(9) as i32)),
        })
    }

    /// From the parts of a date and time of UTC; `None` where there is no such.
    pub(crate) fn from_parts([year, month, day, hour, minute, second]: [i64; 6], milliseconds: i64) -> Option<Self> {
        Self::parse(&format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z"))
    }

    /// From seconds since 1970, where they are believable (up to the year 9999).
    pub(crate) fn from_seconds(seconds: f64) -> Option<Self> {
        (0.0..2.5e11).contains(&seconds).then(|| Self {
            seconds: seconds.floor() as i64,
            nanoseconds: (seconds.fract() * 1e9) as u32,
            resolution_s: 1e-6,
        })
    }

    /// So many seconds later.
    pub(crate) fn after(self, seconds: f64) -> Self {
        let nanoseconds = f64::from(self.nanoseconds) + seconds.fract() * 1e9;
        Self {
            seconds: self.seconds + seconds.floor() as i64 + i64::from(nanoseconds >= 1e9),
            nanoseconds: (nanoseconds % 1e9) as u32,
            ..self
        }
    }

    /// As Windows' SYSTEMTIME: eight little-endian words, the third the day of the week.
    pub(crate) fn system_time(self) -> [u8; 16] {
        let (days, second) = (self.seconds.div_euclid(86_400), self.seconds.rem_euclid(86_400));
        let (year, month, day) = date(days);
        // 1970-01-01 was a Thursday.
        let weekday = (days + 4).rem_euclid(7);
        let milliseconds = i64::from(self.nanoseconds / 1_000_000);
        let words = [year, month, weekday, day, second / 3600, second / 60 % 60, second % 60, milliseconds];
        let mut bytes = [0; 16];
        for (place, word) in bytes.chunks_exact_mut(2).zip(words) {
            place.copy_from_slice(&(word as u16).to_le_bytes());
        }
        bytes
    }

    /// Seconds from `earlier` to this.
    pub(crate) fn since(self, earlier: Self) -> f64 {
        (self.seconds - earlier.seconds) as f64 + (f64::from(self.nanoseconds) - f64::from(earlier.nanoseconds)) * 1e-9
    }
}

/// Seconds since 1970 as a recording's `datetime` (ISO 8601 in UTC, to the microsecond); empty beyond the year 9999.
pub fn utc(seconds_since_1970: f64) -> String {
    let microseconds = (seconds_since_1970 * 1e6).round();
    let instant = Instant::from_seconds((microseconds / 1e6).floor());
    let nanoseconds = microseconds.rem_euclid(1e6) as u32 * 1000;
    instant.map_or_else(String::new, |instant| Instant { nanoseconds, ..instant }.to_string())
}

/// ISO 8601 with as many digits of the second as are not zero.
impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (days, second) = (self.seconds.div_euclid(86_400), self.seconds.rem_euclid(86_400));
        let (year, month, day) = date(days);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
        if self.nanoseconds > 0 {
            let fraction = format!("{:09}", self.nanoseconds);
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

fn digits(text: &str) -> Option<i64> {
    let sound = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if sound { text.parse().ok() } else { None }
}

fn zone_offset_s(zone: &str) -> Option<i64> {
    let sign = match zone.bytes().next() {
        None | Some(b'Z' | b'z') => return (zone.len() <= 1).then_some(0),
        Some(b'-') => -1,
        _ => 1,
    };
    let (hours, minutes) = match zone[1..].split_once(':') {
        Some((hours, minutes)) => (digits(hours)?, digits(minutes)?),
        None => match zone.len() {
            3 => (digits(&zone[1..])?, 0),
            5 => (digits(zone.get(1..3)?)?, digits(zone.get(3..)?)?),
            _ => return None,
        },
    };
    (hours < 24 && minutes < 60).then_some(sign * (3600 * hours + 60 * minutes))
}

/// Days from 1970-01-01 in the Gregorian calendar (years count from March, so that leap days come last).
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, month) = (year.div_euclid(400), (month + 9) % 12);
    let year = year.rem_euclid(400);
    146_097 * era + 365 * year + year / 4 - year / 100 + (153 * month + 2) / 5 + day - 1 - 719_468
}

fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (year, day) = (400 * era + year, day - (153 * month + 2) / 5 + 1);
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants_are_read_and_written() {
        for (text, seconds, nanoseconds, again) in [
            ("1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00Z"),
            ("2000-02-29T23:59:59.5Z", 951_868_799, 500_000_000, "2000-02-29T23:59:59.5Z"),
            ("2026-11-24T00:40:00+01:00", 1_795_477_200, 0, "2026-11-23T23:40:00Z"),
            ("2026-11-23 23:40:00.000001", 1_795_477_200, 1000, "2026-11-23T23:40:00.000001Z"),
            ("2100-03-01T00:00:00-0230", 4_107_551_400, 0, "2100-03-01T02:30:00Z"),
        ] {
            let instant = Instant::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((instant.seconds, instant.nanoseconds), (seconds, nanoseconds), "{text}");
            assert_eq!(instant.to_string(), again);
        }
        let (late, early) = (Instant::parse("2026-01-01T00:00:01.25Z"), Instant::parse("2025-12-31T23:59:59Z"));
        assert_eq!(late.unwrap().since(early.unwrap()), 2.25);
        assert_eq!(late.unwrap().resolution_s, 0.01);
        assert_eq!(late.unwrap().after(1.75).to_string(), "2026-01-01T00:00:03Z");
        // 2026-01-01 was a Thursday.
        assert_eq!(late.unwrap().system_time(), [0xea, 7, 1, 0, 4, 0, 1, 0, 0, 0, 0, 0, 1, 0, 250, 0]);
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for text in
            ["", "T", "2026", "2026-13-01T00:00:00Z", "2026-01-01T00:00Z", "2026-01-01T1:2:3+é0", "-1-1-1T0:0:0Z"]
        {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
    }
}
