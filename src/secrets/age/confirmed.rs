//! Whom somebody on this machine agreed to encrypt to.
//!
//! The list inside the age file comes with git, and whoever may write there can put a file with another
//! list in its place. This one stays on the machine. It is sealed with the person's own key, so that one
//! that came with git is not taken for it.

use std::path::PathBuf;

use hmac::Mac;

use super::identity::{IdentityFile, Seal};
use super::recipients::Recipients;
use crate::error::Result;
use crate::fs::{self, Access};
use crate::secrets::plain::prepare_folder;

const HEAD: &str = "# To these the secrets may be encrypted, as somebody here agreed; written by helm iris\n";
/// Marks the seal.
const MARK: &str = "# sealed ";

/// The file of the recipients that somebody here agreed to.
#[derive(Debug, Clone)]
pub(in crate::secrets) struct Confirmed {
    pub(in crate::secrets) path: PathBuf,
    pub(in crate::secrets) identity: IdentityFile,
}

impl Confirmed {
    /// Reads the list; none where nobody with these keys has agreed to one.
    pub(in crate::secrets) fn read(&self) -> Result<Option<Recipients>> {
        let Some(text) = fs::read_text_if_any(&self.path)? else { return Ok(None) };
        let Some(recipients) = Recipients::from_head(&text) else { return Ok(None) };
        let seal = text.lines().find_map(|line| line.strip_prefix(MARK)).unwrap_or_default();
        let seals = self.identity.read(&self.path)?.seals();
        let ours = seals.into_iter().any(|key| self.seal(key, &recipients) == seal);
        Ok(ours.then_some(recipients))
    }

    /// Keeps a list that somebody agrees to.
    pub(in crate::secrets) fn write(&self, recipients: &Recipients) -> Result<()> {
        if self.read()?.as_ref() == Some(recipients) {
            return Ok(());
        }
        let seals = self.identity.read(&self.path)?.seals().into_iter();
        let seal = seals.take(1).map(|key| self.seal(key, recipients)).collect::<String>();
        prepare_folder(&self.path)?;
        let text = format!("{HEAD}{MARK}{seal}\n{}", recipients.head());
        fs::write_durable(&self.path, text.as_bytes(), Access::Private)
    }

    fn seal(&self, mut key: Seal, recipients: &Recipients) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        key.update(format!("helm iris {name}\n{}", recipients.head()).as_bytes());
        key.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use ::age::x25519::Identity;
    use secrecy::ExposeSecret;

    use super::*;

    fn confirmed(folder: &std::path::Path) -> (Confirmed, Recipients) {
        let (key, identity) = (Identity::generate(), folder.join("identity.txt"));
        fs::write(&identity, key.to_string().expose_secret().as_bytes(), Access::Private).unwrap();
        let path = folder.join("store/dhub.recipients");
        (Confirmed { path, identity: IdentityFile::new(identity) }, [key.to_public()].into_iter().collect())
    }

    #[test]
    fn only_what_was_sealed_here_counts() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [(mine, me), (theirs, them)] = folders.each_ref().map(|folder| confirmed(folder.path()));
        assert_eq!(mine.read().unwrap(), None);
        mine.write(&me).unwrap();
        assert_eq!(mine.read().unwrap().as_ref(), Some(&me));
        fs::require_private(&mine.path).unwrap();
        theirs.write(&them).unwrap();
        let sealed_by_them = fs::read_text(&theirs.path).unwrap();
        let longer = format!("{}{}", fs::read_text(&mine.path).unwrap(), them.head());
        for planted in [sealed_by_them.as_str(), &longer, &me.head(), "", "# recipient nobody\n"] {
            fs::write(&mine.path, planted.as_bytes(), Access::Private).unwrap();
            assert_eq!(mine.read().unwrap(), None, "{planted}");
        }
        mine.write(&them).unwrap();
        assert_eq!(mine.read().unwrap(), Some(them));
        let other = Confirmed { path: mine.path.with_file_name("jhub.recipients"), ..mine.clone() };
        std::fs::copy(&mine.path, &other.path).unwrap();
        assert_eq!(other.read().unwrap(), None, "of another hub");
    }
}
