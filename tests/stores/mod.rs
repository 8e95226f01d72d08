//! Where a machine keeps its ledger: in clear for its owner, or encrypted with age for git.

mod moving;
mod planted;
mod refused;
mod waiting;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;

use crate::common::{Run, TestEnv, forms, write};

const PLAIN: &str = ".helm-iris/dhub.secrets.yaml";
const AGE: &str = "dhub.secrets.age";
const RENDER: [&str; 2] = ["render", "daskhub"];
const LIST: [&str; 4] = ["secrets", "list", "-n", "dhub"];

/// A rendered hub, the secrets that it has, and a person with an identity.
struct Hub {
    env: TestEnv,
    secrets: BTreeMap<String, String>,
    me: String,
}

fn hub() -> Hub {
    let env = TestEnv::with_site("profile: cumulus\n");
    env.ok(&RENDER);
    let (secrets, me) = (env.secrets(), identity(&identity_path(&env)));
    assert!(secrets.len() >= 5);
    Hub { env, secrets, me }
}

/// A hub whose secrets are encrypted to its person.
fn sealed() -> Hub {
    let hub = hub();
    hub.ok(&to_age(&[&hub.me]));
    assert!(hub.env.tree().has(AGE) && !hub.env.tree().has(PLAIN));
    hub
}

/// Where the program looks for an identity.
fn identity_path(env: &TestEnv) -> PathBuf {
    env.root().join("config/helm-iris/age-identity.txt")
}

/// Makes an identity file; gives its public key.
fn identity(path: &Path) -> String {
    let key = age::x25519::Identity::generate();
    write(path, format!("# public key: {}\n{}\n", key.to_public(), key.to_string().expose_secret()));
    mode(path, 0o600);
    key.to_public().to_string()
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The command that encrypts to these.
fn to_age<'a>(recipients: &[&'a str]) -> Vec<&'a str> {
    let recipients = recipients.iter().flat_map(|recipient| ["--recipient", recipient]);
    ["secrets", "export", "--to", "age", "-n", "dhub"].into_iter().chain(recipients).collect()
}

impl Hub {
    /// Runs the program, which must end well and show nothing.
    fn ok(&self, args: &[&str]) -> Run {
        let run = self.env.ok(args);
        self.hidden(&run);
        run
    }

    /// Runs the program, which must fail, touch nothing and show nothing.
    fn refused(&self, args: &[&str]) -> Run {
        let run = self.env.refused(args);
        self.hidden(&run);
        run
    }

    /// Makes an encrypted store of the namespace `other`, with fewer secrets than daskhub needs there.
    fn seal_gateway(&self) {
        self.env.ok(&["render", "dask-gateway", "-n", "other", "--output-dir", "gateway"]);
        self.env.ok(&["secrets", "export", "--to", "age", "-n", "other", "--recipient", &self.me]);
    }

    /// Runs the program as somebody with another identity file.
    fn run_as(&self, identity: &Path, args: &[&str]) -> Run {
        let output = self.env.command(args).env("HELM_IRIS_AGE_IDENTITY", identity).output().unwrap();
        let run = self.env.finish(args, &output);
        self.hidden(&run);
        run
    }

    /// The environment knows secrets only of stores in clear; this hub's may be encrypted.
    fn hidden(&self, run: &Run) {
        for (name, value) in &self.secrets {
            for form in forms(value) {
                assert!(!run.to_string().contains(&form), "the output holds the secret {name}");
            }
        }
        let text = run.to_string().to_ascii_uppercase();
        assert!(!text.contains("AGE-SECRET-KEY-1Q") && text.matches("AGE-SECRET-KEY-1").count() <= 1, "{run}");
    }

    /// Every secret is in files of mode 0600 and in no other; gives how many hold it.
    fn private_copies(&self) -> BTreeMap<String, usize> {
        let mut copies = BTreeMap::new();
        let tree = self.env.tree();
        for (name, value) in &self.secrets {
            for (path, file) in tree.files() {
                let text = String::from_utf8_lossy(&file.bytes);
                if forms(value).iter().any(|form| text.contains(form)) {
                    assert_eq!(file.mode, 0o600, "{path} holds the secret {name}");
                    *copies.entry(name.clone()).or_default() += 1;
                }
            }
        }
        copies
    }

    /// A value as the program shows it when asked to.
    fn revealed(&self, name: &str) -> String {
        let args = ["secrets", "show", name, "--reveal", "-n", "dhub"];
        let output = self.env.command(&args).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Everything is as it was when the hub was rendered, wherever the ledger is.
    fn has_its_secrets(&self) {
        for (name, value) in &self.secrets {
            assert_eq!(&self.revealed(name), value, "{name}");
        }
    }
}

/// Public keys and fingerprints, which differ from run to run.
fn filtered(text: &str) -> String {
    let word = |word: &str| {
        let letters: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
        let key = letters.starts_with("age1") && (letters.len() == 62 || word.contains('…') && letters.len() > 4);
        let shown = word.trim_matches(|letter: char| letter != '…' && !letter.is_ascii_alphanumeric());
        let fingerprint = letters.len() == 16 && letters.bytes().all(|byte| byte.is_ascii_hexdigit());
        match (key, fingerprint) {
            (true, _) => word.replace(shown, "[AGE1]"),
            (_, true) => word.replace(&letters, "[FINGERPRINT….]"),
            _ => word.to_owned(),
        }
    };
    text.split_inclusive([' ', '\n']).map(word).collect()
}
