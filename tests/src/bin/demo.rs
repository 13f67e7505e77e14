//! `cargo demo`: a registry, a host on older versions, newer versions to update to, as real
//! processes; prints the link that signs an admin in, and ends all of it on Ctrl-C.
#![expect(clippy::print_stdout, reason = "a command line program talks on standard output")]

use std::process::ExitCode;

use clap::Parser;
use newleaf_tests::site::Site;
use newleaf_tests::world::{CoreRelease, Host, HostSettings, World};

/// Shows Newleaf at work: a registry, a host on older versions, and newer ones to update to. Ends all
/// of it on Ctrl-C.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo demo")]
struct Demo {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    Demo::parse();
    println!("building: the first time this compiles everything, some ten minutes on two cores");
    let (world, host, site) = match tokio::task::spawn_blocking(set_up).await {
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
    println!(
        "\n  to install in the portal: Polls, Hello, and Feeds, for which a feed is served at"
    );
    println!("    {}", site.url(NEWS));
    println!("\n  the same on a command line:");
    println!("    {} status --dir {}", host.program().display(), host.dir.display());
    println!("\n  Ctrl-C ends it and leaves nothing behind.");
    let ended = tokio::signal::ctrl_c().await;
    println!("\nending");
    host.process.stop();
    drop(world);
    if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Where the demo's own feed is served.
const NEWS: &str = "/news.xml";

/// Core 1.0.0 and notes 1.0.0 run; newer ones are published, and apps to install beside them.
fn set_up() -> (World, Host, Site) {
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
    world.registry.publish_app("plugins/polls");
    let site = news();
    world.registry.publish_app_with("plugins/feeds", &site.asked_for_by("plugins/feeds"));
    world.registry.publish_core(CoreRelease::Newer);
    host.run(&["check"]).assert_code(0);
    (world, host, site)
}

/// A site with a feed of three entries.
fn news() -> Site {
    let site = Site::start();
    site.put(NEWS, "application/rss+xml", include_str!("demo/news.xml"));
    site
}
