//! The identity file: the keys of this person, as `age-keygen` writes them.

use std::path::{Path, PathBuf};

use ::age::x25519;
use hmac::{Hmac, KeyInit};
use secrecy::ExposeSecret;
use sha2::Sha256;

use super::recipients::Recipients;
use crate::error::{Error, Result};
use crate::fs;
use crate::redact::Secret;

/// Where this person's age keys are kept. Read only where an age file is there to be read or written.
#[derive(Debug, Clone)]
pub struct IdentityFile(PathBuf);

/// What seals texts with a key.
pub(super) type Seal = Hmac<Sha256>;

/// The keys of an identity file.
pub(in crate::secrets) struct Keys {
    path: PathBuf,
    keys: Vec<x25519::Identity>,
}

impl IdentityFile {
    /// The keys at this path.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The recipients that can be read with these keys, if there are any.
    pub fn recipients(&self) -> Option<Recipients> {
        self.read(&self.0).ok().map(|keys| keys.recipients())
    }

    /// Reads the keys, which are needed for a file.
    pub(super) fn read(&self, file: &Path) -> Result<Keys> {
        let path = &self.0;
        if !fs::exists(path)? {
            return Err(Error::user(format!("{} cannot be read without your age identity", file.display()))
                .because(format!("{} is missing", path.display()))
                .hint(self.how_to_begin()));
        }
        fs::require_private(path)?;
        let text = Secret::new(fs::read_text(path)?);
        let lines = text.expose().lines().map(str::trim).enumerate();
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        // The line itself may be a key with a slip in it, so it is not shown.
        let keys: Vec<x25519::Identity> = lines
            .map(|(index, line)| line.parse().map_err(|_| not_right(path, &format!("line {} is no key", index + 1))))
            .collect::<Result<_>>()?;
        if keys.is_empty() {
            return Err(not_right(path, "it holds no key"));
        }
        Ok(Keys { path: path.clone(), keys })
    }

    /// What to do without an identity.
    pub fn how_to_begin(&self) -> String {
        let folder = self.0.parent().unwrap_or(Path::new("."));
        format!(
            "if you have one, name it in HELM_IRIS_AGE_IDENTITY; else make one, and give the `age1…` that it prints \
             to somebody who can read the secrets: mkdir -p {} && age-keygen -o {}",
            folder.display(),
            self.0.display()
        )
    }
}

fn not_right(path: &Path, why: &str) -> Error {
    Error::user(format!("{} is not an age identity file", path.display())).because(why).hint(
        "it must be as age-keygen writes it: lines AGE-SECRET-KEY-1…, without a passphrase; no ssh keys, no plugins",
    )
}

impl Keys {
    /// The file that they are from.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Each key as what opens files.
    pub(super) fn each(&self) -> impl Iterator<Item = &dyn ::age::Identity> {
        self.keys.iter().map(|key| key as &dyn ::age::Identity)
    }

    /// What each key seals with, for what nobody else must be able to have written.
    pub(super) fn seals(&self) -> Vec<Seal> {
        let seal = |key: &x25519::Identity| Seal::new_from_slice(key.to_string().expose_secret().as_bytes()).ok();
        self.keys.iter().filter_map(seal).collect()
    }

    /// Who these keys are, for those who encrypt.
    pub(super) fn recipients(&self) -> Recipients {
        self.keys.iter().map(x25519::Identity::to_public).collect()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::fs::Access;

    fn read(text: &str, access: Access) -> Result<Keys> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.txt");
        fs::write(&path, text.as_bytes(), access).unwrap();
        IdentityFile::new(path).read(Path::new("dhub.secrets.age"))
    }

    #[test]
    fn what_age_keygen_writes_is_read() {
        let (one, two) = (x25519::Identity::generate(), x25519::Identity::generate());
        let [first, second] = [&one, &two].map(|key| key.to_string().expose_secret().to_owned());
        let text =
            format!("# created: 2026-11-22T18:30:56Z\n# public key: {}\n{first}\r\n\n  {second}\n", one.to_public());
        let keys = read(&text, Access::Private).unwrap();
        assert_eq!(keys.recipients(), [one.to_public(), two.to_public()].into_iter().collect());
    }

    #[test]
    fn what_is_wrong_is_told_without_showing_it() {
        let key = x25519::Identity::generate().to_string().expose_secret().to_owned();
        let slip = key.replace("AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1A");
        for (text, told) in [
            (slip.as_str(), "line 1 is no key"),
            (&format!("# mine\n{key}\n{}\n", &key[..40]), "line 3 is no key"),
            ("-----BEGIN AGE ENCRYPTED FILE-----\n", "line 1 is no key"),
            ("# nothing\n\n", "it holds no key"),
            ("", "it holds no key"),
        ] {
            let error = read(text, Access::Private).err().unwrap();
            assert!(error.to_string().contains(told), "{error}");
            assert!(!format!("{error:?}").contains(&key[20..40]));
        }
        let error = read(&key, Access::Shared).err().unwrap();
        assert!(error.hints[0].starts_with("chmod 600"), "{error:?}");
        let error = IdentityFile::new("/nowhere/identity.txt".into()).read(Path::new("a.age")).err().unwrap();
        assert!(error.hints[0].contains("age-keygen -o /nowhere/identity.txt"), "{error:?}");
    }
}
