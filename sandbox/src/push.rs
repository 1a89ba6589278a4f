//! The push relay inside the sandbox, under `/api/push`: an ordinary backend does not push, and the
//! relay that may be run beside one does. A phone is told when the office changes its route.

use std::sync::Arc;

use pannier_push::{Message, Relay, Rhythm, Settings, Store, now_ms};

use crate::arguments::Arguments;

const MINUTE_MS: i64 = 60_000;

/// Its file stands beside the database: `--fresh` leaves it alone, since browsers keep their
/// subscriptions too.
pub fn open(arguments: &Arguments, page: &str) -> Result<Arc<Relay>, String> {
    let mut file = arguments.database.as_os_str().to_owned();
    file.push("-push");
    let settings = Settings {
        subject: "mailto:sandbox@company.example".to_owned(),
        navigate: format!("{page}/"),
        message: Message {
            title: "Pannier".to_owned(),
            body: "Open the app near a window if deliveries wait.".to_owned(),
        },
        rhythm: Rhythm {
            quiet_ms: 30 * MINUTE_MS,
            shift_ms: 600 * MINUTE_MS,
        },
        services: arguments.push_services.clone(),
        // Whoever can reach the controls can do worse.
        secret: None,
        // The front door admits pages, to this as to the rest.
        origins: vec![],
    };
    Relay::new(Store::open(file.as_ref())?, settings)
}

/// Tells these couriers' phones that there is news. Not waited for: no backend waits for a push.
pub fn tell(relay: &Arc<Relay>, couriers: Vec<String>) {
    let relay = Arc::clone(relay);
    tokio::task::spawn_blocking(move || {
        let message = Message {
            title: "Route changed".to_owned(),
            body: "Open the app to see it.".to_owned(),
        };
        for courier in couriers {
            let sent = relay.store.phones(Some(&courier)).map_err(Into::into);
            if let Err(refusal) = sent.and_then(|phones| relay.send(&phones, &message, now_ms())) {
                eprintln!("pannier-sandbox: push: {}", refusal.message);
            }
        }
    });
}
