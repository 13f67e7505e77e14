//! `cargo demo`: a registry, a host on older versions, newer versions to update to, as real
//! processes; prints the link that signs an admin in, and ends all of it on Ctrl-C.
#![expect(clippy::print_stdout, reason = "a command line program talks on standard output")]

use std::process::ExitCode;

use newleaf_tests::world::{CoreRelease, HostSettings, World};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    println!("building: the first time this compiles everything, some ten minutes on two cores");
    let (world, host) = match tokio::task::spawn_blocking(set_up).await {
        Ok(made) => made,
        Err(error) => {
            println!("cargo demo failed to set up: {error}");
            return ExitCode::FAILURE;
        }
    };
    let link = host.sign_in_link();
    println!("\n  sign in   {link}");
    println!("  product   http://{}/", host.public);
    println!("  notes     http://{}/apps/acme/notes/", host.public);
    println!("  registry  {}", world.registry.url);
    println!("\n  the same on a command line:");
    println!("    {} status --dir {}", host.program().display(), host.dir.display());
    println!("\n  Ctrl-C ends it and leaves nothing behind.");
    let ended = tokio::signal::ctrl_c().await;
    println!("\nending");
    host.process.stop();
    drop(world);
    if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Core 1.0.0 and notes 1.0.0 run; newer ones are published.
fn set_up() -> (World, newleaf_tests::world::Host) {
    let (world, host) = World::with_host(HostSettings {
        probation: 8.0,
        core_probation: 8.0,
        ..HostSettings::default()
    });
    for text in ["Buy oat milk", "Call the printer about the tender", "Read the release notes"] {
        host.add_note(text, "todo, today");
    }
    world.registry.publish_app("tests/apps/notes-1.1.0");
    world.registry.publish_app("plugins/notes");
    world.registry.publish_app("plugins/hello");
    world.registry.publish_core(CoreRelease::Newer);
    host.run(&["check"]).assert_code(0);
    (world, host)
}
