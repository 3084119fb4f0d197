//! The grammar of sessions: weighs how sure a burst's name is by the company it keeps.
//!
//! In: bursts in order of start as the judge settles them. Out: the same, in the same order, each NB-IoT burst with
//! its confidence weighed and what supports it.
//! Method: an NB-IoT transmission has others of its device, or of its carrier and cell, within seconds: preamble,
//! message 3, acknowledgements, data (TS 36.213 §16.3). A false alarm has none but by chance. The odds that a detector
//! gives are multiplied by how much likelier the company found is for a true burst; a burst whose name is likelier
//! wrong than right after that loses it. Only bursts that a detector alone is sure of are company, so dubious ones
//! cannot lift each other. A dubious burst waits `WAIT_S` for company that comes after it, and what starts later
//! waits behind it.
//! Ignores: LTE, where a busy cell makes everything company of everything.

use std::collections::VecDeque;

use dsp::finding::{Channel, Finding, Rejection, Technology};

use super::fingerprint::Fingerprint;
use super::session::{MAX_PAUSE_S, common, reach_hz};

/// How long a burst waits for company after its end: display must not lag by more than about a second.
const WAIT_S: f64 = 0.8;
/// A detector alone is sure of a burst from here on: it is company, and need not wait for any.
const SURE: f64 = 0.93;
/// A true burst has company of its own device with this probability; by chance a grid position agrees within
/// [`GATE_SIGMAS`] deviations.
const TRUE_HAS_OWN: f64 = 0.8;
const GATE_SIGMAS: f64 = 4.0;
const SESSION_SIGMA_HZ: f64 = 3.0;
/// Odds of other devices' bursts on the carrier: a false alarm may be a piece of them.
const CARRIER_ODDS: f64 = 2.0;
/// Odds of no company at all: a true burst's session is nine times in ten heard in part; a preamble often stays
/// without answer.
const ALONE_ODDS: f64 = 0.1;
const PREAMBLE_ALONE_ODDS: f64 = 0.3;
/// No company makes a name surer than this.
const MOST_SURE: f64 = 0.98;
/// Bursts before and after one that may be its company, and how many are told.
const MAX_COMPANY: u64 = 512;
const MAX_TOLD: usize = 4;

const ALONE: Rejection = Rejection { detector: "company", reason: "dubious burst without company on its carrier" };

#[derive(Debug, Clone)]
struct Member {
    fingerprint: Fingerprint,
    number: u64,
}

/// Holds bursts until their company is known.
#[derive(Debug, Clone, Default)]
pub struct Company {
    waiting: VecDeque<(Finding, u64)>,
    /// Sure NB-IoT bursts, in order of start.
    sure: VecDeque<Member>,
    number: u64,
}

impl Company {
    /// Takes a burst, in order of start.
    pub fn push(&mut self, finding: Finding) {
        let start_s = finding.extent.start_s;
        if finding.technology == Technology::NbIot && finding.confidence >= SURE {
            self.sure.push_back(Member { fingerprint: Fingerprint::of(&finding), number: self.number });
        }
        let (earliest_s, first) =
            self.waiting.front().map_or((start_s, self.number), |(first, number)| (first.extent.start_s, *number));
        // Nothing that waits is weighed with what ended so long ago, or lies so many bursts back.
        while self.sure.front().is_some_and(|member| {
            member.fingerprint.extent.end_s + MAX_PAUSE_S < earliest_s || member.number + MAX_COMPANY < first
        }) {
            self.sure.pop_front();
        }
        self.waiting.push_back((finding, self.number));
        self.number += 1;
    }

    /// Gives out the bursts whose company is known when every burst that starts before `settled_s` was pushed.
    pub fn settle(&mut self, settled_s: f64, burst: &mut impl FnMut(Finding), rejected: &mut impl FnMut(Rejection)) {
        while self.waiting.front().is_some_and(|(first, _)| until_s(first) < settled_s) {
            let Some((mut finding, number)) = self.waiting.pop_front() else { break };
            if is_open(&finding) {
                self.claim(&mut finding, number);
            } else if finding.technology == Technology::NbIot && !self.weigh(&mut finding, number) {
                rejected(ALONE);
            }
            burst(finding);
        }
    }

    /// Gives out all that is left.
    pub fn finish(&mut self, burst: &mut impl FnMut(Finding), rejected: &mut impl FnMut(Rejection)) {
        self.settle(f64::INFINITY, burst, rejected);
    }

    /// Sure bursts on the carrier of one, and of them those at its place of the grid, with the odds that speak for it
    /// where there are any such.
    fn around(&self, finding: &Finding, number: u64) -> Around<'_> {
        let own = Fingerprint::of(finding);
        let (from_s, to_s) = (own.extent.start_s - MAX_PAUSE_S, until_s(finding));
        let members = self.sure.iter().filter(|member| member.number.abs_diff(number) < MAX_COMPANY);
        let on_carrier: Vec<&Fingerprint> = members
            .filter(|member| member.number != number)
            .map(|member| &member.fingerprint)
            .filter(|other| other.extent.end_s > from_s && other.extent.start_s <= to_s && share_carrier(&own, other))
            .collect();
        let (mut on_grid, mut chance) = (Vec::new(), 1.0);
        for other in &on_carrier {
            let Some((agrees, probability)) = agreement(&own, other) else { continue };
            chance *= 1.0 - probability;
            if agrees && own.extent.shared_s(&other.extent) == 0.0 {
                on_grid.push(*other);
            }
        }
        let grid_odds = (TRUE_HAS_OWN / (1.0 - chance).max(f64::MIN_POSITIVE)).max(CARRIER_ODDS);
        Around { own, on_carrier, grid_odds: (!on_grid.is_empty()).then_some(grid_odds), on_grid }
    }

    /// Names a burst that may be one resource block of LTE or twelve tones of NB-IoT after the session it stands in.
    fn claim(&self, finding: &mut Finding, number: u64) {
        let around = self.around(finding, number);
        let Some(odds) = around.grid_odds else { return };
        let alone = 1.0 - finding.confidence.clamp(0.0, 1.0);
        let weighed = weighed(alone, odds);
        if weighed < 0.5 {
            return;
        }
        let parameters = &mut finding.parameters;
        parameters.confidence_alone = Some(alone);
        parameters.supported_by = around.tell();
        parameters.alternatives = vec!["lte/pusch".into(), "lte-m/pusch".into()];
        (parameters.tones, parameters.n_prb) = (Some(12), None);
        (finding.technology, finding.channel, finding.confidence) = (Technology::NbIot, Channel::Npusch1, weighed);
    }

    /// Weighs a burst's confidence; false where it lost its name.
    fn weigh(&self, finding: &mut Finding, number: u64) -> bool {
        let around = self.around(finding, number);
        let is_preamble = finding.channel == Channel::Nprach;
        let is_sure = finding.confidence >= SURE;
        let odds = if let Some(odds) = around.grid_odds {
            odds
        } else if !around.on_carrier.is_empty() {
            CARRIER_ODDS
        } else if is_sure {
            1.0
        } else if is_preamble {
            PREAMBLE_ALONE_ODDS
        } else {
            ALONE_ODDS
        };
        let alone = finding.confidence.clamp(0.0, 1.0);
        let weighed = weighed(alone, odds);
        finding.parameters.confidence_alone = Some(alone);
        finding.confidence = weighed;
        if weighed < 0.5 {
            finding.unname(1.0 - finding.confidence);
            return false;
        }
        finding.parameters.supported_by = around.tell();
        true
    }
}

/// The company a burst keeps.
struct Around<'a> {
    own: Fingerprint,
    on_carrier: Vec<&'a Fingerprint>,
    on_grid: Vec<&'a Fingerprint>,
    grid_odds: Option<f64>,
}

impl Around<'_> {
    /// What supports the burst, nearest in time first.
    fn tell(&self) -> Vec<String> {
        if self.on_grid.is_empty() {
            tell(&self.own, &self.on_carrier, "on its carrier")
        } else {
            tell(&self.own, &self.on_grid, "on its tone grid")
        }
    }
}

/// A probability with odds upon it. What a detector is surer of than any company could make it stays as it is.
fn weighed(alone: f64, odds: f64) -> f64 {
    let weighed = alone * odds / (alone * odds + 1.0 - alone);
    if odds >= 1.0 { weighed.min(MOST_SURE).max(alone) } else { weighed }
}

/// Whether a burst may as well be twelve tones of NB-IoT.
fn is_open(finding: &Finding) -> bool {
    finding.channel == Channel::Pusch && finding.parameters.alternatives.iter().any(|name| name == "nb-iot/npusch1")
}

/// Until when company of a burst may start.
fn until_s(finding: &Finding) -> f64 {
    let is_dubious = is_open(finding) || finding.technology == Technology::NbIot && finding.confidence < SURE;
    finding.extent.end_s + if is_dubious { WAIT_S } else { 0.0 }
}

fn share_carrier(a: &Fingerprint, b: &Fingerprint) -> bool {
    let width_hz = a.extent.high_hz().max(b.extent.high_hz()) - a.extent.low_hz().min(b.extent.low_hz());
    width_hz <= reach_hz(Technology::NbIot)
        && !common(a.cell_ids.as_deref(), b.cell_ids.as_deref()).is_some_and(|ids| ids.is_empty())
}

/// Whether two bursts stand at one place of the grid, and how probable that is by chance.
fn agreement(a: &Fingerprint, b: &Fingerprint) -> Option<(bool, f64)> {
    let (a, b) = (a.grid.as_ref()?, b.grid.as_ref()?);
    let gate_hz = GATE_SIGMAS * a.sigma_hz.hypot(b.sigma_hz).hypot(SESSION_SIGMA_HZ);
    let modulus_hz = a.modulus_hz.min(b.modulus_hz);
    Some((a.distance_hz(b).abs() < gate_hz, (2.0 * gate_hz / modulus_hz).min(1.0)))
}

/// What supports a burst, nearest in time first.
fn tell(own: &Fingerprint, others: &[&Fingerprint], place: &str) -> Vec<String> {
    let apart_s = |other: &Fingerprint| {
        if other.extent.start_s < own.extent.start_s {
            own.extent.start_s - other.extent.end_s
        } else {
            other.extent.start_s - own.extent.end_s
        }
    };
    let mut nearest = others.to_vec();
    nearest.sort_by(|a, b| apart_s(a).total_cmp(&apart_s(b)));
    nearest.truncate(MAX_TOLD);
    let sentence = |other: &Fingerprint| {
        let when = if other.extent.start_s < own.extent.start_s { "before" } else { "after" };
        format!("{} {:.3} s {when}, {place}", other.channel.name(), apart_s(other).max(0.0))
    };
    nearest.into_iter().map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracker::testing::burst;

    fn at(channel: Channel, start_s: f64, center_hz: f64, confidence: f64) -> Finding {
        Finding {
            confidence,
            ..burst(channel, start_s, center_hz, if channel == Channel::Nprach { 45e3 } else { 15e3 })
        }
    }

    fn in_company(bursts: &[Finding]) -> Vec<Finding> {
        let mut company = Company::default();
        bursts.iter().for_each(|burst| company.push(burst.clone()));
        let mut out = Vec::new();
        company.finish(&mut |burst| out.push(burst), &mut |_| {});
        out
    }

    #[test]
    fn a_dubious_burst_in_a_session_becomes_sure_and_says_why() {
        let bursts = in_company(&[
            at(Channel::Nprach, 0.0, 22_500.0, 0.99),
            at(Channel::Npusch1, 0.2, 7500.0, 0.7),
            at(Channel::Npusch2, 0.4, 22_500.0, 0.99),
        ]);
        assert!(bursts[1].confidence > 0.95, "{}", bursts[1].confidence);
        assert_eq!(bursts[1].parameters.confidence_alone, Some(0.7));
        assert_eq!(
            bursts[1].parameters.supported_by,
            ["nprach 0.170 s before, on its tone grid", "npusch2 0.170 s after, on its tone grid"]
        );
    }

    #[test]
    fn a_dubious_burst_alone_loses_its_name() {
        let bursts = in_company(&[at(Channel::Npusch1, 0.0, 7500.0, 0.89), at(Channel::Npusch1, 1.0, 900e3, 0.99)]);
        assert_eq!(bursts[0].technology, Technology::Unknown);
        assert_eq!(bursts[0].parameters.alternatives, ["nb-iot/npusch1"]);
        assert_eq!(bursts[1].technology, Technology::NbIot);
        assert_eq!(bursts[1].confidence, 0.99, "its company may come yet");
    }

    #[test]
    fn dubious_bursts_do_not_lift_each_other() {
        let bursts: Vec<Finding> = (0..9).map(|i| at(Channel::Npusch1, f64::from(i) * 0.1, 7500.0, 0.85)).collect();
        assert!(in_company(&bursts).iter().all(|burst| burst.technology == Technology::Unknown));
    }

    #[test]
    fn another_cell_or_carrier_is_no_company() {
        let in_cell = |mut finding: Finding, id: u16| {
            finding.parameters.cell_ids = Some(vec![id]);
            finding
        };
        let bursts = in_company(&[
            in_cell(at(Channel::Npusch1, 0.0, 7500.0, 0.99), 3),
            in_cell(at(Channel::Npusch1, 0.1, 7500.0, 0.99), 4),
            at(Channel::Npusch1, 0.2, 7500.0 + 240e3, 0.99),
        ]);
        assert!(bursts.iter().all(|burst| burst.parameters.supported_by.is_empty() && burst.confidence == 0.99));
    }

    #[test]
    fn one_block_of_lte_in_a_session_of_nb_iot_is_twelve_tones() {
        let mut block = burst(Channel::Pusch, 0.5, 0.0, 180e3);
        (block.technology, block.confidence) = (Technology::Lte, 0.6);
        block.parameters.alternatives = vec!["nb-iot/npusch1".into()];
        let session = [at(Channel::Npusch1, 0.0, 7500.0, 0.99), at(Channel::Npusch2, 0.2, 22_500.0, 0.99)];
        let bursts = in_company(&[session[0].clone(), session[1].clone(), block.clone()]);
        assert_eq!((bursts[2].technology, bursts[2].channel), (Technology::NbIot, Channel::Npusch1));
        assert!(bursts[2].confidence > 0.8 && bursts[2].parameters.supported_by.len() == 2);
        block.extent.center_hz += 4000.0;
        assert_eq!(in_company(&[session[0].clone(), session[1].clone(), block.clone()])[2], block);
    }

    #[test]
    fn sure_bursts_go_on_at_once_and_dubious_ones_wait_less_than_a_second() {
        let mut company = Company::default();
        company.push(at(Channel::Npusch1, 0.0, 7500.0, 0.99));
        company.push(at(Channel::Npusch1, 0.1, 7500.0, 0.7));
        company.push(at(Channel::Npusch1, 0.2, 7500.0, 0.99));
        let mut given = 0;
        company.settle(0.2, &mut |_| given += 1, &mut |_| {});
        assert_eq!(given, 1);
        company.settle(1.0, &mut |_| given += 1, &mut |_| {});
        assert_eq!(given, 3);
    }
}
