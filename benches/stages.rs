//! Where the time of a render goes, stage by stage: `cargo bench`. The claims on whole commands are
//! measured by `scripts/bench.sh`.

#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a measurement that cannot be made ends")]
#![allow(missing_docs, reason = "the functions of the macros")]

use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use helm_iris::load::{self, Request};
use helm_iris::schema::Checker;
use helm_iris::secrets::{IdentityFile, Ledger};
use helm_iris::workflow;
use helm_iris::yaml;
use serde_json::Value;

fn request() -> Request {
    Request {
        chart: "daskhub".to_owned(),
        site_file: None,
        profile: Some("cumulus".to_owned()),
        set: Vec::new(),
        namespace: None,
        allow_default_namespace: false,
        output: Some(PathBuf::from("target/bench/dhub")),
        cache: PathBuf::from("target/bench/no-archives"),
        config_folder: None,
        identity: IdentityFile::new(PathBuf::from("target/bench/no-identity")),
    }
}

fn stages(criterion: &mut Criterion) {
    criterion.bench_function("load profile, site file and charts", |bench| {
        bench.iter(|| load::load(&request()).expect("what is shipped loads"));
    });
    let loaded = load::load(&request()).expect("what is shipped loads");
    let mut ledger = Ledger::create().expect("the system gives randomness");
    ledger.ensure(&load::needs(&loaded.charts, loaded.settings.secret_mode)).expect("the system gives randomness");
    criterion.bench_function("render and check, without archives", |bench| {
        bench.iter(|| workflow::prepare(&loaded, &ledger).expect("what is shipped renders"));
    });
}

/// The charts of upstream, where they are at hand.
fn upstream(criterion: &mut Criterion) {
    for chart in ["jupyterhub-4.4.0", "dask-gateway-2026.3.0"] {
        let folder = Path::new("../shared/upstream").join(chart);
        let (Ok(schema), Ok(values)) = (
            std::fs::read_to_string(folder.join("values.schema.json")),
            std::fs::read_to_string(folder.join("values.yaml")),
        ) else {
            continue;
        };
        criterion.bench_function(&format!("make the schema of {chart} ready"), |bench| {
            let schema: Value = serde_json::from_str(&schema).expect("a published schema is JSON");
            bench.iter(|| Checker::of_chart(schema.clone()).expect("a published schema compiles"));
        });
        criterion.bench_function(&format!("read the defaults of {chart}"), |bench| {
            bench.iter(|| serde_yaml::from_str::<Value>(&values).expect("published values are YAML"));
        });
        criterion.bench_function(&format!("read the defaults of {chart} with places"), |bench| {
            bench.iter(|| yaml::parse("values.yaml", &values).map_err(|_| ()));
        });
    }
}

criterion_group!(benches, stages, upstream);
criterion_main!(benches);
