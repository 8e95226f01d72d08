//! Whoever can write to git puts himself among the recipients: nobody encrypts to him unasked.

use std::io::{Read, Write};
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::{AGE, Hub, RENDER, filtered, hub, identity, to_age};
use crate::common::{Run, snapshot, write};

const AGREED: &str = ".helm-iris/dhub.recipients";
const SECRET: &str = "ghs_16C7e42F292c6912E7";

impl Hub {
    /// `secrets set`, where nobody can be asked.
    fn set(&self, name: &str) -> Run {
        write(&self.env.path("../home/given"), format!("{SECRET}-{name}\n"));
        let args = ["secrets", "set", name, "-n", "dhub", "--from-file", "../home/given"];
        self.env.run(&args)
    }

    /// As git gives the folder to somebody: without what it ignores.
    fn clone_it(&self) {
        std::fs::remove_dir_all(self.env.path(".helm-iris")).unwrap();
    }

    /// Runs the program on a terminal, with this answer; gives what it shows and its exit code.
    fn answered(&self, args: &[&str], answer: &str) -> (String, Option<i32>) {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = || Stdio::from(std::fs::File::options().read(true).write(true).open(&name).unwrap());
        let mut command = self.env.command(args);
        let mut child = command.stdin(theirs()).stdout(theirs()).stderr(theirs()).spawn().unwrap();
        drop(command);
        let mut terminal = std::fs::File::from(ours);
        terminal.write_all(answer.as_bytes()).unwrap();
        let (mut shown, mut part) = (Vec::new(), [0; 4096]);
        // Reading ends with an error once nobody holds the other end.
        while let Ok(length @ 1..) = terminal.read(&mut part) {
            shown.extend_from_slice(&part[..length]);
        }
        let code = child.wait().unwrap().code();
        (String::from_utf8_lossy(&shown).replace(['\r', '\n'], " ").replace("  ", " "), code)
    }
}

/// A hub in a clone, whose file a stranger has made for us and himself.
fn planted() -> (Hub, String) {
    let hub = hub();
    let stranger = identity(&hub.env.root().join("home/keys.txt"));
    hub.ok(&to_age(&[&hub.me, &stranger]));
    hub.clone_it();
    (hub, stranger)
}

#[test]
fn a_clone_agrees_to_the_recipients_before_it_writes() {
    let (hub, stranger) = planted();
    let before = hub.env.tree();
    hub.ok(&RENDER);
    before.assert_same(&hub.env.tree());
    let refused = hub.set("client-secret");
    assert_eq!(refused.code, Some(1), "{refused}");
    before.assert_same(&hub.env.tree());
    assert!(refused.stderr.contains(&format!("--recipient {stranger}")), "{refused}");
    let agreed = hub.ok(&to_age(&[&hub.me, &stranger]));
    assert_eq!(hub.env.read(AGE), before.text(AGE), "to agree is not to write");
    let mode = hub.env.tree().files().find(|(path, _)| *path == AGREED).map(|(_, file)| file.mode);
    assert_eq!(mode, Some(0o600));
    let set = hub.set("client-secret");
    assert_ne!(hub.env.read(AGE), before.text(AGE), "a control: then it writes {set}");
    // Another file takes its place, with the next pull.
    let agreed_to = hub.env.read(AGREED);
    hub.ok(&to_age(&[&hub.me]));
    hub.env.write(AGREED, agreed_to);
    let age = hub.env.read(AGE);
    let changed = hub.set("other-secret");
    assert_eq!((changed.code, hub.env.read(AGE)), (Some(1), age), "{changed}");
    let runs = [refused, agreed, set, changed].map(|run| filtered(&run.to_string()));
    snapshot("stores__planted", runs.join("\n"));
}

#[test]
fn a_person_is_asked_who_may_read_it() {
    let (hub, _) = planted();
    write(&hub.env.path("../home/given"), SECRET);
    let args = ["secrets", "set", "client-secret", "-n", "dhub", "--from-file", "../home/given"];
    let before = hub.env.tree();
    let (shown, code) = hub.answered(&args, "\n");
    let marked = |text: &str| text.matches("age1").count() >= 2 && text.contains("(yours)") && text.contains('…');
    assert!(marked(&shown) && shown.contains("2 recipients") && shown.contains("[y/N]"), "{shown}");
    assert_eq!(code, Some(1), "{shown}");
    before.assert_same(&hub.env.tree());
    let (shown, code) = hub.answered(&args, "y\n");
    assert_eq!(code, Some(0), "{shown}");
    assert_ne!(hub.env.read(AGE), before.text(AGE));
    assert_eq!(hub.set("other-secret").code, Some(0), "once on each machine");
}

/// A list that came with git is none: it is not sealed with our key.
#[test]
fn a_planted_agreement_does_not_count() {
    let (hub, stranger) = planted();
    let theirs = hub.env.root().join("home/keys.txt");
    let agreed = hub.run_as(&theirs, &to_age(&[&hub.me, &stranger]));
    assert!(agreed.code == Some(0) && hub.env.tree().has(AGREED), "{agreed}");
    assert_eq!(hub.set("client-secret").code, Some(1));
    hub.ok(&to_age(&[&hub.me, &stranger]));
    assert_eq!(hub.set("client-secret").code, Some(0), "a control: ours does");
}

/// What the charts need for the first time is written by `render`, which has no `--yes`.
#[test]
fn render_asks_where_it_has_to_write() {
    let hub = hub();
    hub.seal_gateway();
    hub.clone_it();
    let refused = hub.env.refused(&["render", "daskhub", "-n", "other"]);
    assert!(refused.stderr.contains("before somebody here agrees"), "{refused}");
    hub.env.ok(&["secrets", "export", "--to", "age", "-n", "other", "--recipient", &hub.me]);
    hub.env.ok(&["render", "daskhub", "-n", "other"]);
}
