//! What 3GPP says and nothing else. Tables cite their clause; nothing here is measured or decided.

pub mod bands;
pub mod gold;
pub mod nprach;
pub mod npusch;
