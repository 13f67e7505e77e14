//! What one instance of an app carries: empty WASI contexts, its limits, its session with the
//! app's database. Made fresh for every request and every lifecycle call.

use std::{sync::Arc, time::Duration};

use wasmtime::{
    Engine, Store, StoreLimits, StoreLimitsBuilder, UpdateDeadline, component::ResourceTable,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView, p2::pipe::MemoryOutputPipe};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::{
    app::{Failure, Shared},
    egress::Egress,
    engine::TICK,
    limits::as_usize,
    meter::{Budget, Meter},
    stats::{Running, Ticket},
    storage::Session,
};

/// How much of what a guest writes to standard error is kept; a Rust panic says why there.
const STDERR: usize = 4096;

/// Log lines of one instance; what comes after is dropped.
const LOG_LINES: u32 = 200;

/// The most WASI resources (streams, fields, bodies) one instance may hold.
const RESOURCES: usize = 10_000;

/// The most random bytes of one call.
const RANDOM: u64 = 64 * 1024;

/// The data of one instance's store.
pub(crate) struct Instance {
    app: Arc<Shared>,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    egress: Egress,
    limits: StoreLimits,
    stderr: MemoryOutputPipe,
    log_lines: u32,
    /// The request this instance serves; none for a lifecycle call.
    pub(crate) ticket: Option<Arc<Ticket>>,
    pub(crate) session: Session,
}

/// The guest used up its processor time.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the app used up its processor time")]
pub(crate) struct CpuSpent;

/// A store for one instance of `app` that may use `cpu`, and keeps `running` alive as long as it
/// or its SQL runs.
pub(crate) fn store(
    engine: &Engine,
    app: &Arc<Shared>,
    cpu: Duration,
    running: Arc<Running>,
) -> (Store<Instance>, Arc<Meter>) {
    let meter = Meter::new(cpu);
    let session = Session::new(&app.database, &meter, running);
    let mut store = Store::new(engine, Instance::new(app, session));
    store.limiter(|instance| &mut instance.limits);
    store.set_hostcall_fuel(as_usize(app.config.limits.hostcall));
    store.set_epoch_deadline(1);
    let charged = meter.clone();
    // A tick passes only while the guest computes; one that waits is charged one tick at waking.
    store.epoch_deadline_callback(move |context| match charged.charge(TICK) {
        // tokio's own yield lets timers and sockets have their turn between two ticks.
        Budget::Left => Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))),
        Budget::Spent | Budget::Cancelled => {
            if let Some(ticket) = &context.data().ticket {
                ticket.fail(Failure::CpuTime);
            }
            Err(wasmtime::Error::new(CpuSpent))
        }
    });
    (store, meter)
}

impl Instance {
    fn new(app: &Arc<Shared>, session: Session) -> Self {
        let stderr = MemoryOutputPipe::new(STDERR);
        let limits = &app.config.limits;
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        Self {
            app: app.clone(),
            table,
            wasi: WasiCtx::builder()
                .stderr(stderr.clone())
                .allow_tcp(false)
                .allow_udp(false)
                .allow_ip_name_lookup(false)
                .max_random_size(RANDOM)
                .build(),
            http: WasiHttpCtx::new(),
            egress: Egress(app.outgoing.clone()),
            limits: StoreLimitsBuilder::new()
                .memory_size(as_usize(limits.memory))
                .memories(4)
                .instances(32)
                .tables(16)
                .table_elements(100_000)
                .trap_on_grow_failure(true)
                .build(),
            stderr,
            log_lines: 0,
            ticket: None,
            session,
        }
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

    /// Where the app is served.
    pub(crate) fn base(&self) -> &str {
        &self.app.config.base_path
    }

    /// Counts a log line; whether it is still to be written.
    pub(crate) fn may_log(&mut self) -> bool {
        self.log_lines = self.log_lines.saturating_add(1);
        self.log_lines <= LOG_LINES
    }

    /// What the guest wrote to standard error, on one line.
    pub(crate) fn last_words(&self) -> String {
        String::from_utf8_lossy(&self.stderr.contents()).trim().replace('\n', " ")
    }
}

impl WasiView for Instance {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Instance {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.egress }
    }
}
