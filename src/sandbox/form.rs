//! Parameters of a query or of a form body.

use std::collections::HashMap;

/// Decoded parameters in the order in which they came.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Decodes `application/x-www-form-urlencoded`. Empty parameters count as absent (RFC 6749 section 3.1).
    pub(super) fn parse(text: &[u8]) -> Self {
        let pairs = url::form_urlencoded::parse(text).into_owned();
        Self(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The first value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that came more than once, which none may (RFC 6749 section 3.1).
    pub(super) fn repeated(&self) -> Option<&str> {
        let earlier = |index: usize, name: &str| self.0.iter().take(index).any(|(other, _)| other == name);
        self.0
            .iter()
            .enumerate()
            .find(|(index, (name, _))| earlier(*index, name))
            .map(|(_, (name, _))| name.as_str())
    }

    /// All of them, for the books.
    pub(super) fn to_map(&self) -> HashMap<String, String> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_is_found_and_an_empty_one_is_absent() {
        let form = Form::parse(b"a=1&b=&c=x%26y&b=2");
        assert_eq!((form.get("a"), form.get("b"), form.get("c")), (Some("1"), Some("2"), Some("x&y")));
        assert_eq!(form.repeated(), None);
        assert_eq!(Form::parse(b"a=1&b=2&a=1").repeated(), Some("a"));
    }
}
