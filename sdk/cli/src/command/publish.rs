//! `newleaf-sdk publish`: the release is uploaded, the author's next role lists it, and the
//! registry lets hosts see it. The private key never leaves this process.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};
use newleaf_domain::{Namespace, PackageName, Timestamp, Version};
use newleaf_registry_api::{NamespaceEntry, RoleTag};
use newleaf_trust::role::Threshold;
use newleaf_trust::{KeyPair, sign_role};
use serde_json::json;

use super::build;
use crate::args::Publish;
use crate::keyfile;
use crate::registry::{Registry, RegistryError, Submitted};
use crate::release::{NewRelease, Upload};
use crate::report::{Exit, Failure, Report, Style};
use crate::role::{self, NextRole, RoleError, Step};

/// Seconds to wait for a rival's role before each further attempt: five attempts, and together
/// longer than a registry's batch of 5 to 10 s.
const WAITS: [u64; 4] = [2, 4, 8, 16];
const ATTEMPTS: usize = WAITS.len() + 1;

pub(crate) fn run(args: &Publish, style: Style) -> Result<Report, Failure> {
    let key = read_key(args)?;
    let registry = connect(args)?;
    let path = package(&args.what)?;
    let release = NewRelease::read(&path).map_err(|error| {
        Failure::of("the release was not published", &error, "build the package again")
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::of("the network could not be set up", &error, "try again"))?;
    let publishing = Publishing { args, key, registry, release, style };
    runtime.block_on(publishing.publish())
}

fn read_key(args: &Publish) -> Result<KeyPair, Failure> {
    let failed = |error: keyfile::KeyFileError| {
        let hint = error.hint();
        Failure::of("your key could not be read", &error, hint).exit(Exit::Blocked)
    };
    let path = match &args.key {
        Some(path) => path.clone(),
        None => keyfile::default_path().map_err(failed)?,
    };
    keyfile::read(&path).map_err(failed)
}

fn connect(args: &Publish) -> Result<Registry, Failure> {
    let token = std::fs::read_to_string(&args.token_file).map_err(|error| {
        let what = format!("the token in {} could not be read", args.token_file.display());
        Failure::of(&what, &error, "name the file that holds your token with --token-file")
            .exit(Exit::Blocked)
    })?;
    Registry::new(&args.registry, &token).map_err(|error| failed("nothing was sent", &error))
}

/// The package to publish: built from a folder, or checked as it is.
fn package(what: &Path) -> Result<PathBuf, Failure> {
    if what.is_dir() {
        return build::package(what, build::Made::ByCargo, None).map(|package| package.path);
    }
    build::check(what)?;
    Ok(what.to_owned())
}

/// A release on its way.
struct Publishing<'a> {
    args: &'a Publish,
    key: KeyPair,
    registry: Registry,
    release: NewRelease,
    style: Style,
}

/// What the registry has in the end.
enum Published {
    /// It had the release before.
    Before(u64),
    /// This role lists it.
    Now(Box<NextRole>),
}

impl Publishing<'_> {
    async fn publish(&self) -> Result<Report, Failure> {
        let namespace = self.release.name.namespace();
        self.own(&namespace).await?;
        let mut uploaded = false;
        for attempt in 0..ATTEMPTS {
            let (tag, next) = match self.next_role(&namespace).await? {
                (tag, Step::AlreadyListed) => return Ok(self.report(&Published::Before(tag.0))),
                (tag, Step::Sign(next)) => (tag, next),
            };
            if !uploaded {
                self.upload().await?;
                uploaded = true;
            }
            let role = sign_role(&next.role, &[&self.key]).map_err(|error| {
                Failure::of(
                    "the role was not signed",
                    &error,
                    "this is a fault of the program; report it",
                )
                .done("the files were uploaded; no host can see them")
            })?;
            let submitted = self.registry.submit(&namespace, tag, role).await.map_err(|error| {
                failed("the role was not published", &error)
                    .state("hosts see what they saw before")
                    .done("the files were uploaded; no host can see them")
            })?;
            if submitted == Submitted::Published {
                return Ok(self.report(&Published::Now(next)));
            }
            if let Some(seconds) = WAITS.get(attempt) {
                let patience = Duration::from_secs(*seconds);
                let waited = self.registry.await_other_role(&namespace, tag, patience).await;
                waited.map_err(|error| failed("the current role was not read", &error))?;
            }
        }
        Err(Failure::new(
            format!("somebody else published first, {ATTEMPTS} times in a row"),
            "run the same command again; stop other programs that publish for this namespace",
        )
        .state("hosts see what they saw before")
        .done("the files were uploaded; no host can see them"))
    }

    /// Makes sure that the namespace is signed for by this key alone.
    async fn own(&self, namespace: &Namespace) -> Result<(), Failure> {
        let refused = |error: RegistryError| failed("nothing was sent", &error);
        let key = self.key.public();
        let entry = match self.registry.namespace(namespace).await.map_err(refused)? {
            Some(entry) => entry,
            None => self.registry.claim(namespace, key).await.map_err(refused)?,
        };
        let NamespaceEntry { keys, threshold, .. } = entry;
        let blocked = |what: String, todo: &str| Err(Failure::new(what, todo).exit(Exit::Blocked));
        if !keys.contains(&key) {
            let what =
                format!("namespace {namespace} is not signed for by your key {}", key.id().short());
            return blocked(what, "name the right key with --key, or choose another namespace");
        }
        if threshold != Threshold::ONE {
            let what = format!(
                "namespace {namespace} needs {threshold} signatures, and this command gives one"
            );
            return blocked(
                what,
                "sign with the other keys too; this version cannot gather signatures",
            );
        }
        Ok(())
    }

    async fn next_role(&self, namespace: &Namespace) -> Result<(RoleTag, Step), Failure> {
        let (tag, current) = self
            .registry
            .role(namespace)
            .await
            .map_err(|error| failed("the current role was not read", &error))?;
        let step = self.step(namespace, tag.0, current.as_deref());
        step.map(|step| (tag, step)).map_err(|error| {
            let (todo, exit) = role_advice(&error);
            Failure::of("the release was not signed", &error, todo).exit(exit)
        })
    }

    fn step(
        &self,
        namespace: &Namespace,
        said: u64,
        current: Option<&[u8]>,
    ) -> Result<Step, RoleError> {
        let current = current
            .map(|bytes| role::believe(namespace, said, bytes, self.key.public()))
            .transpose()?;
        let now = now();
        let records = self
            .release
            .records(self.args.channel, self.args.rollout, now)
            .map_err(|error| RoleError::Description(crate::report::chain(&error)))?;
        role::next(current, records, now)
    }

    async fn upload(&self) -> Result<(), Failure> {
        let bar = self.progress();
        for upload in &self.release.uploads {
            let Upload { file, bytes, .. } = upload;
            bar.set_message(file.kind.file_name(self.release.name.app()));
            self.registry.upload(upload).await.map_err(|error| {
                failed(&format!("{file} was not uploaded"), &error)
                    .state("hosts see what they saw before")
            })?;
            bar.inc(bytes.len() as u64);
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn progress(&self) -> ProgressBar {
        if self.style == Style::Json || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(self.release.upload_size().as_u64());
        match ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {msg}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    fn report(&self, published: &Published) -> Report {
        let NewRelease { name, version, uploads, .. } = &self.release;
        let channel = self.args.channel;
        let (text, role, dropped) = match published {
            Published::Before(role) => (
                format!("{name} {version} was published before; nothing was sent."),
                *role,
                &[][..],
            ),
            Published::Now(next) => {
                let text = format!("{name} {version} is published on {channel}.");
                (text + &dropped_text(&next.dropped), next.version.get(), &next.dropped[..])
            }
        };
        let dropped = dropped.iter().map(|(name, version)| json!({"id": name, "version": version}));
        let package = uploads.first();
        Report {
            text,
            json: json!({
                "id": name,
                "version": version,
                "channel": channel,
                "rollout": self.args.rollout,
                "published": matches!(published, Published::Now(_)),
                "role_version": role,
                "length": package.map(|upload| upload.bytes.len()),
                "sha256": package.map(|upload| upload.hashes.sha256),
                "dropped": dropped.collect::<Vec<_>>(),
            }),
            exit: Exit::Done,
        }
    }
}

fn dropped_text(dropped: &[(PackageName, Version)]) -> String {
    if dropped.is_empty() {
        return String::new();
    }
    let names = dropped.iter().map(|(name, version)| format!("{name} {version}"));
    let names = names.collect::<Vec<_>>().join(", ");
    format!("\nNo longer listed, to keep the role small: {names}.")
}

fn failed(what: &str, error: &RegistryError) -> Failure {
    Failure::of(what, error, error.hint()).exit(error.exit())
}

fn role_advice(error: &RoleError) -> (&'static str, Exit) {
    match error {
        RoleError::NotOurs(_) => (
            "do not sign on top of it: ask the registry's people who signed it, or use the key that did",
            Exit::Untrusted,
        ),
        RoleError::OtherVersion { .. } => {
            ("the registry is not consistent; ask its people", Exit::Untrusted)
        }
        RoleError::Released { .. } => {
            ("give the release a new version in manifest.json", Exit::Failed)
        }
        RoleError::LastVersion(_) => ("start with a new key and namespace", Exit::Failed),
        RoleError::Description(_) => ("mend manifest.json", Exit::Failed),
    }
}

/// The time now, to the second.
fn now() -> Timestamp {
    // A clock before 1970 reads as 1970; the registry then refuses the role as expired.
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Timestamp::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}
