//! Zones that an operator walks through, and the marks set while walking.
//!
//! ```toml
//! name = "van"
//! [[zone]]
//! name = "cab left"
//! hint = "OBD port, dash, seat"     # may be left out
//! x_m = -0.5                        # middle of the zone; both or neither
//! y_m = 2.0
//! [[zone]]
//! name = "ten steps away"
//! outside = true                    # a reference place from which the object is heard from outside
//! x_m = 8.0
//! y_m = 0.0
//! ```
//! In: a template by name or a list in TOML; marks with their instants. Out: which zone was walked when.
//! Ignores: heights; zones whose place is not given are taken to be equally far from each other.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// Lists that need no file.
const TEMPLATES: [&str; 2] = [include_str!("zones/vehicle.toml"), include_str!("zones/room.toml")];
/// Zones of a list, and marks that are remembered.
const MAX_ZONES: usize = 64;
const MAX_MARKS: usize = 4096;
/// Zones without a place lie this far apart.
const APART_M: f64 = 1.5;

/// One zone.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// What it is called.
    pub name: String,
    /// What to look at there.
    #[serde(default)]
    pub hint: Option<String>,
    /// It lies outside the object that is swept.
    #[serde(default)]
    pub outside: bool,
    x_m: Option<f64>,
    y_m: Option<f64>,
}

impl Zone {
    /// Where its middle is: x to the right, y to the front; `None` where the list does not say.
    pub fn place_m(&self) -> Option<(f64, f64)> {
        self.x_m.zip(self.y_m)
    }
}

/// The zones of an object that is swept.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneList {
    /// What the object is.
    pub name: String,
    /// Its zones.
    #[serde(default, rename = "zone")]
    pub zones: Vec<Zone>,
}

impl ZoneList {
    /// Names of the templates.
    pub const NAMES: [&str; 2] = ["vehicle", "room"];

    /// The template of this name, or the list at this path.
    ///
    /// # Errors
    /// where it is neither; the message says what is wrong with the file.
    pub fn named(name: &Path) -> Result<Self> {
        if let Some(at) = Self::NAMES.iter().position(|template| Path::new(template) == name) {
            return Self::parse(TEMPLATES[at]);
        }
        let text = std::fs::read_to_string(name).with_context(|| {
            format!("{}: cannot be read; --zones takes a file or one of {:?}", name.display(), Self::NAMES)
        })?;
        Self::parse(&text).with_context(|| format!("{}: is no list of zones", name.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let list: Self = toml::from_str(text)?;
        ensure!(list.zones.len() <= MAX_ZONES, "{} zones; at most {MAX_ZONES} can be told apart", list.zones.len());
        for (i, zone) in list.zones.iter().enumerate() {
            ensure!(!zone.name.is_empty(), "a zone has no name");
            ensure!(
                list.zones[..i].iter().all(|other| other.name != zone.name),
                "two zones are called {:?}",
                zone.name
            );
            let place = [zone.x_m, zone.y_m];
            ensure!(zone.x_m.is_some() == zone.y_m.is_some(), "{:?}: give x_m and y_m or neither", zone.name);
            ensure!(place.iter().flatten().all(|m| m.abs() < 1e4), "{:?}: x_m or y_m is no place", zone.name);
        }
        Ok(list)
    }

    /// Distance between the middles of two zones.
    pub fn apart_m(&self, a: usize, b: usize) -> f64 {
        let place = |at: usize| self.zones.get(at).and_then(Zone::place_m);
        match (place(a), place(b)) {
            _ if a == b => 0.0,
            (Some(a), Some(b)) => (a.0 - b.0).hypot(a.1 - b.1),
            _ => APART_M,
        }
    }
}

/// The operator came into a zone, or left all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// Index in the list.
    pub zone: usize,
    /// Number of the mark that began it.
    pub number: u32,
}

/// Zones and marks of a sweep.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Walk {
    list: Arc<ZoneList>,
    /// In order of time.
    marks: Vec<(f64, Option<Visit>)>,
    next_number: u32,
}

impl Walk {
    /// Nothing marked yet.
    pub fn new(list: Arc<ZoneList>) -> Self {
        Self { list, ..Self::default() }
    }

    /// The zones; those that were marked without being on the list come last.
    pub fn list(&self) -> &Arc<ZoneList> {
        &self.list
    }

    /// Marks: from this instant on the operator is in this zone (index in the list), or in none.
    pub fn marks(&self) -> impl Iterator<Item = (f64, Option<usize>)> {
        self.marks.iter().map(|(time_s, visit)| (*time_s, visit.map(|visit| visit.zone)))
    }

    /// From `time_s` on the operator is in this zone, or in none. A zone that is not on the list joins it; a mark at
    /// no time, or of a zone too many, is passed over.
    pub fn mark(&mut self, time_s: f64, zone: Option<&str>) {
        if !time_s.is_finite() {
            return;
        }
        let index = zone.map(|name| self.index(name));
        if index == Some(None) {
            return;
        }
        let number = self.next_number;
        self.next_number += 1;
        let at = self.marks.partition_point(|(other_s, _)| *other_s <= time_s);
        self.marks.insert(at, (time_s, index.flatten().map(|zone| Visit { zone, number })));
        if self.marks.len() > MAX_MARKS {
            self.marks.remove(0);
        }
    }

    /// Where the operator was at an instant.
    pub fn at(&self, time_s: f64) -> Option<Visit> {
        let last = self.marks.partition_point(|(other_s, _)| *other_s <= time_s).checked_sub(1)?;
        self.marks[last].1
    }

    fn index(&mut self, name: &str) -> Option<usize> {
        if let Some(at) = self.list.zones.iter().position(|zone| zone.name == name) {
            return Some(at);
        }
        if self.list.zones.len() == MAX_ZONES || name.is_empty() {
            return None;
        }
        let zone = Zone { name: name.to_owned(), hint: None, outside: false, x_m: None, y_m: None };
        Arc::make_mut(&mut self.list).zones.push(zone);
        Some(self.list.zones.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_lists() {
        for (name, zones) in [("vehicle", 7), ("room", 10)] {
            let list = ZoneList::named(Path::new(name)).expect("a template");
            assert_eq!((list.name.as_str(), list.zones.len()), (name, zones));
            assert_eq!(list.zones.iter().filter(|zone| zone.outside).count(), 1);
        }
        let vehicle = ZoneList::named(Path::new("vehicle")).expect("a template");
        assert!((vehicle.apart_m(0, 1) - 0.9).abs() < 1e-9 && (vehicle.apart_m(0, 2) - 1.4).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_list_is_refused_with_the_reason() {
        let zone = |text: &str| format!("name = \"a\"\n[[zone]]\nname = \"z\"\n{text}\n");
        for (text, reason) in [
            (zone("x_m = 1.0"), "x_m and y_m or neither"),
            (zone("x_m = nan\ny_m = 1.0"), "no place"),
            (zone("size = 1"), "unknown field"),
            (zone("[[zone]]\nname = \"z\""), "two zones"),
            (zone("[[zone]]\nname = \"\""), "no name"),
        ] {
            let error = format!("{:#}", ZoneList::parse(&text).expect_err(&text));
            assert!(error.contains(reason), "{error}");
        }
        let missing = format!("{:#}", ZoneList::named(Path::new("no such list")).expect_err("no file"));
        assert!(missing.contains("vehicle") && missing.contains("room"), "{missing}");
    }

    #[test]
    fn the_latest_mark_before_an_instant_says_where_it_was() {
        let mut walk = Walk::new(Arc::new(ZoneList::named(Path::new("vehicle")).expect("a template")));
        walk.mark(10.0, Some("rear left"));
        walk.mark(20.0, None);
        walk.mark(15.0, Some("on the roof"));
        walk.mark(f64::NAN, Some("door"));
        walk.mark(30.0, Some("rear left"));
        let zone = |time_s: f64| walk.at(time_s).map(|visit| walk.list().zones[visit.zone].name.clone());
        assert_eq!(zone(9.9), None);
        assert_eq!(zone(10.0).as_deref(), Some("rear left"));
        assert_eq!(zone(16.0).as_deref(), Some("on the roof"));
        assert_eq!(zone(25.0), None);
        assert_ne!(walk.at(31.0), walk.at(11.0), "another visit of the same zone");
    }
}
