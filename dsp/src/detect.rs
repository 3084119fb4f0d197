//! What is computed: energy cut out of the band, and one detector per channel that says what it is or why it is not.

pub mod candidate;
pub mod npusch;
