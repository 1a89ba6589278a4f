//! Web Push beside a backend that does not push.
//!
//! The relay keeps the phones' subscriptions, seals and signs messages for them, and sends each to
//! the push service of the phone's maker. It knows neither routes nor deliveries nor tokens, and
//! changes nothing at the backend: it may run beside any, on its own ([`main`](../src/main.rs)) or
//! inside another server, as the sandbox does, by [`router`].

mod rhythm;
mod seal;
mod store;
mod subscription;
mod web;

pub use rhythm::{Rhythm, is_due};
pub use seal::{Message, Sealed, declarative, public_key, seal};
pub use store::{Phone, Store};
pub use subscription::{Keys, SERVICES, Subscription};
pub use web::{keep_waking, now_ms, router};

use std::sync::Arc;
use std::time::Duration;

use p256::ecdsa::SigningKey;
use serde::Serialize;

/// A "no", with a stable code and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub(crate) fn bad_field(field: &str, wanted: &str) -> Self {
        Self::new(400, "bad_request", format!("{field}: {wanted}"))
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(500, "store_failed", error.to_string())
    }
}

pub struct Settings {
    /// whom a push service may write to when something is wrong: `mailto:` or `https:`
    pub subject: String,
    /// what a tap on the message opens: the app's own address
    pub navigate: String,
    /// what a quiet phone shows
    pub message: Message,
    pub rhythm: Rhythm,
    /// push services beside the known ones
    pub services: Vec<String>,
    /// what `POST /push/wake` has to bring; without one nobody may wake phones by hand
    pub secret: Option<String>,
    /// pages of these origins may register phones
    pub origins: Vec<String>,
}

pub struct Relay {
    pub store: Store,
    pub settings: Settings,
    key: SigningKey,
    agent: ureq::Agent,
}

/// What came of a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// a push service took it, which is not yet the phone
    pub taken: u32,
    /// subscriptions that have ended
    pub gone: u32,
    pub refused: u32,
}

const DEADLINE: Duration = Duration::from_secs(10);

impl Relay {
    /// # Errors
    /// A sentence for the person who started the relay.
    pub fn new(store: Store, settings: Settings) -> Result<Arc<Self>, String> {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(DEADLINE))
            // A service that moves says so to browsers; a relay is not led elsewhere.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build();
        let key = store.key()?;
        Ok(Arc::new(Self {
            store,
            settings,
            key,
            agent: config.into(),
        }))
    }

    /// What the browser needs for a subscription.
    #[must_use]
    pub fn public_key(&self) -> String {
        public_key(&self.key)
    }

    /// Wakes every phone that is due. Blocks on the network.
    ///
    /// # Errors
    /// When the store fails.
    pub fn round(&self, now_ms: i64) -> Result<Sent, Refusal> {
        let rhythm = self.settings.rhythm;
        let mut phones = self.store.phones(None)?;
        phones.retain(|phone| is_due(phone, rhythm, now_ms));
        self.send(&phones, &self.settings.message, now_ms)
    }

    /// Wakes these phones. Blocks on the network.
    ///
    /// # Errors
    /// When the store fails.
    pub fn send(&self, phones: &[Phone], message: &Message, now_ms: i64) -> Result<Sent, Refusal> {
        let settings = &self.settings;
        let payload = declarative(message, &settings.navigate);
        // A message that waits longer than the shift tells of nothing.
        let ttl_s = settings.rhythm.shift_ms / 1000;
        let mut sent = Sent::default();
        for Phone { subscription, .. } in phones {
            let endpoint = &subscription.endpoint;
            let sealed = seal(
                subscription,
                &payload,
                &self.key,
                &settings.subject,
                ttl_s,
                now_ms,
            );
            let Some(sealed) = sealed else {
                self.store.remove(endpoint)?;
                sent.gone += 1;
                continue;
            };
            match self.post(&sealed) {
                Some(200..=299) => {
                    self.store.pushed(endpoint, true, now_ms)?;
                    sent.taken += 1;
                }
                Some(404 | 410) => {
                    self.store.remove(endpoint)?;
                    sent.gone += 1;
                }
                // Too often, too large, out of reach: the next turn is a whole rhythm later.
                _ => {
                    self.store.pushed(endpoint, false, now_ms)?;
                    sent.refused += 1;
                }
            }
        }
        Ok(sent)
    }

    fn post(&self, sealed: &Sealed) -> Option<u16> {
        let mut request = self.agent.post(&sealed.url);
        for (name, value) in &sealed.headers {
            request = request.header(*name, value);
        }
        let response = request.send(&sealed.body[..]).ok()?;
        Some(response.status().as_u16())
    }
}
