//! What one app may use of the machine. Numbers only; each is enforced where it applies.

use std::time::Duration;

use newleaf_domain::ByteSize;

use crate::egress::OutboundLimits;

/// The limits of one app. The defaults suit a small server; an admin may change each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of one instance; growing past it traps. At most 64 MiB, which is what an
    /// instance of the pool reserves.
    pub memory: ByteSize,
    /// Linear memory of all instances of the app at one time, with what the host keeps for them: what
    /// calls have handed over, large results until they are in the guest, large statements of SQLite,
    /// and resources of WASI beyond a few dozen. A request waits until there is as much as the app's
    /// last instances took, as it waits for its turn; one that runs and wants more than that traps
    /// where there is no more.
    pub memory_together: ByteSize,
    /// Processor time of one request, SQL included, in steps of 10 ms.
    pub cpu: Duration,
    /// From the moment an instance takes a request until its last byte is written.
    pub wall: Duration,
    /// Wall clock limit of one lifecycle call. Its processor time has the same limit.
    pub lifecycle: Duration,
    /// Wall clock limit of one run of a job.
    pub job: Duration,
    /// Processor time of one run of a job, SQL included.
    pub job_cpu: Duration,
    /// Requests of the app that run at one time; the others wait. Fewer run where their instances
    /// have no more memory together.
    pub concurrency: usize,
    /// How long a request waits for its turn, and for memory, before it is answered with 503. One
    /// that waited through an update has been promised an answer, and waits on.
    pub queue: Duration,
    /// The largest request body; a longer one is refused with 413.
    pub request_body: ByteSize,
    /// The largest response body; a longer one is cut, which the client sees as an error.
    pub response_body: ByteSize,
    /// What one host call may copy out of the guest (a key, a statement with its parameters).
    pub hostcall: ByteSize,
    /// The most rows of one SQL query.
    pub sql_rows: usize,
    /// The most bytes of one SQL result, and of one value in it. As many bytes are kept at most for
    /// the places of its values, 32 each, whatever is in them.
    pub sql_result: ByteSize,
    /// What of the disk below the app's data stays free of its writes.
    pub reserve: Reserve,
    /// Requests to the outside.
    pub outbound: OutboundLimits,
}

/// What of a filesystem stays free of apps' writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserve {
    /// So much; nothing where it is 0.
    Of(ByteSize),
    /// 256 MiB or a hundredth, whichever is more, but no more than a tenth.
    Usual,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: ByteSize::mib(64),
            memory_together: ByteSize::mib(512),
            cpu: Duration::from_secs(5),
            wall: Duration::from_mins(1),
            lifecycle: Duration::from_mins(5),
            job: Duration::from_mins(5),
            job_cpu: Duration::from_mins(1),
            concurrency: 64,
            queue: Duration::from_secs(10),
            request_body: ByteSize::mib(16),
            response_body: ByteSize::mib(64),
            hostcall: ByteSize::mib(16),
            sql_rows: 10_000,
            sql_result: ByteSize::mib(8),
            reserve: Reserve::Of(ByteSize::bytes(0)),
            outbound: OutboundLimits::default(),
        }
    }
}

/// A size as the platform's own count, for the calls that want one.
pub(crate) fn as_usize(size: ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}
