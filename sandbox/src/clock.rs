//! The one place that asks what time it is. Everything else gets Unix milliseconds handed in.

use chrono::{DateTime, Duration, Local, NaiveDate, NaiveTime, TimeZone, Utc};

/// Unix time in milliseconds. A server lives in real time; the rest of the workspace does not.
#[allow(clippy::disallowed_methods)]
pub fn now_ms() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
}

fn local(ms: i64) -> DateTime<Local> {
    Local.timestamp_millis_opt(ms).single().unwrap_or_default()
}

/// The calendar day of `ms` on this machine's wall.
pub fn day(ms: i64) -> NaiveDate {
    local(ms).date_naive()
}

/// The calendar day of `ms` in Greenwich, for what other machines compare with their own clocks.
pub fn day_utc(ms: i64) -> NaiveDate {
    let moment: DateTime<Utc> = local(ms).into();
    moment.date_naive()
}

/// `hours:minutes` of that day on this machine's wall, as Unix milliseconds.
/// A time that the change to summer time skips moves one hour on.
pub fn at(day: NaiveDate, hours: u32, minutes: u32) -> i64 {
    let time = NaiveTime::from_hms_opt(hours, minutes, 0).unwrap_or_default();
    let wall = day.and_time(time);
    Local
        .from_local_datetime(&wall)
        .earliest()
        .or_else(|| {
            Local
                .from_local_datetime(&(wall + Duration::hours(1)))
                .earliest()
        })
        .map_or(0, |moment| moment.timestamp_millis())
}

/// `14:03:59.012`, for the pages that people read.
pub fn time_text(ms: i64) -> String {
    local(ms).format("%H:%M:%S%.3f").to_string()
}

/// `14:03`, for time windows.
pub fn minute_text(ms: i64) -> String {
    local(ms).format("%H:%M").to_string()
}
