//! Runs an app on the real plugin host in a fake world: a folder that goes away with the test, no
//! sockets, no portal, a network that has only what the test put there ([`FakeNetwork`]), and where a
//! test wants it a time that stands until the test moves it on ([`SetClock`]).
//! Requests go in, answers come out.
//!
//! ```no_run
//! # async fn greets() -> Result<(), Box<dyn std::error::Error>> {
//! use newleaf_sdk_testing::{TestApp, build};
//!
//! let wasm = build("path/to/my-app".as_ref())?;
//! let app = TestApp::new(&wasm).start().await?;
//! assert_eq!(app.get("/").await.status, 200);
//! # Ok(())
//! # }
//! ```
//!
//! What is real: the engine, the limits, the SQL guard, storage, the lifecycle, the exchange of one
//! version for another, and whether a request to the outside is granted. What is not: compiling happens in the test's own process unless a
//! [`Compiler`](newleaf_plugin_host::Compiler) is given, because a test binary cannot be the
//! compiling child. That is for an author's own app, not for a stranger's.

mod answer;
mod build;
mod network;
mod test_app;
mod update;

pub use answer::Answer;
pub use build::{BuildError, build};
pub use network::{Asked, FakeNetwork};
pub use newleaf_plugin_host::{JobError, SetClock};
pub use test_app::{StartError, TestApp, World};
pub use update::UpdateError;
