//! Properties of the library's pure parts.

mod charts;
mod errors;
mod names;
mod places;
mod values;
