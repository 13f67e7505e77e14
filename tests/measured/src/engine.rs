//! The plugin host without a server: what an instance and what a start cost.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

use newleaf_domain::{Digest, Grants, PackageName, Reuse, Version};
use newleaf_plugin_host::{
    App, AppConfig, Clock, CompileChild, Compiler, Limits, Outbound, OutboundSettings, PluginHost,
    Prepared, Settings,
};

/// Instances that are made before any counts, and those that count.
const WARM: u32 = 500;
const COUNTED: u32 = 5_000;

type Failed = Box<dyn Error>;

/// A host whose compiled code lies in `cache`.
fn host(cache: &Path) -> Result<PluginHost, Failed> {
    let child =
        CompileChild { program: std::env::current_exe()?, arguments: vec!["compile".into()] };
    Ok(PluginHost::new(Settings {
        cache_dir: cache.to_owned(),
        compiler: Compiler::Child(child),
        outbound: OutboundSettings::default(),
    })?)
}

fn load(host: &PluginHost, prepared: &Prepared, data: &Path) -> Result<App, Failed> {
    let config = AppConfig {
        name: PackageName::parse("acme/app")?,
        version: Version::parse("1.0.0")?,
        base_path: "/apps/acme/app".to_owned(),
        data_dir: data.to_owned(),
        grants: Grants::default(),
        settings: BTreeMap::new(),
        limits: Limits::default(),
        outbound: Outbound::Granted,
        reuse: Reuse::NEVER,
        kept_cookies: &[],
        clock: Clock::System,
    };
    Ok(host.load(prepared, config)?)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// The microseconds that it takes to make an instance, its store included, and to drop it.
pub(crate) fn instances(wasm: &Path) -> Result<f64, Failed> {
    let folder = tempfile::tempdir()?;
    runtime()?.block_on(async {
        let host = host(&folder.path().join("cache"))?;
        let prepared = host.prepare(wasm, Digest::of(&std::fs::read(wasm)?)).await?;
        let app = load(&host, &prepared, folder.path())?;
        for _ in 0..WARM {
            app.make_and_drop().await?;
        }
        let began = Instant::now();
        for _ in 0..COUNTED {
            app.make_and_drop().await?;
        }
        Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(COUNTED))
    })
}

/// The milliseconds that a host needs at its start for so many apps that were compiled before.
pub(crate) fn cached(wasm: &Path, apps: u32) -> Result<f64, Failed> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    let component = std::fs::read(wasm)?;
    let mut variants = Vec::new();
    for number in 0..apps {
        let path = folder.path().join(format!("{number}.wasm"));
        let bytes = variant(&component, number);
        std::fs::write(&path, &bytes)?;
        variants.push((path, Digest::of(&bytes)));
    }
    runtime()?.block_on(async {
        let before = host(&cache)?;
        for (path, digest) in &variants {
            before.prepare(path, *digest).await?;
        }
        drop(before);
        let host = host(&cache)?;
        let began = Instant::now();
        let mut loaded = Vec::new();
        for (path, digest) in &variants {
            let prepared = host.prepare(path, *digest).await?;
            loaded.push(load(&host, &prepared, folder.path())?);
        }
        Ok(began.elapsed().as_secs_f64() * 1e3)
    })
}

/// The component with a custom section of its own: another digest for the same program.
fn variant(component: &[u8], number: u32) -> Vec<u8> {
    let mut section = vec![0, 9, 4];
    section.extend_from_slice(b"some");
    section.extend_from_slice(&number.to_le_bytes());
    [component, &section].concat()
}
