//! Parts text into the words by which it is found.

use std::collections::BTreeSet;

/// The most different words of one entry that are kept.
const MAX_WORDS: usize = 400;

/// The longest word that is told from others, in characters.
const LONGEST: usize = 32;

/// The most words of one search.
pub(crate) const MAX_SOUGHT: usize = 8;

/// The words of `text` for the index, each once.
pub(crate) fn indexed(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for word in parted(text) {
        if words.len() >= MAX_WORDS {
            break;
        }
        words.insert(word);
    }
    words
}

/// The words of a search, in the order in which they were typed, each once.
pub(crate) fn sought(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in parted(text) {
        if words.len() < MAX_SOUGHT && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// Lower-case runs of letters and digits. Scripts that put no spaces between words give pairs of
/// neighbouring letters, which find any word of two or more.
fn parted(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty()).flat_map(|run| {
        let letters: Vec<char> = run.chars().flat_map(char::to_lowercase).map(plain).collect();
        let mut words = Vec::new();
        let mut rest = letters.as_slice();
        while let Some(first) = rest.first() {
            let same = rest.iter().take_while(|c| is_unspaced(**c) == is_unspaced(*first)).count();
            let (part, after) = rest.split_at(same);
            rest = after;
            if is_unspaced(*first) && part.len() > 1 {
                words.extend(part.windows(2).map(|pair| pair.iter().collect::<String>()));
            } else {
                words.push(part.iter().take(LONGEST).collect());
            }
        }
        words
    })
}

/// Chinese, Japanese and Thai letters.
const fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{0e00}'..='\u{0e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// A Latin letter without its accent, so that `cafe` finds `café`.
const fn plain(letter: char) -> char {
    match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'ď' | 'đ' => 'd',
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
        'ğ' => 'g',
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'ı' | '\u{307}' => 'i',
        'ł' => 'l',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ő' => 'o',
        'ř' => 'r',
        'ś' | 'š' | 'ş' => 's',
        'ť' => 't',
        'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_lower_case_without_accents_and_each_once() {
        let words: Vec<_> = indexed("Café, cafe — ÉTÉ 2026! it's").into_iter().collect();
        assert_eq!(words, ["2026", "cafe", "ete", "it", "s"]);
    }

    #[test]
    fn scripts_without_spaces_are_found_by_pairs() {
        assert_eq!(sought("東京都 rust言語"), ["東京", "京都", "rust", "言語"]);
        assert_eq!(sought("本"), ["本"]);
    }

    #[test]
    fn there_is_an_end_to_words() {
        let many = (0..5000).map(|n| format!("w{n} ")).collect::<Vec<_>>().concat();
        assert_eq!(indexed(&many).len(), MAX_WORDS);
        assert_eq!(sought(&many).len(), MAX_SOUGHT);
        assert_eq!(indexed(&"x".repeat(5000)).first().map(String::len), Some(LONGEST));
    }
}
