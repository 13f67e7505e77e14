//! Runs apps: WebAssembly components with limits, storage and grants.
