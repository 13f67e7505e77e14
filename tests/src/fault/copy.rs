//! Copies of a small folder, and what tells two of them apart. Starts no process: thousands are made.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use newleaf_domain::Digest;

/// Makes `to` a copy of the folder `from`, with rights and links; sockets are left out.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_folder(&from, &to);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(&from).unwrap(), &to).unwrap();
        } else if kind.is_file() {
            std::fs::copy(&from, &to).unwrap();
        }
    }
    std::fs::set_permissions(to, from.metadata().unwrap().permissions()).unwrap();
}

/// The file of records, each with the time at which it was written.
const JOURNAL: &str = "journal.jsonl";

/// Locks, with the number of the process that had them last.
const RUN: &str = "run";

/// What a start on the folder finds: names, rights and bytes. Left out are the numbers of processes
/// that are gone and the times of records, by which nothing is decided.
pub fn digest_of(folder: &Path) -> Digest {
    let mut all = Vec::new();
    note(folder, &mut all);
    Digest::of(&all)
}

fn note(folder: &Path, all: &mut Vec<u8>) {
    let mut entries = std::fs::read_dir(folder).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries.iter().filter(|entry| entry.file_name() != RUN) {
        let (path, found) = (entry.path(), entry.metadata().unwrap());
        all.extend_from_slice(entry.file_name().as_encoded_bytes());
        all.extend_from_slice(
            format!(" {:o} {}\n", found.permissions().mode(), found.len()).as_bytes(),
        );
        if found.is_dir() {
            note(&path, all);
            all.extend_from_slice(b"..\n");
        } else if found.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let is_journal = entry.file_name() == JOURNAL;
            all.extend_from_slice(&if is_journal { without_times(&bytes) } else { bytes });
        }
    }
}

/// Records with the same text in the place of each time.
fn without_times(journal: &[u8]) -> Vec<u8> {
    const FIELD: &[u8] = br#""at":""#;
    const TIME: usize = "2026-01-01T00:00:00Z".len();
    let mut told = journal.to_vec();
    let places = told.windows(FIELD.len()).enumerate().filter(|(_, it)| *it == FIELD);
    for place in places.map(|(at, _)| at + FIELD.len()).collect::<Vec<_>>() {
        let end = told.len().min(place + TIME);
        told[place..end].fill(b'-');
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(journal: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("slots/one")).unwrap();
        std::fs::create_dir(dir.path().join(RUN)).unwrap();
        std::fs::write(dir.path().join(JOURNAL), journal).unwrap();
        std::os::unix::fs::symlink("/nowhere", dir.path().join("slots/link")).unwrap();
        dir
    }

    #[test]
    fn a_copy_is_told_apart_by_each_byte_right_and_name_but_not_by_times() {
        let dir = folder(r#"{"seq":1,"at":"2026-01-01T00:00:00Z","kind":"notice"}"#);
        let digest = digest_of(dir.path());
        let copy = tempfile::tempdir().unwrap().path().join("copy");
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        copy_folder(dir.path(), &copy);
        assert_eq!(digest_of(&copy), digest);
        let later = folder(r#"{"seq":1,"at":"2026-01-01T00:00:07Z","kind":"notice"}"#);
        std::fs::write(later.path().join(RUN).join("lock"), "77").unwrap();
        assert_eq!(digest_of(later.path()), digest);
        let other = folder(r#"{"seq":2,"at":"2026-01-01T00:00:00Z","kind":"notice"}"#);
        assert_ne!(digest_of(other.path()), digest);
        for change in [
            |dir: &Path| std::fs::write(dir.join("slots/one/new"), "").unwrap(),
            |dir: &Path| std::fs::remove_dir(dir.join("slots/one")).unwrap(),
            |dir: &Path| {
                let rights = std::fs::Permissions::from_mode(0o700);
                std::fs::set_permissions(dir.join("slots"), rights).unwrap();
            },
        ] {
            change(&copy);
            assert_ne!(digest_of(&copy), digest);
            std::fs::remove_dir_all(&copy).unwrap();
            copy_folder(dir.path(), &copy);
        }
        std::fs::remove_dir_all(copy.parent().unwrap()).unwrap();
    }
}
