//! Second stage: what exactly a seed holds, in samples of its own.
//!
//! In: the seed's band at about [`REFINE_RATE_HZ`]. Out: findings, or which proof failed.
//! Method: energies of whole symbol groups over a fine grid; chains of repetitions tested against every cell's hopping,
//! the whole judged by the probability that noise does as well; then start and frequency by maximum likelihood, then
//! the structural proofs. The strongest preamble is taken out and the rest is searched again.
//! Reference: TS 36.211 §10.1.6.
//! Ignores: the phase from one symbol group to the next, which depends on a carrier that is not known.

use crate::baseband::Baseband;
use crate::finding::{Finding, Rejection};
use crate::spec::nprach::Format;

use super::Seed;
use super::fit::{Fit, fit};
use super::hypotheses::{Account, Cells, best_in_noise};
use super::plane::{Plane, ROWS_PER_GROUP};
use super::proof;

/// Rate the refinement's baseband should have: its band must hold every block of the seed with room to spare.
pub const REFINE_RATE_HZ: f64 = 240e3;
/// Time the baseband should reach before a seed's start and after its end.
pub const REFINE_MARGIN_S: f64 = 0.02;
/// Evidence from which a seed is tried as either of formats 0 and 1, which have the same tones.
const BOTH_FORMATS: f32 = 1.3;
/// Most preambles taken from one seed.
const MAX_PREAMBLES: usize = 12;
/// Candidates that may fail their proofs before a seed is given up, and where it held a preamble, as that leaves remains.
const MAX_FAILED: usize = 2;
const MAX_REMAINS: usize = 6;
/// Rows from one start that is looked at to the next.
const ROW_STRIDE: usize = 2;
/// Candidates of one round that are tested against all cells.
const MAX_CANDIDATES: usize = 3;

pub(super) const fn rejection(reason: &'static str) -> Rejection {
    Rejection { detector: "nprach", reason }
}

/// What a preamble was found to be before its proofs.
#[derive(Debug, Clone)]
pub(super) struct Preamble {
    pub(super) account: Account,
    pub(super) fit: Fit,
    /// Tones of every group heard, from the block's lowest.
    pub(super) tones: Vec<u8>,
    /// Start of every group heard, relative to the start of the first of them.
    pub(super) offsets_s: Vec<f64>,
}

/// Looks at seeds closely; holds the hops of all cells, worked out once.
pub struct Refiner {
    cells: [Cells; 3],
}

impl Default for Refiner {
    fn default() -> Self {
        Self { cells: Format::ALL.map(Cells::new) }
    }
}

impl Refiner {
    /// Looks for preambles in a seed's region.
    ///
    /// `baseband` should be centred on [`Seed::center_hz`] and reach [`REFINE_MARGIN_S`] beyond the seed at both ends;
    /// where it is shorter the stream is taken to begin or end there. `noise_per_hz` is the mean noise power in 1 Hz, full
    /// scale 1.
    ///
    /// # Errors
    /// The strongest candidate's failed proof, where nothing was found.
    pub fn refine(&self, baseband: &Baseband, seed: &Seed, noise_per_hz: f32) -> Result<Vec<Finding>, Rejection> {
        let alike = |format| (format == Format::Two) == (seed.format == Format::Two);
        let mut searches: Vec<(Plane, &Cells)> = self
            .cells
            .iter()
            .filter(|cells| cells.format() == seed.format || seed.metric > BOTH_FORMATS && alike(cells.format()))
            .map(|cells| (Plane::new(baseband, cells.format(), seed, noise_per_hz), cells))
            .collect();
        let bounds = Bounds::new(baseband, seed);
        let mut findings = Vec::new();
        let mut refusal = rejection("nothing above threshold");
        let mut num_failed = 0;
        for _ in 0..MAX_PREAMBLES {
            let found: Vec<(usize, Preamble)> = searches
                .iter()
                .enumerate()
                .filter_map(|(index, (plane, cells))| Some((index, strongest(plane, cells, baseband, bounds)?)))
                .collect();
            let Some((index, preamble)) = better(found) else { break };
            let (plane, cells) = &searches[index];
            match proof::prove(plane, cells, &preamble, baseband, noise_per_hz) {
                Ok(finding) => findings.push(finding),
                Err(failed) => {
                    if findings.is_empty() && num_failed == 0 {
                        refusal = failed;
                    }
                    num_failed += 1;
                    if num_failed == if findings.is_empty() { MAX_FAILED } else { MAX_REMAINS } {
                        break;
                    }
                }
            }
            for (plane, _) in &mut searches {
                mask(plane, &preamble, noise_per_hz);
            }
        }
        if findings.is_empty() { Err(refusal) } else { Ok(findings) }
    }
}

/// The more significant of the formats' preambles; where they are about equal, the one that explains more energy.
fn better(mut found: Vec<(usize, Preamble)>) -> Option<(usize, Preamble)> {
    found.sort_by(|(_, a), (_, b)| b.account.nats.total_cmp(&a.account.nats));
    let most = found.first()?.1.account.nats;
    found.retain(|(_, preamble)| preamble.account.nats > 0.8 * most);
    found.into_iter().max_by(|(_, a), (_, b)| a.fit.explained.total_cmp(&b.fit.explained))
}

/// Whether the stream begins or ends within the baseband's margins.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    begins: bool,
    ends: bool,
}

impl Bounds {
    fn new(baseband: &Baseband, seed: &Seed) -> Self {
        let end_s = baseband.start_s + baseband.samples.len() as f64 / baseband.sample_rate_hz;
        Self {
            begins: baseband.start_s > seed.start_s - 0.75 * REFINE_MARGIN_S,
            ends: end_s < seed.end_s + 0.75 * REFINE_MARGIN_S,
        }
    }
}

/// Takes the accounted groups out of a plane of any format.
fn mask(plane: &mut Plane, preamble: &Preamble, noise_per_hz: f32) {
    let slack_s = 0.1 * plane.format.group_s();
    let energy = preamble.fit.power / noise_per_hz.max(f32::MIN_POSITIVE) * plane.format.group_s() as f32;
    for (tone, offset_s) in preamble.tones.iter().zip(&preamble.offsets_s) {
        let tone_hz = preamble.fit.block_hz + f64::from(*tone) * preamble.fit.format.spacing_hz();
        let start_s = preamble.fit.start_s + offset_s;
        plane.mask(start_s, slack_s, tone_hz, 2.0 * energy.max(4.0));
    }
}

/// A start and block origin worth testing against all cells.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    row: usize,
    cell: usize,
    repetitions: usize,
    score: f32,
}

/// The strongest preamble of a plane, where one is above threshold.
fn strongest(plane: &Plane, cells: &Cells, baseband: &Baseband, bounds: Bounds) -> Option<Preamble> {
    let test = |candidate: Candidate| {
        let (position, chain) = chain(plane, candidate.row, candidate.cell);
        let positions = (chain[0].len() / usize::from(plane.format.subcarriers())) as i64;
        // The sum that stood out overlaps the preamble; where it touches the stream's beginning, that may have begun
        // before it.
        let (position, reach) = (position as i64, candidate.repetitions as i64);
        let first = if bounds.begins && position <= reach / 4 + 1 { -127 } else { (position - reach).max(0) };
        let groups = |gaps: usize, position: usize, tone: u8, energies: &mut Vec<f32>| {
            let row = chain_row(plane, candidate.row, position, gaps);
            let hops = plane.format.hops(tone).into_iter().enumerate();
            energies.extend(hops.map(|(group, tone)| {
                plane.raw(row + group * ROWS_PER_GROUP, candidate.cell + plane.tones[usize::from(tone)])
            }));
        };
        let account = cells.explain(&chain, first..(position + reach).min(positions), bounds.ends, &groups)?;
        (account.margin() > 0.0).then_some((account, candidate))
    };
    let margin = |(account, _): &(Account, Candidate)| account.margin();
    let better = |a: &(Account, Candidate), b: &(Account, Candidate)| margin(a).total_cmp(&margin(b));
    let coarse = candidates(plane).into_iter().filter_map(test).max_by(better)?;
    let rows = [coarse.1.row.checked_sub(1), Some(coarse.1.row + 1)];
    let beside = rows.into_iter().flatten().filter_map(|row| test(Candidate { row, ..coarse.1 }));
    let center = beside.chain([coarse]).max_by(better)?;
    // Blocks two tones apart share most of their patterns.
    let (account, Candidate { row, cell: origin, .. }) = [-6.0, -4.0, -2.0, 2.0, 4.0, 6.0f64]
        .into_iter()
        .filter_map(|shift| {
            let cell = center.1.cell as f64 + (shift * plane.format.spacing_hz() / plane.cell_hz).round();
            (cell >= 0.0).then(|| test(Candidate { cell: cell as usize, ..center.1 }))?
        })
        .chain([center])
        .max_by(better)?;
    let row = row % plane.repetition_rows(1);
    let block = plane.format.subcarriers();
    let mut tones = Vec::new();
    let mut offsets_s = Vec::new();
    let skipped = (account.first as i64 - account.start) as usize;
    let origin_s = plane.format.repetition_start_s(skipped);
    for repetition in skipped..skipped + account.heard {
        let first = cells.first_tone(account.cell_id, account.first_tone, repetition);
        for (group, tone) in plane.format.hops(first % block).into_iter().enumerate() {
            tones.push(tone);
            let start_s = plane.format.repetition_start_s(repetition) + group as f64 * plane.format.group_s();
            offsets_s.push(start_s - origin_s);
        }
    }
    let gaps = skipped / plane.format.repetitions_before_gap();
    let gap_rows = plane.repetition_rows(plane.format.repetitions_before_gap())
        - plane.format.repetitions_before_gap() * plane.repetition_rows(1);
    let first_row = row + account.first * plane.repetition_rows(1) + gaps * gap_rows;
    let start_s = plane.start_s + first_row as f64 * plane.row_s();
    let block_hz = plane.low_hz + origin as f64 * plane.cell_hz;
    let fit = fit(baseband, plane.format, start_s, block_hz, &tones, &offsets_s)?;
    Some(Preamble { account, fit, tones, offsets_s })
}

/// Row of the repetition at `position` of the chain that holds `row`, with so many gaps before it.
fn chain_row(plane: &Plane, row: usize, position: usize, gaps: usize) -> usize {
    let period = plane.repetition_rows(1);
    let before_gap = plane.format.repetitions_before_gap();
    let gap_rows = plane.repetition_rows(before_gap) - before_gap * period;
    row % period + position * period + gaps * gap_rows
}

/// Energies of the chain of repetitions that holds `row`, for every first tone, with each number of gaps before it.
fn chain(plane: &Plane, row: usize, origin: usize) -> (usize, Vec<Vec<f32>>) {
    let period = plane.repetition_rows(1);
    let phase = row % period;
    let positions = (plane.num_rows + period - 1 - phase) / period;
    let num_gaps = positions / plane.format.repetitions_before_gap() + 1;
    let block = plane.format.subcarriers();
    let hops: Vec<Vec<u8>> = (0..block).map(|n| plane.format.hops(n)).collect();
    let energies = (0..num_gaps.min(8))
        .map(|gaps| {
            (0..positions)
                .flat_map(|position| hops.iter().map(move |hops| (position, hops)))
                .map(|(position, hops)| {
                    let row = chain_row(plane, row, position, gaps);
                    hops.iter()
                        .enumerate()
                        .map(|(group, tone)| {
                            plane.limited(row + group * ROWS_PER_GROUP, origin + plane.tones[usize::from(*tone)])
                        })
                        .sum()
                })
                .collect()
        })
        .collect();
    (row / period, energies)
}

/// Starts and origins at which sums over 1, 2, 4, … repetitions stand out most.
fn candidates(plane: &Plane) -> Vec<Candidate> {
    let block = usize::from(plane.format.subcarriers());
    let span = plane.format.groups() * ROWS_PER_GROUP - ROWS_PER_GROUP + 1;
    let width = plane.tones[block - 1];
    if plane.num_rows < span || plane.num_cells <= width {
        return Vec::new();
    }
    let (rows, cells) = ((plane.num_rows - span) / ROW_STRIDE + 1, plane.num_cells - width);
    let mut sums = vec![0.0f32; rows * cells];
    // First tones that hop alike share one sum over all cells the first of them may stand at.
    let mut alike: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
    for n in 0..block {
        let hops = plane.format.hops(n as u8);
        let reach: Vec<usize> =
            hops.iter().map(|tone| width + plane.tones[usize::from(*tone)] - plane.tones[n]).collect();
        match alike.iter_mut().find(|(known, _)| *known == reach) {
            Some((_, tones)) => tones.push(plane.tones[n]),
            None => alike.push((reach, vec![plane.tones[n]])),
        }
    }
    let mut pattern = vec![0.0f32; plane.num_cells];
    for (row, best) in sums.chunks_exact_mut(cells).enumerate() {
        for (reach, tones) in &alike {
            let (low, high) = (tones[0], tones[tones.len() - 1] + cells);
            let pattern = &mut pattern[..high - low];
            pattern.fill(0.0);
            for (group, reach) in reach.iter().enumerate() {
                let row = row * ROW_STRIDE + group * ROWS_PER_GROUP;
                add(pattern, &plane.limited_row(row)[low + reach - width..]);
            }
            for tone in tones {
                raise(best, &pattern[tone - low..]);
            }
        }
    }
    let mut found: Vec<Candidate> = Vec::new();
    let mut repetitions = 1usize;
    let (best_mean, best_sigma) = best_in_noise(plane.format);
    loop {
        let scale = 1.0 / (best_sigma * (repetitions as f32).sqrt());
        let mean = best_mean * repetitions as f32;
        for (row, sums) in sums.chunks_exact(cells).enumerate() {
            let least = if found.len() < MAX_CANDIDATES { 3.0 } else { found.last().map_or(3.0, |last| last.score) };
            if (highest(sums) - mean) * scale <= least {
                continue;
            }
            for (cell, sum) in sums.iter().enumerate() {
                let score = (sum - mean) * scale;
                if score > 3.0 && found.len() < MAX_CANDIDATES || found.last().is_some_and(|last| score > last.score) {
                    keep(&mut found, Candidate { row: row * ROW_STRIDE, cell, repetitions, score }, plane);
                }
            }
        }
        let delay = (plane.repetition_rows(repetitions) as f64 / ROW_STRIDE as f64).round() as usize * cells;
        if repetitions == 64.max(plane.format.repetitions_before_gap()) || delay >= sums.len() {
            break;
        }
        let kept = sums.len() - delay;
        for index in 0..kept {
            sums[index] += sums[index + delay];
        }
        sums.truncate(kept);
        repetitions *= 2;
    }
    found
}

#[multiversion::multiversion(targets = "simd")]
fn add(sums: &mut [f32], energies: &[f32]) {
    sums.iter_mut().zip(energies).for_each(|(sum, energy)| *sum += energy);
}

#[multiversion::multiversion(targets = "simd")]
fn raise(best: &mut [f32], sums: &[f32]) {
    best.iter_mut().zip(sums).for_each(|(best, sum)| *best = if *sum > *best { *sum } else { *best });
}

#[multiversion::multiversion(targets = "simd")]
fn highest(sums: &[f32]) -> f32 {
    sums.iter().fold(0.0, |highest, sum| if *sum > highest { *sum } else { highest })
}

/// Keeps the strongest candidates that are not the same start and origin again, strongest first.
fn keep(found: &mut Vec<Candidate>, new: Candidate, plane: &Plane) {
    let period = plane.repetition_rows(1);
    let same = |a: &Candidate| {
        let phase = (a.row % period).abs_diff(new.row % period);
        phase.min(period - phase) < ROWS_PER_GROUP / 4 + 1 && a.cell.abs_diff(new.cell) <= 2
    };
    if let Some(at) = found.iter().position(same) {
        if found[at].score >= new.score {
            return;
        }
        found.remove(at);
    }
    let at = found.partition_point(|known| known.score > new.score);
    found.insert(at, new);
    found.truncate(MAX_CANDIDATES);
}
