//! What an app's author writes against: requests in, responses out, data in between.
//!
//! The smallest app is one function:
//!
//! ```ignore
//! use newleaf_sdk::{Request, Response};
//!
//! newleaf_sdk::handle!(greet);
//!
//! fn greet(request: &Request) -> Response {
//!     Response::text(format!("You asked for {}.\n", request.path()))
//! }
//! ```
//!
//! An app that keeps data implements [`App`] and names it with [`app!`], so that the host can have
//! its data prepared, migrated and checked. Data lives in [`sql`], [`store`] and [`blobs`]; all need
//! the `storage` capability in `manifest.json`. An app that does work at regular times implements
//! [`Jobs`] and names it with [`jobs!`]; that needs the `schedule` capability.
//! Requests to the outside go through [`fetch`]; each host needs an `http` capability.
//!
//! Build with `cargo build --target wasm32-wasip2 --release`, as `crate-type = ["cdylib"]`.
//! This crate stays tiny: every byte of it is part of every app.

mod app;
#[doc(hidden)]
#[expect(
    clippy::mem_forget,
    clippy::same_length_and_capacity,
    reason = "generated from sdk/wit/v1"
)]
pub mod bindings;
pub mod blobs;
pub mod config;
mod error;
pub mod fetch;
mod form;
mod html;
#[doc(hidden)]
#[expect(
    clippy::mem_forget,
    clippy::same_length_and_capacity,
    reason = "generated from sdk/wit/v1"
)]
pub mod job_bindings;
mod jobs;
pub mod log;
mod request;
mod response;
mod serve;
pub mod sql;
pub mod store;

pub use app::App;
pub use error::Error;
pub use form::{Form, encode};
pub use html::{Escaped, escape};
pub use jobs::Jobs;
pub use request::Request;
pub use response::Response;

/// What the macros expand to; not for apps.
#[doc(hidden)]
pub mod private {
    pub use crate::{
        bindings::{export_lifecycle, exports::newleaf::app::lifecycle::Guest as Lifecycle},
        job_bindings::{export_jobs, exports::newleaf::app::jobs::Guest as JobsGuest},
        serve::serve,
    };
    pub use wasip2;
}

/// Makes a function `fn(&Request) -> Response` the app.
#[macro_export]
macro_rules! handle {
    ($function:expr) => {
        struct NewleafHandler;

        impl $crate::private::wasip2::exports::http::incoming_handler::Guest for NewleafHandler {
            fn handle(
                request: $crate::private::wasip2::http::types::IncomingRequest,
                answer: $crate::private::wasip2::http::types::ResponseOutparam,
            ) {
                $crate::private::serve(&request, answer, $function);
            }
        }

        $crate::private::wasip2::http::proxy::export!(
            NewleafHandler with_types_in $crate::private::wasip2
        );
    };
}

/// Makes a type that implements [`App`] the app, with its lifecycle.
#[macro_export]
macro_rules! app {
    ($app:ty) => {
        $crate::handle!(<$app as $crate::App>::handle);

        struct NewleafLifecycle;

        impl $crate::private::Lifecycle for NewleafLifecycle {
            fn init() -> ::core::result::Result<(), ::std::string::String> {
                <$app as $crate::App>::init().map_err(|error| error.to_string())
            }

            fn migrate(
                from_schema: u32,
                to_schema: u32,
            ) -> ::core::result::Result<(), ::std::string::String> {
                <$app as $crate::App>::migrate(from_schema, to_schema)
                    .map_err(|error| error.to_string())
            }

            fn health() -> ::core::result::Result<(), ::std::string::String> {
                <$app as $crate::App>::health().map_err(|error| error.to_string())
            }
        }

        $crate::private::export_lifecycle!(NewleafLifecycle with_types_in $crate::bindings);
    };
}
