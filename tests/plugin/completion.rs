//! Completion through Helm's own mechanism, which serves bash, zsh and fish.

use super::{Plugged, with_helm};

/// The words that helm offers, without their descriptions, and its directive to the shell.
fn complete(plugged: &Plugged, words: &[&str]) -> (Vec<String>, String) {
    let args: Vec<_> = ["__complete"].iter().chain(words).copied().collect();
    let answer = plugged.helm_ok(&args);
    let mut lines: Vec<_> = answer.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect();
    let directive = lines.pop().unwrap_or_default();
    (lines, directive)
}

#[test]
fn words_after_helm_iris() {
    with_helm("completion", |plugged| {
        let cases: [(&[&str], &[&str]); 10] = [
            (&["iri"], &["iris"]),
            (&["iris", "ren"], &["render"]),
            (&["iris", "render", "d"], &["dask-gateway", "daskhub"]),
            (&["iris", "render", "daskhub", "--prof"], &["--profile"]),
            (&["iris", "render", "daskhub", "--profile", "cu"], &["cumulus"]),
            (&["iris", "render", "daskhub", "--profile=cu"], &["--profile=cumulus"]),
            (&["iris", "charts", "pu"], &["pull"]),
            // No flags among the words, until one is begun.
            (
                &["iris", "render", ""],
                &[
                    "bitnami",
                    "cloudnative-pg",
                    "cloudnative-pg-operator",
                    "dask-gateway",
                    "daskhub",
                    "external",
                    "jupyterhub",
                    "postgresql",
                    "sqlite",
                    "storage",
                ],
            ),
            // Helm's own flags before or between do no harm.
            (&["-n", "x", "iris", "render", "d"], &["dask-gateway", "daskhub"]),
            (&["iris", "render", "-n", "x", "d"], &["dask-gateway", "daskhub"]),
        ];
        for (words, expected) in cases {
            let (offered, directive) = complete(plugged, words);
            assert_eq!(offered, expected, "{}: {words:?}", plugged.helm);
            assert_eq!(directive, ":4", "no file names beside them: {words:?}");
        }
    });
}

/// A folder's name goes on: no space after it.
#[test]
fn names_of_files() {
    with_helm("completion of file names", |plugged| {
        plugged.env.write("clouds/one.yaml", "");
        let ask = |typed| complete(plugged, &["iris", "render", "daskhub", "-f", typed]);
        assert_eq!(ask("cl"), (vec!["clouds/".to_owned()], ":6".to_owned()));
        assert_eq!(ask("clouds/o"), (vec!["clouds/one.yaml".to_owned()], ":4".to_owned()));
    });
}
