//! Calls an app's optional functions (its lifecycle and its jobs), each on a fresh instance, under
//! time limits.

use std::{sync::Arc, time::Duration};

use newleaf_domain::display;
use wasmtime::{
    Store,
    component::{ComponentExportIndex, ComponentNamedList, InstancePre, Lower},
};

use crate::{
    abi::v1::{JOBS, LIFECYCLE},
    app::{Patience, Shared},
    instance::{self, Instance},
    limits::Limits,
};

/// The most characters of what an app says about a failure: it goes into the history, the log and
/// onto terminals.
const MOST_SAID: usize = 1_000;

/// A function that an app may export.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function {
    interface: &'static str,
    name: &'static str,
    wall: Duration,
    cpu: Duration,
}

impl Function {
    /// One of the lifecycle.
    pub(crate) fn lifecycle(name: &'static str, limits: &Limits) -> Self {
        Self { interface: LIFECYCLE, name, wall: limits.lifecycle, cpu: limits.lifecycle }
    }

    /// The one that does the jobs.
    pub(crate) fn job(limits: &Limits) -> Self {
        Self { interface: JOBS, name: "run", wall: limits.job, cpu: limits.job_cpu }
    }
}

/// Whether an app implements the function that was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Called {
    /// It does, and was content.
    Yes,
    /// It does not export the interface: nothing to do.
    NotExported,
}

/// Why a call of an app's function failed.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// The app refused, in its own words.
    #[error("the app answered `{function}` with: {reason}")]
    Refused {
        /// The function.
        function: &'static str,
        /// The app's words on one line, cut to 1,000 characters, control characters escaped.
        reason: String,
    },
    /// The app broke down.
    #[error("the app broke down in `{function}`: {reason}")]
    Trapped {
        /// The function.
        function: &'static str,
        /// The engine's words, with what the app wrote to standard error.
        reason: String,
    },
    /// The app took too long.
    #[error("`{function}` took more than {} s", limit.as_secs_f64())]
    TimedOut {
        /// The function.
        function: &'static str,
        /// What it may take.
        limit: Duration,
    },
    /// The machine failed in what the app asked of it: its disk is full, or failing. What the app
    /// made of that says nothing about the app.
    #[error("this machine failed in `{function}`: {reason}")]
    Machine {
        /// The function.
        function: &'static str,
        /// What failed.
        reason: String,
    },
    /// No instance could be made.
    #[error("no instance of the app can be made for `{function}`: {reason}")]
    Instantiate {
        /// The function.
        function: &'static str,
        /// The engine's words.
        reason: String,
    },
}

/// Calls `function` with `parameters`; a failure is told in the log too.
pub(crate) async fn call<P>(
    pre: &InstancePre<Instance>,
    app: &Arc<Shared>,
    function: Function,
    parameters: P,
) -> Result<Called, LifecycleError>
where
    P: ComponentNamedList + Lower + Send + Sync + 'static,
{
    let called = call_quietly(pre, app, function, parameters).await;
    if let Err(error) = &called
        && let Some(name) = app.told.line()
    {
        let reason = display::line(&error.to_string(), MOST_SAID + 100);
        tracing::warn!(app = %name, version = %app.config.version, reason, "a lifecycle call failed");
    }
    called
}

async fn call_quietly<P>(
    pre: &InstancePre<Instance>,
    app: &Arc<Shared>,
    function: Function,
    parameters: P,
) -> Result<Called, LifecycleError>
where
    P: ComponentNamedList + Lower + Send + Sync + 'static,
{
    let Function { interface, name: function, wall: limit, cpu } = function;
    let component = pre.component();
    let interface = component.get_export_index(None, interface);
    let Some(export) =
        interface.and_then(|interface| component.get_export_index(Some(&interface), function))
    else {
        return Ok(Called::NotExported);
    };
    let running = app.counters.enter();
    let room = tokio::time::timeout(limit, app.together.room(Patience::Queue));
    let Ok(share) = room.await else { return Err(LifecycleError::TimedOut { function, limit }) };
    let (mut store, meter) = instance::store(pre.engine(), app, share, cpu, running);
    // What failed before belongs to another call.
    drop(app.database.take_machine_fault());
    let work = invoke(pre, &mut store, export, function, parameters);
    let done = tokio::time::timeout(limit, work).await;
    let is_done = matches!(done, Ok(Ok(())));
    if let Some(reason) = app.database.take_machine_fault().filter(|_| !is_done) {
        return Err(LifecycleError::Machine { function, reason });
    }
    match done {
        Err(_) => Err(LifecycleError::TimedOut { function, limit }),
        Ok(Err(LifecycleError::Trapped { .. })) if meter.is_spent() => {
            Err(LifecycleError::TimedOut { function, limit: cpu })
        }
        Ok(Err(LifecycleError::Trapped { function, reason })) => {
            let words = store.data().last_words();
            let reason = if words.is_empty() { reason } else { format!("{reason} ({words})") };
            let reason = display::line(&reason, MOST_SAID);
            Err(LifecycleError::Trapped { function, reason })
        }
        Ok(other) => other.map(|()| Called::Yes),
    }
}

/// Makes an instance in `store` and calls its `export`.
async fn invoke<P>(
    pre: &InstancePre<Instance>,
    store: &mut Store<Instance>,
    export: ComponentExportIndex,
    function: &'static str,
    parameters: P,
) -> Result<(), LifecycleError>
where
    P: ComponentNamedList + Lower + Send + Sync + 'static,
{
    let words = |error: wasmtime::Error| display::line(&format!("{error:#}"), MOST_SAID);
    let instantiate = |error| LifecycleError::Instantiate { function, reason: words(error) };
    // What lies at the bottom: the frames above it would fill the line.
    let trapped = |error: wasmtime::Error| LifecycleError::Trapped {
        function,
        reason: display::line(&error.root_cause().to_string(), MOST_SAID),
    };
    let instance = pre.instantiate_async(&mut *store).await.map_err(instantiate)?;
    let typed = instance
        .get_typed_func::<P, (Result<(), String>,)>(&mut *store, export)
        .map_err(trapped)?;
    let (answer,) = typed.call_async(&mut *store, parameters).await.map_err(trapped)?;
    answer.map_err(|reason| LifecycleError::Refused {
        function,
        reason: display::line(&reason, MOST_SAID),
    })
}
