//! Who votes: a browser, known for one poll by a cookie that says nothing else. The cookie has two
//! random halves: one counts the vote, the other proves that the form came from our own page.

use newleaf_sdk::Request;

use crate::secret;

/// The cookie's name. Its path is that of one poll, so that polls cannot be put together.
const COOKIE: &str = "polls-voter";

/// How long a browser keeps the cookie: a year, in seconds.
const KEPT: u32 = 31_536_000;

/// The length of each half.
const HALF: usize = 22;

/// A browser that votes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Voter {
    /// Its mark, kept with the vote.
    pub(crate) mark: String,
    /// What its forms must carry.
    pub(crate) token: String,
}

impl Voter {
    /// The browser as its cookie has it.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        Self::read(request.header("cookie")?)
    }

    /// A browser that was never here.
    pub(crate) fn new() -> Self {
        Self { mark: secret::random(), token: secret::random() }
    }

    /// Whether a form with this token is from this browser's own page.
    pub(crate) fn sent(&self, token: &str) -> bool {
        secret::same(&self.token, token)
    }

    /// The cookie for the poll that is served at `path`. `Lax`, since who follows a link to a
    /// poll must be known there, or could vote again.
    pub(crate) fn cookie(&self, path: &str) -> String {
        let Self { mark, token } = self;
        format!("{COOKIE}={mark}.{token}; Path={path}; Max-Age={KEPT}; HttpOnly; SameSite=Lax")
    }

    fn read(cookies: &str) -> Option<Self> {
        let value = cookies
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(name, value)| (name == COOKIE).then_some(value));
        let (mark, token) = value?.split_once('.')?;
        let plain = |half: &str| {
            let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            half.len() == HALF && half.bytes().all(letters)
        };
        (plain(mark) && plain(token))
            .then(|| Self { mark: mark.to_owned(), token: token.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_reads_as_it_was_written() {
        let voter = Voter { mark: "a".repeat(HALF), token: "B".repeat(HALF) };
        let cookie = voter.cookie("/p/x");
        let sent = format!("a=1; {}; b=2", cookie.split(';').next().unwrap_or_default());
        assert_eq!(Voter::read(&sent), Some(voter.clone()));
        assert!(voter.sent(&"B".repeat(HALF)) && !voter.sent("") && !voter.sent(&"a".repeat(HALF)));
        assert!(cookie.contains("; Path=/p/x;") && cookie.contains("HttpOnly; SameSite=Lax"));
    }

    #[test]
    fn a_cookie_that_we_did_not_write_is_none() {
        let half = "a".repeat(HALF);
        for value in
            ["", ".", "a.b", &format!("{half}.{half}x"), &format!("{half}.{}", "é".repeat(11))]
        {
            assert_eq!(Voter::read(&format!("{COOKIE}={value}")), None, "{value}");
        }
        assert_eq!(Voter::read("other=1"), None);
    }
}
