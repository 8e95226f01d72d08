//! Encrypted stores, identities and recipients that are not right: refused with the fix, nothing touched.

use super::{AGE, Hub, LIST, RENDER, filtered, hub, identity, identity_path, mode, sealed, to_age};
use crate::common::snapshot;

const TO_FILE: [&str; 6] = ["secrets", "export", "--to", "file", "-n", "dhub"];

#[test]
fn stores_and_identities_that_are_not_right() {
    let mut out = String::new();
    let mut refused = |title: &str, change: &dyn Fn(&Hub)| {
        let hub = sealed();
        change(&hub);
        for args in [&RENDER[..], &LIST, &TO_FILE] {
            let run = hub.refused(args);
            assert_eq!(run.code, Some(1), "{title}: {run}");
            if args == LIST {
                out += &format!("## {title}\n{run}\n");
            }
        }
    };
    let file = |hub: &Hub, change: &dyn Fn(&str) -> String| {
        let text = hub.env.read(AGE);
        hub.env.write(AGE, change(&text));
    };
    refused("of another person", &|hub| drop(identity(&identity_path(&hub.env))));
    refused("no identity", &|hub| std::fs::remove_file(identity_path(&hub.env)).unwrap());
    refused("an identity that others can read", &|hub| mode(&identity_path(&hub.env), 0o644));
    refused("an identity file with something else", &|hub| {
        std::fs::write(identity_path(&hub.env), "# mine\nssh-ed25519 AAAA\n").unwrap();
    });
    refused("an empty identity file", &|hub| std::fs::write(identity_path(&hub.env), "").unwrap());
    refused("cut in the middle", &|hub| file(hub, &|text| text[..text.len() / 2].to_owned()));
    refused("without its last lines", &|hub| file(hub, &|text| text[..text.len() - 120].to_owned()));
    refused("changed in the middle", &|hub| {
        file(hub, &|text| {
            let at = text.len() / 2;
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &text[..at], &text[at + 1..])
        });
    });
    refused("empty", &|hub| file(hub, &|_| String::new()));
    refused("in clear", &|hub| file(hub, &|_| "format: 1\nsecrets: {}\n".to_owned()));
    refused("merged by git", &|hub| file(hub, &|text| format!("<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> main\n")));
    refused("a folder", &|hub| {
        std::fs::remove_file(hub.env.path(AGE)).unwrap();
        std::fs::create_dir(hub.env.path(AGE)).unwrap();
    });
    snapshot("stores__refused", filtered(&out));
}

#[test]
fn recipients_that_are_not_right() {
    let other = age::x25519::Identity::generate().to_public().to_string();
    let mut out = String::new();
    for stored in [hub(), sealed()] {
        let typo = stored.me.replace("age1", "age1x");
        let secret = std::fs::read_to_string(identity_path(&stored.env)).unwrap();
        let secret = secret.lines().last().unwrap().to_owned();
        for recipients in [&[other.as_str()][..], &[&stored.me, &typo], &["ssh-ed25519 AAAA"], &[&secret]] {
            let args = to_age(recipients);
            let run = stored.env.refused(&args);
            // The arguments are ours; what the program says of them must not repeat a secret.
            assert!(!run.stderr.contains(&secret) && run.stdout.is_empty());
            out += &filtered(&run.stderr.replace(&typo, "[TYPO]"));
        }
        if !stored.env.tree().has(AGE) {
            out += &filtered(&stored.refused(&to_age(&[])).stderr);
            std::fs::remove_file(identity_path(&stored.env)).unwrap();
            out += &filtered(&stored.refused(&to_age(&[])).stderr);
            out += &filtered(&stored.refused(&to_age(&[&other])).stderr);
        }
        out.push('\n');
    }
    snapshot("stores__recipients_refused", out);
}

/// The fix that is told is the fix.
#[test]
fn the_store_is_taken_again_after_the_fix() {
    let hub = sealed();
    let before = hub.env.tree();
    mode(&identity_path(&hub.env), 0o640);
    let run = hub.refused(&RENDER);
    assert!(run.stderr.contains("chmod 600"), "{run}");
    mode(&identity_path(&hub.env), 0o600);
    hub.ok(&RENDER);
    before.assert_same(&hub.env.tree());
}
