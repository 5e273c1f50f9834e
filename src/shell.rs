//! The grammar of a shell, as far as a command that is shown to be typed needs it.

/// A text as one word of a shell, for commands to be typed.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
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
}
