//! Smaller forms of the packages: a compressed copy beside each, and deltas from the versions
//! before it. Made after a release is out, by one thread of the lowest priority, one after the
//! other; nobody who publishes waits for it, and hosts that find none fetch the package.
//!
//! What is to be made follows from the releases alone, so nothing is queued: a start looks for what
//! is missing.

mod make;
mod wanted;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use newleaf_domain::ReleasePath;
use tokio::sync::{oneshot, watch};

use crate::db::{self, DbError};
use crate::log::chain;
use crate::registry::Registry;
use make::{Made, MakeError};
use wanted::{Form, Package};

/// A delta that no host needs any more stays for those who lag: 7 days.
const KEEP: Duration = Duration::from_hours(7 * 24);

/// Makes what is missing, and again after each release, until `stop` becomes true. What is being
/// made then is given up; the next start makes it.
pub async fn make_smaller(registry: Arc<Registry>, mut stop: watch::Receiver<bool>) {
    let mut news = registry.released.subscribe();
    let mut pointless = HashSet::new();
    loop {
        news.borrow_and_update();
        let pass = tokio::select! {
            pass = registry.make_missing(&mut pointless) => pass,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        if let Err(error) = pass {
            tracing::error!(error = chain(&error), "the list of releases could not be read");
        }
        registry.looked.send_modify(|count| *count += 1);
        tokio::select! {
            changed = news.changed() => if changed.is_err() { return },
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

impl Registry {
    /// Makes each form that is missing. `pointless` are those that turned out to be no smaller.
    async fn make_missing(&self, pointless: &mut HashSet<PathBuf>) -> Result<(), DbError> {
        let packages = self.packages().await?;
        let forms = wanted::forms(&packages, self.settings);
        for form in &forms {
            let path = self.public_path(&form.path());
            if pointless.contains(&path) || path.exists() {
                continue;
            }
            match self.make(form, &path).await {
                Ok(Made::Smaller(length)) => {
                    tracing::info!(form = form.path(), %length, "a smaller form was made");
                }
                Ok(Made::NoSmaller) => {
                    pointless.insert(path);
                }
                Err(error) => {
                    tracing::warn!(
                        form = form.path(),
                        error = chain(&error),
                        "a smaller form could not be made; hosts fetch the package"
                    );
                }
            }
        }
        let current = forms.iter().map(|form| self.public_path(&form.path())).collect();
        if let Err(error) = prune(&self.dir.deltas(), &current) {
            tracing::warn!(%error, "old deltas could not be removed");
        }
        Ok(())
    }

    /// Every package that was released.
    async fn packages(&self) -> Result<Vec<Package>, DbError> {
        let rows = db::packages(&mut *self.db.read().await?).await?;
        let package = |(path, sha256, length): (String, _, _)| {
            Some(Package { release: ReleasePath::parse(&path).ok()?, path, sha256, length })
        };
        Ok(rows.into_iter().filter_map(package).collect())
    }

    async fn make(&self, form: &Form, to: &Path) -> Result<Made, MakeError> {
        let (form, targets, to) = (form.clone(), self.dir.targets(), to.to_owned());
        let effort = self.settings.effort.into();
        aside(move || make::make(&form, &targets, &to, effort)).await?
    }
}

/// Runs `work` on a thread of its own that gets the processor when nobody else wants it.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, MakeError> {
    let (told, done) = oneshot::channel();
    let thread = std::thread::Builder::new().name("smaller".to_owned());
    let started = thread.spawn(move || {
        // On Linux this counts for the calling thread alone. A thread that stays as it was is no
        // reason not to work.
        let _ = rustix::process::setpriority_process(None, 19);
        // Nobody listens any more where the registry was stopped.
        drop(told.send(work()));
    });
    started.map_err(MakeError::Thread)?;
    done.await.map_err(|_| MakeError::Broke)
}

/// Removes deltas that are not among `current` and lay there for a while.
fn prune(folder: &Path, current: &HashSet<PathBuf>) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let modified = entry.metadata()?.modified()?;
        let is_old = SystemTime::now().duration_since(modified).is_ok_and(|age| age > KEEP);
        if is_old && !current.contains(&entry.path()) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_deltas_that_are_old_and_unwanted_are_removed() {
        let temp = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::now() - 2 * KEEP;
        let file = |name: &str, modified| {
            let path = temp.path().join(name);
            std::fs::File::create(&path).unwrap().set_modified(modified).unwrap();
            path
        };
        let wanted = file("wanted", long_ago);
        let (old, young) = (file("old", long_ago), file("young", SystemTime::now()));
        prune(temp.path(), &HashSet::from([wanted.clone()])).unwrap();
        assert_eq!([wanted, old, young].map(|path| path.exists()), [true, false, true]);
        prune(&temp.path().join("nowhere"), &HashSet::new()).unwrap();
    }
}
