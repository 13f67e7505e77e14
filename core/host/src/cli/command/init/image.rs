//! The first slot of core: a copy of the program that runs `init`.

use std::fs;
use std::io;

use newleaf_domain::Version;
use newleaf_launcher::Layout;
use newleaf_launcher::state::{CoreSlot, Origin};

use super::failed;
use crate::Product;
use crate::cli::self_test::OLDEST_READER;
use crate::manual::copy::{digest_of, place};
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
