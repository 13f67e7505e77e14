//! The public door with apps that are stopped, which say their names: whose page a request gets.

use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, Method, Uri};
use tower::ServiceExt as _;

use super::*;

#[derive(Debug)]
struct OneStopped;

impl Places for OneStopped {
    fn find(&self, app: &PackageName) -> Place {
        match app.as_str() {
            "acme/notes" | "acme/polls" | "acme/xn--80ak6aa92e" => {
                Place::Stopped { reason: "/srv/x: `newleaf rollback acme/notes`".to_owned() }
            }
            _ => Place::Unknown,
        }
    }

    fn list(&self) -> Vec<AppLink> {
        Vec::new()
    }
}

async fn get(path: &str) -> Response {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    public(Arc::new(OneStopped), Router::new(), AppAddresses::default())
        .oneshot(request)
        .await
        .unwrap()
}

async fn text(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.into()).unwrap()
}

#[tokio::test]
async fn an_unknown_app_is_a_page_of_its_own() {
    for path in ["/apps/acme/other/", "/apps/acme/other/x?y", "/apps/Bad/name/", "/apps/acme"] {
        let response = get(path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(text(response).await.contains("no app"), "{path}");
    }
}

#[tokio::test]
async fn a_stopped_app_tells_visitors_nothing_of_the_operators_business() {
    let response = get("/apps/acme/notes/new").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key(RETRY_AFTER));
    let text = text(response).await;
    assert!(text.contains("acme/notes is stopped"), "{text}");
    assert!(!text.contains("/srv/x") && !text.contains("newleaf rollback acme/notes"), "{text}");
}

#[tokio::test]
async fn an_app_is_entered_by_its_slash() {
    let response = get("/apps/acme/notes?x=1").await;
    assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
    assert_eq!(response.headers()[LOCATION], "/apps/acme/notes/?x=1");
}

/// The product at its own names; each app at one below `apps.example.com`, but for polls.
fn by_name(set: Option<&str>) -> Router {
    let polls = PackageName::parse("acme/polls").unwrap();
    let hosts = AppHosts {
        domain: "apps.example.com".parse().unwrap(),
        own: [(polls, "polls.example.org".parse().unwrap())].into(),
        kept: vec!["www.apps.example.com".parse().unwrap()],
    };
    let addresses = AppAddresses {
        set: set.map(|set| set.parse().unwrap()),
        listener: "http://127.0.0.1:8080".parse().ok(),
        hosts: Some(hosts),
    };
    let product = Router::new()
        .route("/", axum::routing::get(|| async { "the product" }))
        .route("/board", any(|| async { "the product's board" }));
    public(Arc::new(OneStopped), product, addresses)
}

fn request(method: Method, host: &str, path: &str) -> Request {
    let host = HeaderValue::from_bytes(host.as_bytes()).unwrap();
    Request::builder().method(method).uri(path).header(HOST, host).body(Body::empty()).unwrap()
}

async fn answer(door: Router, request: Request) -> (StatusCode, String) {
    let response = door.oneshot(request).await.unwrap();
    (response.status(), text(response).await)
}

/// What a GET of `path` at `host` is answered.
async fn at(host: &str, path: &str) -> (StatusCode, String) {
    answer(by_name(None), request(Method::GET, host, path)).await
}

#[tokio::test]
async fn an_app_answers_at_its_host_name_whatever_the_path_and_the_spelling() {
    for host in [
        "notes.acme.apps.example.com",
        "notes.acme.apps.example.com:8080",
        "NOTES.Acme.apps.Example.COM",
        "notes.acme.apps.example.com.",
        "notes.acme.apps.example.com.:8080",
    ] {
        for path in ["/", "/board", "/apps/newleaf.css", "/apps/acme/polls/", "/apps/acme/notes/"] {
            let (status, text) = at(host, path).await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{host} {path}");
            assert!(text.contains("acme/notes is stopped"), "{host} {path}: {text}");
        }
    }
    let (_, text) = at("polls.example.org", "/").await;
    assert!(text.contains("acme/polls is stopped"), "{text}");
}

#[tokio::test]
async fn the_target_of_http_2_and_the_absolute_form_says_the_host() {
    for (target, host) in [
        ("http://notes.acme.apps.example.com/board", None),
        ("https://notes.acme.apps.example.com:8443/", Some("www.apps.example.com")),
        ("http://notes.acme.apps.example.com/", Some("polls.example.org")),
    ] {
        let mut request = Request::get(target).body(Body::empty()).unwrap();
        if let Some(host) = host {
            request.headers_mut().insert(HOST, HeaderValue::from_static(host));
        }
        let (_, text) = answer(by_name(None), request).await;
        assert!(text.contains("acme/notes is stopped"), "{target} {host:?}: {text}");
    }
    let request = request(Method::GET, "notes.acme.apps.example.com", "http://127.0.0.1:8080/");
    assert_eq!(answer(by_name(None), request).await.1, "the product");
    let two = Request::get("http://notes.acme.apps.example.com/")
        .header(HOST, "polls.example.org")
        .body(Body::empty());
    assert!(!with_one_host(two.unwrap()).headers().contains_key(HOST));
}

#[tokio::test]
async fn the_product_answers_at_every_name_that_is_no_apps() {
    for host in [
        "127.0.0.1:8080",
        "[::1]:8080",
        "[::1]",
        "localhost:8080",
        "apps.example.com",
        "www.apps.example.com",
        "www.example.com",
        "notes.acme.apps.example.com.evil.example",
        "notes.acme.apps.example.com-evil.example",
        "notes.acme.evilapps.example.com",
        "",
    ] {
        let (status, text) = at(host, "/board").await;
        assert_eq!((status, text.as_str()), (StatusCode::OK, "the product's board"), "{host:?}");
        assert_eq!(at(host, "/apps/newleaf.css").await.0, StatusCode::OK, "{host:?}");
    }
    let without = Request::get("/").body(Body::empty()).unwrap();
    assert_eq!(answer(by_name(None), without).await.1, "the product");
}

#[tokio::test]
async fn an_unknown_name_below_the_domain_is_nobodys() {
    for host in [
        "other.acme.apps.example.com",
        "acme.apps.example.com",
        "x.notes.acme.apps.example.com",
        "notes..apps.example.com",
        ".apps.example.com",
        "notes_acme.apps.example.com",
        "notes-acme.apps.example.com",
        "xn--80ak6aa92e.acme.apps.example.com",
        "newleaf.core.apps.example.com",
    ] {
        for path in ["/", "/board", "/apps/acme/notes/", "/apps/newleaf.css"] {
            let (status, text) = at(host, path).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{host} {path}");
            assert!(text.contains("There is no app"), "{host} {path}: {text}");
            assert!(!text.contains("href") && text.contains("<style "), "{host} {path}: {text}");
        }
    }
}

#[tokio::test]
async fn a_request_that_does_not_name_one_host_is_nobodys() {
    for host in [
        "user@notes.acme.apps.example.com",
        "notes.acme.apps.example.com:80@127.0.0.1",
        "notes.acme.apps.example.com:http",
        "notes.acme.apps.example.com, 127.0.0.1",
        "notes.acme.apps.example.com/",
        "::1",
    ] {
        assert_eq!(at(host, "/").await.0, StatusCode::BAD_REQUEST, "{host}");
    }
    let mut two = request(Method::GET, "notes.acme.apps.example.com", "/");
    two.headers_mut().append(HOST, HeaderValue::from_static("127.0.0.1"));
    assert_eq!(answer(by_name(None), two).await.0, StatusCode::BAD_REQUEST);
}

/// Where `path` on the product's host leads.
async fn led(door: Router, method: Method, host: &str, path: &str) -> (StatusCode, String) {
    let response = door.oneshot(request(method, host, path)).await.unwrap();
    let to = response.headers().get(LOCATION).map_or("", |to| to.to_str().unwrap()).to_owned();
    (response.status(), to)
}

#[tokio::test]
async fn the_path_of_an_app_leads_to_its_own_address_with_all_that_was_asked() {
    let at = "http://notes.acme.apps.example.com";
    for (host, path, to) in [
        ("localhost:8080", "/apps/acme/notes/x/y?a=1&b", format!("{at}:8080/x/y?a=1&b")),
        ("localhost:8080", "/apps/acme/notes", format!("{at}:8080/")),
        ("localhost:8080", "/apps/acme/notes?x", format!("{at}:8080/?x")),
        ("[::1]:8080", "/apps/acme/notes/", format!("{at}:8080/")),
        ("www.example.com", "/apps/acme/notes/", format!("{at}/")),
        ("www.example.com", "/apps/acme/notes//evil.example/", format!("{at}//evil.example/")),
        ("www.example.com", "/apps/acme/polls/", "http://polls.example.org/".to_owned()),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let led = led(by_name(None), method, host, path).await;
            assert_eq!(led, (StatusCode::PERMANENT_REDIRECT, to.clone()), "{host} {path}");
        }
    }
    let set = by_name(Some("https://www.example.com:8443"));
    let led = led(set, Method::GET, "localhost:8080", "/apps/acme/notes/x").await;
    assert_eq!(led.1, "https://notes.acme.apps.example.com:8443/x");
}

#[tokio::test]
async fn what_would_change_something_is_not_led_on_and_reaches_no_app() {
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let asked = request(method, "localhost:8080", "/apps/acme/notes/x");
        let (status, text) = answer(by_name(None), asked).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(text.contains("http://notes.acme.apps.example.com:8080"), "{text}");
        assert!(text.contains("not passed on"), "{text}");
    }
}

#[tokio::test]
async fn an_app_with_a_name_of_its_own_is_led_to_from_its_usual_one() {
    let usual = "polls.acme.apps.example.com:8080";
    let led = led(by_name(None), Method::GET, usual, "/p/1?x").await;
    let to = "http://polls.example.org:8080/p/1?x".to_owned();
    assert_eq!(led, (StatusCode::PERMANENT_REDIRECT, to));
    let posted = answer(by_name(None), request(Method::POST, usual, "/p/1")).await;
    assert_eq!(posted.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_app_whose_name_makes_no_host_name_has_no_address_until_it_is_given_one() {
    let (status, text) = at("localhost:8080", "/apps/acme/xn--80ak6aa92e/").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(text.contains("has no address"), "{text}");
    let (status, text) = at("localhost:8080", "/apps/acme/other/").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(text.contains("There is no app"), "{text}");
}

#[tokio::test]
async fn below_paths_the_host_name_says_nothing() {
    for host in ["notes.acme.apps.example.com", "", "a@b", "localhost:8080"] {
        let door = public(Arc::new(OneStopped), Router::new(), AppAddresses::default());
        let (_, text) = answer(door, request(Method::GET, host, "/apps/acme/notes/")).await;
        assert!(text.contains("acme/notes is stopped"), "{host}: {text}");
    }
}

#[tokio::test]
async fn a_query_in_other_letters_is_led_on_as_it_is() {
    let mut asked = request(Method::GET, "localhost", "/");
    *asked.uri_mut() = Uri::from_maybe_shared("/apps/acme/notes?q=caf\u{e9}").unwrap();
    let response = public(Arc::new(OneStopped), Router::new(), AppAddresses::default());
    let response = response.oneshot(asked).await.unwrap();
    assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
    let to = response.headers()[LOCATION].as_bytes();
    assert_eq!(to, "/apps/acme/notes/?q=caf\u{e9}".as_bytes());
}
