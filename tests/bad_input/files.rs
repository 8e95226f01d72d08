//! Files that are no text, too large, too deep, or no files.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{TestEnv, snapshot};

/// Runs `render daskhub` over a site file, which must be refused; the transcript with a title.
fn refused(title: &str, site: impl AsRef<[u8]>) -> String {
    let env = TestEnv::with_site(site);
    let start = Instant::now();
    let run = env.refused(&["render", "daskhub"]);
    assert!(start.elapsed() < Duration::from_secs(5), "{title} took {:?}", start.elapsed());
    assert_eq!(run.code, Some(1), "{run}");
    format!("## {title}\n{run}\n")
}

#[test]
fn site_files_that_are_no_text() {
    let mut out = String::new();
    out += &refused("Latin-1", b"profile: cumulus\n# caf\xe9\nusers: {homeSize: 20Gi}\n");
    out += &refused("UTF-16", b"\xff\xfep\0r\0o\0f\0i\0l\0e\0:\0");
    out += &refused("random bytes", [0x80, 0x00, 0xff, 0x1b, 0x5b, 0x32, 0x4a]);
    out += &refused("a NUL in a value", b"profile: cumulus\nusers: {defaultUrl: \"/l\0ab\"}\n");
    out += &refused("a terminal escape in a value", b"profile: cumulus\nusers: {defaultUrl: /\x1b[2J}\n");
    out += &refused("tabs for indentation", b"profile: cumulus\nusers:\n\thomeSize: 20Gi\n");
    snapshot("files__no_text", out);
}

#[test]
fn other_files_that_are_no_text() {
    let mut out = String::new();
    let mut refused = |title: &str, file: &str, bytes: &[u8], args: &[&str]| {
        let env = TestEnv::new();
        env.write(
            "charts/mine/release.yaml",
            "description: x\nsource: {repo: https://example.org, chart: x, version: 1.0.0}\n",
        );
        env.write("charts/mine/values.yaml.tera", "a: 1\n");
        env.write(file, bytes);
        out += &format!("## {title}\n{}\n", env.refused(args));
    };
    refused("a profile", "profiles/mine.yaml", b"description: caf\xe9\n", &["render", "daskhub", "--profile", "mine"]);
    refused("a release.yaml", "charts/mine/release.yaml", b"description: caf\xe9\n", &["charts", "check", "mine"]);
    refused("a template", "charts/mine/values.yaml.tera", b"a: caf\xe9\n", &["charts", "check", "mine"]);
    refused("a lock", "dhub/iris.lock", b"charts: caf\xe9\n", &["render", "daskhub", "--profile", "cumulus"]);
    refused("a manifest", "dhub/bundle.yaml", b"format: 1 # caf\xe9\n", &["render", "daskhub", "--profile", "cumulus"]);
    snapshot("files__others_no_text", out);
}

#[test]
fn arguments_that_are_no_text() {
    let env = TestEnv::new();
    let bad = std::ffi::OsStr::from_bytes(b"caf\xe9");
    let word = std::ffi::OsStr::new;
    for args in [vec![word("render"), bad], vec![word("render"), word("daskhub"), word("--profile"), bad], vec![bad]] {
        let run = env.refused(&args);
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.starts_with("error: "), "{run}");
    }
    let run = env.refused(&[word("render"), word("daskhub"), word("--profile"), word("cumulus"), word("-f"), bad]);
    assert_eq!(run.code, Some(1), "{run}");
}

/// Whoever wrote the word: what would clear the screen stands there as text.
#[test]
fn words_that_would_rewrite_the_terminal_are_escaped() {
    let env = TestEnv::with_site("profile: kind\ndatabase: {engine: \"\\e[2Jmysql\\u202e\"}\n");
    let run = env.refused(&["render", "daskhub"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(!run.stderr.contains(['\u{1b}', '\u{202e}']), "{run}");
    assert!(run.stderr.contains("\\u{1b}[2Jmysql\\u{202e}"), "{run}");
}

/// A disk that is full under an answer is an error; a reader that has read enough is none.
#[test]
#[cfg(target_os = "linux")]
fn an_answer_that_cannot_be_written_is_no_success() {
    let env = TestEnv::new();
    for args in [&["profiles", "list", "-o", "json"][..], &["profiles", "show", "--schema"], &["charts", "list"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let run = env.finish(args, &env.command(args).stdout(full).output().unwrap());
        assert_eq!(run.code, Some(1), "{run}");
        assert!(run.stderr.contains("the answer cannot be written to standard output"), "{run}");

        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = env.finish(args, &env.command(args).stdout(writer).output().unwrap());
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run}");
    }
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert_eq!(env.command(&["--version"]).stdout(full).status().unwrap().code(), Some(1));
}

/// What Windows editors put into a file changes nothing: a byte-order mark, CRLF.
#[test]
fn byte_order_marks_and_carriage_returns_do_not_matter() {
    let plain = "profile: cumulus\n# a comment\nusers:\n  homeSize: 20Gi\n  defaultUrl: \"/tree\"\n";
    let bundle = |site: String| {
        let env = TestEnv::with_site(site);
        env.ok(&["render", "daskhub"]);
        env.read("dhub/daskhub/values.yaml")
    };
    let expected = bundle(plain.to_owned());
    assert!(expected.contains("\"20Gi\""));
    assert_eq!(bundle(plain.replace('\n', "\r\n")), expected, "CRLF");
    assert_eq!(bundle(format!("\u{feff}{plain}")), expected, "byte-order mark");
}

/// A 50 MB file is refused at once, and without reading it: there is no memory for the program and the file.
#[test]
fn a_file_of_50_mb_is_refused_fast_and_in_little_memory() {
    // Of data: the program itself, which grows, is not counted.
    const LIMIT_KB: &str = "40000";
    let text = "key: value\n".repeat(50 * 1024 * 1024 / 11);
    let mut out = String::new();
    for (title, file, args) in [
        ("site file", "iris.yaml", vec!["render", "daskhub"]),
        ("profile", "profiles/mine.yaml", vec!["render", "daskhub", "--profile", "mine"]),
        ("lock", "dhub/iris.lock", vec!["render", "daskhub", "--profile", "cumulus"]),
        ("manifest", "dhub/bundle.yaml", vec!["render", "daskhub", "--profile", "cumulus"]),
        ("values of a bundle", "dhub/daskhub/values.yaml", vec!["render", "daskhub", "--profile", "cumulus"]),
        ("template", "charts/mine/values.yaml.tera", vec!["charts", "check", "mine"]),
    ] {
        let env = TestEnv::new();
        env.write("charts/mine/release.yaml", "description: x\n");
        env.write(file, &text);
        let mut shell = Command::new("/bin/sh");
        env.clear(&mut shell);
        shell.arg("-c").arg(format!("ulimit -d {LIMIT_KB}; exec \"$0\" \"$@\""));
        let start = Instant::now();
        let output = shell.arg(env!("CARGO_BIN_EXE_helm-iris")).args(&args).current_dir(env.path("")).output().unwrap();
        assert!(start.elapsed() < Duration::from_secs(2), "{title}: {:?}", start.elapsed());
        out += &format!("## {title}\n{}\n", env.finish(&args, &output));
        assert_eq!(std::fs::metadata(env.path(file)).unwrap().len(), text.len() as u64, "it is as it was");
    }
    let env = TestEnv::new();
    env.write("big", &text);
    let script = format!("ulimit -d {LIMIT_KB}; text=$(/bin/cat big); test ${{#text}} -gt 50000000");
    let control =
        Command::new("/bin/sh").arg("-c").arg(script).current_dir(env.path("")).stderr(Stdio::null()).status();
    assert!(!control.unwrap().success(), "a control: who reads the file whole needs more memory than that");
    snapshot("files__50_mb", out);
}

#[test]
fn nesting_of_ten_thousand_levels_is_refused() {
    let mut out = String::new();
    let deep = |open: &str, close: &str| {
        format!("profile: cumulus\nvalues: {}{}\n", open.repeat(10_000), close.repeat(10_000))
    };
    out += &refused("lists", deep("[", "]"));
    out += &refused("maps", deep("{a: ", "}"));
    out += &refused("lists that are never closed", deep("[", ""));
    out += &refused("dashes", format!("profile: cumulus\nvalues:\n  {}x\n", "- ".repeat(10_000)));
    let indented: String = (0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    out += &refused("indentation", indented);
    out += &refused("brackets in a key", format!("profile: cumulus\n? {}\n", "[".repeat(10_000)));
    snapshot("files__deep", out);
}

/// Other parsers read the files that only we write; they too are hostile when somebody brings them.
#[test]
fn deep_nesting_in_files_of_ours_is_refused() {
    let deep = format!("x: {}{}\n", "[".repeat(3000), "]".repeat(3000));
    for file in ["dhub/bundle.yaml", "dhub/bundle.next.yaml", "dhub/iris.lock", ".helm-iris/dhub.secrets.yaml"] {
        let env = TestEnv::new();
        env.write(file, &deep);
        std::fs::set_permissions(env.path(file), std::fs::Permissions::from_mode(0o600)).unwrap();
        let run = env.refused(&["render", "daskhub", "--profile", "cumulus"]);
        assert_eq!(run.code, Some(1), "{file}: {run}");
        assert!(run.stderr.contains(file), "{file}: {run}");
    }
}

#[test]
fn numbers_at_the_edges() {
    let mut out = String::new();
    let site = |text: &str| format!("profile: cumulus\n{text}");
    out += &refused(
        "too large, too small, no integers",
        site(
            "users:\n  startTimeout: 4294967296\n  idleTimeout: 99999999999999999999\n  maxAge: 1e400\ndask:\n  idleTimeout: -1\n  clusterMaxWorkers: 1e3\n",
        ),
    );
    out += &refused(
        "no numbers",
        site("users:\n  cpu: {limit: .inf}\n  startTimeout: .nan\ndask:\n  worker: {cpu: {limit: 1_000}}\n"),
    );
    out += &refused("negative and zero", site("users:\n  cpu: {guarantee: -1, limit: 0}\n"));
    out += &refused(
        "tags that look like numbers",
        site("users:\n  image: {name: x, tag: 2026.10}\ndask:\n  image: {name: x, tag: 1e3}\n"),
    );
    snapshot("files__numbers", out);
}

/// A pipe has no end that we could wait for.
#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let mut out = String::new();
    let env = TestEnv::new();
    let fifo = env.path("iris.yaml");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o644), 0)
        .unwrap();
    for args in [vec!["render", "daskhub", "--profile", "cumulus"], vec!["render", "daskhub", "-f", "/dev/zero"]] {
        let mut child = env.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let start = Instant::now();
        while child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let waiting = child.try_wait().unwrap().is_none();
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        assert!(!waiting, "{args:?} waits");
        out += &format!("{}\n", env.finish(&args, &output));
    }
    snapshot("files__no_files", out);
}
