//! A hostile app and an honest one ask the outside: what was granted is carried out, everything else
//! is refused with its reason, and nobody gets to this machine by another name.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "world/outside.rs"]
mod outside;
mod world;

use std::{
    io::Write,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use newleaf_domain::{ByteSize, Grant};
use newleaf_plugin_host::{
    Door, Limits, Network, Outbound, OutboundLimits, OutboundSettings, ProxyUse, ProxyWay, Scripted,
};
use newleaf_sdk_testing::{FakeNetwork, World};
use outside::{ELSEWHERE, OUT_THERE, Server, network};
use world::{HELLO_ASYNC, OUTBOUND, app};

fn host(host: &str) -> Grant {
    Grant::Http { host: host.to_owned() }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Short waits, so that no test is slow.
fn tight() -> OutboundLimits {
    OutboundLimits {
        within: Duration::from_secs(3),
        connect_within: Duration::from_millis(500),
        first_byte_within: Duration::from_millis(600),
        stall_within: Duration::from_millis(300),
        at_once: 2,
        request_body: ByteSize::kib(64),
        response_body: ByteSize::kib(256),
        ..OutboundLimits::default()
    }
}

async fn started(grants: &[&str], settings: OutboundSettings, outbound: OutboundLimits) -> World {
    let limits = Limits { outbound, ..Limits::default() };
    let mut app = app(&OUTBOUND).limits(limits).outbound(settings);
    for grant in grants {
        app = app.grant(host(grant));
    }
    app.start().await.unwrap()
}

/// A world with `example.com` out there, granted, and a server behind it.
async fn with_server() -> (World, Server) {
    let server = Server::plain().await;
    let scripted =
        Scripted::default().name("example.com", &[OUT_THERE]).door(OUT_THERE, server.door());
    (started(&["example.com"], network(&Arc::new(scripted)), tight()).await, server)
}

/// What a plain request to `authority` and `path` comes to.
async fn plain(world: &World, authority: &str, path: &str) -> String {
    let authority = authority.replace('[', "%5B").replace(']', "%5D").replace(':', "%3A");
    world.get(&format!("/raw?scheme=http&authority={authority}&path={path}")).await.text()
}

#[tokio::test]
async fn a_granted_host_answers_and_the_connection_is_used_again() {
    let (world, server) = with_server().await;
    for _ in 0..3 {
        assert_eq!(plain(&world, "example.com", "/ok").await, "200 with 5 bytes");
    }
    assert_eq!(plain(&world, "EXAMPLE.com.:80", "/ok").await, "200 with 5 bytes");
    assert_eq!(server.connections(), 1, "the connection was not kept");
    let head = server.heads.all().pop().unwrap();
    assert!(head.contains("host: example.com\r\n"), "{head}");
    assert!(head.contains("user-agent: newleaf (acme/app 0.0.0)\r\n"), "{head}");
    let outbound = world.stats().outbound;
    assert_eq!((outbound.requests, outbound.denied, outbound.failed), (4, 0, 0));
    assert_eq!((outbound.sent, outbound.received), (0, 20));
}

#[tokio::test]
async fn a_body_goes_out_and_comes_back() {
    let (world, server) = with_server().await;
    let text = "x".repeat(20_000);
    let fields = [("content-type", "text/plain")];
    let path = "/echo?url=http://example.com/back";
    let answer = world.send("POST", path, &fields, text.clone().into()).await;
    assert_eq!((answer.status, answer.text()), (200, text));
    let head = server.heads.all().pop().unwrap();
    assert!(head.contains("user-agent: prober/1 newleaf (acme/app 0.0.0)\r\n"), "{head}");
    assert!(head.contains("x-own: yes\r\n"), "{head}");
    let outbound = world.stats().outbound;
    assert_eq!((outbound.sent, outbound.received), (20_000, 20_000));
}

#[tokio::test]
async fn an_app_of_http_03_is_judged_alike() {
    let server = Server::plain().await;
    let scripted = Scripted::default()
        .name("example.com", &[OUT_THERE])
        .name("local.example.com", &[address("127.0.0.1")])
        .door(OUT_THERE, server.door());
    let world = app(&HELLO_ASYNC)
        .outbound(network(&Arc::new(scripted)))
        .grant(host("example.com"))
        .grant(host("local.example.com"))
        .start()
        .await
        .unwrap();
    assert_eq!(world.get("/outbound/example.com").await.text(), "200 with 5 bytes");
    let other = world.get("/outbound/www.example.com").await.text();
    assert!(other.contains("HttpRequestDenied"), "{other}");
    let local = world.get("/outbound/local.example.com").await.text();
    assert!(local.contains("DestinationIpProhibited"), "{local}");
    let outbound = world.stats().outbound;
    assert_eq!((outbound.requests, outbound.denied), (3, 2));
    let connections = server.connections();
    let _any = world.slot().app().probe("/outbound/example.com", Duration::from_secs(10)).await;
    let outbound = world.stats().outbound;
    assert_eq!((outbound.requests, outbound.denied), (4, 3), "a probe was let out");
    assert_eq!(server.connections(), connections);
}

#[tokio::test]
async fn what_is_not_granted_is_not_even_looked_up() {
    let scripted = Arc::new(Scripted::default().every_name(OUT_THERE));
    let world = started(&["example.com"], network(&scripted), tight()).await;
    for other in [
        "www.example.com",
        "example.com:8080",
        "example.com.evil.example.net",
        "localhost",
        "127.0.0.1",
        "169.254.169.254",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "2130706433",
        "0177.0.0.1",
        "0x7f000001",
        "127.1",
        "11.22.33.44",
    ] {
        let said = plain(&world, other, "/").await;
        assert!(said.contains("HttpRequestDenied"), "{other}: {said}");
    }
    assert_eq!(scripted.lookups(), [""; 0]);
    assert!(scripted.connections().is_empty());
    let outbound = world.stats().outbound;
    assert_eq!((outbound.requests, outbound.denied), (14, 14));
}

#[tokio::test]
async fn a_granted_name_that_leads_inside_is_refused() {
    for inside in [
        "127.0.0.1",
        "169.254.169.254",
        "10.0.0.5",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "fe80::1",
        "fd00::1",
    ] {
        let scripted = Arc::new(Scripted::default().name("example.com", &[address(inside)]));
        let world = started(&["example.com"], network(&scripted), tight()).await;
        let said = plain(&world, "example.com", "/").await;
        assert!(said.contains("DestinationIpProhibited"), "{inside}: {said}");
        assert!(scripted.connections().is_empty(), "{inside} was connected to");
    }
}

#[tokio::test]
async fn this_machine_is_refused_by_its_own_name() {
    let settings = OutboundSettings { proxy: ProxyWay::None, ..OutboundSettings::default() };
    assert!(matches!(settings.network, Network::System));
    let world = started(&["localhost"], settings, tight()).await;
    let said = plain(&world, "localhost", "/").await;
    assert!(said.contains("DestinationIpProhibited"), "{said}");
}

#[tokio::test]
async fn a_public_address_of_this_machine_is_refused_unless_the_admin_lists_it() {
    let server = Server::plain().await;
    let scripted = Arc::new(
        Scripted::default()
            .name("example.com", &[OUT_THERE])
            .own(OUT_THERE)
            .door(OUT_THERE, server.door()),
    );
    let world = started(&["example.com"], network(&scripted), tight()).await;
    let said = plain(&world, "example.com", "/ok").await;
    assert!(said.contains("DestinationIpProhibited"), "{said}");
    assert!(scripted.connections().is_empty(), "something was connected to");
    let settings = OutboundSettings { private: vec![OUT_THERE], ..network(&scripted) };
    let world = started(&["example.com"], settings, tight()).await;
    assert_eq!(plain(&world, "example.com", "/ok").await, "200 with 5 bytes");
}

#[tokio::test]
async fn one_bad_address_among_good_ones_spoils_the_name() {
    let server = Server::plain().await;
    let scripted = Arc::new(
        Scripted::default()
            .name("example.com", &[OUT_THERE, address("127.0.0.1")])
            .door(OUT_THERE, server.door())
            .door(address("127.0.0.1"), server.door()),
    );
    let world = started(&["example.com"], network(&scripted), tight()).await;
    let said = plain(&world, "example.com", "/").await;
    assert!(said.contains("DestinationIpProhibited"), "{said}");
    assert!(scripted.connections().is_empty(), "something was connected to");
}

#[tokio::test]
async fn a_name_that_changes_its_mind_gets_nothing_by_it() {
    let server = Server::plain().await;
    let inside = address("127.0.0.1");
    let scripted = Arc::new(
        Scripted::default()
            .name("example.com", &[OUT_THERE])
            .name("example.com", &[inside])
            .door(OUT_THERE, server.door())
            .door(inside, server.door()),
    );
    let world = started(&["example.com"], network(&scripted), tight()).await;
    // The first answer is judged and connected to; there is no second lookup in between.
    assert_eq!(plain(&world, "example.com", "/cut").await, "ErrorCode::HttpResponseIncomplete");
    assert_eq!(scripted.lookups(), ["example.com"]);
    // A new connection asks again, and is judged again.
    let said = plain(&world, "example.com", "/ok").await;
    assert!(said.contains("DestinationIpProhibited"), "{said}");
    assert_eq!(scripted.connections(), [(OUT_THERE, 80).into()]);
}

#[tokio::test]
async fn an_address_is_reached_where_the_grant_names_it() {
    let server = Server::plain().await;
    let port = server.address.port();
    let settings = OutboundSettings { proxy: ProxyWay::None, ..OutboundSettings::default() };
    let grant = format!("127.0.0.1:{port}");
    let world = started(&[&grant], settings.clone(), tight()).await;
    for form in ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]"] {
        let said = plain(&world, &format!("{form}:{port}"), "/ok").await;
        assert_eq!(said, "200 with 5 bytes", "{form}");
    }
    let said = plain(&world, &format!("127.0.0.2:{port}"), "/ok").await;
    assert!(said.contains("HttpRequestDenied"), "{said}");
    // What a person does not recognise is no consent; and some addresses are nobody's.
    let disguised = format!("2130706433:{port}");
    let world = started(&[&disguised, "0.0.0.0"], settings, tight()).await;
    let said = plain(&world, &format!("127.0.0.1:{port}"), "/ok").await;
    assert!(said.contains("HttpRequestDenied"), "{said}");
    let said = plain(&world, "0.0.0.0", "/ok").await;
    assert!(said.contains("DestinationIpProhibited"), "{said}");
}

#[tokio::test]
async fn an_address_that_the_admin_lists_is_reached_by_a_granted_name_alone() {
    let server = Server::plain().await;
    let inside = address("10.0.0.5");
    let scripted = Arc::new(
        Scripted::default()
            .name("nas.example.com", &[inside])
            .name("other.example.com", &[address("10.0.0.6")])
            .door(inside, server.door()),
    );
    let settings = OutboundSettings { private: vec![inside], ..network(&scripted) };
    let world = started(&["nas.example.com", "other.example.com"], settings, tight()).await;
    assert_eq!(plain(&world, "nas.example.com", "/ok").await, "200 with 5 bytes");
    let said = plain(&world, "other.example.com", "/ok").await;
    assert!(said.contains("DestinationIpProhibited"), "{said}");
    let said = plain(&world, "10.0.0.5", "/ok").await;
    assert!(said.contains("HttpRequestDenied"), "{said}");
}

#[tokio::test]
async fn a_redirect_is_the_apps_to_see_and_not_to_follow() {
    let (world, server) = with_server().await;
    let answer = world.get("/fetch?url=http://example.com/redirect").await.text();
    assert_eq!(answer, "302 with 0 bytes to http://127.0.0.1/admin");
    assert_eq!(server.heads.all().len(), 1, "somebody followed");
    let next = world.get("/fetch?url=http://127.0.0.1/admin").await.text();
    assert!(next.starts_with("Denied: "), "{next}");
}

#[tokio::test]
async fn an_answer_that_goes_wrong_has_its_code() {
    let (world, _server) = with_server().await;
    for (path, code) in [
        ("/endless", "HttpResponseBodySize(Some(262144))"),
        ("/announced", "HttpResponseBodySize(Some(262144))"),
        ("/silent", "HttpResponseTimeout"),
        ("/stall", "ConnectionReadTimeout"),
        ("/cut", "HttpResponseIncomplete"),
        ("/huge-head", "HttpResponseHeaderSectionSize(Some(65536))"),
        ("/many-fields", "HttpResponseHeaderSectionSize(Some(65536))"),
        ("/garbage", "HttpProtocolError"),
        ("/switch", "HttpProtocolError"),
    ] {
        let said = plain(&world, "example.com", path).await;
        assert!(said.contains(code), "{path}: {said}");
    }
    assert_eq!(plain(&world, "example.com", "/ok").await, "200 with 5 bytes");
    let outbound = world.stats().outbound;
    assert_eq!((outbound.requests, outbound.denied, outbound.failed), (10, 4, 5));
}

#[tokio::test]
async fn an_answer_that_comes_drop_by_drop_ends_at_the_overall_limit() {
    let server = Server::plain().await;
    let scripted =
        Scripted::default().name("example.com", &[OUT_THERE]).door(OUT_THERE, server.door());
    let limits = OutboundLimits { within: Duration::from_millis(700), ..tight() };
    let world = started(&["example.com"], network(&Arc::new(scripted)), limits).await;
    let said = plain(&world, "example.com", "/drip").await;
    assert!(said.contains("HttpResponseTimeout"), "{said}");
}

#[tokio::test]
async fn an_app_may_be_less_patient_than_the_host() {
    let server = Server::plain().await;
    let scripted =
        Scripted::default().name("example.com", &[OUT_THERE]).door(OUT_THERE, server.door());
    let patient = OutboundLimits { within: Duration::from_secs(20), ..OutboundLimits::default() };
    let world = started(&["example.com"], network(&Arc::new(scripted)), patient).await;
    let began = std::time::Instant::now();
    let path = "/raw?scheme=http&authority=example.com&path=/silent&patience_s=1";
    let said = world.get(path).await.text();
    assert!(said.contains("HttpResponseTimeout"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(4), "it took {:?}", began.elapsed());
}

#[tokio::test]
async fn a_host_that_is_not_there_has_its_code() {
    let scripted = Scripted::default()
        .name("closed.example.com", &[ELSEWHERE])
        .name("silent.example.com", &[OUT_THERE])
        .name("empty.example.com", &[])
        .door(ELSEWHERE, Door::Closed)
        .door(OUT_THERE, Door::Silent);
    let grants =
        ["closed.example.com", "silent.example.com", "empty.example.com", "none.example.com"];
    let world = started(&grants, network(&Arc::new(scripted)), tight()).await;
    for (host, code) in
        grants.into_iter().zip(["ConnectionRefused", "ConnectionTimeout", "DnsError", "DnsError"])
    {
        let said = plain(&world, host, "/").await;
        assert!(said.contains(code), "{host}: {said}");
    }
    assert_eq!(world.stats().outbound.failed, 4);
}

#[tokio::test]
async fn the_next_address_is_tried_where_one_is_silent() {
    let server = Server::plain().await;
    let scripted = Scripted::default()
        .name("example.com", &[ELSEWHERE, OUT_THERE])
        .door(ELSEWHERE, Door::Silent)
        .door(OUT_THERE, server.door());
    let limits = OutboundLimits { first_byte_within: Duration::from_secs(3), ..tight() };
    let world = started(&["example.com"], network(&Arc::new(scripted)), limits).await;
    assert_eq!(plain(&world, "example.com", "/ok").await, "200 with 5 bytes");
}

#[tokio::test]
async fn a_certificate_must_be_of_the_host_that_was_asked() {
    let server = Server::tls().await;
    let scripted = Arc::new(
        Scripted::default()
            .name("right.example.com", &[OUT_THERE])
            .name("wrong.example.com", &[OUT_THERE])
            .door(OUT_THERE, server.door()),
    );
    let grants = ["right.example.com", "wrong.example.com"];
    let world = started(&grants, network(&scripted), tight()).await;
    let asked = |authority: &str| format!("/raw?authority={authority}&path=/ok");
    assert_eq!(world.get(&asked(grants[0])).await.text(), "200 with 5 bytes");
    let wrong = world.get(&asked(grants[1])).await.text();
    assert!(wrong.contains("TlsCertificateError"), "{wrong}");
    let unknown =
        OutboundSettings { roots: newleaf_plugin_host::Roots::System, ..network(&scripted) };
    let world = started(&grants, unknown, tight()).await;
    let stranger = world.get(&asked(grants[0])).await.text();
    assert!(stranger.contains("TlsCertificateError"), "{stranger}");
}

#[tokio::test]
async fn what_an_app_sends_is_bounded() {
    let (world, server) = with_server().await;
    let path = "/raw?scheme=http&authority=example.com&path=/ok&method=POST&body_bytes=200000";
    let said = world.get(path).await.text();
    assert!(said.contains("HttpRequestBodySize(Some(65536))"), "{said}");
    // A list of fields longer than 32 KiB cannot even be made.
    let long = world.get("/raw?scheme=http&authority=example.com&field_bytes=90000").await;
    assert_eq!(long.failure, Some(newleaf_plugin_host::Failure::Trap), "{}", long.text());
    for method in ["CONNECT", "TRACE"] {
        let path = format!("/raw?scheme=http&authority=example.com&method={method}");
        let said = world.get(&path).await.text();
        assert!(said.contains("HttpRequestMethodInvalid"), "{method}: {said}");
    }
    let said = plain(&world, "user%40example.com", "/ok").await;
    assert!(said.contains("HttpRequestUriInvalid"), "{said}");
    assert!(server.heads.all().len() <= 1, "{:?}", server.heads.all());
    let forbidden = world.get("/forbidden").await.text();
    assert_eq!(forbidden, "host connection transfer-encoding proxy-authorization");
}

#[tokio::test]
async fn requests_beyond_what_may_run_wait_and_those_beyond_that_are_refused() {
    let (world, server) = with_server().await;
    let path = "/many?scheme=http&authority=example.com&path=/ok&count=12";
    assert_eq!(world.get(path).await.text(), r#"{"200": 12}"#);
    assert!(server.connections() <= 2, "{} connections", server.connections());
    // Two run, sixteen wait, and none of them gets an answer; the others are refused at once.
    let path = "/many?scheme=http&authority=example.com&path=/silent&count=30";
    let said = world.get(path).await.text();
    assert!(said.contains(r#""ErrorCode::ConnectionLimitReached": 1"#), "{said}");
    assert!(world.stats().outbound.denied >= 12, "{:?}", world.stats().outbound);
    // And the places are free again.
    assert_eq!(plain(&world, "example.com", "/ok").await, "200 with 5 bytes");
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_gives_its_place_back() {
    let (world, _server) = with_server().await;
    for _ in 0..5 {
        let path = "/leave?scheme=http&authority=example.com&path=/silent&ms=20";
        assert_eq!(world.get(path).await.text(), "left");
    }
    world.slot().app().quiesce().await;
    assert_eq!(plain(&world, "example.com", "/ok").await, "200 with 5 bytes");
}

#[tokio::test]
async fn a_rehearsal_lets_nothing_out() {
    let scripted = Arc::new(Scripted::default().every_name(OUT_THERE));
    let lines = Lines::default();
    let _guard = lines.listen();
    let world = app(&OUTBOUND)
        .outbound(network(&scripted))
        .grant(host("example.com"))
        .leaves(Outbound::REHEARSAL)
        .start()
        .await
        .unwrap();
    let said = plain(&world, "example.com", "/").await;
    assert!(said.contains("HttpRequestDenied"), "{said}");
    assert!(scripted.lookups().is_empty());
    assert!(lines.all().contains("a rehearsal on a copy of the data"), "{}", lines.all());
}

#[tokio::test]
async fn a_page_that_the_host_asks_for_by_itself_lets_nothing_out_and_the_next_visitors_does() {
    let (world, server) = with_server().await;
    let page = "/raw?scheme=http&authority=example.com&path=/ok";
    let probed = world.slot().app().probe(page, Duration::from_secs(10)).await;
    assert_eq!(probed.unwrap(), 403, "it was let out");
    assert_eq!((server.connections(), world.stats().outbound.denied), (0, 1));
    assert_eq!(plain(&world, "example.com", "/ok").await, "200 with 5 bytes");
}

/// A network whose way out is the proxy `server`, with a password.
fn by_proxy(server: &Server) -> (Arc<Scripted>, OutboundSettings) {
    let proxy = address("10.0.0.9");
    let scripted = Arc::new(
        Scripted::default().name("proxy.example.net", &[proxy]).door(proxy, server.door()),
    );
    let url = "http://ada:s3cret@proxy.example.net:3128".to_owned();
    let settings = OutboundSettings { proxy: ProxyWay::Explicit(url), ..network(&scripted) };
    (scripted, settings)
}

#[tokio::test]
async fn a_proxy_is_not_gone_through_unless_an_admin_says_so() {
    let server = Server::plain().await;
    let (scripted, settings) = by_proxy(&server);
    let lines = Lines::default();
    let _guard = lines.listen();
    let world = started(&["example.com"], settings.clone(), tight()).await;
    let said = plain(&world, "example.com", "/ok").await;
    assert!(said.contains("HttpRequestDenied"), "{said}");
    assert!(lines.all().contains("outbound_proxy"), "{}", lines.all());
    assert!(scripted.lookups().is_empty());
    let settings = OutboundSettings { by_proxy: ProxyUse::Allowed, ..settings };
    let world = started(&["example.com", "127.0.0.1"], settings, tight()).await;
    assert_eq!(plain(&world, "example.com", "/ok").await, "200 with 5 bytes");
    let head = server.heads.all().pop().unwrap();
    assert!(head.starts_with("GET http://example.com/ok HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("proxy-authorization: Basic YWRhOnMzY3JldA==\r\n"), "{head}");
    assert_eq!(scripted.lookups(), ["proxy.example.net"], "the name is the proxy's to resolve");
}

#[tokio::test]
async fn by_a_proxy_no_name_leads_to_the_hosts_own_doors() {
    let server = Server::plain().await;
    let (_, settings) = by_proxy(&server);
    let proxy = address("10.0.0.9");
    let scripted = Scripted::default()
        .name("proxy.example.net", &[proxy])
        .name("portal.example.com", &[address("127.0.0.1")])
        .name("other.example.com", &[OUT_THERE])
        .door(proxy, server.door());
    let scripted = Arc::new(scripted);
    let settings = OutboundSettings {
        by_proxy: ProxyUse::Allowed,
        own: vec!["127.0.0.1:8081".parse().unwrap()],
        network: Network::Scripted(scripted.clone()),
        ..settings
    };
    let own = ["localhost:8081", "x.LOCALHOST.:8081", "portal.example.com:8081"];
    let others = ["other.example.com:8081", "unknown.example.com:8081", "portal.example.com:8082"];
    let world = started(&[own, others].concat(), settings, tight()).await;
    for name in own {
        let said = plain(&world, name, "/ok").await;
        assert!(said.contains("DestinationIpProhibited"), "{name}: {said}");
    }
    assert!(server.heads.all().is_empty(), "the proxy was asked");
    for name in others {
        assert_eq!(plain(&world, name, "/ok").await, "200 with 5 bytes", "{name}");
    }
}

#[tokio::test]
async fn what_is_asked_over_tls_goes_through_a_tunnel_that_the_proxy_cannot_look_into() {
    let server = Server::tunnel().await;
    let (scripted, settings) = by_proxy(&server);
    let settings = OutboundSettings { by_proxy: ProxyUse::Allowed, ..settings };
    let grants = ["right.example.com", "wrong.example.com"];
    let world = started(&grants, settings, tight()).await;
    let asked = |authority: &str| format!("/raw?authority={authority}&path=/ok");
    assert_eq!(world.get(&asked(grants[0])).await.text(), "200 with 5 bytes");
    let heads = server.heads.all();
    assert!(heads[0].starts_with("CONNECT right.example.com:443 HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads[0].to_lowercase().contains("proxy-authorization: basic "), "{heads:?}");
    // What is inside is the host's alone.
    assert!(heads[1].starts_with("GET /ok HTTP/1.1\r\n"), "{heads:?}");
    assert!(!heads[1].to_lowercase().contains("proxy-authorization"), "{heads:?}");
    let wrong = world.get(&asked(grants[1])).await.text();
    assert!(wrong.contains("TlsCertificateError"), "{wrong}");
    assert_eq!(scripted.lookups(), vec!["proxy.example.net"; 2]);
}

#[tokio::test]
async fn a_refusal_is_one_line_with_the_host_the_reason_and_what_to_do() {
    let lines = Lines::default();
    let _guard = lines.listen();
    let scripted = Arc::new(Scripted::default().name("example.com", &[address("10.0.0.5")]));
    let world = started(&["example.com"], network(&scripted), tight()).await;
    for _ in 0..50 {
        plain(&world, "example.com", "/").await;
        plain(&world, "other.example.com", "/").await;
    }
    let all = lines.all();
    let said: Vec<_> = all.lines().filter(|line| line.contains("outbound request")).collect();
    assert_eq!(said.len(), 2, "{said:#?}");
    for part in
        ["acme/app", "example.com", "10.0.0.5, which is a private network", "outbound_private"]
    {
        assert!(said[0].contains(part), "{part} is missing in {}", said[0]);
    }
    for part in ["acme/app", "other.example.com", "not granted", "manifest"] {
        assert!(said[1].contains(part), "{part} is missing in {}", said[1]);
    }
}

#[tokio::test]
async fn an_author_tests_against_a_network_of_their_own() {
    let network = FakeNetwork::default();
    network.answer("https://example.com/feed.xml", 200, "<rss/>");
    let world = app(&OUTBOUND).network(&network).grant(host("example.com")).start().await.unwrap();
    let answer = world.get("/fetch?url=https://example.com/feed.xml").await.text();
    assert_eq!(answer, "200 with 6 bytes to -");
    let missing = world.get("/fetch?url=https://example.com/other").await.text();
    assert!(missing.starts_with("404 with "), "{missing}");
    let denied = world.get("/fetch?url=https://other.example.com/").await.text();
    assert!(denied.starts_with("Denied: "), "{denied}");
    let asked: Vec<_> = network.asked().into_iter().map(|it| (it.method, it.url)).collect();
    let wanted = ["example.com/feed.xml", "example.com/other"];
    assert_eq!(asked, wanted.map(|url| ("GET".to_owned(), url.to_owned())));
    let alone = app(&OUTBOUND).grant(host("example.com")).start().await.unwrap();
    let nothing = alone.get("/fetch?url=https://example.com/feed.xml").await.text();
    assert!(nothing.starts_with("Failed("), "{nothing}");
}

/// What was logged in this thread.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let lines = self.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || lines.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }

    fn all(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
