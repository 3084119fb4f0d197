//! What is computed on the samples: one module a channel.

pub mod nprach;
