//! What the updater keeps across restarts, as files of the host's folder: `trust/`, `trust/pins/`,
//! `plans/`, and what may be lost under `cache/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use newleaf_domain::{PlanId, Timestamp};
use newleaf_trust::Pin;
use newleaf_update::port::{Contact, PlanMemo, Store, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::INSTALL_ID;
use super::files::{self, FileError, blocking};

/// Files below one folder.
#[derive(Debug, Clone)]
pub(crate) struct DiskStore {
    dir: PathBuf,
}

impl From<FileError> for StoreErrorBox {
    fn from(FileError { doing, path, source }: FileError) -> Self {
        Self(StoreError::Io { doing, path, source })
    }
}

/// Lets `?` turn a file's error into the port's.
struct StoreErrorBox(StoreError);

impl From<StoreErrorBox> for StoreError {
    fn from(StoreErrorBox(error): StoreErrorBox) -> Self {
        error
    }
}

type Kept<T> = Result<T, StoreErrorBox>;

impl DiskStore {
    /// The store of the host in `dir`.
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    fn trust(&self) -> PathBuf {
        self.dir.join("trust")
    }

    fn plans(&self) -> PathBuf {
        self.dir.join("plans")
    }

    fn contact_file(&self) -> PathBuf {
        self.dir.join("cache/contact.json")
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Kept<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        blocking(move || work(&store)).await.map_err(StoreError::from)
    }
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Kept<T> {
    serde_json::from_slice(bytes).map_err(|error| damaged(path, &error))
}

fn damaged(path: &Path, detail: &dyn std::fmt::Display) -> StoreErrorBox {
    StoreErrorBox(StoreError::Damaged { path: path.to_owned(), detail: detail.to_string() })
}

fn put_json<T: Serialize>(path: &Path, value: &T) -> Kept<()> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| damaged(path, &error))?;
    if let Some(folder) = path.parent() {
        files::make_folder(folder)?;
    }
    Ok(files::put(path, &bytes)?)
}

/// Only names that trust itself gives: nothing that could lie elsewhere.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[async_trait]
impl Store for DiskStore {
    async fn trust_files(&self) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        self.run(|store| {
            let folder = store.trust();
            let mut kept = BTreeMap::new();
            for name in files::names(&folder)? {
                let path = folder.join(&name);
                if is_plain(&name) && path.is_file() {
                    kept.extend(files::read(&path)?.map(|bytes| (name, bytes)));
                }
            }
            Ok(kept)
        })
        .await
    }

    async fn put_trust_files(&self, files: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        self.run(move |store| {
            for (name, bytes) in files {
                let path = store.trust().join(&name);
                if !is_plain(&name) {
                    return Err(damaged(&path, &"the name is not one of a role's file"));
                }
                files::put(&path, &bytes)?;
            }
            Ok(())
        })
        .await
    }

    async fn pins(&self) -> Result<Vec<Pin>, StoreError> {
        self.run(|store| {
            let folder = store.trust().join("pins");
            let names = files::names(&folder)?
                .into_iter()
                .filter(|name| Path::new(name).extension().is_some_and(|it| it == "json"));
            let mut pins = Vec::new();
            for path in names.map(|name| folder.join(name)) {
                if let Some(bytes) = files::read(&path)? {
                    pins.push(parse(&path, &bytes)?);
                }
            }
            Ok(pins)
        })
        .await
    }

    async fn put_pin(&self, pin: &Pin) -> Result<(), StoreError> {
        let pin = pin.clone();
        self.run(move |store| {
            put_json(&store.trust().join("pins").join(format!("{}.json", pin.ns)), &pin)
        })
        .await
    }

    async fn plan(&self, id: &PlanId) -> Result<Option<PlanMemo>, StoreError> {
        let id = id.clone();
        self.run(move |store| {
            let path = store.plans().join(format!("{id}.json"));
            files::read(&path)?.map(|bytes| parse(&path, &bytes)).transpose()
        })
        .await
    }

    async fn put_plan(&self, memo: &PlanMemo, forget_before: Timestamp) -> Result<(), StoreError> {
        let memo = memo.clone();
        self.run(move |store| {
            let folder = store.plans();
            put_json(&folder.join(format!("{}.json", memo.plan.id)), &memo)?;
            for path in files::names(&folder)?.into_iter().map(|name| folder.join(name)) {
                let old =
                    files::read(&path)?.and_then(|bytes| parse::<PlanMemo>(&path, &bytes).ok());
                // What is not a plan any more is of no use to anyone.
                if old.is_none_or(|old| old.plan.created < forget_before) {
                    files::remove(&path)?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn contact(&self) -> Result<Contact, StoreError> {
        self.run(|store| {
            let path = store.contact_file();
            let known = files::read(&path)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            Ok(known.unwrap_or_default())
        })
        .await
    }

    async fn put_contact(&self, contact: &Contact) -> Result<(), StoreError> {
        let contact = contact.clone();
        self.run(move |store| put_json(&store.contact_file(), &contact)).await
    }

    async fn install_id(&self) -> Result<[u8; 32], StoreError> {
        self.run(|store| {
            let path = store.dir.join(INSTALL_ID);
            let bytes = files::read(&path)?.ok_or_else(|| damaged(&path, &"it is not there"))?;
            let mut id = [0; 32];
            hex::decode_to_slice(bytes.trim_ascii(), &mut id)
                .map_err(|error| damaged(&path, &error))?;
            Ok(id)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn trust_files_come_back_without_the_pins_and_foreign_names_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        files::make_folder(&dir.path().join("trust/pins")).unwrap();
        let store = DiskStore::new(dir.path());
        store.put_trust_files(vec![("root.json".to_owned(), b"{}".to_vec())]).await.unwrap();
        assert_eq!(
            store.trust_files().await.unwrap().into_keys().collect::<Vec<_>>(),
            ["root.json"]
        );
        let strayed = store.put_trust_files(vec![("../state".to_owned(), Vec::new())]).await;
        assert!(matches!(strayed, Err(StoreError::Damaged { .. })));
    }

    #[tokio::test]
    async fn a_damaged_pin_is_never_taken_as_absent() {
        let dir = tempfile::tempdir().unwrap();
        files::make_folder(&dir.path().join("trust/pins")).unwrap();
        files::put(&dir.path().join("trust/pins/acme.json"), b"{").unwrap();
        assert!(DiskStore::new(dir.path()).pins().await.is_err());
    }

    #[tokio::test]
    async fn the_last_contact_may_be_lost_and_the_install_id_may_not() {
        let dir = tempfile::tempdir().unwrap();
        let store = DiskStore::new(dir.path());
        assert_eq!(store.contact().await.unwrap(), Contact::default());
        assert!(store.install_id().await.is_err());
        std::fs::write(dir.path().join(INSTALL_ID), format!("{}\n", "07".repeat(32))).unwrap();
        assert_eq!(store.install_id().await.unwrap(), [7; 32]);
    }
}
