//! Joins an app to wasmtime's proxy handler, which serves `wasi:http` 0.2 and 0.3 alike: one
//! instance a request, ended by its processor time or the wall clock. Where the app asked for it an
//! instance that did well is kept for a later request; never for two at one time. Each has its
//! memory set aside before it is made.

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
    handler::{
        HandlerState, Proxy, ProxyHandler, ShouldAccept, WorkerExpiration, WorkerState,
        WorkerStatus,
    },
};

use crate::{
    app::{Failure, Patience, Shared, root_of},
    entrance::Entrance,
    instance::{self, Instance},
    kept::Kept,
    stats::{Noted, Served, Ticket},
    together::Share,
};

/// What makes the instances of one app.
pub(crate) struct Workshop {
    pub(crate) engine: Engine,
    pub(crate) pre: InstancePre<Instance>,
    pub(crate) entrance: Entrance,
    pub(crate) kept: Arc<Kept>,
    pub(crate) app: Arc<Shared>,
}

/// What one request is to be served by.
pub(crate) enum Place {
    /// A new instance, which has this.
    New(Arc<Share>),
    /// One that was kept.
    Kept(Box<Store<Instance>>),
}

/// What the proxy handler needs to serve one request: every one has a handler of its own, so that
/// it gets the place that was made for it.
pub(crate) struct Workers {
    workshop: Arc<Workshop>,
    place: Mutex<Option<Place>>,
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
        let Workshop { app, kept, .. } = &*self.workshop;
        let wall = app.config.limits.wall;
        let errand = Arc::<Seat>::default();
        let sleep = Box::pin(tokio::time::sleep(wall));
        let expiration = WallClock { sleep, cut: None, errand: errand.clone(), app: app.clone() };
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner).take();
        let place = place.ok_or_else(|| wasmtime::Error::new(Taken))?;
        let (store, proxy) = tokio::time::timeout(wall, self.workshop.ready(place)).await??;
        Ok(wasmtime_wasi_http::handler::Instance {
            store,
            proxy,
            view: Instance::http,
            expiration,
            state: Worker { app: app.clone(), kept: kept.clone(), errand },
        })
    }
}

/// A handler was to serve a second request.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the place of the request is taken")]
struct Taken;

impl Place {
    /// What is set aside for the instance.
    pub(crate) fn share(&self) -> &Arc<Share> {
        match self {
            Self::New(share) => share,
            Self::Kept(store) => store.data().share(),
        }
    }
}

impl Workshop {
    /// Waits until there is memory for another instance, and gives one that was kept, or room for
    /// a new one.
    pub(crate) async fn place(&self, patience: Patience) -> Place {
        self.app.together.first(|| self.free_place(patience)).await
    }

    /// A place, where there is memory for it. Instances that nobody uses give way.
    fn free_place(&self, patience: Patience) -> Option<Place> {
        let together = &self.app.together;
        loop {
            let wanted = together.wanted(patience);
            let kept = self.kept.take();
            let none_left = kept.is_none();
            if let Some(store) = kept.filter(|store| store.data().share().widen(wanted)) {
                return Some(Place::Kept(Box::new(store)));
            }
            if let Some(share) = together.set_aside(wanted) {
                return Some(Place::New(share));
            }
            if none_left {
                return None;
            }
        }
    }

    /// A handler for the one request that has this place.
    pub(crate) fn handler(self: &Arc<Self>, place: Place) -> ProxyHandler<Workers> {
        let place = Mutex::new(Some(place));
        ProxyHandler::new(Workers { workshop: self.clone(), place })
    }

    /// An instance for one request.
    async fn ready(&self, place: Place) -> wasmtime::Result<(Store<Instance>, Proxy)> {
        let (cpu, running) = (self.app.config.limits.cpu, self.app.counters.enter());
        let share = match place {
            Place::New(share) => share,
            Place::Kept(mut store) => {
                let made = store.data().made().ok_or_else(|| wasmtime::Error::new(Taken))?;
                instance::wake(&mut store, cpu, running);
                let proxy = self.entrance.open(&mut store, &made)?;
                return Ok((*store, proxy));
            }
        };
        let (mut store, _meter) = instance::store(&self.engine, &self.app, share, cpu, running);
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
            self.app.together.tell();
        } else {
            drop(store);
        }
        if let Some(errand) = &errand {
            errand.ticket.served(Served::NoMore);
        }
        drop(errand.map(|errand| errand.permit));
    }
}
