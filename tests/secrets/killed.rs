//! `secrets set`, killed for good at many moments: the value is the old or the new one, and all others
//! stay.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Instant;

use crate::common::{TestEnv, moments};

const KILLS: u32 = 24;

#[test]
fn a_killed_set_leaves_the_old_or_the_new_value() {
    let env = TestEnv::with_site("profile: cumulus\n");
    env.ok(&["render", "daskhub"]);
    let others = |env: &TestEnv| {
        let mut secrets = env.secrets();
        secrets.remove("login-password");
        secrets
    };
    let (before, args) = (others(&env), ["secrets", "set", "login-password", "--from-file", "given", "-n", "dhub"]);
    let give = |value: &str| {
        env.write("given", value);
        std::fs::set_permissions(env.path("given"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    give("first-login-password");
    let began = Instant::now();
    env.ok(&args);
    let whole = began.elapsed();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    // How long it takes on a machine that does something else: a kill that came too soon makes the next one come
    // later, so that they gather where the value changes.
    let mut stretch = 1.0;
    for (count, moment) in moments(3, KILLS).into_iter().enumerate() {
        let (old, new) = (env.secrets()["login-password"].clone(), format!("login-password-{count}"));
        give(&new);
        let mut child = env.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(whole.mul_f64(moment * stretch));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = env.secrets()["login-password"].clone();
        assert!(now == old || now == new, "{now}");
        *seen.entry(if now == old { "before" } else { "after" }).or_default() += 1;
        stretch *= if now == old { 1.2 } else { 0.8 };
        assert_eq!(others(&env), before);
        for (path, file) in env.tree().files().filter(|(_, file)| file.mode != 0o600) {
            let text = String::from_utf8_lossy(&file.bytes);
            assert!(!text.contains(&new) && !text.contains(&before["cookie-secret"]), "{path} {:04o}", file.mode);
        }
        env.ok(&args);
        assert_eq!(env.secrets()["login-password"], new);
    }
    eprintln!("kills by phase: {seen:?}");
    assert!(seen.len() == 2 && seen.values().all(|count| *count >= 2), "{seen:?}");
}
