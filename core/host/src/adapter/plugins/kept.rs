//! The note beside an app's data that says what it is once the app is removed. It lies in the data's
//! own folder, so that it is copied, put back and erased together with it.

use std::path::{Path, PathBuf};

use newleaf_update::port::{Kept, StoreError};

use super::super::files::{self, FileError};

fn file(data: &Path) -> PathBuf {
    data.join("kept.json")
}

/// Writes the note, durably; nothing where there is no data.
pub(crate) fn write(data: &Path, kept: Kept) -> Result<(), StoreError> {
    if !data.is_dir() {
        return Ok(());
    }
    let path = file(data);
    let text = serde_json::to_vec(&kept).map_err(|error| damaged(&path, &error))?;
    files::put(&path, &text).map_err(io)
}

/// What was noted; none where there is no note. A damaged one is never taken as absent: the app
/// would be told to begin anew on data that is there.
pub(crate) fn read(data: &Path) -> Result<Option<Kept>, StoreError> {
    let path = file(data);
    let Some(bytes) = files::read(&path).map_err(io)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(&path, &error))
}

fn io(FileError { doing, path, source }: FileError) -> StoreError {
    StoreError::Io { doing, path, source }
}

fn damaged(path: &Path, error: &serde_json::Error) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use newleaf_plugin_host::storage;

    use super::*;

    const KEPT: Kept = Kept { schema: 3, oldest_reader: 2 };

    #[test]
    fn a_note_goes_wherever_the_data_goes() {
        let dir = tempfile::tempdir().unwrap();
        let (data, copy) = (dir.path().join("notes"), dir.path().join("copy"));
        std::fs::create_dir(&data).unwrap();
        write(&data, KEPT).unwrap();
        storage::snapshot(&data, &copy).unwrap();
        files::remove(&data).unwrap();
        assert_eq!(read(&data).unwrap(), None);
        storage::restore(&copy, &data).unwrap();
        assert_eq!(read(&data).unwrap(), Some(KEPT));
    }

    #[test]
    fn without_data_nothing_is_noted_and_a_damaged_note_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("notes");
        write(&data, KEPT).unwrap();
        assert!(!data.exists());
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("kept.json"), "{").unwrap();
        assert!(read(&data).is_err());
    }
}
