//! Which addresses may be connected to: none more local than what the user typed, whatever a peer says.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// How local an address is. A URL given by a peer may reach nothing more local than what the user typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Locality {
    Public,
    Private,
    Loopback,
}

/// The locality of an address; `None` for those that no server ever has: unspecified, link-local (where clouds
/// serve their instance credentials), multicast, broadcast.
pub(super) fn locality(address: IpAddr) -> Option<Locality> {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            if v4.is_unspecified() || a == 0 || v4.is_link_local() || v4.is_multicast() || a >= 240 {
                None
            } else if v4.is_loopback() {
                Some(Locality::Loopback)
            } else if v4.is_private() || (a == 100 && (64..128).contains(&b)) {
                Some(Locality::Private)
            } else {
                Some(Locality::Public)
            }
        }
        IpAddr::V6(v6) => match embedded_v4(v6) {
            Some(v4) => locality(IpAddr::V4(v4)),
            None if v6.is_unspecified() || v6.is_unicast_link_local() || v6.is_multicast() => None,
            None if v6.is_loopback() => Some(Locality::Loopback),
            None if v6.is_unique_local() => Some(Locality::Private),
            None => Some(Locality::Public),
        },
    }
}

/// The IPv4 address inside a mapped (`::ffff:0:0/96`) or translated (`64:ff9b::/96`) one.
fn embedded_v4(address: Ipv6Addr) -> Option<std::net::Ipv4Addr> {
    let [prefix @ .., high, low] = address.segments();
    let translated = prefix == [0x64, 0xff9b, 0, 0, 0, 0];
    address.to_ipv4_mapped().or_else(|| {
        let [first, second] = high.to_be_bytes();
        let [third, fourth] = low.to_be_bytes();
        translated.then(|| std::net::Ipv4Addr::new(first, second, third, fourth))
    })
}

/// Why an address is not connected to.
pub const TOO_LOCAL: &str = "its address is on this machine or in a private network, the server's is not";

/// A name that leads to such addresses only.
#[derive(Debug, thiserror::Error)]
#[error("{TOO_LOCAL}")]
struct TooLocal;

/// Whether a request failed because the gate did not let it through.
pub(super) fn is_too_local(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(<dyn std::error::Error + 'static>::is::<TooLocal>)
}

/// Decides which addresses may be connected to. It sits in the resolver, so that the address that was checked is
/// the address that is used.
pub(super) struct Gate {
    /// The host that the user typed.
    typed: url::Host<String>,
    /// Hosts that may be as local as they like: the typed one, proxies, those of the configuration.
    trusted: BTreeSet<String>,
    /// How local the typed host is, once it has been looked up.
    floor: tokio::sync::OnceCell<Locality>,
}

impl Gate {
    /// A gate for the host that the user typed; `trusted` are further hosts of his own.
    pub(super) fn new(typed: url::Host<String>, mut trusted: BTreeSet<String>) -> Self {
        trusted.insert(typed.to_string());
        Self { typed, trusted, floor: tokio::sync::OnceCell::new() }
    }

    /// Whether this client goes to a literal address; names are judged when they are resolved.
    pub(super) async fn admits(&self, address: IpAddr, host: &str) -> bool {
        let most_local = self.most_local(host).await;
        locality(address).is_some_and(|own| own <= most_local)
    }

    /// How local the addresses of a host may be.
    async fn most_local(&self, host: &str) -> Locality {
        if self.trusted.contains(host) { Locality::Loopback } else { self.floor().await }
    }

    /// How local a peer may send us.
    async fn floor(&self) -> Locality {
        *self
            .floor
            .get_or_init(|| async {
                match &self.typed {
                    url::Host::Ipv4(address) => locality(IpAddr::V4(*address)),
                    url::Host::Ipv6(address) => locality(IpAddr::V6(*address)),
                    url::Host::Domain(name) => look_up(name)
                        .await
                        .ok()
                        .and_then(|addresses| addresses.iter().filter_map(|a| locality(a.ip())).max()),
                }
                .unwrap_or(Locality::Public)
            })
            .await
    }

    /// The addresses of a host, without those that it must not lead to.
    async fn resolve(&self, host: &str) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let found = look_up(host).await?;
        let most_local = self.most_local(host).await;
        let allowed: Vec<_> =
            found.into_iter().filter(|a| locality(a.ip()).is_some_and(|own| own <= most_local)).collect();
        if allowed.is_empty() {
            return Err(TooLocal.into());
        }
        Ok(allowed)
    }
}

async fn look_up(host: &str) -> std::io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((host, 0)).await?.collect())
}

pub(super) struct GatedResolver(pub(super) Arc<Gate>);

impl reqwest::dns::Resolve for GatedResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let gate = Arc::clone(&self.0);
        Box::pin(async move {
            let addresses = gate.resolve(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::block_on;

    fn resolve(typed: std::net::Ipv4Addr, host: &str) -> bool {
        let gate = Gate::new(url::Host::Ipv4(typed), BTreeSet::new());
        block_on(gate.resolve(host)).unwrap().is_ok()
    }

    /// MCP 51.
    #[test]
    fn localhost_is_no_name_for_a_public_servers_issuer() {
        assert!(!resolve([93, 184, 216, 35].into(), "localhost"));
        assert!(resolve([127, 0, 0, 1].into(), "localhost"));
    }
}
