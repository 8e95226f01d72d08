//! Certificates of an authority that nobody else knows.

use std::path::{Path, PathBuf};
use std::process::Command;

/// An authority that signs certificates, in a folder.
pub(crate) struct Authority {
    folder: PathBuf,
}

impl Authority {
    /// A new one, in a folder that is not there yet.
    pub(crate) fn new(folder: PathBuf) -> Self {
        std::fs::create_dir(&folder).unwrap();
        let extensions = "[req]\ndistinguished_name = dn\n[dn]\n[v3]\nbasicConstraints = critical, CA:TRUE\n\
                          keyUsage = keyCertSign\nsubjectKeyIdentifier = hash\n";
        let subject = format!("authority {}", folder.file_name().unwrap().display());
        let authority = Self { folder };
        request(&authority.folder, "ca", &subject, extensions, &[]);
        authority
    }

    /// Its own certificate.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// Its own certificate, as PEM text.
    pub(crate) fn pem(&self) -> String {
        super::read(&self.file())
    }

    /// A folder with `server.crt`, for a host of these names, and `server.key`.
    pub(crate) fn certify(&self, names: &[&str]) -> PathBuf {
        let folder = self.folder.join(names[0]);
        let all = names.iter().map(|name| format!("DNS:{name}")).collect::<Vec<_>>().join(",");
        std::fs::create_dir(&folder).unwrap();
        let extensions = format!(
            "[req]\ndistinguished_name = dn\n[dn]\n[v3]\nbasicConstraints = critical, CA:FALSE\n\
             extendedKeyUsage = serverAuth\nsubjectAltName = {all}\n"
        );
        let [certificate, key] = ["ca.crt", "ca.key"].map(|name| self.folder.join(name).display().to_string());
        request(&folder, "server", names[0], &extensions, &["-CA", &certificate, "-CAkey", &key]);
        folder
    }
}

/// A certificate and its key, of this name in the folder; signed by itself, or by another.
fn request(folder: &Path, name: &str, subject: &str, extensions: &str, signer: &[&str]) {
    let config = folder.join("openssl.cnf");
    super::write(&config, extensions);
    let mut command = Command::new("openssl");
    command
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", &format!("/CN={subject}"), "-extensions", "v3", "-config"])
        .arg(config)
        .arg("-keyout")
        .arg(folder.join(format!("{name}.key")))
        .arg("-out")
        .arg(folder.join(format!("{name}.crt")))
        .args(signer);
    let output = command.output().unwrap_or_else(|error| panic!("openssl: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
