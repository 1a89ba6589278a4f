//! One message for one phone: sealed for it (RFC 8291), signed by this relay (RFC 8292), in the
//! declarative form, which iOS shows by itself even when it cannot start the worker.

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde::Deserialize;
use serde_json::{Value, json};
use web_push_native::{Auth, encrypt, p256::PublicKey};

use crate::subscription::{Subscription, decoded, origin};

/// Services allow 24 hours at most.
const SIGNED_FOR_S: i64 = 12 * 60 * 60;
/// One undelivered message of ours is enough; a later one takes its place.
const TOPIC: &str = "pannier";

pub struct Sealed {
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// What the phone shows. Never whom or what it is about: a lock screen is read by everybody.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Message {
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub body: String,
}

/// `mutable`: the worker is started too, sends what waits, and may say more than this.
#[must_use]
pub fn declarative(message: &Message, navigate: &str) -> Value {
    json!({
        "web_push": 8030,
        "mutable": true,
        // Where WebKit looked for it before 26.2.
        "notification": { "title": message.title, "body": message.body, "navigate": navigate, "tag": "pannier", "mutable": true },
    })
}

/// The key as browsers and services take it: 65 bytes in base64url.
#[must_use]
pub fn public_key(key: &SigningKey) -> String {
    let point = key.verifying_key().to_encoded_point(false);
    Base64UrlUnpadded::encode_string(point.as_bytes())
}

/// `None` when the subscription's key is no point of the curve: nobody can read what is sealed for it.
#[must_use]
pub fn seal(
    subscription: &Subscription,
    payload: &Value,
    key: &SigningKey,
    subject: &str,
    ttl_s: i64,
    now_ms: i64,
) -> Option<Sealed> {
    let phone = PublicKey::from_sec1_bytes(&decoded(&subscription.keys.p256dh)?).ok()?;
    let secret = decoded(&subscription.keys.auth)?;
    let secret = (secret.len() == 16).then(|| Auth::clone_from_slice(&secret))?;
    let body = encrypt(payload.to_string().into_bytes(), &phone, &secret).ok()?;
    let (audience, _) = origin(&subscription.endpoint)?;
    let claims = json!({ "aud": audience, "exp": now_ms / 1000 + SIGNED_FOR_S, "sub": subject });
    let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let signed = format!(
        "{}.{}",
        part(&json!({ "typ": "JWT", "alg": "ES256" })),
        part(&claims)
    );
    let signature: Signature = key.sign(signed.as_bytes());
    let signature = Base64UrlUnpadded::encode_string(&signature.to_bytes());
    Some(Sealed {
        url: subscription.endpoint.clone(),
        headers: vec![
            ("ttl", ttl_s.to_string()),
            ("topic", TOPIC.to_owned()),
            ("urgency", "high".to_owned()),
            ("content-type", "application/octet-stream".to_owned()),
            ("content-encoding", "aes128gcm".to_owned()),
            (
                "authorization",
                format!("vapid t={signed}.{signature}, k={}", public_key(key)),
            ),
        ],
        body,
    })
}
