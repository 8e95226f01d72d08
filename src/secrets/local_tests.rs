use ::age::x25519::Identity;
use secrecy::ExposeSecret;

use super::*;
use crate::fs::Access;
use crate::secrets::{Need, Recipients, Source};

/// A store, and who may read what it encrypts.
fn store(folder: &Path) -> (LocalStore, Recipients) {
    let (key, path) = (Identity::generate(), folder.join("identity.txt"));
    fs::write(&path, key.to_string().expose_secret().as_bytes(), Access::Private).unwrap();
    let yours = Recipients::from_arguments(&[key.to_public().to_string()]).unwrap();
    (LocalStore::new(folder, "dhub", &IdentityFile::new(path)), yours)
}

fn ledger(value: &str) -> Ledger {
    let mut ledger = Ledger::create().unwrap();
    replace(&mut ledger, value);
    ledger
}

fn replace(ledger: &mut Ledger, value: &str) {
    let need = Need { name: "a".into(), ..Need::default() };
    ledger.replace(&need, Source::Given, crate::redact::Secret::new(value.into()));
}

#[test]
fn what_cannot_be_read_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = store(folder.path());
    let (first, second) = (Ledger::create().unwrap(), Ledger::create().unwrap());
    store.write_if_changed(&first).unwrap();
    store.write_if_changed(&second).unwrap();
    assert_eq!(store.read().unwrap().as_ref(), Some(&second), "a control");
    let newer = second.to_text().expose().replace("format: 1", "format: 2");
    fs::write(store.path(), newer.as_bytes(), Access::Private).unwrap();
    assert!(store.write_if_changed(&first).is_err());
    assert_eq!(fs::read_text(store.path()).unwrap(), newer);
}

#[test]
fn an_unchanged_ledger_is_not_encrypted_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (store, yours) = store(folder.path());
    let mut secrets = ledger("one-secret");
    store.move_to_age(Some(secrets.clone()), Some(yours.clone())).unwrap();
    assert_eq!((store.path(), store.exists().unwrap()), (store.age.path.as_path(), true));
    let bytes = fs::read_text(store.path()).unwrap();
    store.write_if_changed(&secrets).unwrap();
    assert_eq!(fs::read_text(store.path()).unwrap(), bytes);
    replace(&mut secrets, "another-secret");
    store.write_if_changed(&secrets).unwrap();
    assert_ne!(fs::read_text(store.path()).unwrap(), bytes, "a control");
    assert_eq!(store.read().unwrap(), Some(secrets));
    assert_eq!(store.age.read().unwrap().unwrap().recipients, yours);
}

/// A file in git that somebody made who knows our public key, and not the hub's secrets: it says
/// that he may read what is written next.
#[test]
fn the_file_of_a_stranger_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let (store, yours) = store(folder.path());
    store.move_to_age(Some(ledger("made-by-a-stranger")), Some(yours.clone())).unwrap();
    let bytes = fs::read_text(store.path()).unwrap();
    let ours = ledger("the-hubs-own-secret");
    let error = store.write_if_changed(&ours).unwrap_err();
    assert!(error.message.contains("not made from this hub's ledger"), "{error}");
    assert_eq!(fs::read_text(store.path()).unwrap(), bytes);
    fs::remove(store.path()).unwrap();
    store.move_to_age(Some(ours.clone()), Some(yours)).unwrap();
    store.write_if_changed(&ours).unwrap();
}

#[test]
fn a_move_goes_there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (store, yours) = store(folder.path());
    let secrets = ledger("one-secret");
    assert!(store.move_to_file(None).is_err(), "there is nothing to move");
    assert!(store.move_to_age(Some(secrets.clone()), None).is_err(), "to nobody");
    store.write_if_changed(&secrets).unwrap();
    let moved = store.move_to_age(None, Some(yours.clone())).unwrap();
    assert!(moved.written && moved.removed.is_some() && moved.readers == yours && !moved.shut_out, "{moved:?}");
    let again = store.move_to_age(None, None).unwrap();
    assert!(!again.written && again.removed.is_none(), "{again:?}");
    assert!(!store.plain.path.exists());
    let back = store.move_to_file(None).unwrap();
    assert!(back.written && back.removed.is_some() && !store.age.path.exists(), "{back:?}");
    assert_eq!(store.read().unwrap(), Some(secrets.clone()));
    assert!(store.remove(&ledger("another")).is_err());
    store.remove(&secrets).unwrap();
    assert!(!store.exists().unwrap());
}

/// Killed between the two steps, in either direction.
#[test]
fn a_move_that_was_killed_is_finished_by_the_same_command() {
    let folder = tempfile::tempdir().unwrap();
    let (store, yours) = store(folder.path());
    let secrets = ledger("one-secret");
    for to_age in [true, false] {
        store.plain.write(&secrets).unwrap();
        store.confirm(&yours).unwrap();
        store.age.write(&Contents { ledger: secrets.clone(), recipients: yours.clone() }).unwrap();
        for error in [store.read().map(|_| ()).unwrap_err(), store.write_if_changed(&secrets).unwrap_err()] {
            assert!(error.hints[0].contains("secrets export --to age -n dhub"), "{error:?}");
        }
        let moved = if to_age { store.move_to_age(None, None) } else { store.move_to_file(None) }.unwrap();
        assert!(!moved.written && moved.removed.is_some(), "{moved:?}");
        assert_eq!(store.read().unwrap().as_ref(), Some(&secrets));
    }
}

#[test]
fn two_that_differ_are_both_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (store, yours) = store(folder.path());
    let mut secrets = ledger("one-secret");
    store.move_to_age(Some(secrets.clone()), Some(yours)).unwrap();
    for value in ["another-secret", "one-secret"] {
        replace(&mut secrets, value);
        store.plain.write(&secrets).unwrap();
        for error in [store.move_to_age(None, None).unwrap_err(), store.move_to_file(None).unwrap_err()] {
            assert!(error.message.contains("are not the same"), "{error}");
            assert!(!format!("{error:?}").contains(value));
        }
        assert!(store.plain.path.exists() && store.age.path.exists());
    }
}

/// A file that came with git, with a recipient whom nobody here knows.
#[test]
fn nothing_is_written_to_recipients_that_nobody_agreed_to() {
    let [folder, elsewhere] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let ((store, me), (_, them)) = (store(folder.path()), self::store(elsewhere.path()));
    let both =
        Recipients::from_arguments(&[me.to_string(), them.to_string()].map(|one| one.replace("--recipient ", "")));
    let (both, mut secrets) = (both.unwrap(), ledger("one-secret"));
    let plant = |recipients: &Recipients, ledger: &Ledger| {
        let contents = Contents { ledger: ledger.clone(), recipients: recipients.clone() };
        store.age.write(&contents).unwrap();
        fs::read_text(store.path()).unwrap()
    };
    let planted = plant(&both, &secrets);
    replace(&mut secrets, "new-secret");
    let never = store.write_if_changed(&secrets).unwrap_err();
    assert!(never.message.contains("before somebody here agrees") && never.hints[0].contains(&both.to_string()));
    assert!(store.move_to_age(None, None).is_err());
    assert_eq!(fs::read_text(store.path()).unwrap(), planted);
    assert_eq!(store.unconfirmed().unwrap(), Some(both.clone()));
    store.move_to_age(None, Some(both.clone())).unwrap();
    assert_eq!(store.unconfirmed().unwrap(), None, "whoever names them agrees to them");
    store.write_if_changed(&secrets).unwrap();
    assert_eq!(store.read().unwrap().as_ref(), Some(&secrets), "a control: then it is written");

    let planted = plant(&me, &secrets);
    replace(&mut secrets, "newer-secret");
    for error in [store.write_if_changed(&secrets).unwrap_err(), store.unconfirmed().unwrap_err()] {
        assert!(
            error.message.contains("other recipients") && error.causes[0].starts_with("left out: age1"),
            "{error:?}"
        );
    }
    assert_eq!(fs::read_text(store.path()).unwrap(), planted);
}
