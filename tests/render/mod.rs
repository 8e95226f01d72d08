//! `render`: the bundle that is written for review.

mod delivered;
mod determinism;
mod edits;
mod interrupted;
mod opened;
mod schemas;
mod shipped;
