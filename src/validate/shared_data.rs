//! Shared data that cannot be mounted, or would hide something.

use super::settings::At;
use crate::names::MAX_LABEL;
use crate::problem::Problem;
use crate::settings::{Settings, SharedData};

/// Where z2jh mounts a user's own volume (its values, `singleuser.storage.homeMountPath`).
const HOME: &str = "/home/jovyan";
/// Where images have programs, libraries, settings and the kernel's files: nothing is mounted there or below.
const OF_IMAGE: [&str; 19] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt/conda",
    "/proc",
    "/run",
    "/sbin",
    "/srv/conda",
    "/sys",
    "/usr",
    "/var/lib",
    "/var/log",
    "/var/run",
    "/var/tmp",
];
/// Folders that hold such folders, or are there to be written to: data may be mounted below them.
const IN_IMAGE: [&str; 5] = ["/opt", "/root", "/srv", "/tmp", "/var"];
/// Stands before the name of a volume with shared data.
const VOLUME: &str = "shared-";
const ELSEWHERE: &str = "mount it elsewhere, e.g. /data/survey";

/// What is wrong: the key, the message, the fix.
type Wrong = (&'static str, String, &'static str);

/// All problems of shared data.
pub(super) fn check(settings: &Settings, at: At<'_>) -> Vec<Problem> {
    let all = &settings.users.shared_data;
    let wrong = |(index, data): (usize, &SharedData)| {
        let found = [name(data, &all[..index]), source(data), place(data, &all[..index])];
        let problem = move |(key, message, fix): Wrong| {
            at(&format!("/users/sharedData/{index}{key}"), format!("`users.sharedData`: {message}")).fix(fix)
        };
        found.into_iter().flatten().map(problem).collect::<Vec<_>>()
    };
    all.iter().enumerate().flat_map(wrong).collect()
}

fn name(data: &SharedData, before: &[SharedData]) -> Option<Wrong> {
    let name = data.name.as_str();
    let is_label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() {
        Some(("", "one without a name".to_owned(), "give it a `name`, e.g. survey"))
    } else if !name.bytes().all(is_label) || name.ends_with('-') || VOLUME.len() + name.len() > MAX_LABEL {
        Some(("/name", format!("`{name}` is no name"), "use small letters, digits and -, e.g. survey"))
    } else if before.iter().any(|other| other.name == name) {
        Some(("/name", format!("two are called `{name}`"), "give each a name of its own"))
    } else {
        None
    }
}

fn source(data: &SharedData) -> Option<Wrong> {
    match (&data.claim, &data.nfs) {
        (Some(_), None) => None,
        (None, Some(nfs)) if !nfs.server.is_empty() && nfs.path.starts_with('/') => None,
        (None, Some(_)) => {
            Some(("/nfs", "its NFS folder is not complete".to_owned(), "write nfs: {server: NAME, path: /FOLDER}"))
        }
        _ => {
            let message = format!("`{}` must be either a claim or a folder of NFS", data.name);
            Some(("", message, "give `claim` or `nfs`"))
        }
    }
}

fn place(data: &SharedData, before: &[SharedData]) -> Option<Wrong> {
    let key = "/mountPath";
    let path = plain(&data.mount_path);
    let hides = |folder: &str| folder == path || is_below(folder, &path);
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ':' | '{' | '}');
    if data.mount_path.is_empty() {
        let message = format!("`{}` is mounted nowhere", data.name);
        Some(("", message, "give `mountPath`, where users see it, e.g. /data/survey"))
    } else if !data.mount_path.starts_with('/') || path.is_empty() || path.contains(odd) || is_upwards(&path) {
        Some((key, format!("`{}` is no place to mount it", data.mount_path), "write it as /data/survey"))
    } else if hides(HOME) {
        Some((key, format!("`{path}` would hide the users' own files in {HOME}"), ELSEWHERE))
    } else if OF_IMAGE.iter().any(|folder| hides(folder) || is_below(&path, folder)) || IN_IMAGE.contains(&&*path) {
        Some((key, format!("`{path}` would hide what the image needs there"), ELSEWHERE))
    } else if before.iter().any(|other| plain(&other.mount_path) == path) {
        Some((key, format!("two are mounted at `{path}`"), "give each a place of its own"))
    } else {
        None
    }
}

/// A path without what changes nothing in it: empty parts, and `.`; that of the root is empty.
fn plain(path: &str) -> String {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.map(|part| format!("/{part}")).collect()
}

fn is_upwards(path: &str) -> bool {
    path.split('/').any(|part| part == "..")
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str) -> String {
        let data = SharedData { mount_path: path.to_owned(), ..SharedData::default() };
        place(&data, &[]).map(|(_, message, _)| message).unwrap_or_default()
    }

    #[test]
    fn nothing_is_mounted_over_what_is_needed() {
        for path in
            ["/usr", "/usr/bin", "//usr/./bin/", "/usr/local/share", "/opt", "/opt/conda/bin", "/srv", "/etc/ssl"]
        {
            assert!(told(path).contains("hide what the image needs"), "{path}: {}", told(path));
        }
        for path in
            ["/bin/", "/lib64", "/proc/1", "/tmp", "/var", "/var/run/secrets", "/root", "/srv/conda", "/dev/shm"]
        {
            assert!(told(path).contains("hide what the image needs"), "{path}: {}", told(path));
        }
        for path in ["/home", "/home/jovyan", "/home//jovyan/"] {
            assert!(told(path).contains("users' own files"), "{path}: {}", told(path));
        }
        for path in ["/", "//", "/.", "/a/../usr", "/..", "data", "./data", "/a b", "/a:b", "/{a}"] {
            assert!(told(path).contains("no place to mount"), "{path}: {}", told(path));
        }
        let fits =
            ["/data", "/data/survey/", "/home/jovyan/survey", "/home/shared", "/opt/data", "/srv/data", "/usrlocal"];
        for path in fits.into_iter().chain(["/mnt", "/mnt/survey", "/media", "/tmp/survey", "/var/data", "/data/..x"]) {
            assert_eq!(told(path), "", "{path}");
        }
    }
}
