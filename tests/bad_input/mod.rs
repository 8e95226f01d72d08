//! Bad input that no folder of `tests/cases` can hold: hostile bytes, hostile folders, hostile disks.

mod files;
mod hostile;
mod store;
mod world;
