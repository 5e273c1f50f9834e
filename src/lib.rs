//! mcpauth: sign in to MCP servers once; hand every script, client and stdio server a fresh token.

pub mod clock;
pub mod http;
pub mod model;
pub mod oauth;
pub mod peer_text;
pub mod secret;
