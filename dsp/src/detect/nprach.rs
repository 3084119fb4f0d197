//! Narrowband random access preambles, found blind: no cell, carrier, timing or configuration is known.
//!
//! [`Search`] runs over every frame of the grid and names regions; [`Refiner`] looks at each of them in samples of its
//! own and answers with findings or with a rejection.
//! Reference: TS 36.211 §10.1.6.

mod echo;
mod energy;
mod fit;
mod hops;
mod hypotheses;
mod levels;
mod plane;
mod proof;
mod refine;
mod search;

pub use echo::is_echo;
pub use refine::{REFINE_MARGIN_S, REFINE_RATE_HZ, Refiner};
pub use search::{Search, Seed};
