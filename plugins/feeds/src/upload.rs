//! One file out of a form that sends files (`multipart/form-data`, RFC 7578).

/// The content of the field `name`; none where the body has no such field or is not such a form.
pub(crate) fn field<'a>(body: &'a [u8], content_type: &str, name: &str) -> Option<&'a [u8]> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    });
    let boundary = boundary.filter(|boundary| (1..=70).contains(&boundary.len()))?;
    let delimiter = [b"--", boundary.as_bytes()].concat();
    let mut rest = body;
    loop {
        rest = &rest[find(rest, &delimiter)? + delimiter.len()..];
        let part = rest.strip_prefix(b"\r\n")?;
        let head_end = find(part, b"\r\n\r\n")?;
        let content = &part[head_end + 4..];
        let end = find(content, &[b"\r\n", delimiter.as_slice()].concat())?;
        if names(&part[..head_end], name) {
            return Some(&content[..end]);
        }
        rest = &content[end..];
    }
}

/// Whether the head of a part says that it is the field `name`.
fn names(head: &[u8], name: &str) -> bool {
    let head = String::from_utf8_lossy(head);
    head.lines().any(|line| {
        let Some((field, value)) = line.split_once(':') else { return false };
        field.trim().eq_ignore_ascii_case("content-disposition")
            && value.split(';').any(|parameter| parameter.trim() == format!("name=\"{name}\""))
    })
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=----x";

    #[test]
    fn a_file_is_found_among_other_fields() {
        let body = b"------x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n------x\r\n\
            content-disposition: form-data; name=\"list\"; filename=\"b.opml\"\r\nContent-Type: text/xml\r\n\r\n<a>\r\n</a>\r\n------x--\r\n";
        assert_eq!(field(body, KIND, "list"), Some(b"<a>\r\n</a>".as_slice()));
        assert_eq!(field(body, KIND, "a"), Some(b"1".as_slice()));
        assert_eq!(field(body, KIND, "none"), None);
    }

    #[test]
    fn what_is_no_such_form_has_no_file() {
        for body in ["", "------x", "------x\r\n", "------x--", "------x\r\n\r\n\r\n"] {
            assert_eq!(field(body.as_bytes(), KIND, "list"), None, "{body:?}");
        }
        for kind in ["", "text/plain", "multipart/form-data", "multipart/form-data; boundary="] {
            assert_eq!(field(b"x", kind, "list"), None);
        }
    }
}
