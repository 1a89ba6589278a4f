//! The sandbox in the local network, for phones: which addresses it has there, and what listens
//! on them. Page and API by https, since a browser gives camera, cryptography and service worker
//! to nothing less; beside them, by plain http, the door at which a phone learns to trust that.
//!
//! Each address is listened on by itself. A machine that is also on the internet is not served
//! there, and a certificate for addresses could not be valid for any other.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDate;
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{self, ServerConfig};

use crate::app::Origins;
use crate::arguments::LanArguments;
use crate::authority::{self, Authority, Leaf};
use crate::server::{self, Row};
use crate::trust::Trust;

pub struct Lan {
    pub row: Row<3>,
    pub tls: TlsAcceptor,
    pub trust: Trust,
    pub origins: Origins,
    /// where the authority lives
    pub folder: PathBuf,
    /// the first is that of the default route, if it has one
    addresses: Vec<Ipv4Addr>,
    name: Option<String>,
}

/// Takes the ports and makes a certificate for what it listens on.
///
/// # Errors
/// There is no local network, a port is taken, or the authority cannot be used.
pub async fn open(arguments: &LanArguments, today: NaiveDate) -> Result<Lan, String> {
    let addresses = addresses(&arguments.addresses)?;
    let everywhere: Vec<IpAddr> = addresses.iter().copied().map(IpAddr::V4).collect();
    let row = server::listen(&everywhere, arguments.port, "--lan-port").await?;
    let folder = authority::folder()?;
    let machine = machine();
    let name = machine
        .as_ref()
        .map(|machine| format!("{machine}.{}", authority::DOMAIN));
    let machine = machine.as_deref().unwrap_or("a computer");
    let authority = Authority::open(&folder, machine, today)?;
    let leaf = authority.leaf(&addresses, name.as_deref(), today)?;
    let tls = acceptor(leaf).map_err(|error| format!("https: {error}"))?;
    let origins = Origins {
        scheme: "https",
        page_port: row.port(0),
        api_port: row.port(1),
    };
    let trust = Trust {
        certificate: authority.certificate().to_vec(),
        authority: authority.name,
        hosts: hosts(&addresses, name.as_deref()),
        origins,
    };
    Ok(Lan {
        row,
        tls,
        trust,
        origins,
        folder,
        addresses,
        name,
    })
}

/// HTTP/1.1 alone: the faults cut connections, and in HTTP/2 one connection is many requests.
fn acceptor(leaf: Leaf) -> Result<TlsAcceptor, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.certificate], leaf.key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn hosts(addresses: &[Ipv4Addr], name: Option<&str>) -> Vec<String> {
    let addresses = addresses.iter().map(Ipv4Addr::to_string);
    addresses.chain(name.map(str::to_owned)).collect()
}

impl Lan {
    /// For the policy of the pages: the second origin under every name it has here.
    pub fn connect(&self) -> Arc<str> {
        let origins = self.trust.hosts.iter().map(|host| self.origins.api(host));
        origins.collect::<Vec<_>>().join(" ").into()
    }

    /// For the first line, which is read by programs.
    pub fn json(&self) -> Value {
        json!({
            "page": self.origins.page(self.host()),
            "api": self.origins.api(self.host()),
            "door": self.door(),
            "addresses": self.addresses,
            "name": self.name,
        })
    }

    /// For people: where it is, and by which other names.
    pub fn words(&self) -> [(&'static str, String); 4] {
        let others = self.trust.hosts.iter().skip(1);
        let others: Vec<String> = others
            .map(|host| format!("{}/", self.origins.page(host)))
            .collect();
        [
            ("Network", format!("{}/", self.origins.page(self.host()))),
            ("also", others.join(" ")),
            ("To trust it", format!("{}/", self.door())),
            (
                "Authority",
                format!("{} in {}", self.trust.authority, self.folder.display()),
            ),
        ]
    }

    fn host(&self) -> &str {
        self.trust.hosts.first().map_or("localhost", String::as_str)
    }

    fn door(&self) -> String {
        format!("http://{}:{}", self.host(), self.row.port(2))
    }
}

/// The asked ones, or all of this machine in local networks.
fn addresses(asked: &[Ipv4Addr]) -> Result<Vec<Ipv4Addr>, String> {
    if let Some(strange) = asked.iter().find(|address| !authority::covers(**address)) {
        return Err(format!(
            "--lan-address {strange} is not in a local network (10/8, 172.16/12, 192.168/16, 169.254/16)"
        ));
    }
    if !asked.is_empty() {
        return Ok(once(asked.iter().copied()));
    }
    let interfaces = if_addrs::get_if_addrs()
        .map_err(|error| format!("the addresses of this machine: {error}"))?;
    let all = interfaces
        .iter()
        .filter_map(|interface| match interface.ip() {
            IpAddr::V4(address) if !address.is_loopback() => Some(address),
            _ => None,
        });
    chosen(&once(all), default_route())
}

/// Those of local networks: first the one that strangers are reached from, last the makeshift ones
/// of a network without a router.
fn chosen(all: &[Ipv4Addr], route: Option<Ipv4Addr>) -> Result<Vec<Ipv4Addr>, String> {
    let mut found: Vec<_> = all
        .iter()
        .copied()
        .filter(|address| authority::covers(*address))
        .collect();
    found.sort_by_key(|address| (Some(*address) != route, address.is_link_local()));
    if !found.is_empty() {
        return Ok(found);
    }
    let others: Vec<_> = all.iter().map(Ipv4Addr::to_string).collect();
    let has = if others.is_empty() {
        "it has no address but its own".to_owned()
    } else {
        format!("its addresses are {}", others.join(", "))
    };
    Err(format!(
        "--lan: this machine is in no local network by IPv4 ({has}): join the phone's Wi-Fi, or name an address with --lan-address"
    ))
}

fn once(addresses: impl Iterator<Item = Ipv4Addr>) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    for address in addresses {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

/// Connecting a datagram socket sends nothing; it only asks the system which way it would go.
fn default_route() -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

/// This machine's name as its network may know it, if it is fit to be one.
fn machine() -> Option<String> {
    label(&hostname::get().ok()?.into_string().ok()?)
}

fn label(name: &str) -> Option<String> {
    let label = name.split('.').next()?.to_lowercase();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let fit = (1..=63).contains(&label.len())
        && label.chars().all(plain)
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label != "localhost";
    fit.then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(addresses: &[&str]) -> Vec<Ipv4Addr> {
        addresses.iter().map(|one| one.parse().unwrap()).collect()
    }

    #[test]
    fn the_address_of_the_default_route_comes_first_and_public_ones_not_at_all() {
        let all = parsed(&["169.254.7.7", "172.17.0.1", "203.0.113.5", "192.168.1.20"]);
        let route = "192.168.1.20".parse().ok();
        assert_eq!(
            chosen(&all, route).unwrap(),
            parsed(&["192.168.1.20", "172.17.0.1", "169.254.7.7"])
        );
        let elsewhere = "203.0.113.5".parse().ok();
        assert_eq!(
            chosen(&all, elsewhere).unwrap(),
            parsed(&["172.17.0.1", "192.168.1.20", "169.254.7.7"])
        );
    }

    #[test]
    fn a_machine_in_no_local_network_is_told_so() {
        let message = chosen(&parsed(&["203.0.113.5"]), None).unwrap_err();
        assert!(message.contains("203.0.113.5"), "{message}");
        assert!(chosen(&[], None).unwrap_err().contains("no local network"));
        let message = addresses(&parsed(&["10.0.0.1", "8.8.8.8"])).unwrap_err();
        assert!(message.contains("--lan-address 8.8.8.8"), "{message}");
    }

    #[test]
    fn a_machine_name_is_one_label_or_none() {
        assert_eq!(label("Annas-Mac.local").as_deref(), Some("annas-mac"));
        assert_eq!(label("vm").as_deref(), Some("vm"));
        for unfit in ["", "localhost", "a b", "-a", "a_b", "händel"] {
            assert_eq!(label(unfit), None, "{unfit}");
        }
    }
}
