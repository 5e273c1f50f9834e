//! How a value is put into a sentence for people.

/// A text as one word of a shell, for commands to be typed.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// A number of things: `1 login`, `3 logins`.
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// A span of time for people: `51 min`, `3 h 20 min`, `12 d`.
pub fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => match (seconds / 3600, seconds % 3600 / 60) {
            (hours, 0) => format!("{hours} h"),
            (hours, minutes) => format!("{hours} h {minutes} min"),
        },
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_shell_is_quoted_where_it_has_to_be() {
        for (text, word) in [
            ("https://s.example:8443/mcp", "https://s.example:8443/mcp"),
            ("https://s.example/mcp?a=b&c=d", "'https://s.example/mcp?a=b&c=d'"),
            ("/home/o'brien", r"'/home/o'\''brien'"),
        ] {
            assert_eq!(quoted(text), word);
        }
    }

    #[test]
    fn one_thing_is_not_several() {
        assert_eq!([0, 1, 2].map(|number| count(number, "login")), ["0 logins", "1 login", "2 logins"]);
    }

    #[test]
    fn spans_are_told_in_the_unit_that_people_would_use() {
        for (seconds, told) in [
            (-5, "0 s"),
            (45, "45 s"),
            (3060, "51 min"),
            (12_000, "3 h 20 min"),
            (7200, "2 h"),
            (1_100_000, "12 d"),
        ] {
            assert_eq!(span(seconds), told);
        }
    }
}
