//! Copies a program into a slot, durably, and reads it back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use newleaf_domain::Digest;
use newleaf_domain::digest::DigestWriter;
use newleaf_launcher::Layout;
use newleaf_launcher::state::CoreSlot;

/// Copies a program: the file, then the folders that name it.
pub(crate) fn place(image: &Path, program: &Path) -> io::Result<()> {
    let folder = program.parent().unwrap_or(program);
    fs::create_dir_all(folder)?;
    let mut from = File::open(image)?;
    let mut to = OpenOptions::new().write(true).create_new(true).mode(0o755).open(program)?;
    io::copy(&mut from, &mut to)?;
    to.flush()?;
    to.sync_all()?;
    folder.ancestors().take(3).try_for_each(|folder| File::open(folder)?.sync_all())
}

/// SHA-256 of a file.
pub(crate) fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut digest = DigestWriter::default();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest.finish()),
            count => digest.update(&buffer[..count]),
        }
    }
}

/// Makes the slot of the program at `image` by one rename; one that is there and whole is kept.
pub(super) fn into_slot(layout: &Layout, slot: &CoreSlot, image: &Path) -> io::Result<()> {
    let expected = slot.binary.unwrap_or(slot.digest);
    if digest_of(&layout.program(slot)).is_ok_and(|found| found == expected) {
        return Ok(());
    }
    let staged = layout.dir().join("staging").join(format!("manual-{}", slot.folder()));
    remove(&staged)?;
    let program = staged.join(&slot.program);
    place(image, &program)?;
    let found = digest_of(&program)?;
    if found != expected {
        let what = format!("the copy has SHA-256 {found}, the program has {expected}");
        return Err(io::Error::other(what));
    }
    let target = layout.core_slot(slot);
    remove(&target)?;
    fs::rename(&staged, &target)?;
    [layout.core_slots(), layout.dir().join("staging")]
        .iter()
        .try_for_each(|folder| File::open(folder)?.sync_all())
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_placed_program_is_executable_and_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("image");
        fs::write(&image, vec![7; 300_000]).unwrap();
        let program = dir.path().join("slots/core/abc-1.0.0/bin/newleaf");
        place(&image, &program).unwrap();
        assert_eq!(digest_of(&program).unwrap(), Digest::of(&vec![7; 300_000]));
        assert_eq!(fs::metadata(&program).unwrap().permissions().mode() & 0o777, 0o755);
    }

    #[test]
    fn a_slot_that_a_crash_left_half_made_is_made_anew_and_a_whole_one_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        for folder in ["staging", "slots/core"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let image = dir.path().join("image");
        fs::write(&image, "program").unwrap();
        let good = crate::worker::tests::state().core.good;
        let slot = CoreSlot { binary: Some(Digest::of(b"program")), ..good };
        let program = layout.program(&slot);
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, "prog").unwrap();
        into_slot(&layout, &slot, &image).unwrap();
        assert_eq!(fs::read(&program).unwrap(), b"program");
        fs::remove_file(&image).unwrap();
        into_slot(&layout, &slot, &image).unwrap();
    }
}
