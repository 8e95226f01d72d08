//! Bad input that no folder of `tests/cases` can hold.
