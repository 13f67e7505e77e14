//! Judges an answer before a byte of it is kept: is it the file that was wanted, and from which
//! byte on? A page that some network puts in its place must not cost what came before.

use std::time::SystemTime;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use newleaf_domain::ByteSize;
use newleaf_update::port::{Body, Length, RepositoryError, Resume, Wanted};
use reqwest::header::{CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName};
use reqwest::{Response, StatusCode};

use super::http::{is_absent, reason};
use super::retry_after::retry_after;

/// What an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The file from this byte on.
    From { offset: u64, total: Option<ByteSize> },
    /// Nothing, because nothing is missing: the file ends where the resumption begins.
    Nothing { total: ByteSize },
    /// Another part than was asked for, or none: the file is to be asked for from its first byte.
    AnotherPart,
}

/// What `response` holds of the `wanted` file.
pub(super) fn judge(
    url: &str,
    response: &Response,
    wanted: &Wanted,
) -> Result<Found, RepositoryError> {
    let found = match response.status() {
        StatusCode::OK => Found::From { offset: 0, total: whole(response) },
        StatusCode::PARTIAL_CONTENT => part(response, wanted.resume.as_ref()),
        StatusCode::RANGE_NOT_SATISFIABLE => beyond(response, wanted),
        status if is_absent(status) => {
            return Err(RepositoryError::Absent { url: url.to_owned() });
        }
        _ => return Err(refused(url, response)),
    };
    if let Found::From { total, .. } = found {
        check(url, response, total, wanted.length)?;
    }
    Ok(found)
}

/// An answer that is neither the file nor its absence.
pub(super) fn refused(url: &str, response: &Response) -> RepositoryError {
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers(), SystemTime::now());
    RepositoryError::Status { url: url.to_owned(), status, retry_after }
}

/// What makes an answer a page for people, such as the sign-in page of a hotel.
pub(super) fn is_page(response: &Response) -> Option<String> {
    let kind = header(response, CONTENT_TYPE)?;
    kind.trim_start().to_ascii_lowercase().starts_with("text/html").then(|| format!("it is {kind}"))
}

/// Refuses what cannot be the file.
fn check(
    url: &str,
    response: &Response,
    total: Option<ByteSize>,
    length: Length,
) -> Result<(), RepositoryError> {
    let foreign = |detail| RepositoryError::Foreign { url: url.to_owned(), detail };
    if let Some(detail) = is_page(response) {
        return Err(foreign(detail));
    }
    match header(response, CONTENT_ENCODING) {
        Some(coding) if !coding.eq_ignore_ascii_case("identity") => {
            return Err(foreign(format!("it was encoded on the way ({coding})")));
        }
        Some(_) | None => {}
    }
    match (total, length) {
        (Some(found), Length::Exactly(signed)) if found != signed => Err(foreign(format!(
            "it has {} bytes, {} were signed",
            found.as_u64(),
            signed.as_u64()
        ))),
        (Some(found), Length::AtMost(max)) if found > max => {
            Err(RepositoryError::TooLong { url: url.to_owned(), max })
        }
        _ => Ok(()),
    }
}

/// A 206 counts only where it says that it holds exactly what is missing (RFC 9110 §15.3.7), of
/// the very same file.
fn part(response: &Response, resume: Option<&Resume>) -> Found {
    let Some(resume) = resume else { return Found::AnotherPart };
    let another_file = header(response, ETAG).is_some_and(|etag| etag != resume.etag);
    match header(response, CONTENT_RANGE).and_then(range) {
        Some((first, last, total))
            if !another_file
                && first == resume.offset.as_u64()
                && total.is_none_or(|total| last.checked_add(1) == Some(total)) =>
        {
            Found::From { offset: first, total: total.map(ByteSize::bytes) }
        }
        Some(_) | None => Found::AnotherPart,
    }
}

/// A 416 may mean that all is here. Where the length is signed that is known without asking.
fn beyond(response: &Response, wanted: &Wanted) -> Found {
    let here = wanted.resume.as_ref().map(|resume| resume.offset);
    let total = header(response, CONTENT_RANGE)
        .and_then(|range| range.strip_prefix("bytes */")?.parse().ok().map(ByteSize::bytes));
    match (here, total, wanted.length) {
        (Some(here), Some(total), Length::AtMost(_)) if here == total => Found::Nothing { total },
        _ => Found::AnotherPart,
    }
}

/// First byte, last byte and whole length of a `Content-Range` (RFC 9110 §14.4).
fn range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    Some((first.parse().ok()?, last.parse().ok()?, total))
}

fn whole(response: &Response) -> Option<ByteSize> {
    response.content_length().map(ByteSize::bytes)
}

fn header(response: &Response, name: HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

/// A strong entity tag: a weak one does not promise the same bytes (RFC 9110 §8.8.1).
fn strong_etag(response: &Response) -> Option<String> {
    let etag = header(response, ETAG)?;
    etag.starts_with('"').then(|| etag.to_owned())
}

/// The bytes of an answer that was found to be the file.
pub(super) fn body(
    url: String,
    response: Response,
    offset: u64,
    total: Option<ByteSize>,
    wanted: &Wanted,
) -> Body {
    let etag = strong_etag(&response);
    let max = wanted.length.most();
    let mut left = max.as_u64().saturating_sub(offset);
    let broke = {
        let url = url.clone();
        move |error| RepositoryError::BrokeOff { url: url.clone(), reason: reason(error) }
    };
    let chunks = response.bytes_stream().map_err(broke).map(move |chunk| {
        let chunk = chunk?;
        let too_long = || RepositoryError::TooLong { url: url.clone(), max };
        left = left.checked_sub(chunk.len() as u64).ok_or_else(too_long)?;
        Ok(chunk)
    });
    Body { offset: ByteSize::bytes(offset), total, etag, chunks: chunks.boxed() }
}

/// The rest of a file of which nothing is missing.
pub(super) fn nothing_more(total: ByteSize) -> Body {
    Body { offset: total, total: Some(total), etag: None, chunks: stream::empty().boxed() }
}

#[cfg(test)]
mod tests {
    use newleaf_update::port::Place;

    use super::*;

    fn response(status: u16, headers: &[(&str, &str)], body: &'static str) -> Response {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(body).unwrap().into()
    }

    const SIGNED: Length = Length::Exactly(ByteSize::bytes(10));
    const SOME: Length = Length::AtMost(ByteSize::bytes(10));

    fn found(response: &Response, length: Length, here: Option<u64>) -> Result<Found, String> {
        let resume = |offset| Resume { offset: ByteSize::bytes(offset), etag: "\"a\"".to_owned() };
        let wanted = Wanted {
            source: 0,
            place: Place::Target,
            path: "x.zip".to_owned(),
            length,
            resume: here.map(resume),
        };
        judge("u", response, &wanted).map_err(|error| error.to_string())
    }

    #[test]
    fn a_part_counts_only_where_it_is_the_missing_one_of_the_same_file() {
        let part = |range: &str, etag: &str| {
            found(
                &response(206, &[("content-range", range), ("etag", etag)], "456789"),
                SIGNED,
                Some(4),
            )
        };
        let from = Found::From { offset: 4, total: Some(ByteSize::bytes(10)) };
        assert_eq!(part("bytes 4-9/10", "\"a\""), Ok(from));
        assert_eq!(part("bytes 4-9/*", "\"a\""), Ok(Found::From { offset: 4, total: None }));
        for (range, etag) in [
            ("bytes 3-9/10", "\"a\""),
            ("bytes 4-8/10", "\"a\""),
            ("bytes 4-9/10", "\"b\""),
            ("bytes 4-9/10", "W/\"a\""),
            ("lines 4-9/10", "\"a\""),
            ("4-9/10", "\"a\""),
        ] {
            assert_eq!(part(range, etag), Ok(Found::AnotherPart), "{range} of {etag}");
        }
        assert!(part("bytes 4-10/11", "\"a\"").unwrap_err().contains("11 bytes, 10 were signed"));
        let unasked = response(206, &[("content-range", "bytes 0-9/10")], "0123456789");
        assert_eq!(found(&unasked, SIGNED, None), Ok(Found::AnotherPart));
    }

    #[test]
    fn a_range_beyond_the_end_is_the_end_only_where_no_length_is_signed() {
        let beyond = response(416, &[("content-range", "bytes */7")], "");
        assert_eq!(found(&beyond, SOME, Some(7)), Ok(Found::Nothing { total: ByteSize::bytes(7) }));
        assert_eq!(found(&beyond, SOME, Some(8)), Ok(Found::AnotherPart));
        assert_eq!(found(&beyond, SIGNED, Some(7)), Ok(Found::AnotherPart));
    }

    #[test]
    fn a_page_in_the_place_of_the_file_is_not_the_file() {
        let page = response(200, &[("content-type", "text/html; charset=utf-8")], "0123456789");
        assert!(found(&page, SIGNED, None).unwrap_err().contains("text/html"));
        let short = response(200, &[], "sign in");
        assert!(found(&short, SIGNED, Some(4)).unwrap_err().contains("7 bytes, 10 were signed"));
        let packed = response(200, &[("content-encoding", "gzip")], "0123456789");
        assert!(found(&packed, SIGNED, None).unwrap_err().contains("gzip"));
    }

    #[test]
    fn refusals_say_when_to_come_back() {
        let busy = response(503, &[("retry-after", "60")], "");
        let error = refused("u", &busy);
        assert_eq!(error.retry_after(), Some(std::time::Duration::from_mins(1)));
        assert!(found(&response(404, &[], ""), SOME, None).unwrap_err().contains("does not exist"));
    }
}
