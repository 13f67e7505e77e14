//! Polls as those who vote meet them: exact counts whatever comes at once, and no vote twice.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use newleaf_domain::{ByteSize, Grant, JobName};
use newleaf_sdk_testing::{SetClock, TestApp, World, build};
use serde_json::{Value, json};

async fn polls() -> World {
    app().start().await.unwrap()
}

fn app() -> TestApp {
    built("plugins/polls")
}

fn built(folder: &str) -> TestApp {
    let wasm = build(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder)).unwrap();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-apps");
    let storage = Grant::Storage { quota: ByteSize::mib(16) };
    TestApp::new(&wasm).cache(&cache).grant(storage)
}

/// A clock at 2033-05-18 03:33:20 UTC.
fn clock() -> SetClock {
    SetClock::at(UNIX_EPOCH + Duration::from_secs(2_000_000_000))
}

/// Has the polls that are due deleted, as the host does every hour.
async fn delete_old(world: &World) {
    world.run_job(&JobName::parse("delete-old").unwrap()).await.unwrap();
}

async fn status(world: &World, path: &str) -> u16 {
    world.get(path).await.status
}

/// Posts one of the keeper's forms, which is taken.
async fn deed(world: &World, keep: &str, deed: &str, form: &str) {
    let answer = world.post_form(&format!("{keep}/{deed}"), form).await;
    assert_eq!(answer.status, 303, "{deed}: {}", answer.text());
}

const HOUR: Duration = Duration::from_hours(1);

/// The path below the app that an answer leads to.
fn led_to(location: &str) -> String {
    location.strip_prefix(World::BASE).unwrap_or(location).to_owned()
}

/// Makes a poll; gives the path to vote and the secret one.
async fn make(world: &World, form: &str) -> (String, String) {
    let made = world.post_form("/polls", form).await;
    assert_eq!(made.status, 303, "{}", made.text());
    let keep = led_to(made.header("location"));
    let name = keep.split('/').nth(2).unwrap();
    (format!("/p/{name}"), keep.clone())
}

/// One browser at a poll.
struct Browser {
    cookie: String,
    token: String,
    choices: Vec<String>,
}

impl Browser {
    /// Opens the ballot, as a browser that was never there.
    async fn open(world: &World, poll: &str) -> Self {
        let page = world.get(poll).await;
        let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
        let text = page.text();
        let after = |part: &str| text.split(part).nth(1).unwrap_or_default();
        let token = after("name=\"token\" value=\"").split('"').next().unwrap().to_owned();
        let radios = text.split("name=\"choice\" value=\"").skip(1);
        let boxes = text.split("name=\"choice-").skip(1);
        let fields = radios
            .map(|rest| format!("choice={}", rest.split('"').next().unwrap()))
            .chain(boxes.map(|rest| format!("choice-{}=on", rest.split('"').next().unwrap())));
        Self { cookie, token, choices: fields.collect() }
    }

    /// Sends a ballot, and gives what the next page's address says of it.
    async fn vote(&self, world: &World, poll: &str, choices: &[usize]) -> String {
        let fields: Vec<_> = choices.iter().map(|at| self.choices[*at].clone()).collect();
        let body = format!("token={}&{}", self.token, fields.join("&"));
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("cookie", self.cookie.as_str()),
        ];
        let answer = world.send("POST", poll, &headers, body.into()).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        answer.header("location").split("said=").nth(1).unwrap_or_default().to_owned()
    }

    async fn get(&self, world: &World, path: &str) -> newleaf_sdk_testing::Answer {
        world.send("GET", path, &[("cookie", self.cookie.as_str())], "".into()).await
    }
}

async fn results(world: &World, poll: &str) -> Value {
    let answer = world.get(&format!("{poll}/results.json")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_str(&answer.text()).unwrap()
}

const LUNCH: &str =
    "question=Where+%3Cb%3E%3F&choices=Here%0AThere%0A%3Cscript%3E&kind=single&results=always";

#[tokio::test]
async fn a_poll_closes_by_itself_at_its_time() {
    let clock = clock();
    let world = app().clock(&clock).start().await.unwrap();
    let (poll, _) = make(&world, &format!("{LUNCH}&closes=2033-05-18T04:00")).await;
    let ann = Browser::open(&world, &poll).await;
    clock.advance(Duration::from_mins(26));
    assert_eq!(ann.vote(&world, &poll, &[0]).await, "counted");
    assert_eq!(results(&world, &poll).await["open"], true);
    clock.advance(Duration::from_mins(1));
    assert_eq!(ann.vote(&world, &poll, &[1]).await, "too-late");
    let counted = results(&world, &poll).await;
    assert_eq!((&counted["open"], &counted["choices"][0]["votes"]), (&json!(false), &json!(1)));
}

#[tokio::test]
async fn a_poll_is_made_voted_on_closed_and_deleted_by_plain_forms() {
    let world = polls().await;
    let (poll, keep) = make(&world, LUNCH).await;
    let page = world.get(&keep).await.text();
    assert!(page.contains("Where &lt;b&gt;?") && page.contains("Nobody has voted yet"), "{page}");
    let ann = Browser::open(&world, &poll).await;
    assert_eq!(ann.vote(&world, &poll, &[0]).await, "counted");
    let page = ann.get(&world, &format!("{poll}/results?said=counted")).await;
    assert!(page.header("refresh").starts_with("5; url=/apps/acme/app/p/"));
    let page = page.text();
    assert!(page.contains("Your vote is counted.") && page.contains("your vote</small>"), "{page}");
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
    assert!(page.contains("<svg") && page.contains("1 <small>100 %</small>"), "{page}");
    let csv = world.get(&format!("{keep}/results.csv")).await;
    assert!(csv.text().contains("\"Here\",\"1\",\"100 %\"\r\n"), "{}", csv.text());
    assert_eq!(world.post_form(&format!("{keep}/shut"), "").await.status, 303);
    assert_eq!(ann.vote(&world, &poll, &[1]).await, "too-late");
    assert_eq!(results(&world, &poll).await["open"], false);
    assert_eq!(
        world.post_form(&format!("{keep}/open"), "closes=1999-01-01T00:00").await.status,
        422
    );
    assert_eq!(world.post_form(&format!("{keep}/open"), "closes=").await.status, 303);
    assert_eq!(ann.vote(&world, &poll, &[1]).await, "changed");
    let counted = results(&world, &poll).await;
    assert_eq!((&counted["voters"], &counted["choices"][1]["votes"]), (&json!(1), &json!(1)));
    assert_eq!(world.post_form(&format!("{keep}/delete"), "").await.status, 303);
    assert_eq!(world.get(&poll).await.status, 404);
    assert_eq!(world.get(&keep).await.status, 404);
}

#[tokio::test]
async fn a_ballot_sent_twice_is_one_vote() {
    let world = polls().await;
    let (poll, _) = make(&world, LUNCH).await;
    let browser = Browser::open(&world, &poll).await;
    let said = [
        browser.vote(&world, &poll, &[2]).await,
        browser.vote(&world, &poll, &[2]).await,
        browser.vote(&world, &poll, &[2]).await,
    ];
    assert_eq!(said, ["counted", "changed", "changed"]);
    let counted = results(&world, &poll).await;
    assert_eq!((&counted["voters"], &counted["choices"][2]["votes"]), (&json!(1), &json!(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_votes_at_once_are_counted_exactly() {
    const VOTERS: usize = 300;
    let world = Arc::new(polls().await);
    let form = "question=Which%3F&choices=A%0AB%0AC&kind=multiple&results=always";
    let (poll, _) = make(&world, form).await;
    let mut voters = tokio::task::JoinSet::new();
    for number in 0..VOTERS {
        let (world, poll) = (world.clone(), poll.clone());
        voters.spawn(async move {
            let browser = Arc::new(Browser::open(&world, &poll).await);
            // Every third browser sends its ballot twice at the same time, as a double click does.
            let choices: &[usize] = if number % 2 == 0 { &[0, 2] } else { &[1] };
            let again = async {
                if number % 3 == 0 {
                    browser.vote(&world, &poll, choices).await
                } else {
                    String::new()
                }
            };
            let (one, two) = tokio::join!(browser.vote(&world, &poll, choices), again);
            [one, two].iter().filter(|said| *said == "counted").count()
        });
    }
    let counted: usize = voters.join_all().await.into_iter().sum();
    let found = results(&world, &poll).await;
    assert_eq!((counted, &found["voters"]), (VOTERS, &json!(VOTERS)));
    let votes: Vec<_> = (0..3).map(|at| found["choices"][at]["votes"].clone()).collect();
    assert_eq!(votes, [json!(VOTERS / 2), json!(VOTERS / 2), json!(VOTERS / 2)]);
}

#[tokio::test]
async fn a_vote_needs_the_cookie_and_the_token_of_one_browser() {
    let world = polls().await;
    let (poll, _) = make(&world, LUNCH).await;
    let (ann, bob) = (Browser::open(&world, &poll).await, Browser::open(&world, &poll).await);
    let forged = Browser { token: bob.token.clone(), ..Browser::open(&world, &poll).await };
    assert_eq!(forged.vote(&world, &poll, &[0]).await, "no-cookie");
    let none = Browser { cookie: String::new(), ..Browser::open(&world, &poll).await };
    assert_eq!(none.vote(&world, &poll, &[0]).await, "no-cookie");
    assert_eq!(ann.vote(&world, &poll, &[]).await, "no-choice");
    for forged in [("sec-fetch-site", "cross-site"), ("origin", "https://elsewhere.example.com")] {
        let headers = [("cookie", ann.cookie.as_str()), forged];
        let body = format!("token={}&{}", ann.token, ann.choices[0]);
        assert_eq!(world.send("POST", &poll, &headers, body.into()).await.status, 403);
    }
    assert_eq!(results(&world, &poll).await["voters"], 0);
    assert_eq!(bob.vote(&world, &poll, &[0]).await, "counted");
}

#[tokio::test]
async fn a_choice_of_another_poll_counts_nowhere() {
    let world = polls().await;
    let (one, _) = make(&world, LUNCH).await;
    let (two, _) = make(&world, LUNCH).await;
    let mut browser = Browser::open(&world, &two).await;
    browser.choices = Browser::open(&world, &one).await.choices;
    assert_eq!(browser.vote(&world, &two, &[0]).await, "no-choice");
    browser.choices = vec!["choice=1%20OR%201=1".to_owned(), "choice=-1".to_owned()];
    assert_eq!(browser.vote(&world, &two, &[0]).await, "no-choice");
    assert_eq!(browser.vote(&world, &two, &[1]).await, "no-choice");
    assert_eq!(results(&world, &one).await["voters"], 0);
    assert_eq!(results(&world, &two).await["voters"], 0);
}

#[tokio::test]
async fn results_are_shown_to_whom_they_are_meant_for() {
    let world = polls().await;
    let voted = LUNCH.replace("results=always", "results=voted");
    let (poll, keep) = make(&world, &voted).await;
    let ann = Browser::open(&world, &poll).await;
    assert_eq!(world.get(&format!("{poll}/results.json")).await.status, 403);
    assert!(!world.get(&format!("{poll}/results")).await.text().contains("<svg"));
    ann.vote(&world, &poll, &[0]).await;
    assert_eq!(ann.get(&world, &format!("{poll}/results.json")).await.status, 200);
    assert_eq!(world.get(&format!("{poll}/results.json")).await.status, 403);
    let (poll, _) = make(&world, &LUNCH.replace("results=always", "results=closed")).await;
    let bob = Browser::open(&world, &poll).await;
    bob.vote(&world, &poll, &[0]).await;
    assert!(!bob.get(&world, &format!("{poll}/results")).await.text().contains("<svg"));
    // The secret is all that opens the keeper's page.
    for path in [format!("{keep}x"), keep[..keep.len() - 1].to_owned(), format!("{poll}/keep")] {
        assert_eq!(world.get(&path).await.status, 404, "{path}");
        assert_eq!(world.post_form(&format!("{path}/delete"), "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_poll_is_said_and_what_was_typed_is_kept() {
    let world = polls().await;
    for form in ["", "question=x", "question=x&choices=a%0Aa", "question=x&choices=a%0Ab&closes=x"]
    {
        assert_eq!(world.post_form("/polls", form).await.status, 422, "{form}");
    }
    let page =
        world.post_form("/polls", "question=%22%3E%3Cscript%3E&choices=%3C/textarea%3E").await;
    let page = page.text();
    assert!(
        page.contains("&quot;&gt;&lt;script&gt;") && page.contains("&lt;/textarea&gt;"),
        "{page}"
    );
    let huge = format!("question={}&choices={}", "x".repeat(100_000), "y%0A".repeat(100_000));
    assert_eq!(world.post_form("/polls", &huge).await.status, 422);
}

#[tokio::test]
async fn a_full_quota_loses_no_vote_that_was_acknowledged() {
    let wasm = build(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/polls")).unwrap();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-apps");
    let storage = Grant::Storage { quota: ByteSize::kib(160) };
    let world = TestApp::new(&wasm).cache(&cache).grant(storage).start().await.unwrap();
    let (poll, _) = make(&world, LUNCH).await;
    let (mut counted, mut refused) = (0, 0);
    for _ in 0..2000 {
        let browser = Browser::open(&world, &poll).await;
        let body = format!("token={}&{}", browser.token, browser.choices[0]);
        let headers = [("cookie", browser.cookie.as_str())];
        match world.send("POST", &poll, &headers, body.into()).await.status {
            303 => counted += 1,
            507 => refused += 1,
            other => panic!("{other}"),
        }
        if refused > 3 {
            break;
        }
    }
    assert!(refused > 3, "the quota was never used up, by {counted} votes");
    assert_eq!(results(&world, &poll).await["voters"], counted);
}

#[tokio::test]
async fn a_poll_is_deleted_on_the_day_that_its_pages_say() {
    let clock = clock();
    let world = app().clock(&clock).start().await.unwrap();
    let (poll, keep) = make(&world, &format!("{LUNCH}&closes=2033-05-18T04:00&kept=7")).await;
    Browser::open(&world, &poll).await.vote(&world, &poll, &[0]).await;
    let (stays, _) = make(&world, &format!("{LUNCH}&closes=2033-05-18T04:00&kept=never")).await;
    let (unsaid, _) = make(&world, &format!("{LUNCH}&closes=2033-05-18T04:00")).await;
    let (open, _) = make(&world, &format!("{LUNCH}&kept=7")).await;
    for path in [&poll, &format!("{poll}/results"), &keep] {
        let page = world.get(path).await.text();
        assert!(page.contains("deleted by itself on 26 May 2033 (UTC)"), "{path}: {page}");
    }
    let page = world.get(&open).await.text();
    assert!(page.contains("deleted by itself 7 days after it closes"), "{page}");
    assert!(!world.get(&stays).await.text().contains("deleted by itself"));
    // To 25 May 23:33:20, when the seven days are over, and its last day is not.
    clock.advance(HOUR * (7 * 24 + 20));
    delete_old(&world).await;
    assert_eq!((status(&world, &poll).await, status(&world, &keep).await), (200, 200));
    clock.advance(HOUR);
    let page = world.get(&keep).await.text();
    assert!(page.contains("it is deleted within the hour"), "{page}");
    delete_old(&world).await;
    assert_eq!((status(&world, &poll).await, status(&world, &keep).await), (404, 404));
    // Late by years, and twice.
    clock.advance(HOUR * 24 * 3650);
    delete_old(&world).await;
    delete_old(&world).await;
    for poll in [&stays, &unsaid, &open] {
        assert_eq!(status(&world, poll).await, 200);
    }
    let other = world.run_job(&JobName::parse("other").unwrap()).await.unwrap_err();
    assert!(other.to_string().contains("no job other"), "{other}");
}

#[tokio::test]
async fn days_go_on_from_the_closing_by_hand_and_opening_takes_a_poll_off_the_list() {
    let clock = clock();
    let world = app().clock(&clock).start().await.unwrap();
    let (poll, keep) = make(&world, &format!("{LUNCH}&closes=2033-06-30T00:00&kept=30")).await;
    deed(&world, &keep, "shut", "").await;
    assert!(world.get(&poll).await.text().contains("on 18 Jun 2033 (UTC)"));
    clock.advance(HOUR * 24);
    deed(&world, &keep, "shut", "").await;
    assert!(world.get(&poll).await.text().contains("on 18 Jun 2033 (UTC)"), "shut twice is once");
    // Due, and not yet seen by the job.
    clock.advance(HOUR * 24 * 40);
    deed(&world, &keep, "open", "closes=").await;
    delete_old(&world).await;
    assert!(world.get(&keep).await.text().contains("30 days after it closes"));
    deed(&world, &keep, "shut", "").await;
    clock.advance(HOUR * 24 * 31);
    // The keeper may still choose otherwise.
    deed(&world, &keep, "kept", "kept=never").await;
    delete_old(&world).await;
    assert_eq!(status(&world, &poll).await, 200);
    deed(&world, &keep, "kept", "kept=7").await;
    delete_old(&world).await;
    assert_eq!(status(&world, &poll).await, 404);
}

#[tokio::test]
async fn a_clock_that_goes_back_deletes_nothing() {
    let clock = clock();
    let world = app().clock(&clock).start().await.unwrap();
    let (poll, keep) = make(&world, &format!("{LUNCH}&kept=7")).await;
    deed(&world, &keep, "shut", "").await;
    clock.advance(HOUR * 24 * 7);
    let back = SetClock::at(UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    world.update(&app().clock(&back), 2, 2).await.unwrap();
    delete_old(&world).await;
    assert!(world.get(&poll).await.text().contains("on 26 May 2033 (UTC)"));
}

#[tokio::test]
async fn how_long_a_poll_is_kept_is_one_of_the_choices_or_refused_in_words() {
    let world = polls().await;
    let (poll, keep) = make(&world, &format!("{LUNCH}&kept=90")).await;
    for form in ["", "kept=", "kept=8", "kept=-7", "kept=%3Cscript%3E"] {
        let refused = world.post_form(&format!("{keep}/kept"), form).await;
        assert_eq!(refused.status, 422, "{form}");
        let page = refused.text();
        assert!(page.contains("choose how long the poll is kept: never, 7, 30, 90, 365"), "{page}");
        assert!(page.contains("value=\"90\" selected") && !page.contains("<script"), "{page}");
    }
    assert_eq!(world.post_form("/polls", &format!("{LUNCH}&kept=8")).await.status, 422);
    let typed = "question=q&choices=a&kept=365&closes=2999-01-01T00:00";
    let page = world.post_form("/polls", typed).await.text();
    assert!(page.contains("value=\"365\" selected") && page.contains("on 1 Jan 3000"), "{page}");
    assert_eq!(world.post_form(&format!("{poll}/kept"), "kept=7").await.status, 404);
    let wrong = format!("{keep}x");
    assert_eq!(world.post_form(&format!("{wrong}/kept"), "kept=7").await.status, 404);
    assert_eq!(world.post_form(&format!("{wrong}/again"), "").await.status, 404);
    assert_eq!(status(&world, &format!("{keep}/again")).await, 404, "only a form asks again");
}

#[tokio::test]
async fn a_poll_asked_again_has_everything_but_the_votes() {
    let clock = clock();
    let world = app().clock(&clock).start().await.unwrap();
    let form = "question=Which+%3Cb%3E%3F&note=One%0Aand+two&choices=C%0AA%0AB&kind=multiple\
                &results=voted&closes=2033-05-19T00:00&kept=30";
    let (poll, keep) = make(&world, form).await;
    let ann = Browser::open(&world, &poll).await;
    assert_eq!(ann.vote(&world, &poll, &[0, 2]).await, "counted");
    deed(&world, &keep, "shut", "").await;
    let answer = world.post_form(&format!("{keep}/again"), "").await;
    assert_eq!((answer.status, answer.header("cache-control")), (303, "no-store"));
    let next_keep = led_to(answer.header("location"));
    let parts: Vec<_> = next_keep.split('/').collect();
    let (next, secret) = (format!("/p/{}", parts[2]), parts[3]);
    assert!(next != poll && !keep.ends_with(secret));
    let page = world.get(&next_keep).await.text();
    assert!(
        page.contains("Open until you close it.") && page.contains("Nobody has voted"),
        "{page}"
    );
    assert!(page.contains("value=\"30\" selected"), "{page}");
    let page = world.get(&next).await.text();
    assert!(page.contains("Which &lt;b&gt;?") && page.contains("One\nand two"), "{page}");
    assert!(page.contains("shown to those who have voted"), "{page}");
    let texts: Vec<_> = ["<span>C<", "<span>A<", "<span>B<"].map(|text| page.find(text)).into();
    assert!(texts.iter().all(Option::is_some) && texts.is_sorted(), "{page}");
    let bob = Browser::open(&world, &next).await;
    assert_eq!(bob.vote(&world, &next, &[0, 1]).await, "counted");
    let page = world.get(&next_keep).await.text();
    assert!(page.contains("One vote."), "{page}");
    // The first stays as it was.
    assert_eq!(results(&world, &poll).await["voters"], 1);
    let first = keep.split('/').nth(3).unwrap();
    let path = format!("/keep/{}/{first}", parts[2]);
    assert_eq!(status(&world, &path).await, 404, "the secret of the first opens nothing");
}

#[tokio::test]
async fn the_thousandth_poll_is_the_last_asked_again_or_not() {
    let world = polls().await;
    let (_, keep) = make(&world, LUNCH).await;
    for _ in 1..1000 {
        deed(&world, &keep, "again", "").await;
    }
    let refused = world.post_form(&format!("{keep}/again"), "").await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("1,000 polls already"), "{}", refused.text());
    assert_eq!(world.post_form("/polls", LUNCH).await.status, 422);
    deed(&world, &keep, "delete", "").await;
    make(&world, LUNCH).await;
}

#[tokio::test]
async fn an_update_from_1_0_keeps_every_poll_and_deletes_none() {
    let clock = clock();
    let world = built("tests/apps/polls-1.0.0").clock(&clock).start().await.unwrap();
    world.update(&app().clock(&clock), 1, 2).await.unwrap();
    let all = async || {
        let mut all = Vec::new();
        for poll in ["/p/open", "/p/shut", "/p/past"] {
            all.push(results(&world, poll).await);
        }
        all
    };
    let kept = all().await;
    let counted = |at: usize| {
        let of = |choice: usize| kept[at]["choices"][choice]["votes"].as_i64().unwrap();
        (kept[at]["open"].as_bool().unwrap(), kept[at]["voters"].as_i64().unwrap(), of(0), of(1))
    };
    assert_eq!(counted(0), (true, 3, 2, 1));
    assert_eq!((counted(1), counted(2)), ((false, 1, 1, 1), (false, 1, 0, 1)));
    clock.advance(HOUR * 24 * 3650);
    delete_old(&world).await;
    assert_eq!(all().await, kept);
    // The day on which one was shut is not known; its days are counted from the update.
    let keep = "/keep/shut/secret";
    deed(&world, keep, "kept", "kept=365").await;
    assert!(world.get("/p/shut").await.text().contains("over on 19 May 2034 (UTC)"));
    // Brought to the schema once more, nothing changes.
    world.slot().app().migrate(1, 2).await.unwrap();
    assert_eq!(all().await, kept);
    assert!(world.get("/p/shut").await.text().contains("over on 19 May 2034 (UTC)"));
    delete_old(&world).await;
    assert_eq!((status(&world, "/p/shut").await, status(&world, "/p/past").await), (404, 200));
}
