//! A phone's subscription as the browser gives it, checked before anything is kept.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;

use crate::Refusal;

/// Endpoints of the known services are a few hundred characters.
const ENDPOINT_CHARS_MAX: usize = 2_000;
const ACCOUNT_CHARS_MAX: usize = 200;

/// Where the four browser makers take messages. A relay that posted to any address that a stranger
/// names would be a door into the network that it stands in.
pub const SERVICES: [&str; 4] = [
    "fcm.googleapis.com",
    "*.push.apple.com",
    "*.push.services.mozilla.com",
    "*.notify.windows.com",
];

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Keys {
    /// the phone's public key: 65 bytes in base64url
    pub p256dh: String,
    /// 16 bytes in base64url
    pub auth: String,
}

/// The body of a registration: `PushSubscription.toJSON()`, and whose phone it is.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Subscription {
    pub endpoint: String,
    pub keys: Keys,
    /// the courier as the backend knows him; nothing is looked up by it but this
    #[serde(default)]
    pub account: String,
}

/// `https://host[:port]`, and the host alone.
pub fn origin(endpoint: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = endpoint.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let plain = !host.is_empty() && !authority.contains(['@', '\\', ' ']);
    plain.then_some((&endpoint[..scheme.len() + 3 + authority.len()], host))
}

/// `*.` stands for one name or several before the rest.
fn is_service(host: &str, service: &str) -> bool {
    match service.strip_prefix("*.") {
        Some(rest) => (host.strip_suffix(rest))
            .is_some_and(|before| before.len() > 1 && before.ends_with('.')),
        None => host == service,
    }
}

/// `services`: further places, `http://host:port` whole for one without TLS.
///
/// # Errors
/// What is wrong with it.
pub fn check(subscription: &Subscription, services: &[String]) -> Result<(), Refusal> {
    let no = |field: &str, wanted: &str| Err(Refusal::bad_field(field, wanted));
    let endpoint = &subscription.endpoint;
    if endpoint.chars().count() > ENDPOINT_CHARS_MAX {
        return no("endpoint", "at most 2000 characters");
    }
    let Some((origin, host)) = origin(endpoint) else {
        return no("endpoint", "the address of a push service");
    };
    let secure = origin.starts_with("https://");
    let known = SERVICES
        .iter()
        .any(|service| secure && is_service(host, service))
        || (services.iter())
            .any(|service| service == origin || secure && is_service(host, service));
    if !known {
        return Err(Refusal::new(
            400,
            "unknown_service",
            format!("{origin} is no push service that this relay sends to (--service adds one)"),
        ));
    }
    if decoded(&subscription.keys.p256dh).map(|key| key.len()) != Some(65) {
        return no("keys.p256dh", "65 bytes in base64url");
    }
    if decoded(&subscription.keys.auth).map(|auth| auth.len()) != Some(16) {
        return no("keys.auth", "16 bytes in base64url");
    }
    if subscription.account.chars().count() > ACCOUNT_CHARS_MAX {
        return no("account", "at most 200 characters");
    }
    Ok(())
}

/// With padding or without, as browsers differ.
pub fn decoded(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text.trim_end_matches('=')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(endpoint: &str) -> Subscription {
        Subscription {
            endpoint: endpoint.to_owned(),
            keys: Keys {
                p256dh: Base64UrlUnpadded::encode_string(&[4; 65]),
                auth: Base64UrlUnpadded::encode_string(&[1; 16]),
            },
            account: String::new(),
        }
    }

    #[test]
    fn only_push_services_are_written_to() {
        for good in [
            "https://web.push.apple.com/QGx",
            "https://fcm.googleapis.com/fcm/send/x",
            "https://updates.push.services.mozilla.com/wpush/v2/x",
        ] {
            assert!(check(&with(good), &[]).is_ok(), "{good}");
        }
        for bad in [
            "http://web.push.apple.com/QGx",
            "https://push.apple.com.evil.example/x",
            "https://evilpush.apple.com.example/",
            "https://.push.apple.com/x",
            "https://web.push.apple.com@10.0.0.1/x",
            "https://10.0.0.1/admin",
            "http://localhost:8080/x",
            "file:///etc/passwd",
            "",
        ] {
            assert!(check(&with(bad), &[]).is_err(), "{bad}");
        }
        let local = ["http://127.0.0.1:9100".to_owned()];
        assert!(check(&with("http://127.0.0.1:9100/a"), &local).is_ok());
        assert!(check(&with("http://127.0.0.1:9101/a"), &local).is_err());
    }

    #[test]
    fn keys_have_their_lengths() {
        let mut short = with("https://web.push.apple.com/x");
        short.keys.auth = "AAAA".to_owned();
        assert_eq!(
            check(&short, &[]).expect_err("is refused").code,
            "bad_request"
        );
        let mut odd = with("https://web.push.apple.com/x");
        odd.keys.p256dh = "not base64!".to_owned();
        assert!(check(&odd, &[]).is_err());
        let mut padded = with("https://web.push.apple.com/x");
        padded.keys.auth.push_str("==");
        assert!(check(&padded, &[]).is_ok());
    }
}
