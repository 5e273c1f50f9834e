//! mcpauth: sign in to MCP servers once; hand every script, client and stdio server a fresh token.

pub mod clock;
pub mod model;
pub mod sandbox;
pub mod secret;
