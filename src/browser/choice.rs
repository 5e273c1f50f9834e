//! The grammar of `$BROWSER`.

/// What separates the entries of a list of programs, as in `$PATH`.
const SEPARATOR: char = if cfg!(windows) { ';' } else { ':' };

/// Splits the variable into entries, and each entry into words.
///
/// Single quotes keep everything, double quotes everything but `\"` and `\\`; outside of them a backslash
/// keeps the next character. On Windows a backslash is only part of a path. A last word `&`, which old
/// examples carry for a shell, is dropped: nothing here waits for the program anyway.
pub(super) fn entries(variable: &str) -> Result<Vec<Vec<String>>, &'static str> {
    let mut splitter = Splitter::default();
    let mut rest = variable.chars().peekable();
    let mut quote = None;
    while let Some(c) = rest.next() {
        let escapes = |next: &char| match quote {
            None => true,
            Some('"') => matches!(next, '"' | '\\'),
            Some(_) => false,
        };
        match (quote, c) {
            (_, '\\') if !cfg!(windows) => splitter.keep(rest.next_if(escapes).unwrap_or(c)),
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                splitter.open_word();
            }
            (None, SEPARATOR) => splitter.end_entry(),
            (None, c) if c.is_whitespace() => splitter.end_word(),
            (_, c) => splitter.keep(c),
        }
    }
    if quote.is_some() {
        return Err("has a quote that does not end");
    }
    splitter.end_entry();
    Ok(splitter.entries)
}

/// Puts the URL into the words of one entry as one argument: where a word is `%s` or `--flag=%s`, else last.
///
/// A `%s` anywhere else is refused. Such a word is a program for an interpreter (`sh -c "firefox %s"`), and
/// the issuer, who writes the URL, would write part of that program.
pub(super) fn with_url(mut words: Vec<String>, url: &str) -> Result<Vec<String>, &'static str> {
    let mut placed = false;
    for word in words.iter_mut().skip(1) {
        let Some(before) = word.strip_suffix("%s").filter(|before| is_flag(before)) else {
            if word.contains("%s") {
                return Err("has %s inside another word");
            }
            continue;
        };
        *word = format!("{before}{url}");
        placed = true;
    }
    if !placed {
        words.push(url.to_owned());
    }
    Ok(words)
}

/// Whether this may stand before the URL in one word: nothing, or `--name=`.
fn is_flag(before: &str) -> bool {
    let name = before.strip_prefix('-').and_then(|rest| rest.strip_suffix('='));
    before.is_empty()
        || name.is_some_and(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
}

#[derive(Default)]
struct Splitter {
    entries: Vec<Vec<String>>,
    words: Vec<String>,
    word: Option<String>,
}

impl Splitter {
    fn open_word(&mut self) -> &mut String {
        self.word.get_or_insert_default()
    }

    fn keep(&mut self, c: char) {
        self.open_word().push(c);
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn end_entry(&mut self) {
        self.end_word();
        let mut words = std::mem::take(&mut self.words);
        if words.last().is_some_and(|word| word == "&") {
            words.pop();
        }
        if !words.is_empty() {
            self.entries.push(words);
        }
    }
}

#[cfg(all(test, not(windows)))]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_before_anything_is_put_in() {
        let cases: [(&str, &[&[&str]]); 13] = [
            ("", &[]),
            (" : ", &[]),
            ("firefox", &[&["firefox"]]),
            ("firefox:chromium", &[&["firefox"], &["chromium"]]),
            ("firefox %s", &[&["firefox", "%s"]]),
            ("firefox %s &", &[&["firefox", "%s"]]),
            ("prog --flag:other  -x", &[&["prog", "--flag"], &["other", "-x"]]),
            ("'/opt/My Browser/run' --new", &[&["/opt/My Browser/run", "--new"]]),
            (r#""/opt/a \"b\" \c" x"#, &[&[r#"/opt/a "b" \c"#, "x"]]),
            (r"/opt/My\ Browser", &[&["/opt/My Browser"]]),
            ("prog ''", &[&["prog", ""]]),
            (r#"sh -c "echo a:b""#, &[&["sh", "-c", "echo a:b"]]),
            ("pre'fix 'ed", &[&["prefix ed"]]),
        ];
        for (variable, expected) in cases {
            assert_eq!(entries(variable).unwrap(), expected, "{variable}");
        }
        assert!(entries("prog 'open").is_err());
        assert!(entries("prog \"open").is_err());
    }

    #[test]
    fn the_url_is_one_word() {
        let url = "https://a.example/$(id)?q=`id`&x=%s;y='";
        let flag = format!("--url={url}");
        let cases: [(&str, &[&str]); 6] = [
            ("prog", &["prog", url]),
            ("prog --flag", &["prog", "--flag", url]),
            ("prog %s --last", &["prog", url, "--last"]),
            ("prog --url=%s", &["prog", &flag]),
            ("sh -c 'echo \"$0\"'", &["sh", "-c", "echo \"$0\"", url]),
            ("prog %s %s", &["prog", url, url]),
        ];
        for (variable, expected) in cases {
            let words = entries(variable).unwrap().remove(0);
            assert_eq!(with_url(words, url).unwrap(), expected, "{variable}");
        }
    }

    /// MCP 21.
    #[test]
    fn the_url_never_becomes_part_of_a_program() {
        for variable in ["sh -c 'firefox %s'", "prog -e%s", "prog x=%s", "prog '--a b=%s'", "prog --a=%s;id"]
        {
            let words = entries(variable).unwrap().remove(0);
            assert!(with_url(words, "https://a.example/").is_err(), "{variable}");
        }
    }
}
