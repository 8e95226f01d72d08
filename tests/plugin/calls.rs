//! `helm iris …` and `helm-iris …` are the same.

use super::{Plugged, with_helm};
use crate::common::{self, Tree};

const RENDER: [&str; 4] = ["render", "daskhub", "--profile", "cumulus"];

fn under_helm<'a>(args: &[&'a str]) -> Vec<&'a str> {
    std::iter::once("iris").chain(args.iter().copied()).collect()
}

/// The files of the bundle, secrets included, and every word that is printed.
#[test]
fn the_same_bytes() {
    with_helm("helm iris render", |plugged| {
        let ours = plugged.direct(&RENDER);
        assert_eq!(ours.code, Some(0), "{ours}");
        let written = Tree::of(&plugged.env.path(""));
        assert!(written.has("dhub/daskhub/values.yaml"), "{}", written.listing());
        std::fs::remove_dir_all(plugged.env.path("dhub")).unwrap();

        let helms = plugged.helm(&under_helm(&RENDER));
        assert_eq!(helms.code, Some(0), "{helms}");
        written.assert_same(&Tree::of(&plugged.env.path("")));
        assert_eq!((&helms.stdout, &helms.stderr), (&ours.stdout, &ours.stderr));

        // That the comparison can fail: another wish gives other bytes.
        plugged.helm_ok(&under_helm(&["render", "daskhub", "--profile", "generic"]));
        assert_ne!(written.public(), Tree::of(&plugged.env.path("")).public());
    });
}

#[test]
fn exit_codes_pass_through() {
    with_helm("exit codes", |plugged| {
        let cases: [(&[&str], i32); 6] = [
            (&["--help"], 0),
            (&["charts", "list"], 0),
            (&["render", "no-such-chart", "--profile", "cumulus"], 1),
            (&["render"], 2),
            (&["no-such-verb"], 2),
            (&["render", "daskhub"], 2),
        ];
        for (args, code) in cases {
            let (ours, helms) = (plugged.direct(args), plugged.helm(&under_helm(args)));
            assert_eq!((ours.code, helms.code), (Some(code), Some(code)), "{ours}\n{helms}");
            assert_eq!(ours.stdout, helms.stdout, "{args:?}");
            // Helm adds a line of its own at the end.
            assert!(helms.stderr.starts_with(&ours.stderr), "{ours}\n{helms}");
        }
    });
}

/// Helm always passes a namespace; only one that a person chose is obeyed.
#[test]
fn namespaces() {
    with_helm("namespaces", |plugged| {
        kubeconfig(plugged, "of-the-context");
        let render = |before: &[&str], after: &[&str]| {
            let args: Vec<_> = before.iter().chain(&under_helm(&RENDER)).chain(after).copied().collect();
            plugged.helm(&args)
        };
        let cases: [(&[&str], &[&str], &str); 7] = [
            (&[], &[], "dhub"),
            (&["-n", "chosen"], &[], "chosen"),
            (&[], &["-n", "chosen"], "chosen"),
            (&[], &["--namespace=chosen"], "chosen"),
            (&[], &["-nchosen"], "chosen"),
            (&["--kube-context", "test"], &[], "dhub"),
            (&["-n", "default"], &["--allow-default-namespace"], "default"),
        ];
        for (before, after, folder) in cases {
            let ran = render(before, after);
            assert_eq!(ran.code, Some(0), "{ran}");
            assert_eq!(rendered_folders(plugged), [folder], "{ran}");
        }
        let mut by_variable = plugged.command(&plugged.helm.program, &under_helm(&RENDER));
        let ran = super::Ran::of(by_variable.env("HELM_NAMESPACE", "by-variable"));
        assert_eq!(rendered_folders(plugged), ["by-variable"], "{ran}");

        for before in [["-n", "default"], ["--namespace", "default"]] {
            let ran = render(&before, &[]);
            assert_eq!(ran.code, Some(2), "{ran}");
            assert!(ran.stderr.contains("--allow-default-namespace"), "{ran}");
        }
        assert_eq!(rendered_folders(plugged), [""; 0], "refused, so nothing was written");

        // The same flags directly.
        for (args, folder) in [(&["-n", "chosen"][..], "chosen"), (&[], "dhub"), (&["--kube-context", "test"], "dhub")]
        {
            let args: Vec<_> = RENDER.iter().chain(args).copied().collect();
            let ran = plugged.direct(&args);
            assert_eq!(rendered_folders(plugged), [folder], "{ran}");
        }
    });
}

/// A helm that debugs prints what it gets; none of it is secret.
#[test]
fn a_debugging_helm_shows_no_secret() {
    with_helm("helm --debug", |plugged| {
        plugged.helm_ok(&under_helm(&RENDER));
        // `helm` of the fixture looks for every secret in what is printed.
        let ran = plugged.helm(&["--debug", "iris", "render", "daskhub", "--profile", "cumulus", "-v"]);
        assert_eq!(ran.code, Some(0), "{ran}");

        // That the search finds one: here it is asked for.
        let secrets = plugged.env.secrets();
        let mut show = plugged.command(&plugged.helm.program, &under_helm(&["secrets", "show", "login-password"]));
        let shown = super::Ran::of(show.args(["--reveal", "-n", "dhub"]));
        assert!(shown.shows(&secrets["login-password"]), "{} bytes", shown.stdout.len());
    });
}

fn kubeconfig(plugged: &Plugged, namespace: &str) {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         clusters: [{{name: test, cluster: {{server: 'https://127.0.0.1:1'}}}}]\nusers: [{{name: test, user: {{}}}}]\n\
         contexts: [{{name: test, context: {{cluster: test, user: test, namespace: {namespace}}}}}]\n"
    );
    common::write(&plugged.env.root().join("kubeconfig"), text);
}

/// The bundles in the working folder, which are removed.
fn rendered_folders(plugged: &Plugged) -> Vec<String> {
    let mut folders = common::entries(&plugged.env.path(""));
    folders.retain(|name| plugged.env.path(name).join("bundle.yaml").exists());
    for folder in &folders {
        std::fs::remove_dir_all(plugged.env.path(folder)).unwrap();
    }
    folders
}
