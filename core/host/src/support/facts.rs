//! What the machine says of the folder: owners, modes, room, mount. Names and numbers, no contents.

use std::fmt::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use newleaf_launcher::{Layout, lock, state_file};

use crate::cli::owner::name_of;
use crate::db::snapshot;
use crate::product::Product;

/// What is looked at below the folder.
const PLACES: [&str; 14] = [
    "",
    "newleaf.toml",
    "newleaf.toml.good",
    "state",
    "state.prev",
    "journal.jsonl",
    "newleaf.db",
    "host.log",
    "run",
    "run/lock",
    "run/admin.sock",
    "slots/core",
    "data",
    "trust",
];

/// The facts as lines of text.
pub(super) fn facts(product: &Product, layout: &Layout) -> String {
    let mut text = String::new();
    match write_all(&mut text, product, layout) {
        Ok(()) => text,
        Err(error) => format!("{text}not all could be written: {error}\n"),
    }
}

fn write_all(out: &mut String, product: &Product, layout: &Layout) -> std::fmt::Result {
    let dir = layout.dir();
    writeln!(out, "product      {} {} ({})", product.name, product.version, product.edition)?;
    writeln!(out, "schema       {}", product.schema())?;
    writeln!(out, "platform     {}", newleaf_domain::Platform::current())?;
    writeln!(out, "kernel       {}", one_line("/proc/sys/kernel/osrelease"))?;
    writeln!(out, "uptime       {}", one_line("/proc/uptime"))?;
    writeln!(out, "user         {}", name_of(rustix::process::geteuid().as_raw()))?;
    writeln!(out, "host runs    {}", lock::running(layout).unwrap_or_else(|| "no".to_owned()))?;
    match state_file::read(layout) {
        Ok(state) => writeln!(out, "core         {}", state.core.good.version)?,
        Err(error) => writeln!(out, "core         {error}")?,
    }
    match rustix::fs::statvfs(dir) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let whole = found.f_blocks.saturating_mul(found.f_frsize);
            writeln!(out, "room         {free} of {whole} bytes free, {} inodes", found.f_favail)?;
            writeln!(out, "mount flags  {:?}", found.f_flag)?;
        }
        Err(error) => writeln!(out, "room         {error}")?,
    }
    for place in PLACES {
        writeln!(out, "{}", of(&dir.join(place), place))?;
    }
    for slot in names_in(&layout.core_slots()) {
        writeln!(out, "slot         {slot}")?;
    }
    for snapshot in snapshot::list(dir).unwrap_or_default() {
        writeln!(out, "snapshot     {} {}", snapshot.name, snapshot.size)?;
    }
    Ok(())
}

fn of(path: &Path, place: &str) -> String {
    let place = if place.is_empty() { "." } else { place };
    match std::fs::symlink_metadata(path) {
        Ok(found) => format!(
            "file         {place} {:o} {} {} bytes",
            found.permissions().mode() & 0o7777,
            name_of(found.uid()),
            found.len()
        ),
        Err(error) => format!("file         {place}: {error}"),
    }
}

fn one_line(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names =
        entries.map(|it| it.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>();
    names.sort();
    names
}
