//! Properties of the library's pure parts.
