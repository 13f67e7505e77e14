//! What the benches measure beside the host, built as the host is released: a native handler to
//! compare with, a client that costs little, and the engine by itself. Prints numbers; judges none.
#![expect(clippy::print_stdout, reason = "what was measured is the result")]

mod engine;
mod load;
mod native;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// One thing that is measured.
#[derive(Debug, Parser)]
enum Measured {
    /// Answers on a port of its own until it is ended; prints `listening on ADDRESS`.
    Native,
    /// Asks for `path` over connections that stay; prints the requests that were answered well and
    /// the seconds that it took.
    Load {
        /// Whom.
        address: SocketAddr,
        /// For what.
        path: String,
        /// Connections, each with one request under way.
        #[arg(long, default_value_t = 32)]
        connections: usize,
        /// For how long.
        #[arg(long, default_value_t = 3)]
        seconds: u64,
    },
    /// Makes instances of a component and drops them; prints the microseconds that one takes.
    Instances {
        /// The component.
        wasm: PathBuf,
    },
    /// Loads many apps from the cache of compiled code; prints the milliseconds that all take.
    Cached {
        /// The component that each of them is a variant of.
        wasm: PathBuf,
        /// How many.
        #[arg(long, default_value_t = 50)]
        apps: u32,
    },
    /// Compiles a component: how this program runs itself.
    Compile {
        /// The component.
        input: PathBuf,
        /// Where its code goes.
        output: PathBuf,
    },
}

fn main() -> Result<std::process::ExitCode, Box<dyn Error>> {
    match Measured::parse() {
        Measured::Native => native::serve()?,
        Measured::Load { address, path, connections, seconds } => {
            let ran = load::run(address, &path, connections, Duration::from_secs(seconds))?;
            println!("{} {:.4}", ran.answered, ran.lasted.as_secs_f64());
        }
        Measured::Instances { wasm } => println!("{:.3}", engine::instances(&wasm)?),
        Measured::Cached { wasm, apps } => println!("{:.3}", engine::cached(&wasm, apps)?),
        Measured::Compile { input, output } => {
            return Ok(newleaf_plugin_host::compile_main(&input, &output));
        }
    }
    Ok(std::process::ExitCode::SUCCESS)
}
