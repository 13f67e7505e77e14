//! The host: the stock newleaf binary, and the library that vendors embed.
//!
//! A vendor's program is one call of [`main`] with a [`Product`]: its name, version, root of
//! trust, database steps and pages. Everything else (the command line, the portal, updates, apps,
//! the way through a restart without a lost request) comes from here.

mod adapter;
mod app;
mod cli;
pub mod config;
pub mod db;
pub mod http;
mod manual;
mod probe;
mod product;
mod program;
mod protocol;
mod recovery;
pub mod route;
mod serve;
pub mod shutdown;
pub mod stock;
mod support;
mod telemetry;
pub mod worker;

use std::process::ExitCode;

#[doc(hidden)]
pub use adapter::ports_of_folder;
pub use db::{Db, Migration};
pub use product::{Health, Product, ProductContext, always_healthy};

/// [`main`] of a program that says it speaks this launcher protocol: by it tests see one launcher
/// hand over to the next before there is a next protocol.
#[doc(hidden)]
pub fn main_speaking(product: Product, launcher_protocol: u32) -> ExitCode {
    protocol::speak(launcher_protocol);
    main(product)
}

/// Runs the program of `product`: reads the command line and does as it says.
pub fn main(product: Product) -> ExitCode {
    // One for the life of the process, so that every part may borrow it.
    cli::run(Box::leak(Box::new(product)))
}
