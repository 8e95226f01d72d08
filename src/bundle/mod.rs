//! WRITE: the bundle, the folder written for review, and the only thing that is ever applied.

mod edits;
pub mod manifest;
mod read;
mod review;
mod secrets_file;
mod write;

pub use edits::{ChartEdits, Edits, Previous};
pub use read::Bundle;
pub use review::Review;
pub use secrets_file::{fill, stand_in};
pub use write::{Draft, SetAside, write};

/// The manifest's file name.
pub const MANIFEST_FILE: &str = "bundle.yaml";
/// The manifest of a bundle that is being written.
const NEXT_FILE: &str = "bundle.next.yaml";
