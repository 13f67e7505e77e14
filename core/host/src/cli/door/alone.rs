//! No host runs: this process holds the folder's lock and answers the API itself, by the same
//! updater. A core update goes as far as laying the trial ready for the next start.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use newleaf_launcher::lock::{self, LockError};
use newleaf_launcher::offline::{OfflineError, Purpose, WORKERS_WITHIN};
use newleaf_launcher::serve::damage_of;
use newleaf_launcher::state::State;
use newleaf_launcher::{Layout, StoppedHost, state_file};
use newleaf_update::Explain as _;
use tower::ServiceExt as _;

use crate::Product;
use crate::cli::owner;
use crate::config::Config;
use crate::program::named_in;
use crate::route::{self, Caller, Kind, Problem, kind_of};

/// The host's place, taken while a command runs.
#[derive(Debug)]
pub(crate) struct Alone {
    router: Router,
    dir: PathBuf,
}

impl Alone {
    /// Brings the core of `dir` that would serve anew where its program is damaged on disk, and says
    /// so; none where it is whole, or a host runs. This very program does it, whatever its version:
    /// nothing but signed files and the slot is touched, and no database.
    ///
    /// # Errors
    /// It is damaged, and cannot be brought anew.
    pub(super) async fn mend(
        product: &'static Product,
        dir: &Path,
    ) -> Result<Option<String>, Problem> {
        let layout = Layout::new(dir);
        // What is no host, and what cannot be read, is told by whoever takes it.
        let Ok(state) = state_file::read(&layout) else { return Ok(None) };
        let good = &state.core.good;
        if lock::running(&layout).is_some() || damage_of(&layout, good).is_none() {
            return Ok(None);
        }
        owner::become_owner(dir)?;
        let config = config_of(dir)?;
        let workers_within = WORKERS_WITHIN;
        let host = StoppedHost::open(layout, Purpose::Change { workers_within })
            .map_err(|error| in_use(&error))?;
        let updater = crate::app::offline(product, host, &config).await.map_err(|error| {
            failed(Kind::Failed, &error).state("no host runs; what it would run is as it was")
        })?;
        updater.bring_core_anew().await.map_err(|error| {
            failed(kind_of(error.class()), &error).done(error.done()).todo(error.todo())
        })
    }

    /// Takes the place of the host of `dir`: as the folder's owner, by the version that would serve.
    ///
    /// # Errors
    /// The folder is no host, another's, or in use; or what is in it cannot be read.
    pub(super) async fn take(
        product: &'static Product,
        dir: &Path,
        purpose: Purpose,
    ) -> Result<Self, Problem> {
        owner::become_owner(dir)?;
        let layout = Layout::new(dir);
        let state = state_file::read(&layout).map_err(|error| {
            failed(Kind::Failed, &error).state("no host runs on this folder").todo(error.hint())
        })?;
        become_good(product, &layout, &state)?;
        let config = config_of(dir)?;
        let host = StoppedHost::open(layout, purpose).map_err(|error| in_use(&error))?;
        if let Some(loss) = host.loss() {
            // Where standard error is closed, the journal and the overview still tell.
            drop(std::io::stderr().write_all(format!("attention: {loss}\n").as_bytes()));
        }
        let api = crate::app::alone(product, host, &config).await.map_err(|error| {
            failed(Kind::Failed, &error).state("no host runs; what it would run is as it was")
        })?;
        let caller = Caller::user(rustix::process::geteuid().as_raw());
        let router = named_in(route::alone(&api, caller), product.program);
        Ok(Self { router, dir: dir.to_owned() })
    }

    /// The folder.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        match self.router.clone().oneshot(request).await {
            Ok(response) => Ok(response),
            Err(never) => match never {},
        }
    }
}

/// Starts the version that would serve in place of this one, where they differ: it knows its own
/// database and the forms it wrote. Does not come back then.
///
/// # Errors
/// It cannot be started.
pub(crate) fn become_good(
    product: &Product,
    layout: &Layout,
    state: &State,
) -> Result<(), Problem> {
    let good = &state.core.good;
    let program = layout.program(good);
    let is_this = std::env::current_exe().is_ok_and(|image| image == program);
    if is_this || good.version.as_str() == product.version {
        return Ok(());
    }
    if let Some(damage) = damage_of(layout, good) {
        return Err(Problem::new(
            Kind::Failed,
            format!("start core {}, which knows its own data: {damage}", good.version),
        )
        .todo("bring it anew: newleaf update core, with the service stopped"));
    }
    let error = Command::new(&program).args(std::env::args_os().skip(1)).exec();
    Err(Problem::new(
        Kind::Failed,
        format!(
            "start {}: {error}; this program is {}, the folder is of {}",
            program.display(),
            product.version,
            good.version
        ),
    )
    .todo(format!("work with the program of version {}", good.version)))
}

fn config_of(dir: &Path) -> Result<Config, Problem> {
    Config::load(dir)
        .map_err(|error| failed(Kind::Failed, &error).state("no host runs").todo(error.hint()))
}

fn in_use(error: &OfflineError) -> Problem {
    let kind = match error {
        OfflineError::Lock(LockError::Held { .. } | LockError::WorkersRemain { .. }) => Kind::Busy,
        OfflineError::Lock(_) | OfflineError::State(_) | OfflineError::Journal(_) => Kind::Failed,
    };
    failed(kind, error).todo(error.hint())
}

fn failed(kind: Kind, error: &(dyn std::error::Error + 'static)) -> Problem {
    Problem::new(kind, newleaf_update::explain::chain(error))
}
