//! Whether a core slot's program is the one that was staged, asked before it is run.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use newleaf_domain::Digest;
use newleaf_domain::digest::DigestWriter;
use rustix::io::Errno;

use super::process::cannot;
use crate::layout::Layout;
use crate::state::CoreSlot;
use crate::supervisor::{Evidence, Exit};

/// Refuses a program that has other bytes than were staged, in words that follow the version's
/// number. A slot of an older version names no digest, and is not asked.
///
/// `image` is the launcher's own program: where it is the same one, it mends the slot.
pub(super) fn check(layout: &Layout, slot: &CoreSlot, image: &Path) -> Result<(), Exit> {
    let Some(staged) = slot.binary else { return Ok(()) };
    let program = layout.program(slot);
    let found = match digest_of(&program) {
        Ok(found) if found == staged => return Ok(()),
        Ok(found) => format!("has SHA-256 {found}, {staged} was staged"),
        Err(error) if is_damage(&error) => format!("cannot be read: {error}"),
        Err(error) => return Err(cannot("be read", &error)),
    };
    let program = program.display();
    let mend = match digest_of(image) {
        Ok(ours) if ours == staged => format!("install -D -m 755 {} {program}", image.display()),
        Ok(_) | Err(_) => "newleaf update core, with the service stopped".to_owned(),
    };
    let how = format!(
        "was not started: its program is damaged on disk: {program} {found}; mend it: {mend}"
    );
    Err(Exit { how, evidence: Evidence::Damage })
}

/// Whether an error tells of the file itself and not of the machine's wants.
fn is_damage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(Errno::IO.raw_os_error())
}

fn digest_of(path: &Path) -> io::Result<Digest> {
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
    use super::*;
    use crate::sample;

    #[test]
    fn a_damaged_program_is_told_with_the_command_that_mends_it() {
        let dir = tempfile::tempdir().unwrap();
        let (layout, image) = (Layout::new(dir.path()), dir.path().join("newleaf"));
        let mut slot = sample::slot("1.0.0");
        let program = layout.program(&slot);
        std::fs::create_dir_all(program.parent().unwrap()).unwrap();
        std::fs::write(&program, "whole").unwrap();
        check(&layout, &slot, &image).unwrap();
        slot.binary = Some(Digest::of(b"whole"));
        check(&layout, &slot, &image).unwrap();

        std::fs::write(&program, "whole?").unwrap();
        let exit = check(&layout, &slot, &image).unwrap_err();
        assert_eq!(exit.evidence, Evidence::Damage);
        assert!(exit.how.contains("newleaf update core, with the service stopped"), "{}", exit.how);

        std::fs::write(&image, "whole").unwrap();
        std::fs::remove_file(&program).unwrap();
        let exit = check(&layout, &slot, &image).unwrap_err();
        assert_eq!(exit.evidence, Evidence::Damage);
        let mend = format!("mend it: install -D -m 755 {} {}", image.display(), program.display());
        assert!(exit.how.ends_with(&mend), "{}", exit.how);
    }
}
