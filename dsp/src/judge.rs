//! Makes one burst of competing answers, in order of time.
//!
//! In: findings as the detectors make them, and the instant before which nothing more will be found. Out: bursts,
//! each transmission once, in order of their start.
//! Method: a preamble owns the pieces of energy that are its symbol groups; pieces that follow each other like hops
//! of one transmission, without a name or of one control channel, become one burst with segments.

use std::collections::BinaryHeap;

use crate::detect::{gsm, nprach, npusch, prach, pusch};
use crate::finding::{Channel, Finding, Rejection, Segment, Technology};

/// Pieces of energy this far outside a preamble's block still are its own.
const OWN_SLACK_HZ: f64 = 6e3;
const OWN_SLACK_S: f64 = 0.6e-3;
/// Share of a piece's time that must lie within the preamble.
const OWN_SHARE: f64 = 0.6;
/// A piece stronger than the preamble by this much is not its own.
const OWN_EXCESS_DB: f32 = 10.0;

/// What lies within a named burst's time, this close to its band and this much weaker is its skirt.
const SKIRT_SLACK_S: f64 = 0.4e-3;
const SKIRT_REACH_HZ: f64 = 20e3;
const SKIRT_BELOW_DB: f32 = 6.0;

/// An NB-IoT carrier holds nothing wider than this: what is wider is another signal.
const WIDE_HZ: f64 = 250e3;
/// A shared channel this close to a wide signal of about its level, which is on for this share of its time, is a
/// piece of that signal.
const PIECE_REACH_HZ: f64 = 30e3;
const PIECE_LEVEL_DB: f64 = 12.0;
const PIECE_SHARE: f64 = 0.8;
/// … a block of LTE where it also is at that level and keeps its times.
const PIECE_NEAR_DB: f64 = 2.0;
const PIECE_EDGE_S: f64 = 0.1e-3;

/// Two pieces are hops of one transmission where the second begins this close to the first's end …
const HOP_GAP_S: f64 = 0.35e-3;
/// … no further away than this …
const HOP_REACH_HZ: f64 = 2e6;
/// … with a like level and a like width.
const HOP_LEVEL_DB: f32 = 4.0;
const HOP_WIDTH_RATIO: f64 = 2.5;

/// A narrow burst this long, as long as this many of a piece, of about its level and over the piece's band and time, is
/// what the piece is a part of: weak bursts are seen in parts, too.
const LASTING_S: f64 = 25e-3;
const LASTING_HZ: f64 = 60e3;
const LASTING_RATIO: f64 = 1.3;
const LASTING_LEVEL_DB: f32 = 6.0;
const LASTING_SHARE: f64 = 0.7;

/// A finding ordered by its start, earliest first out of the heap.
#[derive(Clone)]
struct Waiting(Finding, u64);

impl Waiting {
    fn key(&self) -> (f64, f64, u64) {
        (self.0.extent.start_s, self.0.extent.center_hz, self.1)
    }
}

/// Instant before which everything must be known to judge this: echoes of a preamble, and the wide signal that a
/// shared channel may be a piece of, may begin until it ends; a narrowband one may go on after a gap.
fn due_s(finding: &Finding) -> f64 {
    match finding.channel {
        _ if finding.technology == Technology::Unknown => finding.extent.start_s,
        Channel::Npusch1 | Channel::Npusch2 => finding.extent.end_s + npusch::PAUSE_S,
        _ => finding.extent.end_s,
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let ((start, center, number), (other_start, other_center, other_number)) = (self.key(), other.key());
        other_start.total_cmp(&start).then(other_center.total_cmp(&center)).then(other_number.cmp(&number))
    }
}

/// Holds findings until nothing that belongs with them can still come.
#[derive(Clone, Default)]
pub struct Judge {
    waiting: BinaryHeap<Waiting>,
    /// Preambles whose time is not over yet: they own what lies in them.
    preambles: Vec<Finding>,
    /// The same of preambles of six resource blocks.
    wide_preambles: Vec<Finding>,
    /// Other named bursts whose time is not over yet, strongest or not: they have skirts.
    named: Vec<Finding>,
    /// GSM bursts given out whose time is not over yet: each may have been found in several of its parts.
    told: Vec<Finding>,
    /// Unnamed bursts wider than a carrier whose time is not over yet.
    wide: Vec<Finding>,
    /// Narrow bursts that last and whose time is not over yet: they have parts.
    lasting: Vec<(Segment, f32)>,
    /// Bursts that may still hop on.
    hopping: Vec<Finding>,
    number: u64,
}

impl Judge {
    /// Takes a finding, in any order of time.
    pub fn push(&mut self, finding: Finding) {
        if finding.channel == Channel::Nprach {
            self.preambles.push(finding.clone());
        } else if finding.channel == Channel::Prach {
            self.wide_preambles.push(finding.clone());
            self.named.push(finding.clone());
        } else if finding.technology != Technology::Unknown {
            self.named.push(finding.clone());
        } else if finding.extent.bandwidth_hz > WIDE_HZ {
            self.wide.push(finding.clone());
        }
        if finding.extent.duration_s() > LASTING_S && finding.extent.bandwidth_hz < LASTING_HZ {
            self.lasting.push((finding.extent, finding.power_dbfs));
        }
        self.waiting.push(Waiting(finding, self.number));
        self.number += 1;
    }

    /// Gives out, in order of start, the bursts that start before `settled_s`: nothing pushed later does. What was
    /// turned down goes to `rejected`. Returns the instant before which every burst has been given out.
    pub fn settle(
        &mut self,
        settled_s: f64,
        burst: &mut impl FnMut(Finding),
        rejected: &mut impl FnMut(Rejection),
    ) -> f64 {
        let settled_s = settled_s - OWN_SLACK_S.max(SKIRT_SLACK_S);
        while self.waiting.peek().is_some_and(|next| due_s(&next.0) < settled_s) {
            let Some(Waiting(mut finding, number)) = self.waiting.pop() else { break };
            if let Some(whole) = self.with_next_piece(&finding) {
                self.named.push(whole.clone());
                self.waiting.push(Waiting(whole, number));
                continue;
            }
            let is_piece = self.is_piece(&finding);
            if let Some(reason) = self.doubt(&finding) {
                rejected(reason);
                finding.unname(0.5);
            }
            if is_piece {
                rejected(FRAGMENT);
            } else if self.is_owned(&finding) {
                rejected(OWNED);
            } else if self.is_of_gsm(&finding) {
                rejected(GSM_PART);
            } else if self.is_echo(&finding) {
                rejected(ECHO);
            } else if self.is_skirt(&finding) {
                rejected(SKIRT);
            } else if self.is_part(&finding) {
                rejected(PART);
            } else {
                if finding.technology == Technology::Gsm {
                    self.told.push(finding.clone());
                }
                self.continue_hop(finding);
            }
        }
        let open_s = self.waiting.peek().map_or(settled_s, |next| next.0.extent.start_s.min(settled_s));
        self.hopping.sort_by(|a, b| a.extent.start_s.total_cmp(&b.extent.start_s));
        // A burst goes out once it can hop no further, and not before any that started earlier.
        while self.hopping.first().is_some_and(|first| first.extent.end_s + HOP_GAP_S < open_s) {
            burst(self.hopping.remove(0));
        }
        self.lasting.retain(|(extent, _)| extent.end_s >= open_s);
        self.wide.retain(|w| w.extent.end_s >= open_s);
        self.named.retain(|n| n.extent.end_s + SKIRT_SLACK_S >= open_s);
        self.told.retain(|n| n.extent.end_s + SKIRT_SLACK_S >= open_s);
        self.preambles.retain(|p| p.extent.end_s + OWN_SLACK_S >= open_s);
        self.wide_preambles.retain(|p| p.extent.end_s + OWN_SLACK_S >= open_s);
        self.hopping.first().map_or(open_s, |first| first.extent.start_s.min(open_s))
    }

    /// Gives out all that is left.
    pub fn finish(&mut self, burst: &mut impl FnMut(Finding), rejected: &mut impl FnMut(Rejection)) {
        self.settle(f64::INFINITY, burst, rejected);
    }

    fn is_owned(&self, finding: &Finding) -> bool {
        finding.technology == Technology::Unknown && self.preambles.iter().any(|preamble| owns(preamble, finding))
            || self.wide_preambles.iter().any(|preamble| prach::owns(preamble, finding))
    }

    /// Energy of a GSM burst that goes by its own name, or by that name again.
    fn is_of_gsm(&self, finding: &Finding) -> bool {
        self.named.iter().any(|burst| gsm::owns(burst, finding)) || self.told.iter().any(|b| gsm::is_same(b, finding))
    }

    /// Energy within a transmission, or a shared channel of a length that no grant orders within one of a length that is.
    fn is_piece(&self, finding: &Finding) -> bool {
        let odd = matches!(finding.channel, Channel::Npusch1 | Channel::Npusch2)
            && finding.parameters.resource_units.is_none();
        let granted = |n: &Finding| n.parameters.resource_units.is_some();
        (odd || finding.technology == Technology::Unknown)
            && self.named.iter().any(|n| (granted(n) || !odd) && npusch::is_piece(finding, n))
    }

    /// Takes the first waiting piece that makes a longer narrowband transmission with `finding`; gives the two as one.
    fn with_next_piece(&mut self, finding: &Finding) -> Option<Finding> {
        let pieces = self.waiting.iter().filter_map(|next| Some((next.1, npusch::whole(finding, &next.0)?)));
        let (number, whole) = pieces.min_by_key(|(number, _)| *number)?;
        self.waiting.retain(|next| next.1 != number);
        Some(whole)
    }

    /// Why a shared channel should not go by its name after all.
    fn doubt(&self, finding: &Finding) -> Option<Rejection> {
        let e = &finding.extent;
        let density = |f: &Finding| f64::from(f.power_dbfs) - 10.0 * f.extent.bandwidth_hz.log10();
        if finding.channel == Channel::Pusch {
            // Neighbours in frequency are usual there: a piece begins and ends with its whole, at its level.
            let is_piece = self.wide.iter().any(|wide| {
                let w = &wide.extent;
                let apart_hz = (w.center_hz - e.center_hz).abs() - (w.bandwidth_hz + e.bandwidth_hz) / 2.0;
                let together = (w.start_s - e.start_s).abs().max((w.end_s - e.end_s).abs()) < PIECE_EDGE_S;
                // What lies within it is a piece of it, not it of that.
                let within = w.shared_hz(e) > 0.5 * w.bandwidth_hz;
                together
                    && !within
                    && apart_hz < PIECE_REACH_HZ
                    && (density(wide) - density(finding)).abs() < PIECE_NEAR_DB
            });
            return is_piece.then_some(PIECE);
        }
        if !matches!(finding.channel, Channel::Npusch1 | Channel::Npusch2) {
            return None;
        }
        let is_piece = self.wide.iter().any(|wide| {
            let apart_hz =
                (wide.extent.center_hz - e.center_hz).abs() - (wide.extent.bandwidth_hz + e.bandwidth_hz) / 2.0;
            wide.extent.shared_s(e) > PIECE_SHARE * e.duration_s()
                && apart_hz < PIECE_REACH_HZ
                && (density(wide) - density(finding)).abs() < PIECE_LEVEL_DB
        });
        is_piece.then_some(PIECE)
    }

    /// Something weaker beside or upon a named burst, and within its time. (What begins with it or later is judged
    /// after it, so all its causes are known.)
    fn is_skirt(&self, finding: &Finding) -> bool {
        let e = &finding.extent;
        !matches!(finding.channel, Channel::Nprach | Channel::Prach)
            && self.named.iter().any(|n| {
                let reach_hz = (n.extent.bandwidth_hz + e.bandwidth_hz) / 2.0 + SKIRT_REACH_HZ;
                e.start_s > n.extent.start_s - SKIRT_SLACK_S
                    && e.end_s < n.extent.end_s + SKIRT_SLACK_S
                    && (e.center_hz - n.extent.center_hz).abs() < reach_hz
                    && finding.power_dbfs < n.power_dbfs - SKIRT_BELOW_DB
                    && (finding.technology == Technology::Unknown || n.extent.shared_hz(e) > 0.0)
            })
    }

    /// A part of a burst that has been seen as a whole.
    fn is_part(&self, finding: &Finding) -> bool {
        let e = &finding.extent;
        finding.technology == Technology::Unknown
            && self.lasting.iter().any(|(whole, power_dbfs)| {
                whole.duration_s() > LASTING_RATIO * e.duration_s()
                    && whole.shared_s(e) > LASTING_SHARE * e.duration_s()
                    && whole.shared_hz(e) > 0.5 * e.bandwidth_hz.min(whole.bandwidth_hz)
                    && (finding.power_dbfs - power_dbfs).abs() < LASTING_LEVEL_DB
            })
    }

    fn is_echo(&self, finding: &Finding) -> bool {
        match finding.channel {
            Channel::Nprach => nprach::is_echo(finding, self.preambles.iter()),
            Channel::Prach => prach::is_echo(finding, self.wide_preambles.iter()),
            _ => false,
        }
    }

    /// Adds a piece to the burst whose hop it continues, or opens a burst.
    fn continue_hop(&mut self, finding: Finding) {
        if finding.channel == Channel::Pusch {
            let hop = |burst: &Finding| pusch::hop(burst, &finding);
            let best = self.hopping.iter().enumerate().filter_map(|(i, burst)| hop(burst).map(|hop| (i, hop)));
            let best = best.min_by(|a, b| a.1.off_hz.total_cmp(&b.1.off_hz));
            if let Some((i, hop)) = best {
                join(&mut self.hopping[i], &finding);
                pusch::join(&mut self.hopping[i], &finding, hop);
                return;
            }
        }
        if matches!(finding.channel, Channel::Unknown | Channel::Pucch) {
            let distance_s =
                |burst: &Finding| nearest(burst, &finding).map_or(f64::INFINITY, |(distance_s, _)| distance_s);
            let best = self
                .hopping
                .iter_mut()
                .filter(|burst| hops_on(burst, &finding))
                .min_by(|a, b| distance_s(a).total_cmp(&distance_s(b)));
            if let Some(burst) = best {
                join(burst, &finding);
                return;
            }
        }
        self.hopping.push(finding);
    }
}

const PIECE: Rejection = Rejection { detector: "judge", reason: "shared channel that is a piece of a wider signal" };
const FRAGMENT: Rejection = Rejection { detector: "judge", reason: "fragment of a shared channel" };
const SKIRT: Rejection = Rejection { detector: "judge", reason: "skirt of a named burst" };
const PART: Rejection = Rejection { detector: "judge", reason: "part of a burst seen as a whole" };
const ECHO: Rejection = Rejection { detector: "judge", reason: "echo of a stronger preamble" };
const GSM_PART: Rejection = Rejection { detector: "judge", reason: "part of a GSM burst" };
const OWNED: Rejection = Rejection { detector: "judge", reason: "piece of a preamble" };

fn owns(preamble: &Finding, piece: &Finding) -> bool {
    let (p, e) = (&preamble.extent, &piece.extent);
    let grown = Segment {
        start_s: p.start_s - OWN_SLACK_S,
        end_s: p.end_s + OWN_SLACK_S,
        center_hz: p.center_hz,
        bandwidth_hz: p.bandwidth_hz + 2.0 * OWN_SLACK_HZ,
    };
    grown.shared_s(e) > OWN_SHARE * e.duration_s()
        && grown.shared_hz(e) > 0.9 * e.bandwidth_hz
        && piece.power_dbfs < preamble.power_dbfs + OWN_EXCESS_DB
}

/// The rectangles a burst is made of.
fn parts(burst: &Finding) -> &[Segment] {
    if burst.segments.is_empty() { std::slice::from_ref(&burst.extent) } else { &burst.segments }
}

/// From the end of the part of `burst` that ends nearest the start of `piece` to that start; and that part.
fn nearest<'a>(burst: &'a Finding, piece: &Finding) -> Option<(f64, &'a Segment)> {
    let distances = parts(burst).iter().map(|part| ((piece.extent.start_s - part.end_s).abs(), part));
    distances.min_by(|a, b| a.0.total_cmp(&b.0))
}

/// Both are of one kind and say nothing that the other denies.
fn agree(a: &Finding, b: &Finding) -> bool {
    let (p, q) = (&a.parameters, &b.parameters);
    let cells = match (&p.cell_ids, &q.cell_ids) {
        (Some(cells), Some(others)) => cells.iter().any(|id| others.contains(id)),
        _ => true,
    };
    let formats = p.format.is_none() || q.format.is_none() || p.format == q.format;
    a.technology == b.technology && a.channel == b.channel && cells && formats
}

/// `piece` begins where a part of `burst` ends, elsewhere, at a like level, and they are never on at once. Energy
/// without a name also stays near and keeps its width; what a name has proved may hop over a whole carrier.
fn hops_on(burst: &Finding, piece: &Finding) -> bool {
    let (Some((distance_s, last)), Some(next)) = (nearest(burst, piece), parts(piece).first()) else { return false };
    let ratio = last.bandwidth_hz / next.bandwidth_hz;
    let near = (last.center_hz - next.center_hz).abs() < HOP_REACH_HZ
        && (1.0 / HOP_WIDTH_RATIO..HOP_WIDTH_RATIO).contains(&ratio);
    let at_once_s: f64 = parts(burst).iter().flat_map(|a| parts(piece).iter().map(|b| a.shared_s(b))).sum();
    agree(burst, piece)
        && distance_s < HOP_GAP_S
        && at_once_s < HOP_GAP_S
        && last.shared_hz(next) < 0.5 * next.bandwidth_hz
        && (burst.power_dbfs - piece.power_dbfs).abs() < HOP_LEVEL_DB
        && (near || burst.technology != Technology::Unknown)
}

fn join(burst: &mut Finding, piece: &Finding) {
    let on_s = |finding: &Finding| parts(finding).iter().map(Segment::duration_s).sum::<f64>();
    let (on_before, on_now) = (on_s(burst), on_s(piece));
    let share = (on_now / (on_before + on_now)) as f32;
    let mean_db = |a: f32, b: f32| 10.0 * (10f32.powf(a / 10.0) * (1.0 - share) + 10f32.powf(b / 10.0) * share).log10();
    burst.power_dbfs = mean_db(burst.power_dbfs, piece.power_dbfs);
    burst.snr_db = mean_db(burst.snr_db, piece.snr_db);
    burst.clipped |= piece.clipped;
    burst.confidence = burst.confidence.max(piece.confidence);
    let (p, q) = (&mut burst.parameters, &piece.parameters);
    if let (Some(cells), Some(others)) = (&mut p.cell_ids, &q.cell_ids) {
        cells.retain(|id| others.contains(id));
    }
    p.format = p.format.or(q.format);
    p.repetitions = p.repetitions.zip(q.repetitions).map(|(a, b)| a.saturating_add(b)).or(p.repetitions);
    let mut segments = parts(burst).to_vec();
    segments.extend(parts(piece));
    segments.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    burst.segments = segments;
    let (e, p) = (burst.extent, piece.extent);
    let (low, high) = (e.low_hz().min(p.low_hz()), e.high_hz().max(p.high_hz()));
    burst.extent = Segment {
        start_s: e.start_s,
        end_s: e.end_s.max(p.end_s),
        center_hz: (low + high) / 2.0,
        bandwidth_hz: high - low,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Parameters;

    fn finding(channel: Channel, start_s: f64, end_s: f64, center_hz: f64, bandwidth_hz: f64) -> Finding {
        let technology = if channel == Channel::Unknown { Technology::Unknown } else { Technology::NbIot };
        Finding {
            extent: Segment { start_s, end_s, center_hz, bandwidth_hz },
            segments: Vec::new(),
            power_dbfs: -40.0,
            snr_db: 20.0,
            technology,
            channel,
            confidence: 0.95,
            clipped: false,
            parameters: Parameters::default(),
        }
    }

    fn judged(findings: Vec<Finding>) -> Vec<Finding> {
        let mut judge = Judge::default();
        findings.into_iter().for_each(|f| judge.push(f));
        let mut bursts = Vec::new();
        judge.finish(&mut |b| bursts.push(b), &mut |_| {});
        bursts
    }

    #[test]
    fn a_preamble_owns_its_symbol_groups_and_nothing_else() {
        let mut findings: Vec<Finding> = (0..4)
            .map(|g| f64::from(g) * 1.4e-3)
            .map(|t| finding(Channel::Unknown, 0.1 + t, 0.1014 + t, 10e3, 4e3))
            .collect();
        findings.push(finding(Channel::Unknown, 0.1, 0.11, 90e3, 4e3));
        findings.push(finding(Channel::Nprach, 0.1, 0.1056, 10e3, 45e3));
        let bursts = judged(findings);
        assert_eq!(bursts.len(), 2, "{bursts:?}");
    }

    #[test]
    fn a_piece_of_a_wider_signal_loses_its_name() {
        let npusch = |center_hz| finding(Channel::Npusch1, 0.1, 0.104, center_hz, 90e3);
        let mut wide = finding(Channel::Unknown, 0.1005, 0.105, 300e3, 400e3);
        wide.power_dbfs = -36.0;
        let bursts = judged(vec![npusch(80e3), npusch(-500e3), wide]);
        let named: Vec<f64> =
            bursts.iter().filter(|b| b.channel == Channel::Npusch1).map(|b| b.extent.center_hz).collect();
        assert_eq!((bursts.len(), named), (3, vec![-500e3]));
    }

    /// Each of its pieces led to the whole; one of them passed for a resource block, less surely.
    #[test]
    fn a_gsm_burst_is_told_once() {
        let burst = |center_hz| {
            let mut burst = finding(Channel::GsmNormal, 0.1, 0.100_546, center_hz, 200e3);
            burst.technology = Technology::Gsm;
            burst
        };
        let mut block = finding(Channel::Pusch, 0.1001, 0.100_53, -10e3, 180e3);
        (block.technology, block.confidence) = (Technology::Lte, 0.6);
        let piece = finding(Channel::Unknown, 0.1001, 0.1004, 60e3, 30e3);
        let next = finding(Channel::Unknown, 0.1001, 0.1004, 260e3, 90e3);
        let bursts = judged(vec![block, burst(100.0), burst(-80.0), piece, next]);
        let channels: Vec<Channel> = bursts.iter().map(|b| b.channel).collect();
        assert_eq!(channels, [Channel::GsmNormal, Channel::Unknown]);
    }

    /// The energy stage cut a corner off a wide allocation: that takes nothing from the name of the whole.
    #[test]
    fn a_corner_of_an_allocation_is_not_its_whole() {
        let allocation = |corner_hz| {
            let mut block = finding(Channel::Pusch, 0.1, 0.102, 0.0, 4.5e6);
            block.technology = Technology::Lte;
            let mut corner = finding(Channel::Unknown, 0.1, 0.102, corner_hz, 360e3);
            corner.power_dbfs -= 11.0;
            judged(vec![block, corner])
        };
        let named = |bursts: &[Finding]| bursts.iter().filter(|b| b.channel == Channel::Pusch).count();
        let (inside, beside) = (allocation(2.0e6), allocation(2.43e6));
        assert_eq!((inside.len(), named(&inside), named(&beside)), (1, 1, 0));
    }

    #[test]
    fn one_shared_channel_is_not_told_twice() {
        let mut whole = finding(Channel::Npusch1, 0.1, 0.148, 20e3, 15e3);
        whole.parameters.resource_units = Some(6);
        let odd = finding(Channel::Npusch1, 0.1, 0.119, 25e3, 15e3);
        let elsewhere = finding(Channel::Npusch1, 0.1, 0.119, 60e3, 15e3);
        let centers: Vec<f64> = judged(vec![odd, whole, elsewhere]).iter().map(|b| b.extent.center_hz).collect();
        assert_eq!(centers, [20e3, 60e3]);
    }

    #[test]
    fn parts_of_a_weak_burst_are_not_told_beside_it() {
        let whole = finding(Channel::Unknown, 0.1, 0.35, 20e3, 15e3);
        let part = finding(Channel::Unknown, 0.13, 0.2, 21e3, 18e3);
        let mut stronger = finding(Channel::Unknown, 0.21, 0.25, 20e3, 15e3);
        stronger.power_dbfs += 20.0;
        let starts: Vec<f64> = judged(vec![part, whole, stronger]).iter().map(|b| b.extent.start_s).collect();
        assert_eq!(starts, [0.1, 0.21]);
    }

    #[test]
    fn hops_become_one_burst_with_segments() {
        let hop =
            |i: u8| finding(Channel::Unknown, f64::from(i) * 0.01, f64::from(i + 1) * 0.01, f64::from(i) * 50e3, 20e3);
        let bursts = judged((0..5).map(hop).collect());
        assert_eq!(bursts.len(), 1);
        assert_eq!(bursts[0].segments.len(), 5);
        assert!((bursts[0].extent.bandwidth_hz - 220e3).abs() < 1.0);
    }

    /// One side of the carrier in even slots, the other in odd ones, as the detector hears each side.
    #[test]
    fn sides_of_a_control_channel_become_one_burst() {
        let slot = |i: u8, center_hz| Segment {
            start_s: 0.1 + f64::from(i) * 0.5e-3,
            end_s: 0.1 + f64::from(i + 1) * 0.5e-3,
            center_hz,
            bandwidth_hz: 180e3,
        };
        let side = |slots: &[u8], center_hz, cell_id| {
            let segments: Vec<Segment> = slots.iter().map(|&i| slot(i, center_hz)).collect();
            let end_s = segments[segments.len() - 1].end_s;
            let mut side = finding(Channel::Pucch, segments[0].start_s, end_s, center_hz, 180e3);
            side.technology = Technology::Lte;
            side.parameters.cell_ids = Some(vec![cell_id, 7]);
            side.segments = if slots.len() > 1 { segments } else { Vec::new() };
            side
        };
        let other_cell = {
            let mut other = side(&[1], 2e6, 300);
            other.parameters.cell_ids = Some(vec![300]);
            other
        };
        let bursts =
            judged(vec![side(&[0, 2], -4e6, 61), side(&[1], 4e6, 61), side(&[3], 4e6, 61), other_cell.clone()]);
        assert_eq!(bursts.len(), 2);
        let centers: Vec<f64> = bursts[0].segments.iter().map(|s| s.center_hz).collect();
        assert_eq!(centers, [-4e6, 4e6, -4e6, 4e6]);
        assert_eq!(bursts[0].parameters.cell_ids.as_deref(), Some(&[61, 7][..]));
        assert_eq!(bursts[1], other_cell);
    }

    #[test]
    fn bursts_leave_in_order_of_start_and_only_when_settled() {
        let mut judge = Judge::default();
        for start in [0.3, 0.1, 0.2] {
            judge.push(finding(Channel::Npusch1, start, start + 0.05, 0.0, 15e3));
        }
        let mut starts = Vec::new();
        judge.settle(0.295, &mut |b| starts.push(b.extent.start_s), &mut |_| {});
        assert_eq!(starts, [0.1, 0.2]);
        judge.finish(&mut |b| starts.push(b.extent.start_s), &mut |_| {});
        assert_eq!(starts, [0.1, 0.2, 0.3]);
    }
}
