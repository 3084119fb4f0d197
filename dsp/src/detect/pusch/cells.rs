//! Which cells fit the base sequences and cyclic shifts of successive slots.
//!
//! Shifts are drawn anew in every slot from the cell's identity and the slot's number (§5.5.2.1.1), and so are base
//! sequences where groups hop (§5.5.1.3); the shift that the grant orders adds the same to all. The sequence shift
//! pattern is taken to be the identity's own (`Δ_ss` 0).

use super::reference::SlotMatch;
use crate::spec::gold::octets;
use crate::spec::lte::base_sequence::NUM_GROUPS;
use crate::spec::lte::{CyclicPrefix, SLOTS_PER_FRAME};
use crate::spec::nprach::NUM_CELL_IDS;

/// Slots looked at: they tell all there is to tell.
const MAX_SLOTS: usize = 40;

/// Share of slots that may be misread.
const MISREAD_SHARE: f64 = 0.2;

/// Cells consistent with `slots`; all of a residue where shifts do not tell.
pub(super) fn consistent(slots: &[SlotMatch], prefix: CyclicPrefix) -> Vec<u16> {
    let slots = &slots[..slots.len().min(MAX_SLOTS)];
    let steady = most_frequent(slots.iter().map(|slot| u16::from(slot.sequence.u)));
    let hops = steady.is_none_or(|(_, count)| count < least(slots.len()));
    let groups = NUM_CELL_IDS.div_ceil(u16::from(NUM_GROUPS));
    let mut fits: Vec<(usize, u16)> = Vec::new();
    for high in 0..groups {
        let hopping = octets(u32::from(high), 1, SLOTS_PER_FRAME);
        let mut drawn: Option<(u16, Vec<u8>)> = None;
        for first in 0..SLOTS_PER_FRAME {
            let number = |i: usize| (first + i) % SLOTS_PER_FRAME;
            let pattern = |i: usize| {
                let hop = if hops { u16::from(hopping[number(i)]) } else { 0 };
                (u16::from(slots[i].sequence.u) + 30 * 9 - hop % 30) % u16::from(NUM_GROUPS)
            };
            let low = most_frequent((0..slots.len()).map(pattern));
            let Some((low, agreeing)) = low else { continue };
            let id = high * u16::from(NUM_GROUPS) + low;
            if id >= NUM_CELL_IDS || agreeing < least(slots.len()) {
                continue;
            }
            if drawn.as_ref().is_none_or(|(pattern, _)| *pattern != low) {
                let c_init = u32::from(high) * 32 + u32::from(low);
                drawn = Some((low, octets(c_init, prefix.symbols_per_slot(), SLOTS_PER_FRAME)));
            }
            let Some((_, draws)) = &drawn else { continue };
            let ordered = |i: usize| (u16::from(slots[i].shift) + 12 * 22 - u16::from(draws[number(i)])) % 12;
            let agreeing = most_frequent((0..slots.len()).map(ordered)).map_or(0, |(_, count)| count);
            fits.push((agreeing, id));
        }
    }
    let most = fits.iter().map(|fit| fit.0).max().unwrap_or(0);
    // Where no cell draws these shifts they were misread, or every subframe had an order of its own.
    let bound = if most >= least(slots.len()) { most } else { 0 };
    let mut ids: Vec<u16> = fits.into_iter().filter(|fit| fit.0 >= bound).map(|fit| fit.1).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Slots that must agree.
fn least(num_slots: usize) -> usize {
    num_slots - (MISREAD_SHARE * num_slots as f64) as usize
}

/// The value, below 30, that is there most often, and how often.
fn most_frequent(values: impl Iterator<Item = u16>) -> Option<(u16, usize)> {
    let mut counts = [0usize; NUM_GROUPS as usize];
    for value in values {
        if let Some(count) = counts.get_mut(usize::from(value)) {
            *count += 1;
        }
    }
    let best = counts.iter().enumerate().max_by_key(|(value, count)| (**count, std::cmp::Reverse(*value)))?;
    Some((best.0 as u16, *best.1))
}
