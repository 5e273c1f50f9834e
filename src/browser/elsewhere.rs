//! Whether the person's browser is on another machine, and how it can reach this one.

use std::net::IpAddr;

/// Why a browser of the person's would not find a listener here.
#[derive(Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// Somebody came here by SSH; the way back, if it is known.
    Ssh(Option<SshWay>),
    /// This is a container: what it calls its own address nobody outside can reach.
    Container,
}

/// How a person came here by SSH, and can come a second time.
#[derive(Debug, PartialEq, Eq)]
pub struct SshWay {
    /// Which address of ours was called.
    pub address: IpAddr,
    /// At which port.
    pub port: u16,
    /// As whom.
    pub user: Option<String>,
}

impl Elsewhere {
    /// What the environment tells.
    pub(super) fn find(variable: &dyn Fn(&str) -> Option<String>, is_container: bool) -> Option<Self> {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        if is_set("SSH_CONNECTION") || is_set("SSH_TTY") {
            return Some(Self::Ssh(SshWay::find(variable)));
        }
        (is_container || is_set("container")).then_some(Self::Container)
    }
}

impl SshWay {
    /// Reads `SSH_CONNECTION`: the client's address and port, then ours.
    fn find(variable: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let connection = variable("SSH_CONNECTION")?;
        let mut words = connection.split_ascii_whitespace().skip(2);
        let address = words.next()?.parse().ok()?;
        let port = words.next()?.parse().ok()?;
        let user = variable("USER").or_else(|| variable("LOGNAME")).filter(|user| is_plain(user));
        Some(Self { address, port, user })
    }
}

/// Whether a name is one word of a command line, and no flag.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(variables: &[(&str, &str)], is_container: bool) -> Option<Elsewhere> {
        let find = |name: &str| Some(variables.iter().find(|(own, _)| *own == name)?.1.to_owned());
        Elsewhere::find(&find, is_container)
    }

    fn way(address: &str, port: u16, user: Option<&str>) -> Elsewhere {
        let user = user.map(str::to_owned);
        Elsewhere::Ssh(Some(SshWay { address: address.parse().unwrap(), port, user }))
    }

    #[test]
    fn ssh_says_how_it_was_reached() {
        let connection = ("SSH_CONNECTION", "198.51.100.9 50022 192.0.2.7 2222");
        assert_eq!(find(&[connection], true), Some(way("192.0.2.7", 2222, None)));
        assert_eq!(find(&[connection, ("LOGNAME", "ana")], false), Some(way("192.0.2.7", 2222, Some("ana"))));
        let v6 = ("SSH_CONNECTION", "2001:db8::9 50022 2001:db8::7 22");
        assert_eq!(find(&[v6, ("USER", "-oProxyCommand=x")], false), Some(way("2001:db8::7", 22, None)));
    }

    #[test]
    fn what_nobody_can_type_is_left_out() {
        for variables in [
            &[("SSH_TTY", "/dev/pts/1")][..],
            &[("SSH_CONNECTION", "x")],
            &[("SSH_CONNECTION", "1.2.3.4 1 $(id) 22")],
            &[("SSH_CONNECTION", "1.2.3.4 1 1.2.3.4 70000")],
        ] {
            assert_eq!(find(variables, false), Some(Elsewhere::Ssh(None)), "{variables:?}");
        }
    }

    #[test]
    fn a_container_is_one_only_without_ssh() {
        assert_eq!(find(&[], false), None);
        assert_eq!(find(&[("SSH_CONNECTION", ""), ("container", "")], false), None);
        assert_eq!(find(&[], true), Some(Elsewhere::Container));
        assert_eq!(find(&[("container", "podman")], false), Some(Elsewhere::Container));
    }
}
