//! Looks at feeds: fetches, reads, cleans, stores. One feed at a time, each in a transaction of
//! its own, so that a bad one harms no other.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use newleaf_sdk::{Error, sql};
use url::Url;

use crate::{
    clean,
    feed::{self, Feed},
    item::{self, Draft, Item},
    outbound::{self, Fetched},
    parse::{self, Document, Entry},
};

/// The longest heading, in characters.
const MAX_TITLE: usize = 200;

/// The longest summary in a list, in characters.
const MAX_SUMMARY: usize = 280;

/// Now, in seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Looks at the feeds whose time has come, the longest due first, and begins no other after
/// `time`. Gives the number of those looked at, and of those among them that failed.
pub(crate) fn all_due(time: Duration) -> Result<(usize, usize), Error> {
    let began = Instant::now();
    let (mut looked, mut failed) = (0, 0);
    while began.elapsed() < time {
        let Some(feed) = feed::due(now())? else { break };
        failed += usize::from(!one(&feed)?);
        looked += 1;
    }
    Ok((looked, failed))
}

/// Looks at one feed; true where that went well. A feed that fails is no error: it is noted.
pub(crate) fn one(feed: &Feed) -> Result<bool, Error> {
    let now = now();
    feed::begin(feed, now)?;
    let Ok(address) = Url::parse(&feed.address) else {
        feed::fail(feed, now, "Its address is not one.", "Remove it and add it anew.", None)?;
        return Ok(false);
    };
    match outbound::fetch(&address, &feed.validators, parse::MAX_DOCUMENT) {
        Ok(Fetched::NotModified) => feed::unchanged(feed.id, now).map(|()| true),
        Ok(Fetched::Document { body, content_type, address, validators }) => {
            match parse::document(&body, content_type.as_deref(), &address) {
                Ok(document) => keep(feed, now, &document, &validators),
                Err(error) => {
                    let problem = format!("The feed could not be read: {error}.");
                    feed::fail(feed, now, &problem, "", None).map(|()| false)
                }
            }
        }
        Err(error) => {
            let advice = error.advice().unwrap_or_default();
            let problem = sentence(&error.to_string());
            feed::fail(feed, now, &problem, &advice, error.retry_after()).map(|()| false)
        }
    }
}

/// Stores what is new in a document; where there is no room, some is made, once.
fn keep(
    feed: &Feed,
    now: i64,
    document: &Document,
    validators: &outbound::Validators,
) -> Result<bool, Error> {
    let known = item::versions(feed.id)?;
    let entries =
        document.entries.iter().filter(|entry| known.get(&entry.guid) != Some(&version(entry)));
    let drafts: Vec<Draft> = entries.map(|entry| draft(entry, now)).collect();
    let store = || {
        sql::transaction(|| {
            // Oldest first, so that ids grow with time where the feed gives no dates.
            drafts.iter().rev().try_for_each(|draft| item::store(feed.id, draft))?;
            item::prune(feed.id)?;
            let title = clean::line(&document.title, MAX_TITLE);
            let site = document.site.as_deref().unwrap_or_default();
            feed::succeed(feed.id, now, &title, site, validators)
        })
    };
    let stored = match store() {
        Err(Error::QuotaExceeded) if item::make_room()? => store(),
        stored => stored,
    };
    match stored {
        Ok(()) => Ok(true),
        Err(Error::QuotaExceeded) => {
            let problem = "There is no room left for its entries.";
            let advice = "Remove feeds or stars that are no longer needed.";
            feed::fail(feed, now, problem, advice, None).map(|()| false)
        }
        Err(error) => Err(error),
    }
}

/// Tells one wording of an entry from another.
fn version(entry: &Entry) -> i64 {
    let link = entry.link.as_deref().unwrap_or_default();
    parse::sum(&format!("{}\n{link}\n{}\n{}", entry.title, entry.author, entry.html)).cast_signed()
}

/// An entry made safe to keep and to show.
fn draft(entry: &Entry, now: i64) -> Draft {
    let content = clean::clean(&entry.html, entry.base.as_ref());
    let text = clean::words(&content);
    let title = clean::line(&entry.title, MAX_TITLE);
    let author = clean::line(&entry.author, MAX_TITLE);
    let summary = clean::cut(&text, MAX_SUMMARY);
    let indexed = format!("{title} {author} {text}");
    let item = Item {
        link: entry.link.clone().unwrap_or_default(),
        title: if title.is_empty() { heading(&summary) } else { title },
        author,
        summary,
        content,
        // A date that is still to come would stay on top for ever.
        published: entry.published.unwrap_or(now).min(now),
        ..Item::default()
    };
    Draft { guid: entry.guid.clone(), version: version(entry), item, text: indexed }
}

/// What stands for a heading where the feed gives none.
fn heading(summary: &str) -> String {
    let start: Vec<&str> = summary.split(' ').take(10).collect();
    let start = start.join(" ");
    if start.is_empty() { "(no title)".to_owned() } else { start }
}

fn sentence(fragment: &str) -> String {
    let mut letters = fragment.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    // A host name keeps its small letters.
    let first = if fragment.split(' ').next().is_some_and(|word| word.contains('.')) {
        fragment.chars().take(1).collect()
    } else {
        first
    };
    format!("{first}{}.", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_cleaned_cut_and_dated_before_it_is_kept() {
        let entry = Entry {
            guid: "1".to_owned(),
            title: "<b>A</b> &amp; <script>x</script>B".to_owned(),
            html: "<p onclick=x>one<p>two".to_owned(),
            published: Some(5_000),
            ..Entry::default()
        };
        let kept = draft(&entry, 1_000);
        assert_eq!((kept.item.title.as_str(), kept.item.summary.as_str()), ("A & B", "one two"));
        assert_eq!(kept.item.content, "<p>one</p><p>two</p>");
        assert_eq!((kept.item.published, kept.text.as_str()), (1_000, "A & B  one two"));
    }

    #[test]
    fn an_entry_without_a_title_is_called_by_its_first_words() {
        let entry = Entry { html: "a b c d e f g h i j k l".to_owned(), ..Entry::default() };
        assert_eq!(draft(&entry, 0).item.title, "a b c d e f g h i j");
        assert_eq!(draft(&Entry::default(), 0).item.title, "(no title)");
    }

    #[test]
    fn a_changed_word_makes_another_version() {
        let one = Entry { html: "one".to_owned(), ..Entry::default() };
        let two = Entry { html: "two".to_owned(), ..Entry::default() };
        assert_ne!(version(&one), version(&two));
        assert_eq!(version(&one), version(&one.clone()));
    }
}
