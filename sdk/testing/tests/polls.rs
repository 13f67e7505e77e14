//! Polls as those who vote meet them: exact counts whatever comes at once, and no vote twice.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use newleaf_domain::{ByteSize, Grant};
use newleaf_sdk_testing::{SetClock, TestApp, World, build};
use serde_json::{Value, json};

async fn polls() -> World {
    app().start().await.unwrap()
}

fn app() -> TestApp {
    let wasm = build(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/polls")).unwrap();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-apps");
    let storage = Grant::Storage { quota: ByteSize::mib(16) };
    TestApp::new(&wasm).cache(&cache).grant(storage)
}

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
    // 2033-05-18 03:33:20 UTC.
    let clock = SetClock::at(UNIX_EPOCH + Duration::from_secs(2_000_000_000));
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
