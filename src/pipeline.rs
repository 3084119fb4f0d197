//! From a source of IQ to transmitters: blocks, pool, threads, health. The only room that spawns a thread.

pub mod snapshot;
