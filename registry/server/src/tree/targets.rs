//! Targets from the disk, streamed, whole or a range of them (RFC 9110 §14).

use std::io::{self, SeekFrom};
use std::path::Path;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    IF_RANGE, RANGE,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use newleaf_domain::Digest;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::Cache;

/// Bytes read from the disk at a time.
const PIECE: usize = 64 * 1024;

/// A response made of a file.
pub(crate) type Served = Response<Body>;

/// Why a target is not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// There is none of that name.
    #[error("there is no such target")]
    NotFound,
    /// The disk failed.
    #[error("the target could not be read")]
    Io(#[source] io::Error),
    /// A header could not be made.
    #[error("the answer could not be made")]
    Http(#[source] http::Error),
}

/// Serves the target at `path` below `folder`, as `request` asks for it.
pub(crate) async fn serve(
    folder: &Path,
    path: &str,
    request: &HeaderMap,
) -> Result<Served, ServeError> {
    let entity = entity_of(path).ok_or(ServeError::NotFound)?;
    let (mut file, length) = open(&folder.join(path)).await?;
    let tag = entity.tag(length).ok_or(ServeError::NotFound)?;
    let answer = Response::builder()
        .header(ETAG, &tag)
        .header(CACHE_CONTROL, Cache::Immutable.header())
        .header(ACCEPT_RANGES, "bytes");
    if is_known(request, &tag) {
        return answer
            .status(StatusCode::NOT_MODIFIED)
            .body(Body::empty())
            .map_err(ServeError::Http);
    }
    let answer = answer.header(CONTENT_TYPE, "application/octet-stream");
    match wanted(request, &tag, length) {
        Wanted::Whole => answer.header(CONTENT_LENGTH, length).body(streamed(file, length)),
        Wanted::Part { first, count } => {
            file.seek(SeekFrom::Start(first)).await.map_err(ServeError::Io)?;
            answer
                .status(StatusCode::PARTIAL_CONTENT)
                .header(CONTENT_RANGE, format!("bytes {first}-{}/{length}", first + count - 1))
                .header(CONTENT_LENGTH, count)
                .body(streamed(file, count))
        }
        Wanted::Unsatisfiable => answer
            .status(StatusCode::RANGE_NOT_SATISFIABLE)
            .header(CONTENT_RANGE, format!("bytes */{length}"))
            .body(Body::empty()),
    }
    .map_err(ServeError::Http)
}

/// A plain file with its length.
async fn open(path: &Path) -> Result<(File, u64), ServeError> {
    let missing = |error: io::Error| {
        if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
            ServeError::NotFound
        } else {
            ServeError::Io(error)
        }
    };
    let file = File::open(path).await.map_err(missing)?;
    let about = file.metadata().await.map_err(ServeError::Io)?;
    if about.is_file() { Ok((file, about.len())) } else { Err(ServeError::NotFound) }
}

/// What a file's name says of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entity {
    /// They have this digest.
    Signed(Digest),
    /// A package comes of them that has this digest. They were made here, and may be made anew.
    Smaller(Digest),
}

impl Entity {
    /// The strong entity tag of such a file (RFC 9110 §8.8.3).
    fn tag(self, length: u64) -> Option<HeaderValue> {
        let tag = match self {
            Self::Signed(digest) => format!("\"{digest}\""),
            Self::Smaller(digest) => format!("\"{digest}-{length}\""),
        };
        HeaderValue::try_from(tag).ok()
    }
}

/// What the file at `path` is; nothing for a path that is not plain or whose file name has no
/// digest.
fn entity_of(path: &str) -> Option<Entity> {
    let is_plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    };
    if !path.split('/').all(is_plain) {
        return None;
    }
    let name = path.rsplit('/').next()?;
    let (first, rest) = name.split_once('.')?;
    match (first.split_once('-'), rest.strip_suffix("zst")) {
        (Some((base, result)), Some("")) => {
            Digest::parse(base).ok()?;
            Digest::parse(result).ok().map(Entity::Smaller)
        }
        (None, Some(_)) => Digest::parse(first).ok().map(Entity::Smaller),
        (None, None) => Digest::parse(first).ok().map(Entity::Signed),
        (Some(_), _) => None,
    }
}

/// Whether `If-None-Match` names this entity (RFC 9110 §13.1.2).
pub(crate) fn is_known(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let Some(tag) = tag.to_str().ok() else { return false };
    request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| known.trim() == "*" || known.trim().trim_start_matches("W/") == tag)
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part { first: u64, count: u64 },
    Unsatisfiable,
}

/// What is asked for: one range of bytes, else the whole. Several ranges, other units and ranges of
/// another entity may be answered with the whole (RFC 9110 §14.2), so they are.
fn wanted(request: &HeaderMap, tag: &HeaderValue, length: u64) -> Wanted {
    let of_this_entity = request.get(IF_RANGE).is_none_or(|condition| condition == tag);
    let range = request.get(RANGE).and_then(|range| range.to_str().ok());
    match range.and_then(|range| range.strip_prefix("bytes=")) {
        Some(range) if of_this_entity => one_range(range.trim(), length).unwrap_or(Wanted::Whole),
        _ => Wanted::Whole,
    }
}

fn one_range(range: &str, length: u64) -> Option<Wanted> {
    let (first, last) = range.split_once('-')?;
    let (first, last) = if first.is_empty() {
        let suffix: u64 = last.parse().ok()?;
        (length.saturating_sub(suffix), length.saturating_sub(u64::from(suffix > 0)))
    } else {
        let last = if last.is_empty() { u64::MAX } else { last.parse().ok()? };
        (first.parse().ok()?, last)
    };
    if first > last {
        return None;
    }
    if first >= length {
        return Some(Wanted::Unsatisfiable);
    }
    Some(Wanted::Part { first, count: last.min(length - 1) - first + 1 })
}

/// The next `count` bytes of `file`. A file that ends early breaks the connection off, which the
/// receiver sees.
fn streamed(file: File, count: u64) -> Body {
    Body::from_stream(stream::try_unfold((file, count), |(mut file, left)| async move {
        if left == 0 {
            return Ok::<_, io::Error>(None);
        }
        let size = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let mut piece = BytesMut::with_capacity(size);
        let mut limited = (&mut file).take(size as u64);
        if limited.read_buf(&mut piece).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let left = left - piece.len() as u64;
        Ok(Some((Bytes::from(piece), (file, left))))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str) -> Wanted {
        let tag = HeaderValue::from_static("\"x\"");
        let request = HeaderMap::from_iter([(RANGE, HeaderValue::try_from(range).unwrap())]);
        wanted(&request, &tag, 100)
    }

    #[test]
    fn ranges_are_read_as_the_rfc_has_them() {
        assert_eq!(asked("bytes=0-9"), Wanted::Part { first: 0, count: 10 });
        assert_eq!(asked("bytes=90-"), Wanted::Part { first: 90, count: 10 });
        assert_eq!(asked("bytes=90-1000"), Wanted::Part { first: 90, count: 10 });
        assert_eq!(asked("bytes=-5"), Wanted::Part { first: 95, count: 5 });
        assert_eq!(asked("bytes=-500"), Wanted::Part { first: 0, count: 100 });
        assert_eq!(asked("bytes=100-"), Wanted::Unsatisfiable);
        for whole in ["bytes=9-0", "bytes=0-1,5-6", "lines=0-9", "bytes=x-", "bytes=-"] {
            assert_eq!(asked(whole), Wanted::Whole, "{whole:?}");
        }
    }

    #[test]
    fn a_range_of_another_entity_is_answered_with_the_whole() {
        let request = HeaderMap::from_iter([
            (RANGE, HeaderValue::from_static("bytes=0-9")),
            (IF_RANGE, HeaderValue::from_static("\"old\"")),
        ]);
        assert_eq!(wanted(&request, &HeaderValue::from_static("\"new\""), 100), Wanted::Whole);
    }

    #[test]
    fn paths_that_are_not_plain_have_no_target() {
        let digest = Digest::of(b"x");
        let target = format!("apps/acme/notes/1.0.0/{digest}.notes.zip");
        assert_eq!(entity_of(&target), Some(Entity::Signed(digest)));
        assert_eq!(entity_of(&format!("{target}.zst")), Some(Entity::Smaller(digest)));
        let delta = format!("{}-{digest}.zst", Digest::of(b"base"));
        assert_eq!(entity_of(&delta), Some(Entity::Smaller(digest)));
        for bad in [
            format!("../{digest}.x"),
            format!("a//{digest}.x"),
            format!("a/%2e%2e/{digest}.x"),
            format!("a\\{digest}.x"),
            "apps/notes.zip".to_owned(),
            format!("{digest}-{digest}.zip"),
            format!("x-{digest}.zst"),
            format!(".hidden/{digest}.x"),
            String::new(),
        ] {
            assert!(entity_of(&bad).is_none(), "{bad:?} was accepted");
        }
    }
}
