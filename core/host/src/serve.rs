//! `newleaf serve`: this process becomes the launcher of a host, and stays it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use newleaf_domain::shell;
use newleaf_launcher::lock::LockError;
use newleaf_launcher::serve::ListenError;
use newleaf_launcher::supervisor::Timing;
use newleaf_launcher::{Bound, ServeError, Settings};

use crate::config::{Config, Listen, scheme};
use crate::product::Product;
use crate::route::{Kind, Problem};

/// Runs the host of `dir` until it is told to end. Prints where it listens once it does.
///
/// # Errors
/// The folder is in use, there is no host in it, or an address cannot be bound.
pub(crate) fn run(
    product: &'static Product,
    dir: &Path,
    config: &Config,
) -> Result<ExitCode, Problem> {
    let bound = Bound::open(settings(dir, config)).map_err(|error| problem(&error))?;
    let Listen { public_tls, admin_tls, .. } = &config.listen;
    say("public", scheme(public_tls.as_ref()), &bound.public());
    say("admin", scheme(admin_tls.as_ref()), &bound.admin());
    tracing::info!(product = product.name, version = product.version, "launcher started");
    bound.run().map_err(|error| problem(&error))?;
    Ok(ExitCode::SUCCESS)
}

fn settings(dir: &Path, config: &Config) -> Settings {
    let core = &config.core;
    Settings {
        dir: dir.to_owned(),
        public: config.listen.public.clone(),
        admin: config.listen.admin.clone(),
        image: own_image(),
        protocol: crate::protocol::spoken(),
        arguments: std::env::args_os().skip(1).collect(),
        timing: Timing {
            tries: core.tries.get(),
            ready_within: core.ready_within.duration(),
            probe_within: core.probe_within.duration(),
            probation: core.probation.duration(),
            drain_within: core.drain_within.duration(),
            hang_within: core.hang_within.duration(),
            expand_within: core.expand_within.duration(),
            ..Timing::default()
        },
    }
}

/// The program that runs now, even where its file was replaced or removed since.
fn own_image() -> PathBuf {
    PathBuf::from("/proc/self/exe")
}

/// One line for each address, for people and for whoever started the host.
fn say(door: &str, scheme: &str, addresses: &[SocketAddr]) {
    let mut out = std::io::stdout().lock();
    for address in addresses {
        // A host without a stdout serves all the same.
        drop(writeln!(out, "{door} {scheme}://{address}"));
    }
    drop(out.flush());
}

fn problem(error: &ServeError) -> Problem {
    let kind = match error {
        ServeError::Lock(LockError::Held { .. }) => Kind::Busy,
        ServeError::Lock(_)
        | ServeError::State(_)
        | ServeError::Journal(_)
        | ServeError::Listen(_)
        | ServeError::Handover(_)
        | ServeError::System { .. } => Kind::Failed,
    };
    Problem::new(kind, format!("serve: {}", newleaf_update::explain::chain(error)))
        .state("this process serves nothing")
        .todo(no_right_to_bind(error).unwrap_or_else(|| error.hint()))
}

/// What gives this program the right to a low port, where the lack of it is the fault.
fn no_right_to_bind(error: &ServeError) -> Option<String> {
    let ServeError::Listen(ListenError::Bind { source, .. }) = error else { return None };
    let program = std::env::current_exe().ok()?;
    (source.kind() == std::io::ErrorKind::PermissionDenied).then(|| {
        // A capability of the file is void then, and no setcap mends it (`capabilities(7)`).
        let own = if rustix::thread::no_new_privs().unwrap_or(false) {
            "start it without no_new_privs".to_owned()
        } else {
            format!("sudo setcap 'cap_net_bind_service=+ep' {}", shell::word(program))
        };
        format!(
            "{own}, or start it by newleaf.service, which has \
             AmbientCapabilities=CAP_NET_BIND_SERVICE"
        )
    })
}
