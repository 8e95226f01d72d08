//! `helm iris`: JupyterHub with Dask on research clouds, from values files that were reviewed.
//!
//! ```text
//! profile ┐                    ledger ┐
//! site    ├► context ───────────────────► rendered ► validated ► bundle ► plan ► outcome ► report
//! chart  ─┘                                                     observed ┘      apply     verify
//! LOAD      BUILD                         RENDER     CHECK       WRITE    PLAN   ACT       LOOK
//! ```
//!
//! Read, compute, write, read. The computing stages are sync and pure; async only where the
//! network is. Each stage takes the type of the one before. Modules import only from modules above
//! them in this list.

pub mod problem;

pub mod error;
pub mod redact;

pub mod fs;
pub mod interrupt;
pub mod names;
pub mod parallel;
pub mod quantity;
pub mod text;
pub mod yaml;

pub mod overlay;
pub mod schema;

pub mod kube;

pub mod lease;

pub mod web;

pub mod secrets;

pub mod settings;

pub mod login;
pub mod sizes;

pub mod layers;

pub mod library;
pub mod profile;
pub mod reference;
pub mod site;

pub mod context;

pub mod chart;

pub mod images;

pub mod archive;
pub mod jupyterhub;
pub mod render;
pub mod select;

pub mod bundle;
pub mod helm;

pub mod compare;

pub mod objects;

pub mod drift;

pub mod brought;
pub mod validate;

pub mod load;

pub mod compose;

pub mod workflow;

pub mod crds;
pub mod dumps;
pub mod observe;
pub mod volumes;

pub mod plan;

pub mod applied;

pub mod apply;
pub mod uninstall;

pub mod doctor;

pub mod status;

pub mod smoke;

pub mod ui;

pub mod cli;
pub mod commands;
pub mod start;
