//! What the attributes of a dataset, and of the groups around it, tell of its samples.
//!
//! Names are compared without regard to case, signs, a `core:` before them (SigMF's) and a unit after them, which
//! counts: `Sampling frequency (Hz)`, `sample_rate`, `SampleRate`, `fs`, `center_freq_MHz`. MATLAB keeps such things in
//! variables beside the samples: datasets of one number that lie in the same group count as well.

use hdf5::{
    Container, Dataset, Group, Location,
    types::{FixedAscii, FixedUnicode, TypeDescriptor, VarLenAscii, VarLenUnicode},
};

use crate::datetime::Instant;

const RATE_NAMES: [&str; 10] = [
    "samplingfrequency",
    "samplerate",
    "samplingrate",
    "samprate",
    "samplefrequency",
    "samplingfreq",
    "samplefreq",
    "samplespersecond",
    "fs",
    "rate",
];
const CENTER_NAMES: [&str; 12] = [
    "rfcarrierfrequency",
    "centerfrequency",
    "centrefrequency",
    "centerfreq",
    "centrefreq",
    "carrierfrequency",
    "rffrequency",
    "rffreq",
    "tunedfrequency",
    "frequency",
    "freq",
    "fc",
];
const TIME_NAMES: [&str; 5] = ["datetime", "starttime", "timestampcoarse", "timestamp", "time"];
const FINE_TIME_NAMES: [&str; 1] = ["timestampfine"];
const DESCRIPTION_NAMES: [&str; 2] = ["description", "comment"];
const RECORDER_NAMES: [&str; 2] = ["recorder", "device"];
const SCALE_NAMES: [&str; 1] = ["datasetscalingfactor"];

/// The attributes of one object that are looked at.
const MAX_ATTRIBUTES: usize = 200;
/// The longest text that is read where its length is fixed.
const MAX_TEXT: usize = 1024;

/// What they tell.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub sample_rate_hz: Option<f64>,
    pub center_frequency_hz: Option<f64>,
    pub datetime: Option<String>,
    pub description: Option<String>,
    pub recorder: Option<String>,
    pub warnings: Vec<String>,
}

enum Value {
    Number(f64),
    Text(String),
}

impl Value {
    fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }

    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text).filter(|text| !text.is_empty()),
            Self::Number(_) => None,
        }
    }
}

impl Told {
    /// What is said of a dataset, in it or in the groups around it, the innermost first.
    pub(super) fn by(dataset: &Dataset, groups: &[Group]) -> Self {
        let mut known = known(dataset);
        for group in groups {
            known.extend(self::known(group));
            known.extend(variables(group));
        }
        let find = |names: &[&str]| {
            let of_name = |name: &&str| known.iter().position(|(known, _)| stem(known).0 == **name);
            names.iter().find_map(|name| of_name(name).map(|at| &known[at]))
        };
        let hertz = |names: &[&str]| find(names).and_then(|(name, value)| Some(value.number()? * stem(name).1));
        let time = find(&TIME_NAMES).and_then(|(_, value)| match value {
            Value::Text(text) => Some(text.clone()),
            Value::Number(seconds) => {
                let fine = find(&FINE_TIME_NAMES).and_then(|(_, fine)| fine.number()).unwrap_or(0.0);
                let seconds = seconds + if (0.0..1e9).contains(&fine) { fine * 1e-9 } else { 0.0 };
                Instant::from_seconds(seconds).map(|instant| instant.to_string())
            }
        });
        let scale = find(&SCALE_NAMES).and_then(|(_, value)| value.number()).filter(|scale| *scale != 1.0);
        let warnings =
            scale.map(|scale| format!("its samples are to be multiplied by {scale} for their unit, which is not done"));
        let text = |names: &[&str]| {
            find(names).and_then(|(_, value)| match value {
                Value::Text(text) => Value::Text(text.clone()).text(),
                Value::Number(_) => None,
            })
        };
        Self {
            sample_rate_hz: hertz(&RATE_NAMES),
            // SM.2117 demands a centre, and zero says that it is not known.
            center_frequency_hz: hertz(&CENTER_NAMES).filter(|hertz| *hertz != 0.0),
            datetime: time,
            description: text(&DESCRIPTION_NAMES),
            recorder: text(&RECORDER_NAMES),
            warnings: warnings.into_iter().collect(),
        }
    }
}

/// A name without its unit, and the unit in hertz.
fn stem(name: &str) -> (String, f64) {
    let name = name.strip_prefix("core:").unwrap_or(name);
    let mut stem: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    stem.make_ascii_lowercase();
    for (unit, hertz) in [("ghz", 1e9), ("mhz", 1e6), ("khz", 1e3), ("hz", 1.0)] {
        if let Some(short) = stem.strip_suffix(unit) {
            return (short.to_owned(), hertz);
        }
    }
    // `Timestamp coarse (s)`, `Timestamp fine (ns)`.
    let short = name.split_once(" (").filter(|(_, unit)| matches!(*unit, "s)" | "ns)"));
    match short {
        Some((short, _)) => (short.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase(), 1.0),
        None => (stem, 1.0),
    }
}

/// The attributes of an object that hold one number or text.
fn known(object: &Location) -> Vec<(String, Value)> {
    let names = object.attr_names().unwrap_or_default();
    let value = |name: String| {
        let attribute = object.attr(&name).ok()?;
        Some((name, value(&attribute)?))
    };
    names.into_iter().take(MAX_ATTRIBUTES).filter_map(value).collect()
}

/// The datasets of one number in a group whose name is one of those looked for.
fn variables(group: &Group) -> Vec<(String, Value)> {
    let mut names = Vec::new();
    let _ = group.iter_visit_default(|name, info| {
        let stem = stem(name).0;
        let is_wanted = RATE_NAMES.iter().chain(&CENTER_NAMES).any(|wanted| *wanted == stem);
        if is_wanted && info.link_type == hdf5::LinkType::Hard && names.len() < MAX_ATTRIBUTES {
            names.push(name.to_owned());
        }
        Ok(())
    });
    let value = |name: String| {
        let dataset = group.dataset(&name).ok()?;
        let is_own = dataset.create_plist().is_ok_and(|plist| plist.get_external().is_ok_and(|files| files.is_empty()));
        if is_own { Some((name, value(&dataset)?)) } else { None }
    };
    names.into_iter().filter_map(value).collect()
}

fn value(container: &Container) -> Option<Value> {
    if container.size() != 1 {
        return None;
    }
    let trimmed = |text: &str| Value::Text(text.trim_end_matches(['\0', ' ']).to_owned());
    match container.dtype().ok()?.to_descriptor().ok()? {
        TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_) | TypeDescriptor::Float(_) => {
            Some(Value::Number(*container.read_raw::<f64>().ok()?.first()?))
        }
        TypeDescriptor::FixedAscii(length) if length <= MAX_TEXT => {
            Some(trimmed(container.read_raw::<FixedAscii<MAX_TEXT>>().ok()?.first()?.as_str()))
        }
        TypeDescriptor::FixedUnicode(length) if length <= MAX_TEXT => {
            Some(trimmed(container.read_raw::<FixedUnicode<MAX_TEXT>>().ok()?.first()?.as_str()))
        }
        TypeDescriptor::VarLenAscii => Some(trimmed(container.read_raw::<VarLenAscii>().ok()?.first()?.as_str())),
        TypeDescriptor::VarLenUnicode => Some(trimmed(container.read_raw::<VarLenUnicode>().ok()?.first()?.as_str())),
        _ => None,
    }
}
