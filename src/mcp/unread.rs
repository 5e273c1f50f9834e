//! What can be seen of a message that is no message, or too much of one.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::message::Id;

/// The id of a request that is too much to be read, or of which only the beginning is there: its sender waits for an
/// answer all the same.
pub fn id_of(bytes: &[u8]) -> Option<Id> {
    let mut seen = Seen::default();
    // Where the beginning ends is no surprise.
    let _ = serde_json::Deserializer::from_slice(bytes).deserialize_map(Beginning(&mut seen));
    seen.id.filter(|_| seen.has_method)
}

/// What the beginning of a message says.
#[derive(Default)]
struct Seen {
    id: Option<Id>,
    has_method: bool,
}

struct Beginning<'a>(&'a mut Seen);

impl<'de> Visitor<'de> for Beginning<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a message")
    }

    fn visit_map<Map: MapAccess<'de>>(self, mut map: Map) -> Result<(), Map::Error> {
        let mut last = None;
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            // What something else follows was not cut off.
            self.0.id = last.take().or(self.0.id.take());
            match &*name {
                // Of two it is anybody's guess which one is meant.
                "id" if self.0.id.is_some() => {
                    self.0.has_method = false;
                    return Ok(());
                }
                "id" => last = Id::read(map.next_value::<&RawValue>()?.get()),
                "method" => {
                    map.next_value::<&RawValue>()?;
                    self.0.has_method = true;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        self.0.id = last.or(self.0.id.take());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_what_cannot_be_read_is_found_where_it_stands() {
        let found = |text: &str| id_of(text.as_bytes()).map(|id| id.to_string());
        let deep = format!(r#"{{"params":{}{},"method":"x","id":"a"}}"#, "[".repeat(5000), "]".repeat(5000));
        for (text, id) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"bcd"#, Some("1")),
            (r#"{"method":"x","id":12,"params":{"a"#, Some("12")),
            (deep.as_str(), Some(r#""a""#)),
            // Cut off in the middle, perhaps.
            (r#"{"method":"x","id":12"#, None),
            (r#"{"id":1,"method":"x","id":2}"#, None),
            // An answer of the host is for the server.
            (r#"{"jsonrpc":"2.0","id":1,"result":{"a":"bcd"#, None),
            (r#"[{"id":1,"method":"x"}"#, None),
            ("", None),
        ] {
            assert_eq!(found(text).as_deref(), id, "{text}");
        }
    }
}
