//! mcpauth: sign in to MCP servers once; hand every script, client and stdio server a fresh token.

pub mod clock;
pub mod files;
pub mod keychain;
pub mod model;
pub mod places;
pub mod platform;
pub mod secret;
pub mod store;
