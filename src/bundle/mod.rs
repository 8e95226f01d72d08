//! The bundle.
pub mod manifest;
