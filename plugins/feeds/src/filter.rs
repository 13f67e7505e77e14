//! Which entries a page shows: in its address, in its links, and in the forms that lead back to it.

use newleaf_sdk::{Form, encode};

/// Which entries are wanted by what was done with them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Show {
    /// Those not yet read.
    #[default]
    Unread,
    /// All.
    All,
    /// Those with a star.
    Starred,
}

/// A place in the list: that of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) published: i64,
    pub(crate) id: i64,
}

/// Which entries are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) show: Show,
    pub(crate) feed: Option<i64>,
    /// Words that each entry must have.
    pub(crate) words: String,
    /// The last entry of the page before.
    pub(crate) after: Option<Place>,
}

impl Filter {
    /// Reads a query string; what is not understood is passed over.
    pub(crate) fn parse(query: &str) -> Self {
        let form = Form::parse(query);
        let words: String = form.get("q").unwrap_or_default().trim().chars().take(200).collect();
        Self {
            show: match form.get("show") {
                Some("all") => Show::All,
                Some("starred") => Show::Starred,
                Some("unread") => Show::Unread,
                // Who searches wants to find, read or not.
                Some(_) | None if !words.is_empty() => Show::All,
                Some(_) | None => Show::Unread,
            },
            feed: form.get("feed").and_then(|id| id.parse().ok()),
            words,
            after: form.get("after").and_then(place),
        }
    }

    /// The query string that reads the same, beginning with `?`.
    pub(crate) fn query(&self) -> String {
        let mut query = String::from(match self.show {
            Show::Unread => "?show=unread",
            Show::All => "?show=all",
            Show::Starred => "?show=starred",
        });
        if let Some(feed) = self.feed {
            query.push_str("&feed=");
            query.push_str(&feed.to_string());
        }
        if !self.words.is_empty() {
            query.push_str("&q=");
            query.push_str(&encode(&self.words));
        }
        if let Some(Place { published, id }) = self.after {
            query.push_str("&after=");
            query.push_str(&published.to_string());
            query.push('.');
            query.push_str(&id.to_string());
        }
        query
    }

    /// The first page of the same entries.
    pub(crate) fn first_page(&self) -> Self {
        Self { after: None, ..self.clone() }
    }
}

fn place(text: &str) -> Option<Place> {
    let (published, id) = text.split_once('.')?;
    Some(Place { published: published.parse().ok()?, id: id.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_reads_as_it_was_written() {
        for filter in [
            Filter::default(),
            Filter { show: Show::Starred, feed: Some(7), ..Filter::default() },
            Filter { show: Show::Unread, words: "a&b=c #d".to_owned(), ..Filter::default() },
            Filter { after: Some(Place { published: -5, id: 3 }), ..Filter::default() },
        ] {
            assert_eq!(Filter::parse(&filter.query()[1..]), filter);
        }
    }

    #[test]
    fn a_search_looks_at_read_entries_too() {
        assert_eq!(Filter::parse("q=x").show, Show::All);
        assert_eq!(Filter::parse("q=x&show=unread").show, Show::Unread);
    }

    #[test]
    fn nonsense_is_passed_over() {
        let filter = Filter::parse("show=x&feed=x&after=1&after=x.y&q=");
        assert_eq!(filter, Filter::default());
    }
}
