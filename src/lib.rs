//! `helm iris`: JupyterHub with Dask on research clouds, from reviewed values files.
pub mod error;
pub mod problem;
pub mod redact;
pub mod fs;
pub mod yaml;
pub mod schema;
pub mod overlay;
pub mod secrets;
pub mod settings;
pub mod layers;
pub mod library;
pub mod profile;
pub mod site;
pub mod context;
pub mod chart;
pub mod render;
pub mod bundle;
