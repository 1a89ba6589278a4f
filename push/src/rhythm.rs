//! Whom to wake, and when.
//!
//! A phone that works offline cannot say so. What the relay knows is when it last heard of each
//! phone: the app renews its subscription whenever it comes to the foreground. During a shift, a
//! phone that has been quiet for a while gets one message; the push service keeps it until the
//! phone has signal again and hands it over at that moment, which is just when there is something
//! to send. More than one undelivered message is never needed.

use crate::store::Phone;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// how long a phone may be quiet
    pub quiet_ms: i64,
    /// how long after the last sign of life its shift is taken to be over
    pub shift_ms: i64,
}

/// Whether this phone gets a message now.
#[must_use]
pub fn is_due(phone: &Phone, rhythm: Rhythm, now_ms: i64) -> bool {
    let quiet_since = phone.seen_at.max(phone.pushed_at.unwrap_or(i64::MIN));
    now_ms.saturating_sub(quiet_since) >= rhythm.quiet_ms
        && now_ms.saturating_sub(phone.seen_at) < rhythm.shift_ms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscription::{Keys, Subscription};

    const MINUTE: i64 = 60_000;

    #[test]
    fn a_quiet_phone_is_woken_through_its_shift_and_not_beyond() {
        let rhythm = Rhythm {
            quiet_ms: 30 * MINUTE,
            shift_ms: 4 * 60 * MINUTE,
        };
        let mut phone = Phone {
            subscription: Subscription {
                endpoint: String::new(),
                keys: Keys {
                    p256dh: String::new(),
                    auth: String::new(),
                },
                account: String::new(),
            },
            seen_at: 1_000 * MINUTE,
            pushed_at: None,
            refused: 0,
        };
        let mut woken = vec![];
        for minute in 1_000..1_600 {
            if is_due(&phone, rhythm, minute * MINUTE) {
                phone.pushed_at = Some(minute * MINUTE);
                woken.push(minute - 1_000);
            }
        }
        assert_eq!(woken, [30, 60, 90, 120, 150, 180, 210]);
        phone.seen_at = 2_000 * MINUTE;
        assert!(!is_due(&phone, rhythm, 2_029 * MINUTE) && is_due(&phone, rhythm, 2_030 * MINUTE));
        assert!(
            !is_due(&phone, rhythm, 1_500 * MINUTE),
            "a clock that went back wakes nobody"
        );
    }
}
