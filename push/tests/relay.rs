//! The relay against a stand-in for a push service: what it sends can be read by the phone and by
//! nobody else, is signed for that service, and follows what the service answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use pannier_push::{Keys, Message, Relay, Rhythm, Sent, Settings, Store, Subscription, router};
use serde_json::{Value, json};
use web_push_native::p256::SecretKey;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint;
use web_push_native::{Auth, decrypt};

struct Came {
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Came {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// Answers with the number in the path: `/201/a`.
struct Service {
    address: String,
    came: Receiver<Came>,
}

fn one(stream: TcpStream) -> Option<Came> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = vec![];
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers
        .iter()
        .find(|(n, _)| n == "content-length")?
        .1
        .parse()
        .ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let status = path.split('/').nth(1)?;
    let answer =
        format!("HTTP/1.1 {status} said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    reader.get_mut().write_all(answer.as_bytes()).ok()?;
    Some(Came {
        path,
        headers,
        body,
    })
}

fn service() -> Service {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = format!("http://{}", listener.local_addr().expect("has one"));
    let (tell, came) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Some(one) = one(stream) {
                let _ = tell.send(one);
            }
        }
    });
    Service { address, came }
}

/// A phone's half of a subscription.
struct Phone {
    secret: SecretKey,
    auth: [u8; 16],
}

fn phone(seed: u8) -> Phone {
    Phone {
        secret: SecretKey::from_slice(&[seed; 32]).expect("is a key"),
        auth: [seed; 16],
    }
}

impl Phone {
    fn subscription(&self, endpoint: &str, account: &str) -> Subscription {
        let point = self.secret.public_key().to_encoded_point(false);
        Subscription {
            endpoint: endpoint.to_owned(),
            keys: Keys {
                p256dh: Base64UrlUnpadded::encode_string(point.as_bytes()),
                auth: Base64UrlUnpadded::encode_string(&self.auth),
            },
            account: account.to_owned(),
        }
    }

    fn read(&self, body: &[u8]) -> Option<Value> {
        let text = decrypt(
            body.to_vec(),
            &self.secret,
            &Auth::clone_from_slice(&self.auth),
        )
        .ok()?;
        serde_json::from_slice(&text).ok()
    }
}

const MINUTE: i64 = 60_000;
const NOON: i64 = 1_795_000_000_000;

fn relay(service: &Service, file: &Path) -> Arc<Relay> {
    let settings = Settings {
        subject: "mailto:ops@company.example".to_owned(),
        navigate: "https://app.company.example/".to_owned(),
        message: Message {
            title: "Pannier".to_owned(),
            body: "Open the app".to_owned(),
        },
        rhythm: Rhythm {
            quiet_ms: 30 * MINUTE,
            shift_ms: 600 * MINUTE,
        },
        services: vec![service.address.clone()],
        secret: Some("open sesame".to_owned()),
        origins: vec!["https://app.company.example".to_owned()],
    };
    Relay::new(Store::open(file).expect("opens"), settings).expect("is made")
}

fn in_memory(service: &Service) -> Arc<Relay> {
    relay(service, Path::new(":memory:"))
}

#[test]
fn a_message_is_sealed_for_the_phone_and_signed_for_its_service() {
    let service = service();
    let relay = in_memory(&service);
    let anna = phone(7);
    let endpoint = format!("{}/201/anna?x=1", service.address);
    relay
        .store
        .register(&anna.subscription(&endpoint, "c-anna"), NOON)
        .expect("is kept");
    let sent = relay.round(NOON + 30 * MINUTE).expect("is sent");
    assert_eq!(
        sent,
        Sent {
            taken: 1,
            ..Sent::default()
        }
    );
    let came = service.came.recv().expect("came");
    assert_eq!(
        (came.path.as_str(), came.header("content-encoding")),
        ("/201/anna?x=1", "aes128gcm")
    );
    assert_eq!(
        (came.header("ttl"), came.header("topic")),
        ("36000", "pannier")
    );

    let payload = anna.read(&came.body).expect("anna's phone can read it");
    assert_eq!(payload["web_push"], 8030);
    assert_eq!(payload["mutable"], true);
    assert_eq!(
        payload["notification"],
        json!({ "title": "Pannier", "body": "Open the app", "navigate": "https://app.company.example/", "tag": "pannier", "mutable": true })
    );
    assert!(
        phone(8).read(&came.body).is_none(),
        "another phone can read it"
    );

    let given = came
        .header("authorization")
        .strip_prefix("vapid t=")
        .expect("is signed");
    let (token, key) = given.split_once(", k=").expect("names its key");
    assert_eq!(key, relay.public_key());
    let (signed, signature) = token.rsplit_once('.').expect("has three parts");
    let bytes = Base64UrlUnpadded::decode_vec(key).expect("is text of bytes");
    let key = VerifyingKey::from_sec1_bytes(&bytes).expect("is a key");
    let signature = Base64UrlUnpadded::decode_vec(signature).expect("is text of bytes");
    let signature = Signature::from_slice(&signature).expect("is a signature");
    key.verify(signed.as_bytes(), &signature)
        .expect("is this relay's");
    let claims =
        Base64UrlUnpadded::decode_vec(signed.split_once('.').expect("two").1).expect("is text");
    let claims: Value = serde_json::from_slice(&claims).expect("is JSON");
    assert_eq!(claims["aud"], service.address.as_str());
    let now_s = (NOON + 30 * MINUTE) / 1000;
    let life_s = claims["exp"].as_i64().expect("ends") - now_s;
    assert!(
        (1..=86_400).contains(&life_s),
        "services allow a day: {life_s}"
    );
}

#[test]
fn a_subscription_that_ended_is_forgotten_and_a_refusal_waits_for_its_turn() {
    let service = service();
    let relay = in_memory(&service);
    for (status, n) in [(410, 1), (404, 2), (429, 3), (201, 4)] {
        let endpoint = format!("{}/{status}/x", service.address);
        relay
            .store
            .register(&phone(n).subscription(&endpoint, ""), NOON)
            .expect("is kept");
    }
    // Nobody listens there.
    let dead = "http://127.0.0.1:1/x";
    relay
        .store
        .register(&phone(5).subscription(dead, ""), NOON)
        .expect("is kept");
    let sent = relay.round(NOON + 30 * MINUTE).expect("is sent");
    assert_eq!(
        sent,
        Sent {
            taken: 1,
            gone: 2,
            refused: 2
        }
    );
    assert_eq!(
        relay.round(NOON + 31 * MINUTE).expect("is sent"),
        Sent::default()
    );
    let left = |relay: &Relay| relay.store.phones(None).expect("reads").len();
    assert_eq!(left(&relay), 3);
    for turn in 2..20 {
        relay.round(NOON + turn * 30 * MINUTE).expect("is sent");
    }
    assert_eq!(left(&relay), 1, "a service that says no ten times means it");
    assert_eq!(
        relay.round(NOON + 700 * MINUTE).expect("is sent"),
        Sent::default(),
        "the shift is over"
    );
}

#[test]
fn a_new_browser_takes_the_place_of_the_oldest_and_the_key_stays() {
    let service = service();
    let folder = std::env::temp_dir().join(format!("pannier-push-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("is made");
    let file = folder.join("push.db");
    let key = {
        let relay = relay(&service, &file);
        for n in 1..=7_u8 {
            let endpoint = format!("{}/201/{n}", service.address);
            relay
                .store
                .register(
                    &phone(n).subscription(&endpoint, "c-anna"),
                    NOON + i64::from(n),
                )
                .expect("is kept");
        }
        let seen: Vec<i64> = relay
            .store
            .phones(Some("c-anna"))
            .expect("reads")
            .iter()
            .map(|p| p.seen_at - NOON)
            .collect();
        assert_eq!(seen, [3, 4, 5, 6, 7]);
        relay.public_key()
    };
    let again = relay(&service, &file);
    assert_eq!(
        again.public_key(),
        key,
        "subscriptions hold for one key only"
    );
    assert_eq!(again.store.phones(None).expect("reads").len(), 5);
    drop(again);
    std::fs::remove_dir_all(&folder).expect("is removed");
}

/// The relay's own door, asked by plain sockets.
fn ask(address: &str, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("listens");
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nhost: relay\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(text.as_bytes()).expect("is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers");
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .expect("has a status");
    (status, answer)
}

#[test]
fn phones_register_from_the_apps_origin_and_the_operator_wakes_them_with_the_secret() {
    let service = service();
    let relay = in_memory(&service);
    let runtime = tokio::runtime::Runtime::new().expect("starts");
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .expect("a port is free");
    let address = listener.local_addr().expect("has one").to_string();
    let router = router(&relay);
    runtime.spawn(async move { axum::serve(listener, router).await });
    let asked = Mutex::new(());
    let post = |path: &str, headers: &str, body: &Value| {
        let _one_at_a_time = asked.lock();
        ask(&address, "POST", path, headers, &body.to_string())
    };

    let (status, text) = ask(
        &address,
        "GET",
        "/push/key",
        "origin: https://app.company.example\r\n",
        "",
    );
    assert!(
        status == 200 && text.contains(&relay.public_key()),
        "{text}"
    );
    assert!(
        text.contains("access-control-allow-origin: https://app.company.example"),
        "{text}"
    );
    let (_, text) = ask(
        &address,
        "GET",
        "/push/key",
        "origin: https://elsewhere.example\r\n",
        "",
    );
    assert!(!text.contains("access-control-allow-origin"), "{text}");

    let anna = phone(3);
    let body = |endpoint: &str| {
        let Subscription {
            endpoint,
            keys,
            account,
        } = anna.subscription(endpoint, "c-anna");
        json!({ "endpoint": endpoint, "expirationTime": null, "account": account, "keys": { "p256dh": keys.p256dh, "auth": keys.auth } })
    };
    let endpoint = format!("{}/201/a", service.address);
    assert_eq!(post("/push/subscriptions", "", &body(&endpoint)).0, 201);
    let (status, text) = post("/push/subscriptions", "", &body("https://10.0.0.1/admin"));
    assert!(status == 400 && text.contains("unknown_service"), "{text}");
    assert_eq!(
        post("/push/subscriptions", "", &json!({ "endpoint": 1 })).0,
        400
    );
    assert_eq!(
        post(
            "/push/subscriptions",
            "",
            &json!({ "x": "y".repeat(9_000) })
        )
        .0,
        413
    );

    let wake = json!({ "account": "c-anna", "body": "Your route changed" });
    for headers in [
        "",
        "authorization: Bearer open sesamE\r\n",
        "authorization: open sesame\r\n",
    ] {
        let (status, text) = post("/push/wake", headers, &wake);
        assert!(status == 401 && text.contains("secret_needed"), "{text}");
    }
    let (status, text) = post("/push/wake", "authorization: Bearer open sesame\r\n", &wake);
    assert!(
        status == 200 && text.ends_with(r#"{"taken":1,"gone":0,"refused":0}"#),
        "{text}"
    );
    let payload = anna
        .read(&service.came.recv().expect("came").body)
        .expect("reads");
    assert_eq!(payload["notification"]["body"], "Your route changed");
    assert_eq!(payload["notification"]["title"], "Pannier");

    let (status, text) = post(
        "/push/subscriptions/end",
        "",
        &json!({ "endpoint": endpoint }),
    );
    assert!(
        status == 200 && text.ends_with(r#"{"ended":true}"#),
        "{text}"
    );
    assert!(relay.store.phones(None).expect("reads").is_empty());
}
