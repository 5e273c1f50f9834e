//! Standard input and output as pipes that do not block.

use std::os::fd::{AsFd, OwnedFd};

use tokio::net::unix::pipe::{Receiver, Sender};

use crate::Outcome;

/// The two ends that a host has given to this process. They have to be pipes.
pub fn own() -> Outcome<(Receiver, Sender)> {
    let input = std::io::stdin().as_fd().try_clone_to_owned()?;
    let output = std::io::stdout().as_fd().try_clone_to_owned()?;
    Ok((Receiver::from_owned_fd(input)?, Sender::from_owned_fd(output)?))
}

/// The host's ends of the pipes of a child.
pub fn of_child(input: OwnedFd, output: OwnedFd) -> Outcome<(Sender, Receiver)> {
    Ok((Sender::from_owned_fd(input)?, Receiver::from_owned_fd(output)?))
}
