//! `helm iris`: JupyterHub with Dask on research clouds, from reviewed values files.
pub mod error;
pub mod problem;
pub mod redact;
pub mod fs;
pub mod yaml;
pub mod secrets;
pub mod settings;
pub mod chart;
pub mod bundle;
