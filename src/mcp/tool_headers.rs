//! Which arguments of a tool its server wants to see in headers as well (revision 2026-07-28, Custom Headers from Tool
//! Parameters).

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::tool_list::{Tool, ToolList};
use crate::http::{Bytes, HeaderName};

/// What an annotation is called in a schema.
const ANNOTATION: &str = "x-mcp-header";
/// More tools than anybody offers: what is remembered has an end.
const MOST_TOOLS: usize = 10_000;
/// Subschemas that an instance does not reach by names of properties alone.
const ELSEWHERE: [&str; 14] = [
    "items",
    "prefixItems",
    "contains",
    "additionalProperties",
    "unevaluatedProperties",
    "unevaluatedItems",
    "propertyNames",
    "oneOf",
    "anyOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
];
/// The same, each with a name of its own.
const ELSEWHERE_BY_NAME: [&str; 4] = ["patternProperties", "dependentSchemas", "$defs", "definitions"];

/// The annotations of the tools that were listed.
#[derive(Debug, Default)]
pub struct ToolHeaders {
    tools: HashMap<String, Vec<Mirrored>>,
}

/// An argument that is repeated in a header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mirrored {
    /// The names of the properties that lead to it.
    pub(super) path: Vec<String>,
    /// `Mcp-Param-` and its name.
    pub(super) header: HeaderName,
}

/// What came of reading a list.
#[derive(Debug)]
pub struct Learned {
    /// The answer to pass on: without the tools that ask for the impossible.
    pub answer: Bytes,
    /// Those tools, and what is wrong with each.
    pub rejected: Vec<(String, Flaw)>,
}

/// Why nobody can call a tool as it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Its schema is nested too deeply, or no schema.
    #[error("its schema cannot be read")]
    Unreadable,
    /// An annotation stands where an argument may be there twice or not.
    #[error("`x-mcp-header` stands where no chain of `properties` leads")]
    Unreachable,
    /// No header can be called so.
    #[error("`x-mcp-header` names no header")]
    NoName,
    /// Only a text, an integer and a boolean have one spelling.
    #[error("`x-mcp-header` stands at what is no string, integer or boolean")]
    NotPrimitive,
    /// Two arguments want the same header.
    #[error("`x-mcp-header` names the same header twice")]
    Repeated,
}

impl ToolHeaders {
    /// Learns from the answer to a `tools/list` of a modern server.
    pub fn learn(&mut self, answer: &Bytes) -> Learned {
        let Ok(Some(list)) = ToolList::read(answer) else {
            return Learned { answer: answer.clone(), rejected: Vec::new() };
        };
        let mut flaws = HashMap::new();
        for tool in list.tools() {
            if let Err(flaw) = self.learn_tool(tool) {
                flaws.insert(tool.definition.as_ptr(), (tool.name.clone().unwrap_or_default(), flaw));
            }
        }
        let answer = list.keeping(|tool| !flaws.contains_key(&tool.definition.as_ptr()));
        Learned { answer, rejected: flaws.into_values().collect() }
    }

    /// What a tool wants to see in headers.
    pub(super) fn of(&self, tool: &str) -> &[Mirrored] {
        self.tools.get(tool).map_or(&[], Vec::as_slice)
    }

    fn learn_tool(&mut self, tool: &Tool) -> Result<(), Flaw> {
        // Whoever has no name cannot be called, so nothing can be mirrored wrongly.
        let Some(name) = &tool.name else { return Ok(()) };
        self.tools.remove(name);
        let definition: Value = serde_json::from_slice(&tool.definition).map_err(|_| Flaw::Unreadable)?;
        let wanted = mirrored(&definition["inputSchema"])?;
        if self.tools.len() >= MOST_TOOLS {
            self.tools.clear();
        }
        if !wanted.is_empty() {
            self.tools.insert(name.clone(), wanted);
        }
        Ok(())
    }
}

/// The annotations of a schema.
fn mirrored(schema: &Value) -> Result<Vec<Mirrored>, Flaw> {
    let mut search = Search::default();
    search.enter(schema, Some(&[]))?;
    Ok(search.found)
}

#[derive(Default)]
struct Search {
    found: Vec<Mirrored>,
    names: HashSet<HeaderName>,
}

impl Search {
    /// Looks through a schema; `path` is `None` where no chain of properties leads.
    fn enter(&mut self, schema: &Value, path: Option<&[&str]>) -> Result<(), Flaw> {
        let Some(members) = schema.as_object() else { return Ok(()) };
        if let Some(annotation) = members.get(ANNOTATION) {
            let path = path.filter(|path| !path.is_empty()).ok_or(Flaw::Unreachable)?;
            self.take(annotation, schema, path)?;
        }
        for (name, property) in members.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let longer = path.map(|path| [path, &[name.as_str()]].concat());
            self.enter(property, longer.as_deref())?;
        }
        elsewhere(schema).try_for_each(|schema| self.enter(schema, None))
    }

    fn take(&mut self, annotation: &Value, schema: &Value, path: &[&str]) -> Result<(), Flaw> {
        let name = annotation.as_str().filter(|name| !name.is_empty()).ok_or(Flaw::NoName)?;
        let header = format!("Mcp-Param-{name}").parse::<HeaderName>().map_err(|_| Flaw::NoName)?;
        if !matches!(schema["type"].as_str(), Some("string" | "integer" | "boolean")) {
            return Err(Flaw::NotPrimitive);
        }
        if !self.names.insert(header.clone()) {
            return Err(Flaw::Repeated);
        }
        self.found.push(Mirrored { path: path.iter().map(|name| (*name).to_owned()).collect(), header });
        Ok(())
    }
}

/// The subschemas that are not at the end of a chain of properties.
fn elsewhere(schema: &Value) -> impl Iterator<Item = &Value> {
    let alone = ELSEWHERE.iter().filter_map(|keyword| schema.get(keyword));
    let several = alone.flat_map(|found| found.as_array().map_or(std::slice::from_ref(found), Vec::as_slice));
    let named = ELSEWHERE_BY_NAME.iter().filter_map(|keyword| schema.get(keyword)?.as_object());
    several.chain(named.flat_map(serde_json::Map::values))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(properties: &Value) -> Value {
        json!({ "type": "object", "properties": properties })
    }

    fn text(header: &str) -> Value {
        json!({ "type": "string", "x-mcp-header": header })
    }

    /// MCP 58.
    #[test]
    fn an_annotation_is_taken_where_properties_alone_lead_to_it() {
        let deep = schema(&json!({ "a": schema(&json!({ "b": text("Deep") })), "c": { "type": "string" } }));
        let header = HeaderName::from_static("mcp-param-deep");
        assert_eq!(mirrored(&deep), Ok(vec![Mirrored { path: vec!["a".into(), "b".into()], header }]));
        // Names and data that only look like an annotation.
        let named =
            schema(&json!({ "x-mcp-header": { "type": "string" }, "d": { "default": text("Data") } }));
        assert_eq!(mirrored(&named), Ok(Vec::new()));
        assert_eq!(mirrored(&json!(true)), Ok(Vec::new()));
    }

    /// MCP 58.
    #[test]
    fn every_annotation_that_cannot_be_met_is_told() {
        let at = |property: Value| schema(&json!({ "a": property }));
        for (schema, flaw) in [
            (at(text("")), Flaw::NoName),
            (at(json!({ "type": "string", "x-mcp-header": 7 })), Flaw::NoName),
            (at(text("a b")), Flaw::NoName),
            (at(text("a:b")), Flaw::NoName),
            (at(text("ä")), Flaw::NoName),
            (at(text("a\r\nb")), Flaw::NoName),
            (at(json!({ "type": "number", "x-mcp-header": "A" })), Flaw::NotPrimitive),
            (at(json!({ "type": "object", "x-mcp-header": "A" })), Flaw::NotPrimitive),
            (at(json!({ "x-mcp-header": "A" })), Flaw::NotPrimitive),
            (schema(&json!({ "a": text("Same"), "b": text("sAME") })), Flaw::Repeated),
            (text("Root"), Flaw::Unreachable),
            (at(json!({ "items": text("A") })), Flaw::Unreachable),
            (at(json!({ "items": schema(&json!({ "b": text("A") })) })), Flaw::Unreachable),
            (json!({ "oneOf": [{}, schema(&json!({ "b": text("A") }))] }), Flaw::Unreachable),
            (json!({ "$defs": { "b": text("A") } }), Flaw::Unreachable),
            (json!({ "if": { "not": text("A") } }), Flaw::Unreachable),
        ] {
            assert_eq!(mirrored(&schema), Err(flaw), "{schema}");
        }
    }

    /// MCP 58.
    #[test]
    fn a_tool_that_asks_for_the_impossible_is_left_out_and_the_others_stay() {
        let mut headers = ToolHeaders::default();
        let answer = |first: &str| {
            let tools = json!([
                { "name": "one", "inputSchema": schema(&json!({ "a": text(first) })) },
                { "name": "two", "inputSchema": schema(&json!({ "a": text("Two") })) },
                { "name": "three" },
            ]);
            Bytes::from(json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": tools } }).to_string())
        };
        let learned = headers.learn(&answer("One"));
        assert_eq!((learned.answer, learned.rejected.len()), (answer("One"), 0));
        assert_eq!((headers.of("one").len(), headers.of("three").len()), (1, 0));
        // What was good once is not so for ever.
        let learned = headers.learn(&answer(""));
        assert_eq!(learned.rejected, [("one".to_owned(), Flaw::NoName)]);
        let left: Value = serde_json::from_slice(&learned.answer).unwrap();
        let names: Vec<_> =
            left["result"]["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
        assert_eq!(names, ["two", "three"]);
        assert_eq!((headers.of("one").len(), headers.of("two").len()), (0, 1));
        let deep = "[".repeat(300) + &"]".repeat(300);
        let nested = format!(r#"{{"result":{{"tools":[{{"name":"deep","inputSchema":{deep}}}]}}}}"#);
        assert_eq!(headers.learn(&nested.into()).rejected, [("deep".to_owned(), Flaw::Unreadable)]);
    }
}
