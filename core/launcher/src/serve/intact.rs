//! Whether a core slot's program is the one that was staged, asked before it is run; where the
//! launcher's own program is the same one, a damaged slot is mended from it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use newleaf_domain::digest::DigestWriter;
use newleaf_domain::{Digest, shell};

use super::process::cannot;
use crate::durable;
use crate::layout::Layout;
use crate::state::CoreSlot;
use crate::supervisor::{Evidence, Exit};

/// A program that may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Program {
    /// It is the one that was staged, or of an older version, which names no digest.
    AsStaged,
    /// It was damaged and was put back; the notice that says so.
    Mended(String),
}

/// Refuses a program that has other bytes than were staged, in words that follow the version's
/// number. A slot of an older version names no digest, and is not asked.
///
/// `image` is the launcher's own program: where it is the same one, it mends the slot.
pub(super) fn check(layout: &Layout, slot: &CoreSlot, image: &Path) -> Result<Program, Exit> {
    let Some(staged) = slot.binary else { return Ok(Program::AsStaged) };
    let Some((damage, evidence)) = examine(layout, slot)? else { return Ok(Program::AsStaged) };
    let program = layout.program(slot);
    let refused = |how: String| {
        let how = format!("was not started: {damage}; mend it: {how}");
        Err(Exit { how, evidence })
    };
    if !digest_of(image).is_ok_and(|ours| ours == staged) {
        return refused("newleaf update core, with the service stopped".to_owned());
    }
    let ours = named(image);
    let (ours, shown) = (shell::word(&ours), shell::word(&program));
    match put_back(image, &program, staged) {
        Ok(()) => Ok(Program::Mended(format!(
            "core {}: {damage}; it was put back from {ours}, which is the same program",
            slot.version
        ))),
        Err(error) => {
            refused(format!("install -D -m 755 {ours} {shown} (putting it back failed: {error})"))
        }
    }
}

/// How the program of a core slot differs from the one that was staged; none where it is that one.
///
/// In words that follow the version's number. A slot of an older version names no digest, and a
/// machine without a file left to open, or memory, says nothing of the program: both count as whole.
pub fn damage_of(layout: &Layout, slot: &CoreSlot) -> Option<String> {
    examine(layout, slot).ok().flatten().map(|(damage, _)| damage)
}

fn examine(layout: &Layout, slot: &CoreSlot) -> Result<Option<(String, Evidence)>, Exit> {
    let Some(staged) = slot.binary else { return Ok(None) };
    let program = layout.program(slot);
    let (found, evidence) = match digest_of(&program) {
        Ok(found) if found == staged => return Ok(None),
        Ok(found) => (format!("has SHA-256 {found}, {staged} was staged"), Evidence::Damage),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            (format!("cannot be read: {error}"), Evidence::Damage)
        }
        Err(error) if durable::is_fault(&error) => {
            (format!("cannot be read: {error}"), Evidence::Unreadable)
        }
        Err(error) => return Err(cannot("be read", &error)),
    };
    let damage = format!("its program is damaged on disk: {} {found}", program.display());
    Ok(Some((damage, evidence)))
}

/// The file behind `/proc/self/exe`, which means another program to whoever reads of it. Where the
/// file is gone, this process still has it open under its number.
fn named(image: &Path) -> PathBuf {
    match fs::read_link(image) {
        Ok(file) if file.exists() => file,
        Ok(_) => PathBuf::from(format!("/proc/{}/exe", std::process::id())),
        Err(_) => image.to_owned(),
    }
}

/// Puts a copy of `image` in the place of `program`, in one rename: what runs from the damaged
/// file goes on with it.
fn put_back(image: &Path, program: &Path, staged: Digest) -> io::Result<()> {
    let folder = program.parent().unwrap_or(program);
    fs::create_dir_all(folder)?;
    let copy = program.with_extension("mended");
    let placed = copy_whole(image, &copy, staged).and_then(|()| fs::rename(&copy, program));
    if placed.is_err() {
        // The next try writes over it.
        drop(fs::remove_file(&copy));
    }
    placed?;
    durable::sync_parent(program).map_err(io::Error::other)
}

fn copy_whole(image: &Path, copy: &Path, staged: Digest) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut to = options.write(true).create(true).truncate(true).mode(0o755).open(copy)?;
    io::copy(&mut File::open(image)?, &mut to)?;
    to.sync_all()?;
    drop(to);
    match digest_of(copy)? {
        copied if copied == staged => Ok(()),
        copied => Err(io::Error::other(format!("the copy has SHA-256 {copied}"))),
    }
}

/// One fault of the disk is not taken for a lasting one: the version before would serve in the place
/// of this one from then on.
fn digest_of(path: &Path) -> io::Result<Digest> {
    durable::steadily(|| read_digest(path))
}

fn read_digest(path: &Path) -> io::Result<Digest> {
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::sample;

    /// A slot whose program is "whole", as the state knows.
    fn slot(dir: &Path) -> (Layout, CoreSlot, PathBuf) {
        let layout = Layout::new(dir);
        let slot = CoreSlot { binary: Some(Digest::of(b"whole")), ..sample::slot("1.0.0") };
        let program = layout.program(&slot);
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, "whole").unwrap();
        (layout, slot, program)
    }

    #[test]
    fn a_damaged_program_is_refused_with_the_command_that_mends_it() {
        let dir = tempfile::tempdir().unwrap();
        let (layout, slot, program) = slot(dir.path());
        let image = dir.path().join("newleaf");
        assert_eq!(check(&layout, &slot, &image).unwrap(), Program::AsStaged);
        fs::write(&program, "whole?").unwrap();
        let unknown = CoreSlot { binary: None, ..slot.clone() };
        assert_eq!(check(&layout, &unknown, &image).unwrap(), Program::AsStaged);
        let exit = check(&layout, &slot, &image).unwrap_err();
        assert_eq!(exit.evidence, Evidence::Damage);
        assert!(exit.how.contains("newleaf update core, with the service stopped"), "{}", exit.how);
    }

    #[test]
    fn a_damaged_program_is_put_back_from_the_launchers_own_where_that_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let (layout, slot, program) = slot(dir.path());
        let (image, link) = (dir.path().join("newleaf"), dir.path().join("exe"));
        fs::write(&image, "whole").unwrap();
        symlink(&image, &link).unwrap();
        for damage in [Some("whole?"), None] {
            match damage {
                Some(bytes) => fs::write(&program, bytes).unwrap(),
                None => fs::remove_dir_all(program.parent().unwrap()).unwrap(),
            }
            let Program::Mended(told) = check(&layout, &slot, &link).unwrap() else {
                panic!("it was not mended")
            };
            let from = format!("put back from {},", image.display());
            assert!(told.contains(&from), "{told}");
            assert_eq!(fs::read(&program).unwrap(), b"whole");
            assert_eq!(fs::metadata(&program).unwrap().permissions().mode() & 0o111, 0o111);
            assert_eq!(check(&layout, &slot, &link).unwrap(), Program::AsStaged);
        }
    }

    /// A process's own memory is read with EIO where nothing is mapped, as a bad sector of a disk is.
    fn let_the_disk_fail(program: &Path) {
        fs::remove_file(program).unwrap();
        symlink("/proc/self/mem", program).unwrap();
    }

    #[test]
    fn a_program_that_the_disk_does_not_give_is_told_apart_and_mended_where_it_can_be() {
        let dir = tempfile::tempdir().unwrap();
        let (layout, slot, program) = slot(dir.path());
        let image = dir.path().join("newleaf");
        let_the_disk_fail(&program);
        let exit = check(&layout, &slot, &image).unwrap_err();
        assert_eq!(exit.evidence, Evidence::Unreadable);
        assert!(exit.how.contains("Input/output error"), "{}", exit.how);
        fs::write(&image, "whole").unwrap();
        assert!(matches!(check(&layout, &slot, &image), Ok(Program::Mended(_))));
        assert_eq!(fs::read(&program).unwrap(), b"whole");
    }

    #[test]
    fn where_it_cannot_be_put_back_the_file_of_the_launcher_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let (layout, slot, program) = slot(dir.path());
        let (image, link) = (dir.path().join("newleaf"), dir.path().join("exe"));
        fs::write(&image, "whole").unwrap();
        symlink(&image, &link).unwrap();
        fs::write(&program, "whole?").unwrap();
        fs::create_dir(program.with_extension("mended")).unwrap();
        let exit = check(&layout, &slot, &link).unwrap_err();
        let mend = format!("install -D -m 755 {} {} ", image.display(), program.display());
        assert!(exit.how.contains(&mend), "{}", exit.how);
        assert_eq!(named(Path::new("/proc/self/exe")), std::env::current_exe().unwrap());
    }
}
