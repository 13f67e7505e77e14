//! `newleaf init --adopt`: a host whose `state` is lost gets a new one, which names this program
//! alone. Nothing is removed: apps are installed again on the data that they left, and data of which
//! it is not known what it is goes aside.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use newleaf_domain::{Manifest, PackageName, Target, shell};
use newleaf_launcher::Layout;
use newleaf_launcher::journal::{Ending, Entry, Record};
use newleaf_launcher::lock::LockError;
use newleaf_launcher::offline::OfflineError;
use newleaf_launcher::state_file::StateError;
use newleaf_launcher::stateless::Stateless;
use newleaf_update::port::Kept;
use serde::Serialize;

use super::{failed, image};
use crate::Product;
use crate::adapter::{INSTALL_ID, kept};
use crate::cli::show::Screen;
use crate::cli::{Exit, owner};
use crate::config;
use crate::db::{self, Beat, Db, DbError, snapshot};
use crate::route::{Kind, Problem};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Adopted<'a> {
    dir: &'a Path,
    version: &'a str,
    /// Apps that left data: installed again, they go on with it.
    apps: Vec<PackageName>,
    /// Where data and copies lie of which it is not known what they are.
    set_aside: Vec<PathBuf>,
}

/// Makes the new state, or refuses the folder.
pub(super) fn run(product: &Product, screen: Screen, dir: &Path) -> Result<Exit, Problem> {
    owner::become_owner(dir)?;
    for file in [config::FILE, "trust/root.json", INSTALL_ID] {
        if !dir.join(file).is_file() {
            return Err(no_host(dir, file));
        }
    }
    let lost = Stateless::take(Layout::new(dir)).map_err(|error| refused(dir, &error))?;
    let records = lost.records().map_err(|error| refused(dir, &error))?;
    super::block_on(database(product, dir))?.map_err(|error| {
        failed("work with newleaf.db", &error).state("no host runs").todo(error.hint())
    })?;
    let good = image::copy(product, lost.layout())?;
    let (apps, set_aside) = keep_data(lost.layout(), &records)?;
    let notice = format!(
        "the host's state was lost, and a new one is made that names core {} and no app",
        product.version
    );
    lost.begin(good, notice).map_err(|error| refused(dir, &error))?;
    let adopted = Adopted { dir, version: product.version, apps, set_aside };
    screen.show(|| text(&adopted, product), &adopted);
    Ok(Exit::Done)
}

fn text(adopted: &Adopted<'_>, product: &Product) -> String {
    let (dir, typed) = (adopted.dir.display(), shell::word(adopted.dir));
    let mut lines = vec![format!(
        "{} {} is ready in {dir}, with its data; its state was lost, and with it what was installed",
        product.name, adopted.version
    )];
    lines.push(format!("start it: newleaf serve --dir {typed}"));
    lines.extend(adopted.apps.iter().map(|app| {
        format!("then install {app} again; it goes on with its data: newleaf apps install {app}")
    }));
    lines.extend(adopted.set_aside.iter().map(|path| {
        format!("set aside, since it is not known which version it is of: {}", path.display())
    }));
    lines.join("\n")
}

/// Brings the database to this program's schema, where this program may work on it.
async fn database(product: &Product, dir: &Path) -> Result<(), DbError> {
    let db = Db::open(dir).await?;
    let readable = match db.check(product.migrations).await {
        Ok(()) | Err(DbError::NotExpanded { .. }) => Ok(()),
        Err(error) => Err(error),
    };
    let grown = match readable {
        Ok(()) => db::expand(&db, product.migrations, &mut |_| Beat::GoOn).await,
        Err(error) => Err(error),
    };
    db.close().await;
    grown
}

/// Notes beside each app's data what it is, so that the app goes on with it once it is installed
/// again; moves aside what is not known, and the copies from before, which nothing names any more.
fn keep_data(
    layout: &Layout,
    records: &[Record],
) -> Result<(Vec<PackageName>, Vec<PathBuf>), Problem> {
    let on = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| failed(&format!("see to {path}"), &error)
    };
    let data = layout.dir().join("data/apps");
    let aside = layout.dir().join("set-aside");
    let (mut apps, mut set_aside) = (Vec::new(), Vec::new());
    for namespace in names(&data).map_err(on(&data))? {
        for app in names(&data.join(&namespace)).map_err(on(&data))? {
            let Ok(name) = PackageName::parse(&format!("{namespace}/{app}")) else { continue };
            let folder = data.join(&namespace).join(&app);
            if let Some(what) = known(layout, &name, &folder, records) {
                kept::write(&folder, what).map_err(|error| failed("note what is kept", &error))?;
                apps.push(name);
            } else {
                let to = aside.join(format!("data-{namespace}-{app}"));
                set_aside.push(move_to(&folder, to).map_err(on(&folder))?);
            }
        }
    }
    let snapshots = layout.dir().join("snapshots");
    for name in names(&snapshots).map_err(on(&snapshots))? {
        if !snapshot::is_cores(&name) {
            let to = aside.join(format!("snapshot-{name}"));
            set_aside.push(move_to(&snapshots.join(&name), to).map_err(on(&snapshots))?);
        }
    }
    Ok((apps, set_aside))
}

/// What an app's data is: of the version that its last update made good. None where that update did
/// not end so, where its slot is gone, or where anything tells of data of a newer schema.
fn known(layout: &Layout, app: &PackageName, data: &Path, records: &[Record]) -> Option<Kept> {
    let target = Target::App(app.clone());
    let began = |record: &&Record| matches!(&record.entry, Entry::Began { target: of, .. } if *of == target);
    let ended = |record: &Record| match &record.entry {
        Entry::Ended { ending, .. } => Some(*ending),
        Entry::Began { .. }
        | Entry::Started { .. }
        | Entry::Finished { .. }
        | Entry::Failed { .. }
        | Entry::Notice { .. }
        | Entry::Unknown => None,
    };
    let updates = records.iter().rev().filter(began);
    let endings = updates.map(|began| {
        let of = |record: &&Record| record.update.is_some() && record.update == began.update;
        (began, records.iter().filter(of).rev().find_map(ended))
    });
    // What was undone or taken back left the data as the one before it had made it.
    let is_gone =
        |ending: Option<Ending>| matches!(ending, Some(Ending::Undone | Ending::RolledBack));
    let mut counted = endings.skip_while(|(_, ending)| is_gone(*ending));
    let (began, ending) = counted.next()?;
    if ending != Some(Ending::Committed) {
        return None;
    }
    let Entry::Began { to, digest, .. } = &began.entry else { return None };
    let slots = layout.app_slots(app);
    let good = manifest(&slots.join(format!("{}-{to}", digest.short())))?;
    if good.id != target || good.version != *to {
        return None;
    }
    let others = names(&slots).ok()?;
    let mut schemas = others.iter().filter_map(|name| Some(manifest(&slots.join(name))?.schema));
    if schemas.any(|schema| schema > good.schema) {
        return None;
    }
    match kept::read(data) {
        Ok(Some(noted)) if noted.schema > good.schema => None,
        Ok(_) => Some(Kept { schema: good.schema, oldest_reader: good.oldest_reader }),
        Err(_) => None,
    }
}

fn manifest(slot: &Path) -> Option<Manifest> {
    Manifest::parse(&fs::read(slot.join(newleaf_package::MANIFEST)).ok()?).ok()
}

/// The folders in `folder`; none where it is not there.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(entry.file_name().into_string().ok());
        }
    }
    found.sort();
    Ok(found)
}

/// Moves a folder to `to`, or beside what an earlier time moved there; gives where it lies.
fn move_to(from: &Path, to: PathBuf) -> io::Result<PathBuf> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    let free = (2..).map(|n| to.with_extension(n.to_string()));
    let free = std::iter::once(to.clone()).chain(free).find(|path| !path.exists()).unwrap_or(to);
    fs::rename(from, &free)?;
    Ok(free)
}

fn no_host(dir: &Path, missing: &str) -> Problem {
    let shown = dir.display();
    Problem::new(
        Kind::Blocked,
        format!("make a new state for {shown}: {missing} is not there, so it is no host's folder"),
    )
    .state(format!("{shown} is as it was"))
    .todo(format!(
        "put {missing} back from a backup, or make a host elsewhere: newleaf init --help"
    ))
}

fn refused(dir: &Path, error: &OfflineError) -> Problem {
    let shown = dir.display();
    let message = newleaf_update::explain::chain(error);
    let detail = format!("make a new state for {shown}: {message}");
    let (kind, todo) = match error {
        OfflineError::Lock(LockError::Held { .. } | LockError::WorkersRemain { .. }) => {
            (Kind::Busy, error.hint())
        }
        OfflineError::State(StateError::Exists(_)) => (
            Kind::Blocked,
            format!(
                "start the host, whose state is well: newleaf serve --dir {}",
                shell::word(dir)
            ),
        ),
        OfflineError::Lock(_) | OfflineError::State(_) | OfflineError::Journal(_) => {
            (Kind::Failed, error.hint())
        }
    };
    Problem::new(kind, detail).state(format!("the folder {shown} is as it was")).todo(todo)
}

#[cfg(test)]
mod tests {
    use newleaf_domain::{Digest, PlanId, Timestamp, UpdateId, Version};
    use newleaf_launcher::state::Way;

    use super::*;

    const NOTES: &str = "acme/notes";

    /// The records of one update of notes.
    fn update(n: u64, to: &str, ending: Option<Ending>) -> Vec<Record> {
        let digest = Digest::of(to.as_bytes());
        let at = Timestamp::from_unix(1_800_000_000);
        let plan = PlanId::of(digest);
        let id = UpdateId::new(at, &plan, n);
        let began = Entry::Began {
            target: Target::parse(NOTES).unwrap(),
            from: None,
            to: Version::parse(to).unwrap(),
            digest,
            plan,
            way: Way::Forward,
            by: "test".to_owned(),
        };
        let ended = ending.map(|ending| Entry::Ended { ending, reason: None });
        let record = |entry| Record { seq: n, at, update: Some(id.clone()), entry };
        std::iter::once(began).chain(ended).map(record).collect()
    }

    /// A folder with data of notes, and slots of these versions with their schemas.
    fn folder(slots: &[(&str, u32)]) -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        fs::create_dir_all(dir.path().join("data/apps").join(NOTES)).unwrap();
        let name = PackageName::parse(NOTES).unwrap();
        for (version, schema) in slots {
            let digest = Digest::of(version.as_bytes());
            let slot = layout.app_slots(&name).join(format!("{}-{version}", digest.short()));
            fs::create_dir_all(&slot).unwrap();
            let manifest = format!(
                r#"{{"id":"{NOTES}","version":"{version}","schema":{schema},"oldest_reader":1}}"#
            );
            fs::write(slot.join(newleaf_package::MANIFEST), manifest).unwrap();
        }
        (dir, layout)
    }

    fn schema_of(layout: &Layout, records: &[Record]) -> Option<u32> {
        let (apps, set_aside) = keep_data(layout, records).unwrap();
        let data = layout.dir().join("data/apps").join(NOTES);
        assert_eq!((apps.len(), set_aside.len()), if data.exists() { (1, 0) } else { (0, 1) });
        assert!(set_aside.iter().all(|path| path.is_dir()), "{set_aside:?}");
        kept::read(&data).unwrap().map(|kept| kept.schema)
    }

    #[test]
    fn data_is_of_the_version_that_its_last_update_made_good() {
        let (_dir, layout) = folder(&[("1.0.0", 1), ("2.0.0", 2)]);
        let first = update(1, "1.0.0", Some(Ending::Committed));
        let second = update(2, "2.0.0", Some(Ending::Committed));
        assert_eq!(schema_of(&layout, &[first.clone(), second].concat()), Some(2));
        let (_dir, layout) = folder(&[("1.0.0", 1)]);
        let taken_back = update(2, "2.0.0", Some(Ending::RolledBack));
        assert_eq!(schema_of(&layout, &[first, taken_back].concat()), Some(1));
    }

    #[test]
    fn data_of_which_it_is_not_known_what_it_is_goes_aside() {
        let first = update(1, "1.0.0", Some(Ending::Committed));
        let open = update(2, "2.0.0", None);
        for (slots, records) in [
            (&[("1.0.0", 1)][..], Vec::new()),
            (&[], first.clone()),
            (&[("1.0.0", 1), ("2.0.0", 2)], first.clone()),
            (&[("1.0.0", 1)], [first, open].concat()),
        ] {
            let (_dir, layout) = folder(slots);
            assert_eq!(schema_of(&layout, &records), None, "{slots:?}");
        }
    }

    #[test]
    fn copies_that_nothing_names_any_more_go_aside_and_those_of_core_stay() {
        let (dir, layout) = folder(&[]);
        fs::remove_dir_all(dir.path().join("data")).unwrap();
        let core = dir.path().join("snapshots/core-20261121T023000Z-1.0.0");
        fs::create_dir_all(&core).unwrap();
        for n in 1..3 {
            fs::create_dir_all(dir.path().join("snapshots/s1")).unwrap();
            let (_, set_aside) = keep_data(&layout, &[]).unwrap();
            assert_eq!(set_aside.len(), 1, "{n}");
            assert!(set_aside[0].is_dir() && core.is_dir());
        }
    }
}
