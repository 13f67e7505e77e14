//! `newleaf-sdk wit`: the contract as files, for the tools of other languages.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::json;

use crate::args::Wit;
use crate::report::{Exit, Failure, Report};
use crate::wit::{self, Text};

/// Why a text was not written. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
#[error("{} could not be written", .0.display())]
struct NotWritten(std::path::PathBuf, #[source] io::Error);

/// What became of the file of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum World {
    Written,
    /// It was there: it is the author's.
    Kept,
}

pub(crate) fn run(args: &Wit) -> Result<Report, Failure> {
    let failed = |error: NotWritten| {
        Failure::of("the contract was not written", &error, "check the path and its permissions")
    };
    for text in wit::depended_on() {
        write(&args.into, text).map_err(failed)?;
    }
    let world = write_world(&args.into).map_err(failed)?;
    let folder = args.into.display();
    let said = match world {
        World::Written => "its world is yours to change",
        World::Kept => "your world was kept as it is",
    };
    Ok(Report {
        text: format!("The contract is in {folder}; {said}: {folder}/{}.", wit::WORLD.name),
        json: json!({
            "folder": folder.to_string(),
            "abi": newleaf_domain::AbiVersion::current(),
            "world_kept": world == World::Kept,
        }),
        exit: Exit::Done,
    })
}

fn write_world(folder: &Path) -> Result<World, NotWritten> {
    if folder.join(wit::WORLD.name).exists() {
        return Ok(World::Kept);
    }
    write(folder, &wit::WORLD).map(|()| World::Written)
}

fn write(folder: &Path, Text { name, text }: &Text) -> Result<(), NotWritten> {
    let path = folder.join(name);
    let parent = path.parent().unwrap_or(folder);
    let written = fs::create_dir_all(parent).and_then(|()| fs::write(&path, text));
    written.map_err(|source| NotWritten(path, source))
}
