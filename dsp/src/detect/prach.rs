//! LTE and LTE-M random access preambles, found blind: no root, cell, carrier or timing is known.
//!
//! [`Gate`] runs over every frame of the grid and names boxes that hold about as much band and time as a preamble;
//! [`Refiner`] looks at each of them in samples of its own and answers with findings or with a rejection.
//! Reference: TS 36.211 §5.7.

mod echo;
mod gate;
mod interference;
mod measure;
mod reference;
mod refine;
mod roots;

#[cfg(test)]
mod tests;

pub use echo::{is_echo, owns};
pub use gate::{Gate, Seed};
pub use refine::{REFINE_RATE_HZ, REFINE_WIDTH_HZ, Refiner};
