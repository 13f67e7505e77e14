//! The first slot of core: a copy of the program that runs `init`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use newleaf_domain::{Digest, Version};
use newleaf_launcher::Layout;
use newleaf_launcher::state::{CoreSlot, Origin};
use sha2::{Digest as _, Sha256};

use super::failed;
use crate::Product;
use crate::cli::self_test::OLDEST_READER;
use crate::route::{Kind, Problem};

/// Path of the program below its slot.
const PROGRAM: &str = "bin/newleaf";

/// Copies this program into a slot that is named by the digest of its bytes, until they are
/// matched to a signed release.
pub(super) fn copy(product: &Product, layout: &Layout) -> Result<CoreSlot, Problem> {
    let image =
        std::env::current_exe().map_err(|error| failed("find this program's file", &error))?;
    let version = Version::parse(product.version).map_err(|error| {
        Problem::new(Kind::Failed, format!("name the product's version: {error}"))
    })?;
    let digest =
        digest_of(&image).map_err(|error| failed(&format!("read {}", image.display()), &error))?;
    let slot = CoreSlot {
        digest,
        version,
        origin: Origin::Local,
        protocol: crate::protocol::spoken(),
        program: PROGRAM.to_owned(),
        schema: product.schema(),
        oldest_reader: OLDEST_READER,
        binary: Some(digest),
    };
    let program = layout.program(&slot);
    let copied =
        |error: io::Error| failed(&format!("copy this program to {}", program.display()), &error);
    match digest_of(&program) {
        // An earlier `init` of the same program made the slot.
        Ok(there) if there == digest => return Ok(slot),
        Ok(_) => fs::remove_file(&program).map_err(copied)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(copied(error)),
    }
    place(&image, &program).map_err(copied)?;
    match digest_of(&program) {
        Ok(copied) if copied == digest => Ok(slot),
        Ok(copied) => Err(Problem::new(
            Kind::Failed,
            format!("copy this program: the copy's digest is {copied}, the program's is {digest}"),
        )),
        Err(error) => Err(failed(&format!("read {} back", program.display()), &error)),
    }
}

/// Copies a program durably: file, then the folders that name it.
fn place(image: &Path, program: &Path) -> io::Result<()> {
    let folder = program.parent().unwrap_or(program);
    fs::create_dir_all(folder)?;
    let mut from = File::open(image)?;
    let mut to = OpenOptions::new().write(true).create_new(true).mode(0o755).open(program)?;
    io::copy(&mut from, &mut to)?;
    to.flush()?;
    to.sync_all()?;
    folder.ancestors().take(3).try_for_each(|folder| File::open(folder)?.sync_all())
}

fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Digest::from_bytes(hasher.finalize().into())),
            length => hasher.update(&buffer[..length]),
        }
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
}
