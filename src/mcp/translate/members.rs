//! The members of a JSON object in their order, each as it was written: what is not touched is not changed.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// An object, read one level deep.
#[derive(Clone, Debug, Default)]
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Members<'a> {
    /// Reads an object. Of a member that stands there twice the last one counts, as in JavaScript.
    pub(super) fn read(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// The object that a member is; empty where it is absent or `null`.
    pub(super) fn object(&self, name: &str) -> Option<Members<'_>> {
        match self.get(name) {
            None | Some("null") => Some(Members::default()),
            Some(json) => Members::read(json.as_bytes()),
        }
    }

    /// A member as it is written in JSON.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, json)| &**json)
    }

    /// A member that is a text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?).ok()
    }

    /// A member, whatever it is; `null` where it is absent.
    pub(super) fn value(&self, name: &str) -> Value {
        self.get(name).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// Puts a member where it stood, else at the end.
    pub(super) fn set(&mut self, name: impl Into<Cow<'a, str>>, json: impl Into<Cow<'a, str>>) {
        let (name, json) = (name.into(), json.into());
        match self.0.iter_mut().find(|(own, _)| *own == name) {
            Some((_, own)) => *own = json,
            None => self.0.push((name, json)),
        }
    }

    /// The same where nothing stands there.
    pub(super) fn set_default(&mut self, name: &'a str, json: &'a str) {
        if self.get(name).is_none() {
            self.set(name, json);
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(own, _)| own != name);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, json)| (&**name, &**json))
    }
}

impl fmt::Display for Members<'_> {
    /// As JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (place, (name, json)) in self.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{}:{json}", quoted(name))?;
        }
        f.write_str("}")
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Members::default();
                while let Some((name, json)) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
                    members.set(name, json.get());
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// A text as it is written in JSON.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_touched_stays_as_it_was_written() {
        let mut members = Members::read(br#"{ "a" : 1.50, "b":"\u00e9", "c\n": [ 1 ], "a": 2e2 }"#).unwrap();
        assert_eq!(members.to_string(), r#"{"a":2e2,"b":"\u00e9","c\n":[ 1 ]}"#);
        members.set("b", "7");
        members.set("d", "null");
        members.set_default("a", "0");
        members.remove("c\n");
        assert_eq!(members.to_string(), r#"{"a":2e2,"b":7,"d":null}"#);
        assert!(members.object("d").unwrap().is_empty() && members.object("e").unwrap().is_empty());
        assert!(members.object("b").is_none() && Members::read(b"[]").is_none());
    }
}
