//! `newleaf init`: makes the folder of a new host. The state is written last: a folder without it
//! is no host, and what an interrupted `init` left there is refused as foreign.

mod adopt;
mod folder;
mod image;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use newleaf_domain::shell;
use newleaf_launcher::state::{Image, State};
use newleaf_launcher::{Layout, StoppedHost};
use newleaf_trust::{Limits, TrustStore};
use serde::Serialize;

use crate::Product;
use crate::cli::Exit;
use crate::cli::arguments::Init;
use crate::cli::show::Screen;
use crate::config::{self, RepositoryUrl};
use crate::db::{self, Beat, Db, DbError};
use crate::route::{Kind, Problem};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Made<'a> {
    dir: &'a Path,
    version: &'a str,
}

/// Makes the host, or refuses the folder.
pub(in crate::cli) fn run(
    product: &Product,
    screen: Screen,
    dir: &Path,
    arguments: &Init,
) -> Result<Exit, Problem> {
    if arguments.adopt {
        return adopt::run(product, screen, dir);
    }
    let Some(repository) = &arguments.repository else {
        return Err(Problem::new(Kind::Malformed, "make a host: its repository is not named")
            .todo("name it by --repository URL"));
    };
    let nothing_made = format!("no host was made in {}", dir.display());
    let root = root(product, arguments).map_err(|problem| problem.state(nothing_made))?;
    folder::refuse_too_deep(dir)?;
    folder::refuse_unfit(dir)?;
    folder::begin(dir)?;
    make(product, dir, repository, &root).map_err(|problem| {
        problem
            .state(format!("{} is no host", dir.display()))
            .done("what was begun is left there")
            .todo(format!("mend it, remove {}, and run the same line again", dir.display()))
    })?;
    let made = Made { dir, version: product.version };
    screen.show(|| text(dir, product), &made);
    Ok(Exit::Done)
}

fn text(dir: &Path, product: &Product) -> String {
    let (shown, typed) = (dir.display(), shell::word(dir));
    format!(
        "{} {} is ready in {shown}\nsettings: {shown}/{}\nstart it: newleaf serve --dir {typed}",
        product.name,
        product.version,
        config::FILE
    )
}

fn make(
    product: &Product,
    dir: &Path,
    repository: &RepositoryUrl,
    root: &[u8],
) -> Result<(), Problem> {
    let layout = Layout::new(dir);
    folder::make(dir)?;
    folder::write(&dir.join(config::FILE), config::template(repository).as_bytes())?;
    folder::write(&dir.join("trust").join("root.json"), root)?;
    folder::write(&dir.join(crate::adapter::INSTALL_ID), install_id()?.as_bytes())?;
    let good = image::copy(product, &layout)?;
    block_on(database(product, dir))?.map_err(|error| failed("make newleaf.db", &error))?;
    folder::sync_all(dir)?;
    let image = good.binary.map(Image::plain);
    let mut state = State::first(good);
    state.core.image = image;
    StoppedHost::create(layout, state).map_err(|error| failed("write the first state", &error))?;
    Ok(())
}

fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Problem> {
    Ok(crate::cli::runtime()?.block_on(work))
}

/// Makes `newleaf.db` with all that this version needs.
async fn database(product: &Product, dir: &Path) -> Result<(), DbError> {
    let db = Db::open(dir).await?;
    let grown = db::expand(&db, product.migrations, &mut |_| Beat::GoOn).await;
    db.close().await;
    grown
}

/// The root that is trusted from now on: the product's own, or the one that was handed over.
fn root(product: &Product, arguments: &Init) -> Result<Vec<u8>, Problem> {
    let bytes = match (product.root, &arguments.root) {
        (Some(root), None) => root.to_vec(),
        (Some(_), Some(_)) => {
            return Err(Problem::new(
                Kind::Malformed,
                format!("take --root: {} brings its own root of trust", product.name),
            )
            .todo("leave --root out"));
        }
        (None, Some(path)) => read_root(path)?,
        (None, None) => {
            return Err(Problem::new(
                Kind::Malformed,
                format!("choose whom to trust: {} brings no root of its own", product.name),
            )
            .todo(
                "get the repository's root.json from someone you trust and name it by --root FILE",
            ));
        }
    };
    match TrustStore::from_root(&bytes, &Limits::default()) {
        Ok(_) => Ok(bytes),
        Err(error) => {
            Err(Problem::new(Kind::Refused, format!("trust the root role: {error}"))
                .todo(error.hint()))
        }
    }
}

/// The file's bytes; never more than a root role may have, whatever the file is.
fn read_root(path: &Path) -> Result<Vec<u8>, Problem> {
    let max = Limits::default().root;
    let mut bytes = Vec::new();
    let read = File::open(path)
        .and_then(|file| file.take(max.as_u64().saturating_add(1)).read_to_end(&mut bytes));
    read.map_err(|error| {
        Problem::new(Kind::Failed, format!("read the root role {}: {error}", path.display())).todo(
            if error.kind() == io::ErrorKind::PermissionDenied {
                format!("let this user read it: ls -l {}", shell::word(path))
            } else {
                "name the repository's root.json, a file, by --root FILE".to_owned()
            },
        )
    })?;
    if bytes.len() as u64 > max.as_u64() {
        return Err(Problem::new(
            Kind::Refused,
            format!("trust the root role: {} is longer than the {max} allowed", path.display()),
        )
        .todo("name the repository's root.json by --root FILE"));
    }
    Ok(bytes)
}

/// 32 random bytes as hex: places this host in staged rollouts, and says nothing else of it.
fn install_id() -> Result<String, Problem> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| failed("get random bytes", &error))?;
    Ok(hex::encode(bytes))
}

/// A problem for an error in the middle of making.
fn failed(doing: &str, error: &(dyn std::error::Error + 'static)) -> Problem {
    Problem::new(Kind::Failed, format!("{doing}: {}", newleaf_update::explain::chain(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_of_a_root_is_read_than_one_may_have() {
        let refused = read_root(Path::new("/dev/zero")).unwrap_err();
        assert!(format!("{refused:?}").contains("longer than the 64 KiB allowed"), "{refused:?}");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("root.json");
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(read_root(&path).unwrap(), b"{}");
        let folder = read_root(dir.path()).unwrap_err();
        assert_eq!(folder.todo, "name the repository's root.json, a file, by --root FILE");
    }
}
