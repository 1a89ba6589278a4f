//! One limiter per host: no more requests in a second and in a minute than the profile says, all
//! of them counted, those of a drain and those of a person.

use super::clock::Clock;
use super::driver::Driver;
use super::host::Host;
use crate::domain::text::around;
use crate::profile::document::Limits;

/// When requests left, newest last, by host.
#[derive(Debug, Default)]
pub(super) struct Pace(Vec<(String, f64)>);

const SECOND_MS: f64 = 1_000.0;
const MINUTE_MS: f64 = 60_000.0;

fn host_of(url: &str) -> &str {
    let rest = around(url, "://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

impl Pace {
    /// How long the next request to this host has to wait.
    fn wait(&self, limits: &Limits, url: &str, now: f64) -> f64 {
        let host = host_of(url);
        let windows = [
            (limits.per_second, SECOND_MS),
            (limits.per_minute, MINUTE_MS),
        ];
        let mut wait = 0.0_f64;
        for (most, window) in windows {
            let Some(most) = most.filter(|most| *most > 0) else {
                continue;
            };
            let sent = self.0.iter().rev().filter(|(h, _)| h == host);
            // The request that has to be out of the window before another may enter it.
            if let Some((_, at)) = sent.take(most as usize).nth(most as usize - 1) {
                wait = wait.max(at + window - now);
            }
        }
        wait
    }

    fn reserve(&mut self, url: &str, now: f64) {
        self.0.retain(|(_, at)| now - at < MINUTE_MS);
        self.0.push((host_of(url).to_owned(), now));
    }
}

impl<H: Host> Driver<H> {
    /// Milliseconds until a request to this address may leave.
    pub(super) fn pace(&self, url: &str) -> f64 {
        let now = self.host.clock().monotonic_ms();
        let wait = self.pace.borrow().wait(&self.profile().limits, url, now);
        wait.max(0.0)
    }

    pub(super) fn reserve(&self, url: &str) {
        let now = self.host.clock().monotonic_ms();
        self.pace.borrow_mut().reserve(url, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_has_its_own_seconds_and_minutes() {
        let limits = Limits {
            per_second: Some(2),
            per_minute: Some(3),
        };
        let mut pace = Pace::default();
        let (a, b) = ("https://a.example/x?y", "https://b.example/");
        assert!(pace.wait(&limits, a, 0.0) <= 0.0);
        pace.reserve(a, 0.0);
        pace.reserve(a, 100.0);
        assert!((pace.wait(&limits, a, 200.0) - 800.0).abs() < 0.5);
        assert!(pace.wait(&limits, b, 200.0) <= 0.0);
        assert!(pace.wait(&limits, a, 1_000.0) <= 0.0);
        pace.reserve(a, 1_000.0);
        assert!((pace.wait(&limits, a, 2_500.0) - 57_500.0).abs() < 0.5);
        assert!(pace.wait(&limits, a, 60_000.0) <= 0.0);
        assert!(pace.wait(&Limits::default(), a, 1_000.0) <= 0.0);
    }
}
