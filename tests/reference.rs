//! The reference that people read: help texts, settings, the schema for editors.

use serde_json::Value;

use crate::common::{TestEnv, each, read, repo, shipped_charts, shipped_profiles, snapshot};

/// Every verb's help at 80 columns, found by asking the program for its verbs.
#[test]
fn help_of_every_verb() {
    let env = TestEnv::new();
    let mut pages = Vec::new();
    let mut to_ask: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(verb) = to_ask.pop() {
        let args: Vec<String> = verb.iter().cloned().chain(["--help".to_owned()]).collect();
        let run = env.ok(&args);
        assert_eq!(run.stderr, "");
        let wide: Vec<_> = run.stdout.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "wider than 80 columns: {wide:#?}");
        let mut below: Vec<Vec<String>> =
            commands(&run.stdout).into_iter().map(|name| verb.iter().cloned().chain([name]).collect()).collect();
        below.reverse();
        to_ask.extend(below);
        pages.push(run.to_string());
    }
    assert!(pages.len() > 8, "{} pages", pages.len());
    snapshot("help", pages.join("\n"));
}

/// The names below `Commands:`.
fn commands(help: &str) -> Vec<String> {
    let section = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = section.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn settings_and_lists() {
    let env = TestEnv::new();
    snapshot("settings", env.ok(&["profiles", "show"]));
    let lists = [
        env.ok(&["profiles", "list"]),
        env.ok(&["charts", "list"]),
        env.ok(&["profiles", "list", "-o", "json"]),
        env.ok(&["charts", "list", "-o", "yaml"]),
        env.ok(&["profiles", "show", "cumulus"]),
        env.ok(&["profiles", "show", "cumulus", "-o", "json"]),
    ];
    snapshot("lists", lists.map(|run| run.to_string()).join("\n"));
    assert_eq!(env.tree().files().count(), 0, "looking writes nothing");
}

#[test]
fn every_shipped_profile_and_chart_is_right() {
    let env = TestEnv::new();
    // In a folder, where everything is checked: what is in the binary is trusted because of this test.
    for folder in ["charts", "profiles"] {
        for entry in walkdir::WalkDir::new(repo().join(folder)).into_iter().map(Result::unwrap) {
            if entry.file_type().is_file() {
                let inside = entry.path().strip_prefix(repo()).unwrap().to_str().unwrap().to_owned();
                env.write(&inside, std::fs::read(entry.path()).unwrap());
            }
        }
    }
    each(shipped_profiles(), |name| {
        env.ok(&["profiles", "check", name]);
    });
    each(shipped_charts(), |name| {
        env.ok(&["charts", "check", name]);
    });
}

/// What editors check with is what the program checks with.
#[test]
fn the_editors_schema_takes_every_shipped_profile() {
    let schema: Value = serde_json::from_str(&TestEnv::new().ok(&["profiles", "show", "--schema"]).stdout).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    each(shipped_profiles(), |name| {
        let profile: Value = serde_yaml::from_str(&read(&repo().join(format!("profiles/{name}.yaml")))).unwrap();
        let errors: Vec<String> = validator.iter_errors(&profile).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    });
    assert!(!validator.is_valid(&serde_json::json!({"users": {"memroy": 1}})), "it refuses what is wrong");
    assert!(!validator.is_valid(&serde_json::json!({"loadBalancer": {"annotations": {"a": true}}})));
}

/// What people begin with: commented files that are right as they are, and when uncommented.
#[test]
fn commented_files_to_begin_with() {
    let env = TestEnv::new();
    let site = env.ok(&["charts", "new-site", "--profile", "cumulus"]);
    let profile = env.ok(&["profiles", "new", "mycloud"]);
    let (site_text, profile_text) = (env.read("iris.yaml"), env.read("profiles/mycloud.yaml"));
    snapshot(
        "new-files",
        format!("{site}──── iris.yaml\n{site_text}\n{profile}──── profiles/mycloud.yaml\n{profile_text}"),
    );
    env.ok(&["render", "daskhub"]);
    env.ok(&["profiles", "check", "mycloud"]);
    env.ok(&["render", "daskhub", "--profile", "mycloud"]);
    for args in [vec!["charts", "new-site", "--profile", "kind"], vec!["profiles", "new", "mycloud"]] {
        let again = env.refused(&args);
        assert!(again.stderr.contains("is there already"), "{again}");
    }
    let uncommented_site = uncommented(&site_text);
    assert!(uncommented_site.contains("\nlogin:\n  # How people"), "{uncommented_site}");
    env.write("iris.yaml", uncommented_site);
    env.ok(&["render", "daskhub"]);
    env.write("profiles/mycloud.yaml", uncommented(&profile_text));
    env.ok(&["profiles", "check", "mycloud"]);
}

/// Takes the `# ` from every section, and the keys that stand for no value.
fn uncommented(text: &str) -> String {
    let yaml = |line: &str| {
        let inside = line.strip_prefix("# ")?;
        let key = inside.split_once(':').is_some_and(|(key, _)| key.chars().all(char::is_alphanumeric));
        (key || inside.starts_with("  ")).then(|| inside.to_owned())
    };
    let lines = text.lines().map(|line| yaml(line).unwrap_or_else(|| line.to_owned()) + "\n");
    lines.filter(|line| !line.ends_with(": null\n")).collect()
}
