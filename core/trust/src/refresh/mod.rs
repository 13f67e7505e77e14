//! The client workflow of TUF 1.0.34 §5.3 to §5.6 as a machine that is pulled. Does no I/O and reads
//! no clock, so one machine serves HTTP, a folder, a bundle and a test.
//!
//! It says which file it wants next, the caller fetches; it says what to keep, the caller writes:
//!
//! ```text
//! let mut refresh = Refresh::start(store, pins, wanted, limits, now)?;
//! let outcome = loop {
//!     match refresh.next()? {
//!         Next::Fetch(fetch) => refresh.supply(read(&fetch))?,
//!         Next::Persist(files) => write_each_durably(files),
//!         Next::Done(outcome) => break outcome,
//!     }
//! };
//! ```

mod machine;
mod memory;
mod step;
mod survey;

pub use machine::Refresh;
pub use memory::{MemoryRepository, refresh_from_memory};
pub use step::{
    Absence, ClockBehind, Fetch, Freshness, Next, Place, RefreshOutcome, Supplied, Wanted,
};
