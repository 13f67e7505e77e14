//! `newleaf support-bundle`: an archive for whoever helps. Reads files alone; a host may run or not.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use newleaf_domain::Clock as _;
use newleaf_launcher::Layout;
use serde::Serialize;

use crate::Product;
use crate::adapter::SystemClock;
use crate::cli::Exit;
use crate::cli::owner::{self, Standing};
use crate::cli::show::Screen;
use crate::route::{Kind, Problem};
use crate::support;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Written<'a> {
    file: &'a Path,
}

/// Writes the archive to `out`, which must not exist yet, readable by this user alone.
pub(in crate::cli) fn run(
    product: &Product,
    screen: Screen,
    dir: &Path,
    out: Option<PathBuf>,
) -> Result<Exit, Problem> {
    if owner::standing(dir)? == Standing::Stranger {
        return Err(owner::not_yours(dir));
    }
    let now = SystemClock.now();
    let path = out.unwrap_or_else(|| support::file_name(product.program, now).into());
    let archive = support::bundle(product, &Layout::new(dir), now);
    let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    open.and_then(|mut file| file.write_all(&archive)).map_err(|error| {
        Problem::new(Kind::Failed, format!("write {}: {error}", path.display()))
            .state("the host is as it was")
            .todo("name another file by --out FILE")
    })?;
    let text = format!("{}\nLook through it before you pass it on.", path.display());
    screen.show(|| text, &Written { file: &path });
    Ok(Exit::Done)
}
