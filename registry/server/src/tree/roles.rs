//! Role files in memory: one map, swapped whole, so that a reader sees either the old state of the
//! repository or the new one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::HeaderValue;
use newleaf_domain::Digest;

/// How long others may keep a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cache {
    /// For ever: the name says the version or the digest.
    Immutable,
    /// A minute: the one file that changes under its name.
    Minute,
}

impl Cache {
    /// The `Cache-Control` of RFC 9111 §5.2 and RFC 8246.
    pub(crate) const fn header(self) -> HeaderValue {
        match self {
            Self::Immutable => HeaderValue::from_static("public, max-age=31536000, immutable"),
            Self::Minute => HeaderValue::from_static("public, max-age=60"),
        }
    }
}

/// A role file, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct RoleFile {
    /// Its bytes.
    pub(crate) bytes: Bytes,
    /// The strong entity tag: its SHA-256.
    pub(crate) tag: HeaderValue,
    /// How long others may keep it.
    pub(crate) cache: Cache,
}

impl RoleFile {
    fn new(name: &str, bytes: Bytes) -> Result<Self, TreeError> {
        let tag = HeaderValue::try_from(format!("\"{}\"", Digest::of(&bytes)))
            .map_err(|_| TreeError::Name { name: name.to_owned() })?;
        let cache = if name == TIMESTAMP { Cache::Minute } else { Cache::Immutable };
        Ok(Self { bytes, tag, cache })
    }
}

/// The one role file without a version in its name.
const TIMESTAMP: &str = "timestamp.json";

/// Why the tree could not be loaded. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A file or the folder cannot be read.
    #[error("{} could not be read", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A file's name cannot be served.
    #[error("{name:?} is no name of a role file")]
    Name {
        /// The name.
        name: String,
    },
}

type Files = HashMap<String, RoleFile>;

/// All role files.
#[derive(Debug)]
pub(crate) struct Tree {
    files: ArcSwap<Files>,
}

impl Tree {
    /// The role files in `folder`.
    pub(crate) fn load(folder: &Path) -> Result<Self, TreeError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| TreeError::Io { path, source }
        };
        let mut files = Files::new();
        for entry in fs::read_dir(folder).map_err(io(folder))? {
            let path = entry.map_err(io(folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.extension().is_some_and(|ending| ending == "json") && !name.starts_with('.') {
                let bytes = fs::read(&path).map_err(io(&path))?;
                files.insert(name.clone(), RoleFile::new(&name, bytes.into())?);
            }
        }
        Ok(Self { files: ArcSwap::from_pointee(files) })
    }

    /// The file called `name`.
    pub(crate) fn get(&self, name: &str) -> Option<RoleFile> {
        self.files.load().get(name).cloned()
    }

    /// Adds and replaces files, all at once. Called by one task only.
    pub(crate) fn put(&self, new: Vec<(String, Bytes)>) -> Result<(), TreeError> {
        let mut files = Files::clone(&self.files.load());
        for (name, bytes) in new {
            let file = RoleFile::new(&name, bytes)?;
            files.insert(name, file);
        }
        self.files.store(Arc::new(files));
        Ok(())
    }

    /// Removes files. Called by the task that puts them.
    pub(crate) fn remove(&self, names: &[String]) {
        let mut files = Files::clone(&self.files.load());
        files.retain(|name, _| !names.contains(name));
        self.files.store(Arc::new(files));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_timestamp_is_kept_for_a_minute() {
        let temp = tempfile::tempdir().unwrap();
        let tree = Tree::load(temp.path()).unwrap();
        let files = ["timestamp.json", "7.snapshot.json"];
        tree.put(files.map(|name| (name.to_owned(), Bytes::from_static(b"{}"))).into()).unwrap();
        assert_eq!(tree.get("timestamp.json").unwrap().cache, Cache::Minute);
        assert_eq!(tree.get("7.snapshot.json").unwrap().cache, Cache::Immutable);
        tree.remove(&["7.snapshot.json".to_owned()]);
        assert!(tree.get("7.snapshot.json").is_none());
    }
}
