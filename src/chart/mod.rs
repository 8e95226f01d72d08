//! Charts of helm iris.
pub mod release;
