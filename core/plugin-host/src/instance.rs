//! What one instance of an app carries: empty WASI contexts, its limits, its session with the
//! app's database. Made fresh for every request and every lifecycle call, unless the app asked for
//! its instances to be used again: then what belongs to one request alone is exchanged between two.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use newleaf_domain::ByteSize;
use wasmtime::{
    Engine, Store, UpdateDeadline,
    component::{self, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView, p2::pipe::MemoryOutputPipe};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::{
    allowance::Allowance,
    app::{Failure, Shared},
    egress::{Egress, Outbound},
    engine::TICK,
    lane::{Queue, Slice},
    limits::as_usize,
    meter::{Budget, Meter},
    shelf::{RESOURCES, Shelf},
    stats::{Running, Ticket},
    storage::Session,
    together::{Lent, Share},
};

/// How much of what a guest writes to standard error is kept; a Rust panic says why there.
const STDERR: usize = 4096;

/// The most that one list of header or trailer fields may take, names, values and map together.
const FIELDS: usize = 32 * 1024;

/// The most random bytes of one call.
const RANDOM: u64 = 64 * 1024;

/// The most memory by which an instance may have grown since it was made and still be used again: a
/// large request is no reason to keep what it took, and what leaks at each has an end.
const GROWTH: ByteSize = ByteSize::mib(4);

/// The data of one instance's store.
pub(crate) struct Instance {
    app: Arc<Shared>,
    table: ResourceTable,
    shelf: Shelf,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    egress: Egress,
    allowance: Allowance,
    meter: Arc<Meter>,
    pocket: Pocket,
    stderr: MemoryOutputPipe,
    /// The instance in the store that this is the data of, once it is made, and the memory it began
    /// with.
    made: Option<(component::Instance, u64)>,
    /// Requests it has answered or begun.
    uses: u32,
    /// The request this instance serves; none for a lifecycle call.
    pub(crate) ticket: Option<Arc<Ticket>>,
    pub(crate) session: Session,
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.app.counters.used(self.meter.used(), self.allowance.taken());
    }
}

/// The guest used up its processor time.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the app used up its processor time")]
pub(crate) struct CpuSpent;

/// A store for one instance of `app` that has `share` of its memory, may use `cpu`, and keeps
/// `running` alive as long as it or its SQL runs.
pub(crate) fn store(
    engine: &Engine,
    app: &Arc<Shared>,
    share: Arc<Share>,
    cpu: Duration,
    running: Arc<Running>,
) -> (Store<Instance>, Arc<Meter>) {
    let meter = Meter::paced(cpu, &app.queue);
    let session = Session::new(&app.database, &meter, running).charged_to(&share);
    let mut store = Store::new(engine, Instance::new(app, share, session, meter.clone()));
    store.limiter(|instance| &mut instance.allowance);
    // As many as of WASI's: tasks, streams and futures of 0.3, which keep no data.
    if let Some(table) = store.concurrent_resource_table() {
        table.set_max_capacity(RESOURCES);
    }
    store.set_hostcall_fuel(as_usize(app.config.limits.hostcall));
    store.set_epoch_deadline(1);
    // A tick passes only while the guest computes; one that waits is charged one tick at waking.
    store.epoch_deadline_callback(|context| {
        let Instance { meter, pocket, ticket, .. } = context.data();
        match meter.charge(TICK) {
            Budget::Left => {
                let pause = pause(meter.queue().cloned(), pocket.clone());
                Ok(UpdateDeadline::YieldCustom(1, Box::pin(pause)))
            }
            Budget::Spent | Budget::Cancelled => {
                if let Some(ticket) = ticket {
                    ticket.fail(Failure::CpuTime);
                }
                Err(wasmtime::Error::new(CpuSpent))
            }
        }
    });
    (store, meter)
}

/// Readies an instance that has answered a request for the next one, which may use `cpu`.
pub(crate) fn wake(store: &mut Store<Instance>, cpu: Duration, running: Arc<Running>) {
    // Ticks that passed while it lay idle are nobody's.
    store.set_epoch_deadline(1);
    let instance = store.data_mut();
    let meter = Meter::paced(cpu, &instance.app.queue);
    let session = Session::new(&instance.app.database, &meter, running);
    instance.session = session.charged_to(instance.allowance.share());
    instance.meter = meter;
    instance.uses += 1;
}

/// Where an instance has the slice in which it computes.
type Pocket = Arc<Mutex<Option<Slice>>>;

/// Lets others have the processor; an instance that has used much of it waits for its next slice.
async fn pause(queue: Option<Arc<Queue>>, pocket: Pocket) {
    drop(pocket.lock().unwrap_or_else(PoisonError::into_inner).take());
    // tokio's own yield lets timers and sockets have their turn between two ticks.
    tokio::task::yield_now().await;
    if let Some(queue) = queue {
        let slice = queue.slice().await;
        *pocket.lock().unwrap_or_else(PoisonError::into_inner) = slice;
    }
}

impl Instance {
    fn new(app: &Arc<Shared>, share: Arc<Share>, session: Session, meter: Arc<Meter>) -> Self {
        let stderr = MemoryOutputPipe::new(STDERR);
        let limits = &app.config.limits;
        let (mut table, shelf) = (ResourceTable::new(), Shelf::default());
        table.set_max_capacity(shelf.room());
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(FIELDS);
        let mut wasi = WasiCtx::builder();
        app.config.clock.tells(&mut wasi);
        Self {
            app: app.clone(),
            table,
            shelf,
            wasi: wasi
                .stderr(stderr.clone())
                .allow_tcp(false)
                .allow_udp(false)
                .allow_ip_name_lookup(false)
                .max_random_size(RANDOM)
                .build(),
            http,
            egress: Egress::new(app.outgoing.clone()),
            allowance: Allowance::new(limits, share),
            meter,
            pocket: Pocket::default(),
            stderr,
            made: None,
            uses: 1,
            ticket: None,
            session,
        }
    }

    /// Notes which instance this is the data of.
    pub(crate) fn is(&mut self, made: component::Instance) {
        self.made = Some((made, self.allowance.taken()));
    }

    /// The instance this is the data of.
    pub(crate) fn made(&self) -> Option<component::Instance> {
        self.made.map(|(made, _)| made)
    }

    /// Whether another request may find what this one leaves: the manifest allows it so often, it
    /// has not grown by much, and it has not complained on standard error.
    pub(crate) fn may_serve_again(&self) -> bool {
        let began_with = self.made.map_or(0, |(_, memory)| memory);
        self.uses < self.app.config.reuse.most()
            && self.allowance.taken().saturating_sub(began_with) <= GROWTH.as_u64()
            && self.stderr.contents().is_empty()
    }

    /// Lets go of all that belongs to the request which has ended. What it used is counted, and
    /// computing without a request is over at the next tick.
    pub(crate) fn rest(&mut self) {
        self.app.counters.used(self.meter.used(), self.allowance.taken());
        self.session.close();
        self.share().rest();
        self.ticket = None;
        self.meter = Meter::paced(Duration::ZERO, &self.app.queue);
        drop(self.pocket.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// The app's name.
    pub(crate) fn name(&self) -> &newleaf_domain::PackageName {
        &self.app.config.name
    }

    /// A setting the admin gave.
    pub(crate) fn setting(&self, key: &str) -> Option<&str> {
        self.app.config.settings.get(key).map(String::as_str)
    }

    /// What the instance holds of WASI.
    pub(crate) fn table(&self) -> &ResourceTable {
        &self.table
    }

    /// Counts `bytes` that a call hands to the host as memory of the app, as long as the result
    /// lives: calls wait for their turn with all that they were given.
    ///
    /// # Errors
    /// The app may have no more; ends the call.
    pub(crate) fn lend(&self, bytes: usize) -> wasmtime::Result<Lent> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.share().lend(bytes).map_err(wasmtime::Error::new)
    }

    /// What is set aside for it of its app's memory.
    pub(crate) const fn share(&self) -> &Arc<Share> {
        self.allowance.share()
    }

    /// Lets the instance hold more of WASI, as far as its app's memory goes.
    fn make_room(&mut self) {
        self.session.is_lowered();
        if !self.shelf.is_due() {
            return;
        }
        let held = self.table.iter_mut().count();
        if let Err(refused) = self.shelf.make_room(held, self.allowance.share())
            && let Some(app) = self.app.told.denial()
        {
            tracing::warn!(%app, held, "no more handles for an instance: {refused}");
        }
        self.table.set_max_capacity(self.shelf.room());
    }

    /// Where the app is served.
    pub(crate) fn base(&self) -> &str {
        &self.app.config.base_path
    }

    /// Counts a log line of the app's own; whether it is to be written.
    pub(crate) fn may_log(&self) -> bool {
        self.app.voice.may_speak(self.name())
    }

    /// Counts a log line about what the app is denied; whether it is to be written.
    pub(crate) fn may_be_told_of(&self) -> bool {
        self.app.told.denial().is_some()
    }

    /// What the guest wrote to standard error, on one line, control characters escaped.
    pub(crate) fn last_words(&self) -> String {
        newleaf_domain::display::line(&String::from_utf8_lossy(&self.stderr.contents()), 1_000)
    }
}

impl WasiView for Instance {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.make_room();
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Instance {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.make_room();
        self.egress.outbound = self.ticket.as_ref().map_or(Outbound::Granted, |it| it.outbound());
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.egress }
    }
}
