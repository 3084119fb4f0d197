//! What starts a recording.

use std::fmt;
use std::str::FromStr;

use dsp::finding::Technology;

use crate::pipeline::snapshot::Burst;

/// What starts a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trigger {
    /// A burst of this technology.
    Technology(Technology),
    /// A burst of this transmitter of the sweep.
    Transmitter(u32),
    /// A burst at this level or above.
    LevelDbfs(f32),
    /// The key on the screens, which also ends it.
    Key,
}

impl Trigger {
    /// Whether a burst starts it.
    pub(super) fn is_met_by(self, burst: &Burst) -> bool {
        match self {
            Self::Technology(technology) => burst.finding.technology == technology,
            Self::Transmitter(id) => burst.transmitter == Some(id),
            Self::LevelDbfs(dbfs) => burst.finding.power_dbfs >= dbfs,
            Self::Key => false,
        }
    }
}

/// As it is typed.
impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Technology(technology) => f.write_str(technology.name()),
            Self::Transmitter(id) => write!(f, "transmitter={id}"),
            Self::LevelDbfs(dbfs) => write!(f, "level={dbfs}"),
            Self::Key => f.write_str("key"),
        }
    }
}

impl FromStr for Trigger {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let technology = Technology::ALL.into_iter().find(|t| t.name() == text);
        let told = match text.split_once('=') {
            None if text == "key" => Some(Self::Key),
            None => technology.map(Self::Technology),
            Some(("transmitter", id)) => id.parse().ok().map(Self::Transmitter),
            Some(("level", dbfs)) => dbfs.parse().ok().filter(|dbfs: &f32| dbfs.is_finite()).map(Self::LevelDbfs),
            Some(_) => None,
        };
        told.ok_or_else(|| {
            "expected a technology (nb-iot, lte-m, lte, gsm, nr, unknown), transmitter=ID, level=DBFS or key".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_are_read_as_typed() {
        assert_eq!("nb-iot".parse(), Ok(Trigger::Technology(Technology::NbIot)));
        assert_eq!("transmitter=12".parse(), Ok(Trigger::Transmitter(12)));
        assert_eq!("level=-40.5".parse(), Ok(Trigger::LevelDbfs(-40.5)));
        assert_eq!("key".parse(), Ok(Trigger::Key));
        for text in ["", "nbiot", "transmitter=", "transmitter=-1", "level=nan", "level", "key=1"] {
            assert!(text.parse::<Trigger>().is_err(), "{text}");
        }
        for text in ["lte-m", "transmitter=3", "level=-12.5", "key"] {
            assert_eq!(text.parse::<Trigger>().unwrap().to_string(), text);
        }
    }
}
