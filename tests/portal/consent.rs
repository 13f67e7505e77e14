//! An app's whole way through the portal: installed with consent, an update that asks for more refused,
//! then accepted, taken back with its data, removed and put back; with scripts and without.

use newleaf_tests::browser::{Browser, JavaScript};
use newleaf_tests::skip::skipped;
use newleaf_tests::world::{CoreRelease, Host, HostSettings, World};

use super::{blocking, picture, sign_in_to};

/// The app of the story: two releases, of which the second asks for more.
#[derive(Debug, Clone, Copy)]
struct Sample {
    id: &'static str,
    name: &'static str,
    first: &'static str,
    second: &'static str,
    /// The versions of the two.
    versions: [&'static str; 2],
    /// What the first asks for, and what the second asks beyond it.
    asks: [&'static str; 2],
    write: fn(&Host, &str),
    count: fn(&Host, &str) -> u64,
}

/// Feeds 1.1.0 asks to talk to one more host, and brings its data to another schema.
const FEEDS: Sample = Sample {
    id: "acme/feeds",
    name: "Feeds",
    first: "tests/apps/feeds-1.0.0",
    second: "plugins/feeds",
    versions: ["1.0.0", "1.1.0"],
    asks: ["Talk to feeds.example.com", "Talk to blog.example.com"],
    write: follow,
    count: followed,
};

/// Follows a feed. That nothing answers at its address is told on the page, and changes nothing here.
fn follow(host: &Host, feed: &str) {
    let form = format!("address=https%3A%2F%2Ffeeds.example.com%2F{feed}.xml");
    let answer = host.post_form("/apps/acme/feeds/feeds", &form);
    assert_eq!(answer.status, 303, "{}", answer.body);
}

/// How many feeds of that name are followed: 1.1.0 lists them on a page of their own.
fn followed(host: &Host, feed: &str) -> u64 {
    let own = host.get("/apps/acme/feeds/feeds");
    let page = if own.status == 200 { own } else { host.get("/apps/acme/feeds/") };
    assert_eq!(page.status, 200, "{}", page.body);
    u64::from(page.body.contains(&format!("feeds.example.com/{feed}.xml")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_app_may_do_is_asked_refused_accepted_and_taken_back() {
    told("what an app may do, with scripts", JavaScript::On, FEEDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_app_may_do_is_asked_refused_accepted_and_taken_back_without_scripts() {
    told("what an app may do, without scripts", JavaScript::Off, FEEDS).await;
}

async fn told(name: &str, javascript: JavaScript, sample: Sample) {
    if !Browser::is_installed() {
        skipped(name, "chromium and chromedriver");
        return;
    }
    let (world, host) = blocking(move || set_up(sample)).await;
    let browser = Browser::open(javascript).await;
    sign_in_to(&browser, &host).await;
    let story = Story { browser, javascript, sample, portal: format!("http://{}", host.admin) };
    story.installed_with_consent(sample.versions[0]).await;
    let host = write(host, sample, "before").await;
    let (world, host) = blocking(move || offer_more(world, host, sample)).await;
    story.refused_and_offered_again().await;
    story.accepted().await;
    let host = write(host, sample, "after").await;
    story.undone().await;
    let host = blocking(move || {
        assert_eq!(host.app_version(sample.id), sample.versions[0]);
        assert_eq!(((sample.count)(&host, "before"), (sample.count)(&host, "after")), (1, 0));
        host
    })
    .await;
    story.switched_off_and_on(&host).await;
    story.removed_and_put_back().await;
    // What it left is brought to the newest version's schema.
    story.installed_with_consent(sample.versions[1]).await;
    story.browser.close().await;
    blocking(move || {
        assert_eq!((sample.count)(&host, "before"), 1, "its data was not taken up");
        drop((host, world));
    })
    .await;
}

fn set_up(sample: Sample) -> (World, Host) {
    let world = World::new();
    world.registry.publish_core(CoreRelease::Stock);
    world.registry.publish_app(sample.first);
    let host = world.host("host", HostSettings::default());
    host.run(&["check"]).assert_code(0);
    (world, host)
}

fn offer_more(world: World, host: Host, sample: Sample) -> (World, Host) {
    world.registry.publish_app(sample.second);
    host.run(&["check"]).assert_code(0);
    (world, host)
}

async fn write(host: Host, sample: Sample, text: &'static str) -> Host {
    blocking(move || {
        (sample.write)(&host, text);
        assert_eq!((sample.count)(&host, text), 1);
        host
    })
    .await
}

struct Story {
    browser: Browser,
    javascript: JavaScript,
    sample: Sample,
    portal: String,
}

impl Story {
    async fn open(&self, path: &str) {
        self.browser.page.goto(&format!("{}{path}", self.portal)).await.unwrap();
    }

    async fn says(&self, part: &str) {
        self.browser.wait_for_text(part).await;
    }

    async fn picture(&self, name: &str) {
        picture(&self.browser, self.javascript, name).await;
    }

    /// The button of the form that plans the app's newest version.
    fn plan_button(&self) -> String {
        format!(r#"form[action="/plans"]:has(input[value="{}"]) button.primary"#, self.sample.id)
    }

    /// The version of the sample is running, by the page of its update.
    async fn runs(&self, version: &str) {
        self.says(&format!("{} {version} is running", self.sample.name)).await;
    }

    async fn installed_with_consent(&self, version: &str) {
        let Sample { asks, .. } = self.sample;
        self.open("/apps").await;
        self.browser.click(&self.plan_button()).await;
        self.says("What the app may do").await;
        self.says(asks[0]).await;
        self.says("The author’s reason").await;
        self.says("below one address").await;
        self.picture("consent-install").await;
        self.browser.click(r#"input[name="consent"]"#).await;
        self.browser.click("form.start button.primary").await;
        self.runs(version).await;
    }

    async fn refused_and_offered_again(&self) {
        let Sample { versions, asks, .. } = self.sample;
        self.open("/").await;
        self.says("asks for more").await;
        self.browser.click(&self.plan_button()).await;
        self.says(asks[1]).await;
        self.says("The blog moved here").await;
        self.picture("consent-update").await;
        self.browser.click(r#"form[action="/skip"] button"#).await;
        self.says("Not offered: refused on this host by an admin").await;
        self.picture("consent-refused").await;
        self.open("/").await;
        self.says(&format!("{} is not offered: refused", versions[1])).await;
        self.open(&format!("/releases/{}", self.sample.id)).await;
        self.browser.click(r#"form:has(input[value="offer"]) button"#).await;
        self.open("/").await;
        self.says(&format!("Update to {}", versions[1])).await;
    }

    async fn accepted(&self) {
        self.browser.click(&self.plan_button()).await;
        self.browser.click(r#"input[name="consent"]"#).await;
        self.browser.click("form.start button.primary").await;
        self.runs(self.sample.versions[1]).await;
    }

    async fn undone(&self) {
        let Sample { id, versions, .. } = self.sample;
        self.open(&format!("/apps/{id}")).await;
        self.says("What it may do").await;
        self.picture("app").await;
        self.browser.click(&format!(r#"a[href="/undo/{id}"]"#)).await;
        self.says("What the app may do then").await;
        self.says("given up").await;
        self.picture("consent-undo").await;
        self.browser.click("form.start button.danger").await;
        self.says(&format!("{} is back on {}", self.sample.name, versions[0])).await;
    }

    async fn switched_off_and_on(&self, host: &Host) {
        let (id, public) = (self.sample.id, host.public);
        self.open(&format!("/apps/{id}")).await;
        self.browser.click(&format!(r#"form[action="/apps/{id}/disable"] button"#)).await;
        self.says("switched off").await;
        let of_app = format!("http://{public}/apps/{id}/");
        self.browser.page.goto(&of_app).await.unwrap();
        self.says("is stopped").await;
        self.open(&format!("/apps/{id}")).await;
        self.browser.click(&format!(r#"form[action="/apps/{id}/enable"] button"#)).await;
        self.says("Switch off").await;
    }

    async fn removed_and_put_back(&self) {
        let id = self.sample.id;
        self.browser.click(r#"input[value="delete"]"#).await;
        self.picture("app-remove").await;
        self.browser.click(&format!(r#"form[action="/apps/{id}/remove"] button"#)).await;
        self.says("No app is installed yet").await;
        self.open("/apps").await;
        self.says("set aside until").await;
        self.picture("apps-put-back").await;
        self.browser.click(&format!(r#"form[action="/apps/{id}/put-back"] button"#)).await;
        self.says("an installation goes on with it").await;
    }
}
