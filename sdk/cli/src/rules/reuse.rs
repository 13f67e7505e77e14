//! Rules about `reuse`: an instance that has answered a request must answer the next one as a fresh
//! instance does. No reading of a component can tell, so the app is run: compiled by a child with
//! limits, in a folder that goes away, without a network.

use std::path::Path;

use newleaf_domain::{Grant, Manifest, Reuse};
use newleaf_plugin_host::{CompileChild, Compiler};
use newleaf_sdk_testing::{Answer, StartError, TestApp, World};

use super::Findings;
use crate::contents::Contents;

/// What the findings are about.
const ABOUT: &str = "reuse";

/// The most pages that are asked for, besides the first one.
const MOST_PAGES: usize = 7;

pub(super) fn check(contents: &Contents, findings: &mut Findings) {
    let reuse = contents.manifest.reuse;
    if reuse.is_never() {
        return;
    }
    if reuse.named() > reuse.most() {
        let text = format!("is {}; hosts take it for {}", reuse.named(), Reuse::MOST);
        findings.warning(ABOUT, text, "name what counts, or less");
    }
    let Some(wasm) = &contents.wasm else { return };
    match run(wasm.path(), &contents.manifest) {
        Ok(seen) => seen.judge(findings),
        Err(error) => {
            let text = format!("was not tried: {}", crate::report::chain(&error));
            let hint = "leave `reuse` out unless you know that no request finds what another left";
            findings.warning(ABOUT, text, hint);
        }
    }
}

/// Why the app was not run. Completes "was not tried: …".
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("the app does not start")]
    Start(#[from] StartError),
    #[error("no place to run it")]
    Place(#[from] std::io::Error),
}

/// What was asked, and what came of it.
struct Seen {
    /// What was asked, with the answers of a used instance and of fresh ones in two worlds.
    asked: Vec<(String, [Answer; 3])>,
    /// The instances that answered where one should have.
    instances: u64,
}

fn run(wasm: &Path, manifest: &Manifest) -> Result<Seen, RunError> {
    let cache = tempfile::tempdir()?;
    let child = CompileChild {
        program: std::env::current_exe()?,
        arguments: vec![crate::args::COMPILE.into()],
    };
    let mut app = TestApp::new(wasm).compiler(Compiler::Child(child)).cache(cache.path());
    for capability in &manifest.capabilities {
        app = app.grant(capability.grant.clone());
    }
    let requests = requests(manifest);
    // Only as often as it is asked here: the bound is the hosts' business.
    let used = app.clone().reuse(Reuse::requests(Reuse::MOST));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let worlds = [used.start().await?, app.clone().start().await?, app.start().await?];
        let mut asked = Vec::new();
        for request in requests {
            let [used, fresh, again] = &worlds;
            let answers =
                [ask(used, &request).await, ask(fresh, &request).await, ask(again, &request).await];
            asked.push((request, answers));
        }
        Ok(Seen { asked, instances: worlds[0].stats().instances })
    })
}

/// The first page and those the manifest names; each is asked for with something that it might keep,
/// between two requests without.
fn requests(manifest: &Manifest) -> Vec<String> {
    let named = manifest.capabilities.iter().filter_map(|capability| match &capability.grant {
        Grant::Route { path } => Some(path.as_str()),
        Grant::Http { .. }
        | Grant::Storage { .. }
        | Grant::Schedule { .. }
        | Grant::Compile { .. } => None,
    });
    let pages = std::iter::once("/").chain(named.take(MOST_PAGES));
    pages
        .flat_map(|page| [page.to_owned(), format!("{page}?name=somebody&id=7"), page.to_owned()])
        .collect()
}

/// Asks, and waits until the instance is free for the next one.
async fn ask(world: &World, path: &str) -> Answer {
    let answer = world.get(path).await;
    world.slot().drained().await;
    answer
}

impl Seen {
    fn judge(&self, findings: &mut Findings) {
        let (mut compared, mut differs) = (0, None);
        for (number, (path, [used, fresh, again])) in self.asked.iter().enumerate() {
            if !is_same(fresh, again) {
                continue;
            }
            compared += 1;
            if !is_same(used, fresh) && differs.is_none() {
                differs = Some((number, path, used, fresh));
            }
        }
        if let Some((number, path, used, fresh)) = differs {
            let text = format!(
                "GET {path} is answered with {} by an instance that has answered {number} requests, \
                 and with {} by a fresh one",
                told(used, fresh),
                told(fresh, used)
            );
            let hint = "keep nothing in memory from one request to the next, or leave `reuse` out";
            findings.error(ABOUT, text, hint);
        } else if compared == 0 {
            let hint = "have a look yourself whether a request finds what another one left";
            findings.warning(ABOUT, "cannot be tried: each answer differs from every other", hint);
        }
        if differs.is_none() && self.instances > 1 {
            let text = format!("is asked for, but {} instances were needed", self.instances);
            let hint = "an instance that traps, grows by more than 4 MiB or writes to standard \
                        error is not used again";
            findings.warning(ABOUT, text, hint);
        }
    }
}

/// Whether two answers are the same but for the time at which they were given.
fn is_same(one: &Answer, other: &Answer) -> bool {
    let fields = |answer: &Answer| {
        let mut fields = answer.headers.clone();
        fields.remove("date");
        fields
    };
    one.status == other.status && one.body == other.body && fields(one) == fields(other)
}

/// The status of an answer, and on one line its body from shortly before it differs from `other`'s.
fn told(answer: &Answer, other: &Answer) -> String {
    let (text, other) = (answer.text(), other.text());
    let same = text.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let from = text.chars().skip(same.saturating_sub(15)).filter(|c| !c.is_control());
    let part: String = from.take(60).collect();
    format!("{} \"…{part}…\"", answer.status)
}
