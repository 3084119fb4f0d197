//! Operating bands and their uplink (TS 36.101 §5.5, §5.5E, §5.5F, §5.7.3; TS 45.005 §2).

/// How a band parts uplink from downlink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplex {
    /// By frequency.
    Fdd,
    /// By time: what is heard may be the network.
    Tdd,
}

use Duplex::{Fdd, Tdd};

/// An E-UTRA operating band (Table 5.5-1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Its number.
    pub number: u16,
    /// How uplink and downlink are parted.
    pub duplex: Duplex,
    /// Lowest and highest uplink frequency.
    pub uplink_hz: (f64, f64),
    /// Lowest and highest downlink frequency.
    pub downlink_hz: (f64, f64),
    /// Lowest uplink channel number, `N_Offs-UL` (Table 5.7.3-1).
    pub first_uplink_channel: u32,
    /// NB-IoT may use it (§5.5F).
    pub nb_iot: bool,
    /// Category M1 or M2 may use it (§5.5E).
    pub lte_m: bool,
    /// Category 1bis may use it.
    pub cat_1bis: bool,
}

const fn band(
    number: u16,
    duplex: Duplex,
    uplink_hz: (f64, f64),
    downlink_hz: (f64, f64),
    first_uplink_channel: u32,
    (nb_iot, lte_m, cat_1bis): (bool, bool, bool),
) -> Band {
    Band { number, duplex, uplink_hz, downlink_hz, first_uplink_channel, nb_iot, lte_m, cat_1bis }
}

/// Bands that a machine's module may use, by number.
#[rustfmt::skip]
pub const BANDS: [Band; 44] = [
    band(1, Fdd, (1920.0e6, 1980.0e6), (2110.0e6, 2170.0e6), 18000, (true, true, true)),
    band(2, Fdd, (1850.0e6, 1910.0e6), (1930.0e6, 1990.0e6), 18600, (true, true, true)),
    band(3, Fdd, (1710.0e6, 1785.0e6), (1805.0e6, 1880.0e6), 19200, (true, true, true)),
    band(4, Fdd, (1710.0e6, 1755.0e6), (2110.0e6, 2155.0e6), 19950, (true, true, true)),
    band(5, Fdd, (824.0e6, 849.0e6), (869.0e6, 894.0e6), 20400, (true, true, true)),
    band(7, Fdd, (2500.0e6, 2570.0e6), (2620.0e6, 2690.0e6), 20750, (true, true, true)),
    band(8, Fdd, (880.0e6, 915.0e6), (925.0e6, 960.0e6), 21450, (true, true, true)),
    band(11, Fdd, (1427.9e6, 1447.9e6), (1475.9e6, 1495.9e6), 22750, (true, true, false)),
    band(12, Fdd, (699.0e6, 716.0e6), (729.0e6, 746.0e6), 23010, (true, true, true)),
    band(13, Fdd, (777.0e6, 787.0e6), (746.0e6, 756.0e6), 23180, (true, true, true)),
    band(14, Fdd, (788.0e6, 798.0e6), (758.0e6, 768.0e6), 23280, (true, true, false)),
    band(17, Fdd, (704.0e6, 716.0e6), (734.0e6, 746.0e6), 23730, (true, false, false)),
    band(18, Fdd, (815.0e6, 830.0e6), (860.0e6, 875.0e6), 23850, (true, true, true)),
    band(19, Fdd, (830.0e6, 845.0e6), (875.0e6, 890.0e6), 24000, (true, true, false)),
    band(20, Fdd, (832.0e6, 862.0e6), (791.0e6, 821.0e6), 24150, (true, true, true)),
    band(21, Fdd, (1447.9e6, 1462.9e6), (1495.9e6, 1510.9e6), 24450, (true, true, false)),
    band(24, Fdd, (1626.5e6, 1660.5e6), (1525.0e6, 1559.0e6), 25700, (true, true, false)),
    band(25, Fdd, (1850.0e6, 1915.0e6), (1930.0e6, 1995.0e6), 26040, (true, true, false)),
    band(26, Fdd, (814.0e6, 849.0e6), (859.0e6, 894.0e6), 26690, (true, true, true)),
    band(27, Fdd, (807.0e6, 824.0e6), (852.0e6, 869.0e6), 27040, (false, true, false)),
    band(28, Fdd, (703.0e6, 748.0e6), (758.0e6, 803.0e6), 27210, (true, true, true)),
    band(31, Fdd, (452.5e6, 457.5e6), (462.5e6, 467.5e6), 27760, (true, true, true)),
    band(34, Tdd, (2010.0e6, 2025.0e6), (2010.0e6, 2025.0e6), 36200, (false, false, true)),
    band(38, Tdd, (2570.0e6, 2620.0e6), (2570.0e6, 2620.0e6), 37750, (false, false, false)),
    band(39, Tdd, (1880.0e6, 1920.0e6), (1880.0e6, 1920.0e6), 38250, (false, true, true)),
    band(40, Tdd, (2300.0e6, 2400.0e6), (2300.0e6, 2400.0e6), 38650, (false, true, true)),
    band(41, Tdd, (2496.0e6, 2690.0e6), (2496.0e6, 2690.0e6), 39650, (true, true, true)),
    band(42, Tdd, (3400.0e6, 3600.0e6), (3400.0e6, 3600.0e6), 41590, (true, true, false)),
    band(43, Tdd, (3600.0e6, 3800.0e6), (3600.0e6, 3800.0e6), 43590, (true, true, false)),
    band(48, Tdd, (3550.0e6, 3700.0e6), (3550.0e6, 3700.0e6), 55240, (true, true, false)),
    band(54, Tdd, (1670.0e6, 1675.0e6), (1670.0e6, 1675.0e6), 60255, (true, true, false)),
    band(65, Fdd, (1920.0e6, 2010.0e6), (2110.0e6, 2200.0e6), 131072, (true, false, false)),
    band(66, Fdd, (1710.0e6, 1780.0e6), (2110.0e6, 2200.0e6), 131972, (true, true, true)),
    band(70, Fdd, (1695.0e6, 1710.0e6), (1995.0e6, 2020.0e6), 132972, (true, false, false)),
    band(71, Fdd, (663.0e6, 698.0e6), (617.0e6, 652.0e6), 133122, (true, true, false)),
    band(72, Fdd, (451.0e6, 456.0e6), (461.0e6, 466.0e6), 133472, (true, true, true)),
    band(73, Fdd, (450.0e6, 455.0e6), (460.0e6, 465.0e6), 133522, (true, true, false)),
    band(74, Fdd, (1427.0e6, 1470.0e6), (1475.0e6, 1518.0e6), 133572, (true, true, false)),
    band(85, Fdd, (698.0e6, 716.0e6), (728.0e6, 746.0e6), 134002, (true, true, false)),
    band(87, Fdd, (410.0e6, 415.0e6), (420.0e6, 425.0e6), 134182, (true, true, false)),
    band(88, Fdd, (412.0e6, 417.0e6), (422.0e6, 427.0e6), 134232, (true, true, false)),
    band(103, Fdd, (787.0e6, 788.0e6), (757.0e6, 758.0e6), 134282, (true, false, false)),
    band(106, Fdd, (896.0e6, 901.0e6), (935.0e6, 940.0e6), 134292, (true, true, false)),
    band(111, Fdd, (1800.0e6, 1810.0e6), (1820.0e6, 1830.0e6), 134342, (true, true, true)),
];

/// Distance of neighbouring channel numbers (§5.7.3).
const CHANNEL_HZ: f64 = 100e3;

impl Band {
    /// The band of that number.
    pub fn numbered(number: u16) -> Option<&'static Self> {
        BANDS.iter().find(|band| band.number == number)
    }

    /// Bands whose uplink holds `frequency_hz`, by number.
    pub fn with_uplink_at(frequency_hz: f64) -> impl Iterator<Item = &'static Self> {
        BANDS.iter().filter(move |band| (band.uplink_hz.0..=band.uplink_hz.1).contains(&frequency_hz))
    }

    /// Last uplink channel number.
    pub fn last_uplink_channel(&self) -> u32 {
        let channels = (self.uplink_hz.1 - self.uplink_hz.0) / CHANNEL_HZ;
        self.first_uplink_channel + channels.round() as u32 - 1
    }

    /// Nearest uplink channel number (EARFCN) to a frequency, and how far above it the frequency lies.
    pub fn uplink_channel(&self, frequency_hz: f64) -> Option<(u32, f64)> {
        if !(self.uplink_hz.0..=self.uplink_hz.1).contains(&frequency_hz) {
            return None;
        }
        let steps = ((frequency_hz - self.uplink_hz.0) / CHANNEL_HZ).round();
        let channel = (self.first_uplink_channel + steps as u32).min(self.last_uplink_channel());
        let on_hz = self.uplink_hz.0 + f64::from(channel - self.first_uplink_channel) * CHANNEL_HZ;
        Some((channel, frequency_hz - on_hz))
    }
}

/// A GSM band's uplink carriers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GsmBand {
    /// Name by which it is known.
    pub name: &'static str,
    /// Lowest and highest uplink carrier.
    pub uplink_hz: (f64, f64),
}

/// GSM bands, lowest first.
pub const GSM_BANDS: [GsmBand; 6] = [
    GsmBand { name: "GSM850", uplink_hz: (824.2e6, 848.8e6) },
    GsmBand { name: "P-GSM900", uplink_hz: (890.2e6, 914.8e6) },
    GsmBand { name: "E-GSM900", uplink_hz: (880.2e6, 914.8e6) },
    GsmBand { name: "GSM-R", uplink_hz: (876.2e6, 914.8e6) },
    GsmBand { name: "DCS1800", uplink_hz: (1710.2e6, 1784.8e6) },
    GsmBand { name: "PCS1900", uplink_hz: (1850.2e6, 1909.8e6) },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_of_bands_do_not_overlap() {
        let mut spans: Vec<(u32, u32)> =
            BANDS.iter().map(|b| (b.first_uplink_channel, b.last_uplink_channel())).collect();
        spans.sort_unstable();
        assert!(spans.windows(2).all(|pair| pair[0].1 < pair[1].0), "{spans:?}");
    }

    #[test]
    fn uplink_and_downlink_are_as_wide_but_where_the_standard_says_otherwise() {
        for b in &BANDS {
            let (up, down) = (b.uplink_hz.1 - b.uplink_hz.0, b.downlink_hz.1 - b.downlink_hz.0);
            assert!(b.number == 66 || b.number == 70 || (up - down).abs() < 1.0, "band {}", b.number);
            assert_eq!(b.duplex == Tdd, b.uplink_hz == b.downlink_hz, "band {}", b.number);
        }
    }

    /// EARFCN 24150 is the lowest of band 20, 832 MHz; the beacon of the recordings sits 0.3 MHz above it.
    #[test]
    fn channel_numbers_follow_the_formula() {
        let band = Band::numbered(20).unwrap();
        assert_eq!(band.uplink_channel(832e6), Some((24_150, 0.0)));
        assert_eq!(band.uplink_channel(832.305e6).unwrap().0, 24_153);
        assert_eq!(band.last_uplink_channel(), 24_449);
        assert_eq!(band.uplink_channel(831.9e6), None);
        assert_eq!(band.uplink_channel(f64::NAN), None);
        let all: Vec<u16> = Band::with_uplink_at(832.3e6).map(|b| b.number).collect();
        assert_eq!(all, [5, 19, 20, 26]);
    }

    /// Every row against the table as data.
    #[test]
    fn bands_are_those_of_the_standard() {
        let shared = std::env::var_os("CELLSWEEP_SHARED")
            .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").into(), std::path::PathBuf::from);
        let Ok(text) = std::fs::read_to_string(shared.join("3gpp/bands.json")) else {
            eprintln!("skipped: {} is not there", shared.display());
            return;
        };
        let table: serde_json::Value = serde_json::from_str(&text).unwrap();
        let rows = table["bands"].as_array().unwrap();
        assert_eq!(rows.len(), BANDS.len());
        for (row, b) in rows.iter().zip(&BANDS) {
            let hz = |name: &str| row[name].as_f64().unwrap() * 1e6;
            assert_eq!(row["band"], b.number);
            assert_eq!(row["duplex"] == "TDD", b.duplex == Tdd);
            for (told, held) in [
                (hz("ul_low_mhz"), b.uplink_hz.0),
                (hz("ul_high_mhz"), b.uplink_hz.1),
                (hz("dl_low_mhz"), b.downlink_hz.0),
                (hz("dl_high_mhz"), b.downlink_hz.1),
            ] {
                assert!((told - held).abs() < 1.0, "band {}: {told} against {held}", b.number);
            }
            assert_eq!(row["noffs_ul"], b.first_uplink_channel);
            assert_eq!(row["nul_max"], b.last_uplink_channel());
            assert_eq!(
                (&row["nb_iot"], &row["cat_m"], &row["cat_1bis"]),
                (&b.nb_iot.into(), &b.lte_m.into(), &b.cat_1bis.into())
            );
        }
    }
}
