//! Joins an app to wasmtime's proxy handler, which serves `wasi:http` 0.2 and 0.3 alike: one
//! instance a request, ended by its processor time or the wall clock. Where the app asked for it an
//! instance that did well is kept for a later request; never for two at one time.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Instant,
};

use tokio::sync::OwnedSemaphorePermit;
use wasmtime::{
    Engine, Store, StoreContextMut,
    component::{GuestTaskId, InstancePre},
};
use wasmtime_wasi_http::{
    WasiHttpView as _,
    handler::{HandlerState, Proxy, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus},
};

use crate::{
    app::{Failure, Shared, root_of},
    entrance::Entrance,
    instance::{self, Instance},
    kept::Kept,
    stats::{Noted, Served, Ticket},
};

/// What the proxy handler needs to make instances of one app.
pub(crate) struct Workers {
    pub(crate) engine: Engine,
    pub(crate) pre: InstancePre<Instance>,
    pub(crate) entrance: Entrance,
    pub(crate) kept: Arc<Kept>,
    pub(crate) app: Arc<Shared>,
}

/// What travels with a request to its instance.
pub(crate) struct Errand {
    pub(crate) ticket: Arc<Ticket>,
    /// The request's place among the app's concurrent ones, kept until its instance is gone.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// The state of one instance that serves one request.
pub(crate) struct Worker {
    app: Arc<Shared>,
    kept: Arc<Kept>,
    errand: Arc<Seat>,
}

/// Where the errand of one instance is kept, once it has one.
#[derive(Default)]
struct Seat(Mutex<Option<Errand>>);

impl Seat {
    fn lock(&self) -> MutexGuard<'_, Option<Errand>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends an instance at the wall clock limit, or once its request is cut, whatever it does: it is
/// polled even while the guest waits in a host call.
pub(crate) struct WallClock {
    sleep: Pin<Box<tokio::time::Sleep>>,
    /// Set once there is a request that can be cut.
    cut: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
    errand: Arc<Seat>,
    app: Arc<Shared>,
}

impl HandlerState for Workers {
    type StoreData = Instance;
    type WorkerExpiration = WallClock;
    type WorkerState = Worker;

    async fn instantiate(
        &self,
    ) -> wasmtime::Result<wasmtime_wasi_http::handler::Instance<Instance, WallClock, Worker>> {
        let limits = &self.app.config.limits;
        let errand = Arc::<Seat>::default();
        let sleep = Box::pin(tokio::time::sleep(limits.wall));
        let app = self.app.clone();
        let expiration = WallClock { sleep, cut: None, errand: errand.clone(), app };
        let (store, proxy) = tokio::time::timeout(limits.wall, self.ready()).await??;
        Ok(wasmtime_wasi_http::handler::Instance {
            store,
            proxy,
            view: Instance::http,
            expiration,
            state: Worker { app: self.app.clone(), kept: self.kept.clone(), errand },
        })
    }
}

impl Workers {
    /// An instance for one request: one that was kept, else a new one.
    async fn ready(&self) -> wasmtime::Result<(Store<Instance>, Proxy)> {
        let (cpu, running) = (self.app.config.limits.cpu, self.app.counters.enter());
        if let Some(mut store) = self.kept.take()
            && let Some(made) = store.data().made()
        {
            instance::wake(&mut store, cpu, running);
            let proxy = self.entrance.open(&mut store, &made)?;
            return Ok((store, proxy));
        }
        let (mut store, _meter) = instance::store(&self.engine, &self.app, cpu, running);
        let made = self.pre.instantiate_async(&mut store).await?;
        self.app.counters.instance();
        store.data_mut().is(made);
        let proxy = self.entrance.open(&mut store, &made)?;
        Ok((store, proxy))
    }
}

impl WorkerExpiration for WallClock {
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        _: WorkerStatus,
        _: Instant,
    ) -> Poll<()> {
        let this = &mut *self;
        if this.cut.is_none() {
            let ticket = this.errand.lock().as_ref().map(|errand| errand.ticket.clone());
            this.cut = ticket.map(|ticket| Box::pin(ticket.until_cut()) as _);
        }
        if let Some(cut) = &mut this.cut
            && cut.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(());
        }
        ready!(this.sleep.as_mut().poll(context));
        if let Some(errand) = self.errand.lock().as_ref() {
            self.app.too_late(&errand.ticket);
        }
        Poll::Ready(())
    }
}

impl Worker {
    /// Says why an instance failed, where that was not said when its failure was noted.
    fn tell(&self, error: &wasmtime::Error, ticket: Option<&Arc<Ticket>>, store: &Store<Instance>) {
        let failure = ticket.and_then(|ticket| ticket.failure());
        if !matches!(failure, None | Some(Failure::CpuTime)) {
            return;
        }
        if ticket.is_some_and(|ticket| ticket.tell() == Noted::Before) {
            return;
        }
        let Some(app) = self.app.told.line() else { return };
        let request = ticket.map_or("", |ticket| ticket.what());
        let (reason, last_words) = (root_of(error), store.data().last_words());
        tracing::warn!(%app, request, reason, last_words, "an instance failed");
        // With the names of the app's functions, which can be of any length.
        let stack: String = format!("{error:#}").chars().take(4_000).collect();
        tracing::debug!(%app, stack, "where it failed");
    }
}

impl Shared {
    /// Notes that a request's time is over, and says so once.
    pub(crate) fn too_late(&self, ticket: &Ticket) {
        if ticket.fail(Failure::WallClock) == Noted::First
            && let Some(app) = self.told.line()
        {
            let (request, limit) = (ticket.what(), self.config.limits.wall.as_secs_f64());
            let reason = format!("it was not over after {limit} s");
            tracing::warn!(%app, request, reason, "a request failed");
        }
    }
}

impl WorkerState for Worker {
    type StoreData = Instance;
    type RequestData = Errand;

    fn should_accept_request(&self, _concurrent: usize, total: usize) -> ShouldAccept {
        if total == 0 { ShouldAccept::Yes } else { ShouldAccept::Never }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, Instance>,
        errand: Errand,
        _task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        errand.ticket.served(Served::Now);
        store.data_mut().ticket = Some(errand.ticket.clone());
        *self.errand.lock() = Some(errand);
        Box::pin(tokio::time::sleep(self.app.config.limits.wall))
    }

    fn drop(&self, mut store: Store<Instance>, result: Result<(), wasmtime::Error>) {
        let errand = self.errand.lock().take();
        let client_gone = errand.as_ref().is_some_and(|errand| errand.ticket.nobody_waits());
        let did_well = result.is_ok()
            && errand.as_ref().is_some_and(|errand| errand.ticket.failure().is_none())
            && store.data().may_serve_again();
        match result {
            Ok(()) => {}
            // Many guests trap when they write to nobody.
            Err(error) if client_gone => {
                if let Some(app) = self.app.told.line() {
                    tracing::info!(%app, reason = root_of(&error), "an instance ended after its client left");
                }
            }
            Err(error) => {
                let ticket = errand.as_ref().map(|errand| &errand.ticket);
                self.tell(&error, ticket, &store);
                if let Some(ticket) = ticket {
                    ticket.trap();
                }
            }
        }
        // The session first rolls back what is open; then the request's place is free.
        if did_well {
            store.data_mut().rest();
            self.kept.put(store);
        } else {
            drop(store);
        }
        if let Some(errand) = &errand {
            errand.ticket.served(Served::NoMore);
        }
        drop(errand.map(|errand| errand.permit));
    }
}
