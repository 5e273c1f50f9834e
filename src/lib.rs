//! mcpauth: sign in to MCP servers once; hand every script, client and stdio server a fresh token.
//!
//! The floors, from the top; arrows run only downward:
//!
//! - [`commands`]: one page per command: arguments, one call, one print
//! - [`flows`]: the use cases, over the ports for people, time and the keychain
//! - [`error`]: exit codes and hints
//! - [`oauth`], [`store`], [`audit`], [`config`], [`mcp`]: the protocol, the resting place, the log, the settings, the wire
//! - [`model`], [`secret`], [`http`], [`browser`], [`keychain`], [`console`], [`clock`], [`places`], [`files`],
//!   [`hash`], [`platform`], [`peer_text`], [`quirks`], [`wording`]: the ground
//! - [`sandbox`]: a house of its own, the development issuer

pub mod audit;
pub mod browser;
pub mod clock;
pub mod commands;
pub mod config;
pub mod console;
pub mod error;
pub mod files;
pub mod flows;
/// The readers of hostile text, for the targets in fuzz/. No part of the program as it ships.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::browser::fuzzing::*;
    pub use crate::oauth::fuzzing::*;
}
pub mod hash;
pub mod http;
pub mod keychain;
pub mod mcp;
pub mod model;
pub mod oauth;
pub mod peer_text;
pub mod places;
pub mod platform;
pub mod quirks;
pub mod sandbox;
pub mod secret;
pub mod store;
pub mod wording;

use std::ffi::OsString;
use std::sync::Arc;

use console::Terminal as _;
use flows::Ports;

/// Runs a command line with the real world around it, and gives its exit code.
pub fn run(args: &[OsString]) -> u8 {
    platform::protect_memory();
    platform::reset_signals();
    let terminal = console::SystemTerminal;
    let ports = Ports {
        clock: Arc::new(clock::SystemClock),
        browser: Arc::new(browser::SystemBrowser::new(platform::has_display())),
        keychain: Arc::new(keychain::SystemKeychain::new(terminal.is_interactive())),
        terminal: Arc::new(terminal),
        program: platform::own_program().ok(),
    };
    if platform::has_borrowed_rights() {
        return commands::refuse_borrowed_rights(&ports);
    }
    commands::run(args, ports)
}
