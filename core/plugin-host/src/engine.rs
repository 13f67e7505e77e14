//! The two wasmtime engines: one that compiles, in a child, and one that runs what was compiled.
//! Both have the same settings wherever compiled code depends on them.

use std::{hash::Hasher, sync::Arc, thread, time::Duration};

use newleaf_domain::{ByteSize, Digest};
use sha2::{Digest as _, Sha256};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    Strategy,
};

use crate::{lane::Lane, limits::as_usize};

/// The length of an epoch: the step in which processor time is counted.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// The largest linear memory an instance of the pool can have.
pub(crate) const POOL_MEMORY: ByteSize = ByteSize::mib(64);

/// Kept resident between two uses of a memory or table, so that a fresh instance costs no page
/// faults: 1.6 to 1.8 times the requests per second of the default.
const KEEP_RESIDENT: usize = 256 * 1024;

/// Why no engine could be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime refuses its settings on this machine.
    #[error("the WebAssembly engine does not start on this machine: {reason}")]
    Start {
        /// In wasmtime's words.
        reason: String,
    },
    /// The thread that counts processor time did not start.
    #[error("the thread that counts processor time does not start")]
    Ticker(#[source] std::io::Error),
}

/// The engine of the compiling child: no pool, since it runs nothing.
pub(crate) fn compiling() -> Result<Engine, EngineError> {
    Engine::new(&common()).map_err(|error| start(&error))
}

/// The engine that runs apps, with its ticker. The pool reserves about 4 TiB of address space;
/// where that cannot be had, instances are made on demand.
pub(crate) fn running(lane: &Arc<Lane>) -> Result<Engine, EngineError> {
    let mut config = common();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    let engine = match Engine::new(&config) {
        Ok(engine) => engine,
        Err(error) => {
            tracing::info!(reason = %error, "apps run without a pool of instances");
            Engine::new(&common()).map_err(|error| start(&error))?
        }
    };
    start_ticker(&engine, lane.clone()).map_err(EngineError::Ticker)?;
    Ok(engine)
}

/// What identifies code that `engine` can load, besides the component it was compiled from.
pub(crate) fn compatibility(engine: &Engine) -> Digest {
    let mut hasher = DigestHasher(Sha256::new());
    std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut hasher);
    Digest::from_bytes(hasher.0.finalize().into())
}

fn common() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .epoch_interruption(true)
        .consume_fuel(false)
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .memory_init_cow(true);
    config
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    // Core instances are counted only, tables take address space only: enough that some apps with
    // the most of both that one may have leave all the others theirs.
    pool.total_component_instances(1000)
        .total_core_instances(32_000)
        .total_memories(1000)
        .total_tables(16_000)
        .total_stacks(1000)
        .max_memory_size(as_usize(POOL_MEMORY))
        .max_core_instances_per_component(64)
        .max_memories_per_component(4)
        .max_tables_per_component(16)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Advances the engine's epoch every [`TICK`], and the lane with it, until the engine is dropped.
fn start_ticker(engine: &Engine, lane: Arc<Lane>) -> Result<(), std::io::Error> {
    let engine = engine.weak();
    thread::Builder::new().name("newleaf-epoch".to_owned()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            lane.tick();
            drop(engine);
            thread::sleep(TICK);
        }
    })?;
    Ok(())
}

fn start(error: &wasmtime::Error) -> EngineError {
    EngineError::Start { reason: format!("{error:#}") }
}

/// Lets a `Hash` value be digested with SHA-256, so that the result names a file.
struct DigestHasher(Sha256);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_of_the_compiling_engine_fits_the_running_one() {
        let (compiling, running) =
            (compiling().unwrap(), running(&Lane::of_this_machine()).unwrap());
        assert_eq!(compatibility(&compiling), compatibility(&running));
    }
}
