//! A hub that answers for https itself, with a certificate of its operator's, from an authority that nobody knows.

use std::path::Path;

use super::{Running, SITE, can_be_had};
use crate::common::{Authority, Run, TestEnv};

#[test]
fn a_user_computes_on_a_hub_with_a_certificate_of_its_own() {
    if !can_be_had() {
        return;
    }
    let env = TestEnv::with_site(format!("{SITE}https: {{host: hub.example.org, ownCertificate: true}}\n"));
    let [ours, other] = ["ours", "other"].map(|name| Authority::new(env.root().join(name)));
    let certified = ours.certify(&["hub.example.org", "localhost"]);
    for (secret, file) in [("https-key", "server.key"), ("https-certificate", "server.crt")] {
        let file = certified.join(file).display().to_string();
        env.ok(&["secrets", "set", secret, "--from-file", &file, "-n", "dhub"]);
    }
    env.ok(&["render", "daskhub"]);
    let Some(running) = Running::up(env.root().join("apps"), &env.path("dhub"), &super::Fault::default()) else {
        return;
    };
    assert!(running.url.starts_with("https://localhost:"), "{}", running.url);
    let test = |url: &str, trusted: &Path, more: &[&str]| -> Run {
        let args = [&["test", "daskhub", "--url", url], more].concat();
        env.finish(&args, &env.command(&args).env("SSL_CERT_FILE", trusted).output().unwrap())
    };

    let run = test(&running.url, &ours.file(), &[]);
    assert_eq!(run.code, Some(0), "{run}\n{}", running.log("hub"));
    for step in ["reach", "log-in", "spawn", "kernel", "gateway-auth", "compute", "clean-up"] {
        assert!(run.stdout.contains(&format!("ok       {step} ")), "{step}\n{run}");
    }

    let fails = |url: &str, trusted: &Path, words: &[&str]| {
        let run = test(url, trusted, &["--quick"]);
        let said = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(run.code == Some(1) && said.contains("FAILED at reach, after "), "{run}");
        assert!(words.iter().all(|word| said.contains(word)), "no {words:?} in\n{run}");
    };
    fails(&running.url, &other.file(), &["UnknownIssuer", "does not trust who signed", "SSL_CERT_FILE=FILE"]);
    let by_address = running.url.replace("localhost", "127.0.0.1");
    fails(&by_address, &ours.file(), &["not valid for name", "localhost", "the name that the certificate is for"]);
    fails(&running.url.replace("https:", "http:"), &ours.file(), &[]);
    fails(&running.url, &env.path("none.pem"), &["No CA certificates were loaded", "SSL_CERT_FILE=FILE"]);
}
