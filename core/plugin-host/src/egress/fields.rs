//! The head of a request as it leaves: what belongs to the connection is the host's to say.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONNECTION, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT},
    request::Parts,
};
use newleaf_domain::ByteSize;

use super::{destination::Destination, refusal::Refusal};

/// Fields of the connection (RFC 9110 §7.6.1), and `Expect`, which nothing here waits for.
const OF_THE_CONNECTION: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("http2-settings"),
    EXPECT,
];

/// Makes the head of a request to `to` fit to leave.
///
/// # Errors
/// It is larger than `limit`.
pub(crate) fn prepare(
    head: &mut Parts,
    to: &Destination,
    agent: &HeaderValue,
    limit: ByteSize,
) -> Result<(), Refusal> {
    let length = length(head);
    if length > crate::limits::as_usize(limit) {
        return Err(Refusal::RequestHead { length, limit });
    }
    drop_those_of_the_connection(&mut head.headers);
    let host = HeaderValue::from_str(&to.authority()).map_err(|_| Refusal::NotAUrl)?;
    head.headers.insert(HOST, host);
    let agent = match head.headers.get(USER_AGENT) {
        Some(own) => HeaderValue::from_bytes(&[own.as_bytes(), b" ", agent.as_bytes()].concat()),
        None => Ok(agent.clone()),
    };
    head.headers.insert(USER_AGENT, agent.map_err(|_| Refusal::NotAUrl)?);
    Ok(())
}

fn length(head: &Parts) -> usize {
    let target = head.uri.path_and_query().map_or(1, |target| target.as_str().len());
    let fields = head.headers.iter();
    target + fields.map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>()
}

fn drop_those_of_the_connection(headers: &mut HeaderMap) {
    let nominated: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let of_proxies: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("proxy-")).cloned().collect();
    for name in OF_THE_CONNECTION.into_iter().chain(nominated).chain(of_proxies) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::get("https://example.com/feed");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn prepared(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut head = head(fields);
        let to = Destination::of(&head.uri).unwrap();
        let agent = HeaderValue::from_static("newleaf (acme/app 1.0.0)");
        prepare(&mut head, &to, &agent, ByteSize::kib(1)).unwrap();
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        let mut fields: Vec<_> =
            head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        fields.sort();
        fields
    }

    #[test]
    fn nothing_of_the_connection_is_the_apps_to_say() {
        let fields = prepared(&[
            ("host", "intranet"),
            ("connection", "keep-alive, X-Secret"),
            ("x-secret", "1"),
            ("keep-alive", "timeout=900"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("proxy-authorization", "Basic eA=="),
            ("proxy-connection", "close"),
            ("expect", "100-continue"),
            ("accept", "text/xml"),
            ("user-agent", "feeds/2"),
        ]);
        let wanted = [
            ("accept", "text/xml"),
            ("host", "example.com"),
            ("user-agent", "feeds/2 newleaf (acme/app 1.0.0)"),
        ];
        assert_eq!(fields, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_head_that_is_too_large_does_not_leave() {
        let mut head = head(&[("cookie", &"x".repeat(2000))]);
        let to = Destination::of(&head.uri).unwrap();
        let agent = HeaderValue::from_static("newleaf");
        let refused = prepare(&mut head, &to, &agent, ByteSize::kib(1));
        let limit = ByteSize::kib(1);
        assert_eq!(refused, Err(Refusal::RequestHead { length: 2015, limit }));
    }
}
