//! The apps of a host with real components and real data: what is counted, what is answered while
//! an app is held or stopped, and what an app is told.

use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::http::header::RETRY_AFTER;
use axum::http::{Request, StatusCode};
use newleaf_domain::{AppAddresses, AppHosts, AppOrigin, ByteSize, Digest, Grant, Version};
use newleaf_launcher::state::AppState;
use newleaf_update::Budget;
use newleaf_update::port::{Faults, Plugins as _, Probation, Serving};
use tower::ServiceExt as _;

use super::*;

const DRAIN: Duration = Duration::from_secs(20);

/// A host's folder with one app's versions in its slots.
struct House {
    dir: tempfile::TempDir,
    apps: Apps,
}

fn notes() -> PackageName {
    PackageName::parse("acme/notes").unwrap()
}

impl House {
    fn new() -> Self {
        Self::with(config::Apps::default())
    }

    fn with(settings: config::Apps) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let apps = Self::open(dir.path(), settings);
        Self { dir, apps }
    }

    fn open(dir: &Path, settings: config::Apps) -> Apps {
        let compiler = Compiler::UnsandboxedInThisProcess;
        let client_within = Duration::from_secs(5);
        let holding = Holding { cap: settings.hold_cap, client_within };
        let core = Version::parse("1.0.0").unwrap();
        let outbound = settings.outbound.settings(&config::ProxySetting::None);
        Apps::compiled_by(compiler, Layout::new(dir), core, holding, settings, outbound, &[])
            .unwrap()
    }

    /// As after a restart: nothing is remembered but what is on disk.
    fn restart(&mut self) {
        self.apps = Self::open(self.dir.path(), config::Apps::default());
    }

    /// Puts the component that is built in `folder` into a slot.
    fn stage(&self, folder: &str, version: &str, schema: u32) -> AppSlot {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let wasm = match newleaf_sdk_testing::build(&root.join(folder)) {
            Ok(wasm) => wasm,
            Err(error) => panic!("{error}; {}", error.hint()),
        };
        let slot = AppSlot {
            digest: Digest::of(folder.as_bytes()),
            version: Version::parse(version).unwrap(),
            grants: vec![Grant::Storage { quota: ByteSize::mib(4) }].into(),
            schema,
            oldest_reader: schema,
            writes: None,
            snapshot: None,
            component: Some(Digest::of(&std::fs::read(&wasm).unwrap())),
        };
        let place = Layout::new(self.dir.path()).app_slot(&notes(), &slot);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::copy(wasm, place.join("app.wasm")).unwrap();
        slot
    }

    /// Brings a version in as an update does; its data had schema `from`.
    async fn bring_in(&self, slot: &AppSlot, from: Option<u32>) {
        let (apps, app) = (&self.apps, notes());
        apps.prepare(&app, slot).await.unwrap();
        if from.is_some() {
            apps.hold(&app).await.unwrap();
            apps.drained(&app, DRAIN).await.unwrap();
        }
        apps.snapshot(&app, &format!("before-{}", slot.version)).await.unwrap();
        if from != Some(slot.schema) {
            apps.migrate(&app, slot, from, DRAIN).await.unwrap();
        }
        apps.health(&app, slot).await.unwrap();
        apps.swap(&app, slot, Counting::Begins).await.unwrap();
        apps.release(&app).await.unwrap();
    }

    fn serving(&self) -> Serving {
        self.apps.serving(&notes()).unwrap()
    }

    fn door(&self) -> Router {
        crate::route::public(Arc::new(self.apps.clone()), Router::new(), AppAddresses::default())
    }

    async fn ask(&self, path: &str) -> (StatusCode, String) {
        ask(self.door(), Request::get(format!("/apps/acme/notes{path}")), Body::empty()).await
    }

    async fn write(&self, title: &str) {
        let note = serde_json::json!({ "title": title, "body": "", "tags": "a" }).to_string();
        let request = Request::post("/apps/acme/notes/api/notes");
        assert_eq!(ask(self.door(), request, note.into()).await.0, StatusCode::CREATED);
    }
}

async fn ask(door: Router, request: http::request::Builder, body: Body) -> (StatusCode, String) {
    let response = door.oneshot(request.body(body).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let mut text =
        String::from_utf8_lossy(&axum::body::to_bytes(body, 1 << 20).await.unwrap()).into_owned();
    if parts.headers.contains_key(RETRY_AFTER) {
        text.push_str("\nRetry-After");
    }
    (parts.status, text)
}

fn state(app: AppState) -> State {
    let mut state = crate::worker::tests::state();
    state.apps.insert(notes(), app);
    state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_visitors_write_after_the_switch_is_counted() {
    let mut house = House::new();
    let old = house.stage("tests/apps/notes-1.0.0", "1.0.0", 1);
    house.bring_in(&old, None).await;
    assert_eq!(house.serving().writes, Some(0), "what `init` wrote was counted");
    house.write("milk").await;
    house.write("bread").await;
    assert_eq!(house.serving().writes, Some(2));
    let new = house.stage("plugins/notes", "2.0.0", 2);
    house.bring_in(&new, Some(1)).await;
    assert_eq!(house.serving().writes, Some(0), "what `migrate` wrote was counted");
    let (status, listed) = house.ask("/api/notes").await;
    assert!(status == StatusCode::OK && listed.contains("milk") && listed.contains("bread"));
    assert_eq!(house.serving().writes, Some(0), "reading was counted");
    house.write("salt").await;
    assert_eq!(house.serving().writes, Some(1), "a write after the switch was not counted");

    let good = Some(new.clone());
    let app = AppState { good, previous: None, trial: None, disabled: false };
    house.restart();
    house.apps.load_all(&state(app)).await;
    house.write("eggs").await;
    assert_eq!(house.serving().writes, None, "nobody knows what was written before the restart");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_with_a_host_name_of_its_own_is_the_whole_of_it() {
    let domain = "apps.example.com".parse().ok();
    let settings = config::Apps { origin: AppOrigin::Subdomain, domain, ..Default::default() };
    let domain = settings.domain.clone().unwrap();
    let house = House::with(settings);
    let old = house.stage("tests/apps/notes-1.0.0", "1.0.0", 1);
    house.bring_in(&old, None).await;
    let hosts = AppHosts { domain, own: BTreeMap::default(), kept: Vec::new() };
    let addresses = AppAddresses { hosts: Some(hosts), ..AppAddresses::default() };
    let places = Arc::new(house.apps.clone());
    let door = crate::route::public(places, Router::new(), addresses);
    let at = |host: &str, request: http::request::Builder, body: &'static str| {
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        ask(door.clone(), request.header("host", host), body.into())
    };
    let own = "notes.acme.apps.example.com";
    let form = "title=milk&body=&tags=a";
    assert_eq!(at(own, Request::post("/new"), form).await.0, StatusCode::SEE_OTHER);
    assert_eq!(house.serving().writes, Some(1));
    let (status, page) = at(own, Request::get("/"), "").await;
    assert!(status == StatusCode::OK && page.contains("milk"), "{page}");
    assert!(page.contains(r#"href="/notes/1""#) && !page.contains("/apps/"), "{page}");
    assert_eq!(at(own, Request::get("/apps/acme/notes/"), "").await.0, StatusCode::NOT_FOUND);
    let below = Request::post("/apps/acme/notes/new");
    assert_eq!(at("localhost:8080", below, form).await.0, StatusCode::NOT_FOUND);
    let other = "polls.acme.apps.example.com";
    assert_eq!(at(other, Request::post("/new"), form).await.0, StatusCode::NOT_FOUND);
    assert_eq!(house.serving().writes, Some(1), "the app was reached at another address");
    assert_eq!(at(own, Request::get("/api/notes/1"), "").await.0, StatusCode::OK);
    let new = house.stage("plugins/notes", "2.0.0", 2);
    let rehearsed = house.apps.rehearse(&notes(), &new, 1, DRAIN).await.unwrap();
    assert_eq!(rehearsed.pages[0], "/");
    assert!(rehearsed.pages.contains(&"/api/notes/1".to_owned()), "{:?}", rehearsed.pages);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_rehearsed_on_a_copy_while_the_one_before_serves_and_writes() {
    let house = House::new();
    let old = house.stage("tests/apps/notes-1.0.0", "1.0.0", 1);
    house.bring_in(&old, None).await;
    house.write("milk").await;
    assert_eq!(house.ask("/api/notes/1").await.0, StatusCode::OK);
    let new = house.stage("plugins/notes", "2.0.0", 2);
    let app = notes();
    let (rehearsed, ()) = tokio::join!(house.apps.rehearse(&app, &new, 1, DRAIN), async {
        for title in ["bread", "salt", "eggs"] {
            house.write(title).await;
        }
    });
    let rehearsed = rehearsed.unwrap();
    assert!(rehearsed.copied.as_u64() > 0 && rehearsed.pause() > Duration::ZERO, "{rehearsed}");
    assert_eq!(rehearsed.pages, ["/apps/acme/notes/", "/apps/acme/notes/api/notes/1"]);
    assert_eq!(house.serving().version.as_str(), "1.0.0");
    assert_eq!(house.serving().writes, Some(4), "the rehearsal touched what serves");
    assert!(!house.dir.path().join("staging/rehearsal-of-an-app").exists(), "its copy is left");
    house.bring_in(&new, Some(1)).await;
    let listed = house.ask("/api/notes").await.1;
    assert!(["milk", "bread", "salt", "eggs"].iter().all(|it| listed.contains(it)), "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_on_the_copy_says_what_and_the_data_is_untouched() {
    let house = House::new();
    let old = house.stage("tests/apps/notes-1.0.0", "1.0.0", 1);
    house.bring_in(&old, None).await;
    house.write("milk").await;
    // It has no migration to schema 3 and says so.
    let wrong = house.stage("plugins/notes", "2.0.0", 3);
    let refused = house.apps.rehearse(&notes(), &wrong, 1, DRAIN).await.unwrap_err();
    assert!(!refused.is_machine_fault(), "{refused}");
    assert!(refused.to_string().contains("migrate from schema 1 to 3"), "{refused}");
    assert!(house.ask("/api/notes").await.1.contains("milk"));
    assert!(!house.dir.path().join("staging/rehearsal-of-an-app").exists());
    let needs = house.apps.rehearsal_needs(&notes()).await.unwrap();
    assert!(needs > house.apps.data_size(&notes()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_an_announced_pause_visitors_are_told_when_to_come_again() {
    let house = House::new();
    let slot = house.stage("tests/apps/notes-1.0.0", "1.0.0", 1);
    house.bring_in(&slot, None).await;
    house.apps.pause(&notes(), Duration::from_mins(4)).await.unwrap();
    let (status, text) = house.ask("/api/notes").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        text.contains("try again in about 4 minutes") && text.ends_with("Retry-After"),
        "{text}"
    );
    house.apps.release(&notes()).await.unwrap();
    assert_eq!(house.ask("/api/notes").await.0, StatusCode::OK);
    assert!(house.apps.traffic(&notes()).peak >= 1 && house.apps.traffic(&notes()).room == 4096);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_data_goes_back_to_the_copy_from_before() {
    let house = House::new();
    let old = house.stage("tests/apps/notes-1.0.0", "1.0.0", 1);
    house.bring_in(&old, None).await;
    house.write("milk").await;
    let new = house.stage("plugins/notes", "2.0.0", 2);
    house.bring_in(&new, Some(1)).await;
    house.apps.hold(&notes()).await.unwrap();
    for _ in 0..2 {
        house.apps.restore(&notes(), "before-2.0.0").await.unwrap();
    }
    house.apps.swap(&notes(), &old, Counting::Begins).await.unwrap();
    house.apps.release(&notes()).await.unwrap();
    let (status, listed) = house.ask("/api/notes").await;
    assert!(status == StatusCode::OK && listed.contains("milk"), "{status} {listed}");
}

/// Has `count` visitors wait behind the hold of the app.
async fn wait_behind_the_hold(
    house: &House,
    count: usize,
) -> tokio::task::JoinSet<(StatusCode, String)> {
    house.apps.hold(&notes()).await.unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..count {
        let request = Request::get("/apps/acme/notes/api/notes");
        waiting.spawn(ask(house.door(), request, Body::empty()));
    }
    let Place::Serving(slot) = house.apps.find(&notes()) else { panic!("it does not serve") };
    while slot.stats().parked < count {
        tokio::task::yield_now().await;
    }
    waiting
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_an_app_that_is_stopped_is_told_so_at_once() {
    let house = House::new();
    let slot = house.stage("tests/apps/notes-1.0.0", "1.0.0", 1);
    house.bring_in(&slot, None).await;
    let mut waiting = wait_behind_the_hold(&house, 20).await;
    house.apps.stop(&notes(), "going back would lose 3 changes").await;
    while let Some(answer) = waiting.join_next().await {
        let (status, page) = answer.unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(page.contains("acme/notes is stopped"), "{page}");
        assert!(!page.contains("3 changes"), "why is the operator's: {page}");
        assert!(page.ends_with("Retry-After"), "{page}");
    }
    house.apps.swap(&notes(), &slot, Counting::Begins).await.unwrap();
    house.apps.release(&notes()).await.unwrap();
    assert_eq!(house.ask("/api/notes").await.0, StatusCode::OK, "it does not start again");
}

/// A note that has begun to come: its beginning has reached the app, the rest comes as it is sent.
async fn slow_note(
    house: &House,
) -> (tokio::sync::mpsc::UnboundedSender<String>, tokio::task::JoinHandle<StatusCode>) {
    let (sender, rest) = tokio::sync::mpsc::unbounded_channel::<String>();
    let parts = futures_util::stream::unfold(rest, async |mut rest| {
        Some((Ok::<_, std::convert::Infallible>(rest.recv().await?), rest))
    });
    let Place::Serving(slot) = house.apps.find(&notes()) else { panic!("it does not serve") };
    // One that was answered a moment ago may not be over yet.
    while slot.app().stats().in_flight > 0 {
        tokio::task::yield_now().await;
    }
    let request = Request::post("/apps/acme/notes/api/notes");
    let sent = ask(house.door(), request, Body::from_stream(parts));
    let answer = tokio::spawn(async move { sent.await.0 });
    sender.send(" ".repeat(20 << 10)).unwrap();
    while slot.app().stats().in_flight == 0 {
        tokio::task::yield_now().await;
    }
    (sender, answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_began_before_an_app_was_switched_off_writes_while_it_is_updated() {
    let house = House::new();
    let old = house.stage("tests/apps/notes-1.0.0", "1.0.0", 1);
    house.bring_in(&old, None).await;
    house.write("milk").await;
    let note = serde_json::json!({ "title": "late", "body": "", "tags": "a" }).to_string();

    // One that ends in time is kept.
    let (sender, answer) = slow_note(&house).await;
    house.apps.stop(&notes(), "it was switched off").await;
    sender.send(note.clone()).unwrap();
    drop(sender);
    assert_eq!(answer.await.unwrap(), StatusCode::CREATED);
    assert_eq!(house.apps.drained(&notes(), DRAIN).await.unwrap().cut.len(), 0);

    // One that does not is cut before the data is copied.
    house.apps.swap(&notes(), &old, Counting::Begins).await.unwrap();
    house.apps.release(&notes()).await.unwrap();
    let (sender, answer) = slow_note(&house).await;
    house.apps.stop(&notes(), "it was switched off").await;
    let drained = house.apps.drained(&notes(), Duration::from_millis(400)).await.unwrap();
    assert_eq!(drained.cut, ["POST /apps/acme/notes/api/…"]);
    house.apps.snapshot(&notes(), "before-2.0.0").await.unwrap();
    drop(sender.send(note));
    drop(sender);
    assert_eq!(answer.await.unwrap(), StatusCode::REQUEST_TIMEOUT);
    house.apps.stop(&notes(), "it was switched off").await;

    let new = house.stage("plugins/notes", "2.0.0", 2);
    house.apps.migrate(&notes(), &new, Some(1), DRAIN).await.unwrap();
    house.apps.swap(&notes(), &new, Counting::Begins).await.unwrap();
    house.apps.release(&notes()).await.unwrap();
    let listed = house.ask("/api/notes").await.1;
    assert!(listed.contains("milk"), "{listed}");
    assert_eq!(listed.matches(r#""late""#).count(), 1, "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_is_forgotten_by_switching_an_app_off_and_on_again() {
    let mut house = House::new();
    let slot = house.stage("tests/apps/notes-1.0.0", "1.0.0", 1);
    house.bring_in(&slot, None).await;
    for title in ["milk", "bread"] {
        house.write(title).await;
    }
    let (sender, answer) = slow_note(&house).await;
    house.apps.stop(&notes(), "it was switched off").await;
    assert_eq!(house.serving().writes, Some(2));
    house.apps.swap(&notes(), &slot, Counting::GoesOn).await.unwrap();
    house.apps.release(&notes()).await.unwrap();
    assert_eq!(house.serving().writes, Some(2), "the count began anew");
    house.write("salt").await;
    // It began before the app was switched off, and is answered now.
    let note = serde_json::json!({ "title": "late", "body": "", "tags": "a" }).to_string();
    sender.send(note).unwrap();
    drop(sender);
    assert_eq!(answer.await.unwrap(), StatusCode::CREATED);
    assert_eq!(house.serving().writes, Some(4));
    house.apps.stop(&notes(), "going back would lose 4 changes").await;
    assert_eq!(house.serving().writes, Some(4), "a stopped app's are known too");

    // What another version wrote, or another process counted, is nobody's number.
    let newer = AppSlot { digest: Digest::of(b"newer"), ..slot.clone() };
    let layout = Layout::new(house.dir.path());
    let [from, to] = [&slot, &newer].map(|it| layout.app_slot(&notes(), it));
    std::fs::rename(from, to).unwrap();
    house.apps.swap(&notes(), &newer, Counting::GoesOn).await.unwrap();
    assert_eq!(house.serving().writes, None);
    house.apps.swap(&notes(), &newer, Counting::Begins).await.unwrap();
    assert_eq!(house.serving().writes, Some(0));
    house.restart();
    house
        .apps
        .know_all(&state(AppState { good: Some(newer.clone()), ..Default::default() }), "")
        .await;
    house.apps.swap(&notes(), &newer, Counting::GoesOn).await.unwrap();
    assert_eq!(house.serving().writes, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_an_app_that_is_removed_finds_no_app() {
    let house = House::new();
    let slot = house.stage("tests/apps/notes-1.0.0", "1.0.0", 1);
    house.bring_in(&slot, None).await;
    let mut waiting = wait_behind_the_hold(&house, 5).await;
    house.apps.forget(&notes()).await;
    while let Some(answer) = waiting.join_next().await {
        assert_eq!(answer.unwrap().0, StatusCode::NOT_FOUND);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_the_host_convict_no_version() {
    let house = House::with(config::Apps { hold_cap: 0, ..config::Apps::default() });
    let slot = house.stage("tests/apps/notes-1.0.0", "1.0.0", 1);
    house.bring_in(&slot, None).await;
    house.apps.hold(&notes()).await.unwrap();
    for _ in 0..5 {
        let (status, text) = house.ask("/api/notes").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(text.contains("being updated") && text.ends_with("Retry-After"), "{text}");
    }
    house.apps.release(&notes()).await.unwrap();
    assert_eq!(house.ask("/api/notes").await.0, StatusCode::OK);
    let name = notes();
    let quiet =
        tokio::time::timeout(probation::LOOK_EVERY * 3, house.apps.trouble(&name, STRICT)).await;
    assert!(quiet.is_err(), "a full house convicted the version: {quiet:?}");
    assert_eq!(house.apps.verdict(&name, STRICT), Ok(Faults::default()));
}

/// As short as makes sense, and nothing may go wrong.
const STRICT: Probation =
    Probation { lasts: Duration::from_secs(2), budget: Budget { traps: 0, server_errors: 0 } };

/// Has a visitor ask for a page of the app that never comes.
fn wait_for_ever(house: &House) -> tokio::task::JoinHandle<(StatusCode, String)> {
    let request = Request::get("/apps/acme/notes/sleep");
    tokio::spawn(ask(house.door(), request, Body::empty()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_hangs_passes_no_probation() {
    let house = House::new();
    let slot = house.stage("tests/apps/attach", "1.0.0", 0);
    house.apps.swap(&notes(), &slot, Counting::Begins).await.unwrap();
    house.apps.release(&notes()).await.unwrap();
    let waiting = wait_for_ever(&house);
    let name = notes();
    let trouble = |within| tokio::time::timeout(within, house.apps.trouble(&name, STRICT));
    // One alone is not judged before the end, and a client that has left changes nothing.
    let quiet = trouble(Duration::from_millis(1_600)).await;
    assert!(quiet.is_err(), "{quiet:?}");
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    let verdict = || house.apps.verdict(&name, STRICT).unwrap_err().what;
    assert_eq!(verdict(), "1 request has had no answer for 1 s, and none was answered well");
    assert_eq!(house.ask("/environment").await.0, StatusCode::OK);
    let what = verdict();
    assert!(what.starts_with("1 request has had no answer for 1 s, and it gave 0"), "{what}");
    // Most of those who ask are left without an answer: nobody waits for the end.
    let waiting = [wait_for_ever(&house), wait_for_ever(&house)];
    let what = trouble(Duration::from_secs(30)).await.unwrap().what;
    assert!(what.contains("requests have had no answer for 1 s, and it gave 0"), "{what}");
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Puts the version in its place, and has eleven visitors wait for an answer of it.
async fn eleven_long_polls(
    house: &House,
    slot: &AppSlot,
) -> Vec<tokio::task::JoinHandle<(StatusCode, String)>> {
    house.apps.swap(&notes(), slot, Counting::Begins).await.unwrap();
    house.apps.release(&notes()).await.unwrap();
    let waiting = (0..11).map(|_| wait_for_ever(house)).collect();
    let Place::Serving(place) = house.apps.find(&notes()) else { panic!("it does not serve") };
    while place.app().stats().in_flight < 11 {
        tokio::task::yield_now().await;
    }
    waiting
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_pages_that_the_version_before_had_too_convict_nobody() {
    let house = House::new();
    let slot = house.stage("tests/apps/attach", "1.0.0", 0);
    let before = eleven_long_polls(&house, &slot).await;
    let within = Duration::from_secs(3);
    let name = notes();
    let unlike = house.apps.trouble(&name, STRICT);
    let unlike = tokio::time::timeout(Duration::from_secs(30), unlike).await.unwrap().what;
    assert!(unlike.contains("requests have had no answer for 1 s"), "{unlike}");
    house.apps.hold(&notes()).await.unwrap();
    assert_eq!(house.apps.drained(&notes(), within).await.unwrap().late.len(), 11);
    for cut in before {
        assert_eq!(cut.await.unwrap().0, StatusCode::SERVICE_UNAVAILABLE);
    }
    let after = eleven_long_polls(&house, &slot).await;
    let trouble = tokio::time::timeout(within, house.apps.trouble(&notes(), STRICT)).await;
    assert!(trouble.is_err(), "{trouble:?}");
    let faults = house.apps.verdict(&notes(), STRICT).unwrap();
    assert_eq!(faults, Faults { hanging: 11, ..Faults::default() }, "they hang all the same");
    after.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_is_too_slow_for_its_visitors_passes_no_probation() {
    let house = House::new();
    let slot = house.stage("tests/apps/attach", "1.0.0", 0);
    house.apps.swap(&notes(), &slot, Counting::Begins).await.unwrap();
    house.apps.release(&notes()).await.unwrap();
    // All places are taken, and nobody who comes then gets one in time; none hangs for so long yet.
    let many = Limits::default().concurrency + 12;
    let waiting: Vec<_> = (0..many).map(|_| wait_for_ever(&house)).collect();
    let budget = Budget { traps: 3, server_errors: 10 };
    let probation = Probation { lasts: Duration::from_mins(1), budget };
    let name = notes();
    let trouble = house.apps.trouble(&name, probation);
    let what = tokio::time::timeout(Duration::from_secs(25), trouble).await.unwrap().what;
    assert!(what.contains("turned away, since it had too much to do"), "{what}");
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_reads_what_the_admin_set_for_it() {
    let text = "[repository]\nurl = \"https://updates.example.com\"\n\
                [apps.\"acme/notes\".config]\ntitle = \"Ours\"\nper_page = 20\n\
                [apps.\"acme/other\".config]\nsecret = \"not yours\"\n";
    let config = config::Config::parse(text, Path::new("newleaf.toml")).unwrap();
    let house = House::with(config.apps);
    let slot = house.stage("tests/apps/attach", "1.0.0", 0);
    house.apps.swap(&notes(), &slot, Counting::Begins).await.unwrap();
    house.apps.release(&notes()).await.unwrap();
    for (key, value) in [("title", "Ours"), ("per_page", "20"), ("secret", "none")] {
        assert_eq!(house.ask(&format!("/setting?key={key}")).await.1, value, "{key}");
    }
    let app = AppState { good: Some(slot), previous: None, trial: None, disabled: false };
    let state = state(app);
    let nobody: Vec<_> = house.apps.settings_for_nobody(&state).map(PackageName::as_str).collect();
    assert_eq!(nobody, ["acme/other"], "settings for an app that is not there are not told");
}
