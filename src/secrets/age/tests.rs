use ::age::x25519::Identity;
use proptest::prelude::*;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::*;
use crate::secrets::{Need, SecretKind, Source};

/// A folder with an identity file and the path of an age file.
struct Person {
    folder: TempDir,
    file: AgeFile,
    public: Recipients,
}

fn person() -> Person {
    let folder = tempfile::tempdir().unwrap();
    let key = Identity::generate();
    let path = folder.path().join("identity.txt");
    fs::write(&path, key.to_string().expose_secret().as_bytes(), Access::Private).unwrap();
    let file = AgeFile { path: folder.path().join("dhub.secrets.age"), identity: IdentityFile::new(path) };
    Person { folder, file, public: [key.to_public()].into_iter().collect() }
}

fn ledger(values: &[String]) -> Ledger {
    let mut ledger = Ledger::create().unwrap();
    for (index, value) in values.iter().enumerate() {
        let need = Need { name: format!("s{index}"), kind: SecretKind::Text, ..Need::default() };
        ledger.replace(&need, Source::Given, Secret::new(value.clone()));
    }
    ledger
}

fn both(one: &Person, two: &Person) -> Recipients {
    let all = format!("{}{}", one.public.head(), two.public.head());
    Recipients::from_head(&all).unwrap()
}

#[test]
fn every_recipient_reads_it_and_nobody_else() {
    let (one, two, other) = (person(), person(), person());
    let contents = Contents { ledger: ledger(&["a-first-secret".into()]), recipients: both(&one, &two) };
    one.file.write(&contents).unwrap();
    let bytes = fs::read_limited(&one.file.path, MAX_SIZE).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("secret"), "a control: it is encrypted");
    for (reader, can) in [(&one, true), (&two, true), (&other, false)] {
        fs::write(&reader.file.path, &bytes, Access::Shared).unwrap();
        match reader.file.read() {
            Ok(read) => assert!(can && read.as_ref() == Some(&contents)),
            Err(error) => {
                assert!(!can && error.message.contains("cannot be decrypted"), "{error:?}");
                assert!(error.hints.iter().any(|hint| hint.contains(&other.public.to_string())), "{error:?}");
            }
        }
    }
}

#[test]
fn nobody_locks_himself_out() {
    let (one, two) = (person(), person());
    for (recipients, told) in [(two.public.clone(), "none of which is yours"), (Recipients::default(), "to whom")] {
        let contents = Contents { ledger: ledger(&[]), recipients };
        let error = one.file.write(&contents).unwrap_err();
        assert!(error.to_string().contains(told) && error.hints[0].contains(&one.public.to_string()), "{error:?}");
        assert!(!one.file.path.exists());
    }
}

/// Cut off anywhere, or with any letter changed: refused, and nothing of it is shown.
#[test]
fn damage_is_refused() {
    let one = person();
    let secret = "a-rather-long-secret";
    let contents = Contents { ledger: ledger(&[secret.to_owned()]), recipients: one.public.clone() };
    one.file.write(&contents).unwrap();
    let whole = fs::read_limited(&one.file.path, MAX_SIZE).unwrap();
    let refused = |bytes: &[u8], what: &str| {
        fs::write(&one.file.path, bytes, Access::Shared).unwrap();
        let error = one.file.read().map(|_| ()).expect_err(what);
        assert!(!format!("{error:?}").contains(secret) && !error.hints.is_empty(), "{what}: {error:?}");
    };
    for cut in 0..whole.len() - 1 {
        refused(&whole[..cut], &format!("cut at {cut}"));
    }
    for at in 0..whole.len() - 1 {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        refused(&bytes, &format!("changed at {at}"));
    }
    refused(contents.ledger.to_text().expose().as_bytes(), "in clear");
    refused(&[&whole[..], &whole[..]].concat(), "twice");
    let windows = String::from_utf8(whole.clone()).unwrap().replace('\n', "\r\n");
    fs::write(&one.file.path, windows.as_bytes(), Access::Shared).unwrap();
    assert_eq!(one.file.read().unwrap(), Some(contents), "git may change line ends");
}

/// Others write age files too; what is in them may be anything.
#[test]
fn another_text_inside_is_refused() {
    let one = person();
    let public: ::age::x25519::Recipient = one.public.to_string().replace("--recipient ", "").parse().unwrap();
    for text in ["", "hello\n", "format: 2\n", "# recipient me\nformat: 1\n"] {
        let armored = ::age::encrypt_and_armor(&public, text.as_bytes()).unwrap();
        fs::write(&one.file.path, armored.as_bytes(), Access::Shared).unwrap();
        assert!(one.file.read().is_err(), "{text}");
    }
    let by_hand = ledger(&[]);
    let bytes = ::age::encrypt(&public, by_hand.to_text().expose().as_bytes()).unwrap();
    fs::write(&one.file.path, &bytes, Access::Shared).unwrap();
    let read = one.file.read().unwrap().unwrap();
    assert!(read.ledger == by_hand && read.recipients.is_empty(), "made by `age -r`");
    assert!(one.folder.path().join("identity.txt").exists());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any ledger comes back as it was, with its recipients.
    #[test]
    fn any_ledger_round_trips(
        values in prop::collection::vec("\\PC{1,40}|[ -~\n\t]{1,200}|# recipient age1", 0..6),
        people in 1_usize..4,
    ) {
        let one = person();
        let recipients = (1..people).fold(one.public.clone(), |all, _| {
            Recipients::from_head(&format!("{}{}", all.head(), person().public.head())).unwrap()
        });
        prop_assert_eq!(recipients.len(), people);
        let contents = Contents { ledger: ledger(&values), recipients };
        one.file.write(&contents).unwrap();
        prop_assert_eq!(one.file.read().unwrap(), Some(contents));
    }

    /// Whatever stands in the file, reading it does not stop the program.
    #[test]
    fn nothing_panics(text in "\\PC{0,60}|(-----BEGIN AGE ENCRYPTED FILE-----\n|age-encryption.org/v1\n-> X25519 [A-Za-z0-9+/]{0,50}\n)[\\x00-\\x7f]{0,80}") {
        let one = person();
        fs::write(&one.file.path, text.as_bytes(), Access::Shared).unwrap();
        prop_assert!(one.file.read().is_err());
    }
}
