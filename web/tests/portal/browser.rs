//! A browser without scripts: sends what a browser sends, keeps the cookie, follows `303`, reads
//! forms off pages.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use newleaf_domain::{AppAddresses, Version};
use newleaf_update::port::fake::{Host, World};
use newleaf_web::link::{issue_link, link_path};
use newleaf_web::origin::OriginPolicy;
use newleaf_web::store::{MemoryLinks, MemorySessions};
use newleaf_web::{Portal, ProductFace};
use tower::ServiceExt as _;

/// The origin of the portal in these tests.
pub(crate) const ORIGIN: &str = "http://127.0.0.1:8081";

/// An answer.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    /// Where a `303` leads.
    pub(crate) fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        self.headers[header::LOCATION].to_str().unwrap()
    }

    /// The value of the page's first form token.
    pub(crate) fn form_token(&self) -> String {
        self.hidden("form_token")
    }

    /// The value of the first hidden field of this name.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let field = format!(r#"name="{name}" value=""#);
        let after = self.text.split(&field).nth(1).expect("no such field on the page");
        after.split('"').next().unwrap().to_owned()
    }

    /// Whether the page says so.
    pub(crate) fn says(&self, what: &str) -> bool {
        self.text.contains(what)
    }
}

/// One browser, and the portal it talks to.
pub(crate) struct Browser {
    router: Router,
    pub(crate) links: Arc<MemoryLinks>,
    pub(crate) world: World,
    pub(crate) cookie: Option<String>,
}

impl Browser {
    /// A browser that has never been at the portal of this host.
    pub(crate) fn new(world: &World, host: &Host) -> Self {
        let links = Arc::new(MemoryLinks::default());
        let portal = Portal {
            updater: host.updater.clone(),
            sessions: Arc::new(MemorySessions::default()),
            links: links.clone(),
            product: ProductFace {
                name: "Newleaf".to_owned(),
                version: Version::parse("1.0.0").unwrap(),
                apps: AppAddresses::default(),
            },
            origins: OriginPolicy::loopback(8081),
            clock: world.clock.clone(),
        };
        Self { router: newleaf_web::router(portal), links, world: world.clone(), cookie: None }
    }

    /// A browser that is signed in.
    pub(crate) async fn signed_in(world: &World, host: &Host) -> Self {
        let mut browser = Self::new(world, host);
        let link = browser.link().await;
        browser.post(&link, "").await;
        assert!(browser.cookie.is_some());
        browser
    }

    /// The path of a new sign-in link.
    pub(crate) async fn link(&self) -> String {
        link_path(&issue_link(&*self.links, "ada", &*self.world.clock).await.unwrap())
    }

    /// Opens an address, as by a link on a page of ours.
    pub(crate) async fn get(&mut self, path: &str) -> Page {
        let request = Request::get(path)
            .header(header::HOST, "127.0.0.1:8081")
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "navigate");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Sends a form of our own page.
    pub(crate) async fn post(&mut self, path: &str, form: &str) -> Page {
        let request = post_request(path, ORIGIN, "same-origin").body(Body::from(form.to_owned()));
        self.send(request.unwrap()).await
    }

    /// Sends a form with the token of the page it stands on, and follows where it leads.
    pub(crate) async fn submit(&mut self, from: &Page, path: &str, fields: &str) -> Page {
        let form = format!("form_token={}&{fields}", from.form_token());
        let answer = self.post(path, &form).await;
        if answer.status != StatusCode::SEE_OTHER {
            return answer;
        }
        let next = answer.location().to_owned();
        self.get(&next).await
    }

    /// Sends a request as it is, with the cookie.
    pub(crate) async fn send(&mut self, mut request: Request<Body>) -> Page {
        if let Some(cookie) = &self.cookie {
            request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        if let Some(set) = parts.headers.get(header::SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            self.cookie = (!pair.ends_with('=')).then(|| pair.to_owned());
        }
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Page { status: parts.status, headers: parts.headers, text }
    }

    /// Opens an event stream and gives its body, to be read as it comes.
    pub(crate) async fn stream(&self, path: &str, last: Option<u64>) -> Body {
        let mut request = Request::get(path)
            .header(header::HOST, "127.0.0.1:8081")
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "cors")
            .header(header::COOKIE, self.cookie.as_ref().unwrap());
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await;
        response.unwrap().into_body()
    }
}

/// A form as a browser sends it from a page of `origin`.
pub(crate) fn post_request(path: &str, origin: &str, site: &str) -> axum::http::request::Builder {
    Request::post(path)
        .header(header::HOST, "127.0.0.1:8081")
        .header(header::ORIGIN, origin)
        .header("sec-fetch-site", site)
        .header("sec-fetch-mode", "navigate")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}
