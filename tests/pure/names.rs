//! Names: nothing that is taken as one leads out of a folder, or is refused by Kubernetes.

use std::path::{Component, Path};

use helm_iris::library::{Library, require_name};
use helm_iris::names::check_namespace;
use proptest::prelude::*;

use crate::common::{TestEnv, each, write};

proptest! {
    #![proptest_config(crate::common::cases(256))]

    #[test]
    fn a_name_is_one_plain_component_of_a_path(name in "[a-zA-Z0-9./_ -]{0,70}|\\PC{0,8}") {
        if require_name("chart", &name).is_ok() {
            let parts: Vec<_> = Path::new(&name).components().collect();
            prop_assert!(matches!(parts.as_slice(), [Component::Normal(part)] if part.to_str() == Some(&*name)));
            prop_assert!(!name.starts_with('-') && !name.starts_with('.'));
        }
        if check_namespace(&name).is_ok() {
            prop_assert!(require_name("namespace", &name).is_ok(), "the bundle's folder has the namespace's name");
            prop_assert!(name.len() <= 63 && !name.ends_with('-'));
        }
    }

    #[test]
    fn plain_names_are_taken(name in "[a-z0-9][a-z0-9-]{0,60}[a-z0-9]") {
        prop_assert!(require_name("chart", &name).is_ok());
        prop_assert!(check_namespace(&name).is_ok());
    }
}

/// Whatever else lies in the folders, it is no chart and no profile, and looking does not fail.
#[test]
fn odd_files_in_the_folders_are_passed_over() {
    let env = TestEnv::new();
    for file in [
        "profiles/README.md",
        "profiles/.mine.yaml.swp",
        "profiles/UPPER.yaml",
        "profiles/a b.yaml",
        "charts/.DS_Store",
        "charts/x y/release.yaml",
    ] {
        env.write(file, "{{{{ not yaml");
    }
    env.write("profiles/mine.yaml", "description: mine\n");
    let library = Library::new(vec![env.path("")]);
    let profiles = library.profile_names().unwrap();
    assert_eq!(
        profiles.iter().filter(|name| !crate::common::shipped_profiles().contains(name)).collect::<Vec<_>>(),
        ["mine"]
    );
    assert_eq!(library.chart_names().unwrap(), crate::common::shipped_charts());
    env.ok(&["profiles", "list"]);
    env.ok(&["charts", "list"]);
}

/// Nearer folders come first: beside the site file, then the user's, then what is shipped.
#[test]
fn the_nearest_profile_wins() {
    let env = TestEnv::with_site("profile: cumulus\n");
    let described = |text: &str| format!("description: {text}\nextends: generic\n");
    each(["shipped", "user", "beside"], |place| {
        match *place {
            "user" => write(&env.root().join("config/helm-iris/profiles/cumulus.yaml"), described("user")),
            "beside" => env.write("profiles/cumulus.yaml", described("beside")),
            _ => {}
        }
        let shown = env.ok(&["profiles", "show", "cumulus"]).stdout;
        assert!(shown.contains(if *place == "shipped" { "Cumulus (IRIS)" } else { place }), "{shown}");
        let run = env.ok(&["render", "storage"]);
        assert_eq!(run.stderr.contains("not the shipped one"), *place != "shipped", "{run}");
    });
}
