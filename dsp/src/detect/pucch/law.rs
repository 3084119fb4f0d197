//! The law by which a cell shifts every symbol of its control channels, and the search for the cell whose law was seen.
//!
//! In: how much of each symbol's energy each base sequence explains at each of the twelve shifts. Out: the cells and
//! slot numbers whose shifts `n_cs^cell(n_s, l)` and base sequences (TS 36.211 §5.4, §5.5.1.3) explain most, whatever
//! shift a transmission adds in each slot.

use super::symbols::TONES;
use crate::spec::lte::base_sequence::NUM_GROUPS;
use crate::spec::lte::pucch::{base_sequences, cell_shifts};
use crate::spec::lte::{CyclicPrefix, SLOTS_PER_FRAME};
use crate::spec::nprach::NUM_CELL_IDS;

/// Laws there are: cells with and without group hopping, at every slot of a frame.
pub(super) const NUM_LAWS: usize = 2 * NUM_CELL_IDS as usize * SLOTS_PER_FRAME;

/// Symbols of a slot at the most.
pub(super) const MAX_SYMBOLS: usize = 7;

/// Explained energies of the symbols of one slot at the twelve shifts.
pub(super) type Shifts = [[f32; TONES]; MAX_SYMBOLS];

/// One cell's law from one slot of its frame on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Law {
    pub(super) cell_id: u16,
    pub(super) group_hopping: bool,
    /// Number in its frame of the first slot.
    pub(super) first_slot: usize,
}

/// What one slot shows.
pub(super) struct Slot {
    /// Energies at the shifts of the base sequences that explain most; of others none is known.
    pub(super) by_sequence: Vec<(u8, Shifts)>,
}

impl Slot {
    fn shifts(&self, u: u8) -> Option<&Shifts> {
        self.by_sequence.iter().find(|(own, _)| *own == u).map(|(_, shifts)| shifts)
    }
}

/// The laws of all cells for one prefix.
pub(super) struct Laws {
    prefix: CyclicPrefix,
    /// `n_cs^cell`, by cell, then slot, then symbol.
    shifts: Vec<u8>,
    /// `u`, by hopping, then cell, then slot.
    sequences: Vec<u8>,
}

impl Laws {
    pub(super) fn new(prefix: CyclicPrefix) -> Self {
        let of_cells = |hopping| (0..NUM_CELL_IDS).flat_map(move |id| base_sequences(id, hopping));
        Self {
            prefix,
            shifts: (0..NUM_CELL_IDS).flat_map(|id| cell_shifts(id, prefix)).collect(),
            sequences: [false, true].into_iter().flat_map(of_cells).collect(),
        }
    }

    /// Base sequence of the `index`th slot under `law`.
    pub(super) fn sequence(&self, law: Law, index: usize) -> u8 {
        let cell = usize::from(law.cell_id) + if law.group_hopping { usize::from(NUM_CELL_IDS) } else { 0 };
        self.sequences[cell * SLOTS_PER_FRAME + (law.first_slot + index) % SLOTS_PER_FRAME]
    }

    /// The cell's shifts of the symbols of the `index`th slot under `law`.
    pub(super) fn shifts(&self, law: Law, index: usize) -> &[u8] {
        let num_symbols = self.prefix.symbols_per_slot();
        let slot = usize::from(law.cell_id) * SLOTS_PER_FRAME + (law.first_slot + index) % SLOTS_PER_FRAME;
        &self.shifts[slot * num_symbols..(slot + 1) * num_symbols]
    }

    /// The shift that a transmission adds in a slot where `law` explains most, and how much of the energy that is.
    pub(super) fn own_shift(&self, law: Law, index: usize, shifts: &Shifts) -> (u8, f32) {
        let cell_shifts = self.shifts(law, index);
        let explained = |own: usize| -> f32 {
            cell_shifts.iter().zip(shifts).map(|(&n, row)| row[(usize::from(n) + own) % TONES]).sum()
        };
        (0..TONES).map(|own| (own as u8, explained(own))).max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default()
    }

    /// Energy that `law` explains of `slots`.
    pub(super) fn explained(&self, law: Law, slots: &[Slot]) -> f32 {
        let of_slot = |(index, slot): (usize, &Slot)| {
            slot.shifts(self.sequence(law, index)).map_or(0.0, |shifts| self.own_shift(law, index, shifts).1)
        };
        slots.iter().enumerate().map(of_slot).sum()
    }

    /// The law that explains most of `slots`, and how much.
    pub(super) fn best(&self, slots: &[Slot]) -> Option<(Law, f32)> {
        // No law explains more of a slot than its base sequence does with every symbol shifted at will.
        let ceilings: Vec<[f32; NUM_GROUPS as usize]> = slots
            .iter()
            .map(|slot| {
                let mut ceilings = [0.0; NUM_GROUPS as usize];
                for (u, shifts) in &slot.by_sequence {
                    ceilings[usize::from(*u)] = shifts.iter().map(|row| row.iter().copied().fold(0.0, f32::max)).sum();
                }
                ceilings
            })
            .collect();
        let mut best: Option<(Law, f32)> = None;
        for law in all() {
            let ceiling: f32 = ceilings
                .iter()
                .enumerate()
                .map(|(index, ceilings)| ceilings[usize::from(self.sequence(law, index))])
                .sum();
            let most = best.map_or(0.0, |(_, explained)| explained);
            if ceiling > most {
                let explained = self.explained(law, slots);
                if explained > most {
                    best = Some((law, explained));
                }
            }
        }
        best
    }

    /// Cells of which some law explains as much of `slots` as `enough` asks.
    pub(super) fn cells(&self, slots: &[Slot], enough: impl Fn(f32) -> bool) -> Vec<u16> {
        let mut cells: Vec<u16> =
            all().filter(|&law| enough(self.explained(law, slots))).map(|law| law.cell_id).collect();
        cells.sort_unstable();
        cells.dedup();
        cells
    }
}

fn all() -> impl Iterator<Item = Law> {
    [false, true].into_iter().flat_map(|group_hopping| {
        (0..NUM_CELL_IDS).flat_map(move |cell_id| {
            (0..SLOTS_PER_FRAME).map(move |first_slot| Law { cell_id, group_hopping, first_slot })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(laws: &Laws, law: Law, own: [u8; 2]) -> Vec<Slot> {
        let shifts = |index: usize| {
            let mut shifts = [[0.1; TONES]; MAX_SYMBOLS];
            for (row, &n) in shifts.iter_mut().zip(laws.shifts(law, index)) {
                row[usize::from(n + own[index]) % TONES] = 1.0;
            }
            shifts
        };
        (0..2).map(|i| Slot { by_sequence: vec![(laws.sequence(law, i), shifts(i))] }).collect()
    }

    #[test]
    fn the_cell_and_the_slot_come_back() {
        for prefix in CyclicPrefix::ALL {
            let laws = Laws::new(prefix);
            for law in [
                Law { cell_id: 61, group_hopping: true, first_slot: 19 },
                Law { cell_id: 503, group_hopping: false, first_slot: 4 },
            ] {
                let slots = slots(&laws, law, [3, 11]);
                let (found, explained) = laws.best(&slots).unwrap();
                assert_eq!(found, law);
                assert!((explained - 2.0 * prefix.symbols_per_slot() as f32).abs() < 1e-3);
                assert_eq!(laws.cells(&slots, |energy| energy > 0.95 * explained), [law.cell_id]);
            }
        }
    }

    /// Two slots nearly always tell the cell: no two laws of the same base sequences draw like shifts in both.
    #[test]
    fn shifts_tell_cells_apart() {
        let laws = Laws::new(CyclicPrefix::Normal);
        for cell_id in (0..504).step_by(50) {
            let law = Law { cell_id, group_hopping: false, first_slot: 6 };
            assert_eq!(laws.cells(&slots(&laws, law, [0, 5]), |energy| energy > 12.0), [cell_id]);
        }
    }
}
