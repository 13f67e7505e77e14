//! A response, whole.

/// A response of the app.
#[derive(Debug, Clone)]
pub struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// A response of this status without a body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// A page.
    pub fn html(page: impl Into<String>) -> Self {
        Self::of("text/html; charset=utf-8", page.into())
    }

    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::of("text/plain; charset=utf-8", text.into())
    }

    /// JSON that is already text.
    pub fn json(text: impl Into<String>) -> Self {
        Self::of("application/json", text.into())
    }

    /// A body of any media type.
    pub fn of(media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut response = Self::status(200).header("content-type", media_type);
        response.body = body.into();
        response
    }

    /// Sends the browser to `url` with a GET, as after a form (303).
    pub fn see_other(url: &str) -> Self {
        Self::status(303).header("location", url)
    }

    /// The same response with this status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same response with one more field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}
