//! Moments as backends write them. A pattern is made of `yyyy MM dd HH hh mm ss SSS a XXX`;
//! everything else in it stands for itself.

use crate::domain::text::{around, cut, find, whole};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// Without a pattern: RFC 3339.
pub const ISO: &str = "yyyy-MM-ddTHH:mm:ss.SSSXXX";

/// Year, month and day of a day since 1970 (proleptic Gregorian), by eras of 400 years that begin
/// in March, so that the leap day comes last.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let date = of_year - (153 * march + 2) / 5 + 1;
    (year + era * 400 + i64::from(month <= 2), month, date)
}

fn day_of(year: i64, month: i64, date: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * march + 2) / 5 + date - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn past(text: &str, length: usize) -> &str {
    cut(text, length, text.len())
}

/// The longest token that a pattern begins with.
fn token(pattern: &str) -> Option<&'static str> {
    const TOKENS: [&str; 10] = [
        "yyyy", "SSS", "XXX", "MM", "dd", "HH", "hh", "mm", "ss", "a",
    ];
    TOKENS.into_iter().find(|t| pattern.starts_with(t))
}

fn digits(out: &mut String, number: i64, width: usize) {
    let text = number.to_string();
    for _ in text.len()..width {
        out.push('0');
    }
    out.push_str(&text);
}

/// `ms` since 1970 as the clocks of a zone show it, `zone` minutes east of Greenwich.
pub fn format(ms: i64, zone: i64, pattern: &str) -> String {
    let local = ms + zone * MINUTE_MS;
    let (year, month, date) = civil(local.div_euclid(DAY_MS));
    let of_day = local.rem_euclid(DAY_MS);
    let (hour, minute) = (of_day / 3_600_000, of_day / MINUTE_MS % 60);
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let Some(token) = token(rest) else {
            out.push(c);
            rest = past(rest, c.len_utf8());
            continue;
        };
        rest = past(rest, token.len());
        match token {
            "yyyy" => digits(&mut out, year, 4),
            "MM" => digits(&mut out, month, 2),
            "dd" => digits(&mut out, date, 2),
            "HH" => digits(&mut out, hour, 2),
            "hh" => digits(&mut out, (hour + 11) % 12 + 1, 2),
            "mm" => digits(&mut out, minute, 2),
            "ss" => digits(&mut out, of_day / 1_000 % 60, 2),
            "SSS" => digits(&mut out, of_day % 1_000, 3),
            "a" => out.push_str(if hour < 12 { "AM" } else { "PM" }),
            _ if zone == 0 => out.push('Z'),
            _ => {
                out.push(if zone < 0 { '-' } else { '+' });
                digits(&mut out, zone.abs() / 60, 2);
                out.push(':');
                digits(&mut out, zone.abs() % 60, 2);
            }
        }
    }
    out
}

/// A text that is being read from its front.
struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn number(&mut self, width: usize) -> Option<i64> {
        let text = self.0.get(..width)?;
        let all = text.bytes().all(|b| b.is_ascii_digit());
        self.0 = past(self.0, width);
        whole(text).filter(|_| all)
    }
    fn eat(&mut self, part: &str) -> bool {
        let rest = self.0.strip_prefix(part);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
    /// `Z`, `+01:00`, `+0100`, `+01`: minutes east.
    fn zone(&mut self) -> Option<i64> {
        if self.eat("Z") || self.eat("z") {
            return Some(0);
        }
        let west = self.eat("-");
        if !west && !self.eat("+") {
            return None;
        }
        let hours = self.number(2)?;
        let minutes = if self.eat(":") || self.0.starts_with(|c: char| c.is_ascii_digit()) {
            self.number(2)?
        } else {
            0
        };
        let east = hours * 60 + minutes;
        Some(if west { -east } else { east })
    }
}

#[derive(Default)]
struct Parts {
    year: i64,
    month: i64,
    date: i64,
    hour: i64,
    minute: i64,
    second: i64,
    milli: i64,
    /// `Some(true)`: after noon
    half: Option<bool>,
}

impl Parts {
    fn ms(&self, zone: i64) -> Option<i64> {
        let hour = match self.half {
            Some(after_noon) => self.hour % 12 + if after_noon { 12 } else { 0 },
            None => self.hour,
        };
        let sound = (1..=12).contains(&self.month)
            && (1..=31).contains(&self.date)
            && hour < 24
            && self.minute < 60
            && self.second < 61;
        let day = day_of(self.year, self.month, self.date);
        sound.then(|| {
            day * DAY_MS + ((hour * 60 + self.minute) * 60 + self.second) * 1_000 + self.milli
                - zone * MINUTE_MS
        })
    }
}

/// Reads a moment; a text that names no zone of its own is in `zone`. Without a pattern: RFC 3339
/// with `T` or a space, seconds, their fraction and the zone as they are given; a date alone is its
/// midnight.
pub fn parse(text: &str, zone: i64, pattern: Option<&str>) -> Option<i64> {
    let mut reader = Reader(text.trim());
    let mut parts = Parts {
        month: 1,
        date: 1,
        year: 1970,
        ..Parts::default()
    };
    let mut zone = zone;
    let Some(mut rest) = pattern else {
        parts.year = reader.number(4)?;
        parts.month = reader.eat("-").then(|| reader.number(2))??;
        parts.date = reader.eat("-").then(|| reader.number(2))??;
        if reader.eat("T") || reader.eat(" ") || reader.eat("t") {
            parts.hour = reader.number(2)?;
            parts.minute = reader.eat(":").then(|| reader.number(2))??;
            if reader.eat(":") {
                parts.second = reader.number(2)?;
            }
            if reader.eat(".") || reader.eat(",") {
                let length = reader.0.bytes().take_while(u8::is_ascii_digit).count();
                let mut first = cut(reader.0, 0, length.min(3)).to_owned();
                while first.len() < 3 {
                    first.push('0');
                }
                parts.milli = whole(&first)?;
                reader.0 = past(reader.0, length);
            }
            zone = match reader.0 {
                "" => zone,
                _ => reader.zone()?,
            };
        }
        return parts.ms(zone).filter(|_| reader.0.is_empty());
    };
    while let Some(c) = rest.chars().next() {
        let Some(token) = token(rest) else {
            let literal = c.len_utf8();
            if !reader.eat(cut(rest, 0, literal)) {
                return None;
            }
            rest = past(rest, literal);
            continue;
        };
        rest = past(rest, token.len());
        match token {
            "yyyy" => parts.year = reader.number(4)?,
            "MM" => parts.month = reader.number(2)?,
            "dd" => parts.date = reader.number(2)?,
            "HH" | "hh" => parts.hour = reader.number(2)?,
            "mm" => parts.minute = reader.number(2)?,
            "ss" => parts.second = reader.number(2)?,
            "SSS" => parts.milli = reader.number(3)?,
            "a" => {
                let half = reader.0.get(..2)?.to_ascii_uppercase();
                parts.half = match half.as_str() {
                    "AM" => Some(false),
                    "PM" => Some(true),
                    _ => return None,
                };
                reader.0 = past(reader.0, 2);
            }
            _ => zone = reader.zone()?,
        }
    }
    parts.ms(zone).filter(|_| reader.0.is_empty())
}

/// `Sun, 22 Nov 2026 08:05:09 GMT`, as HTTP headers have it.
pub fn http_date(text: &str) -> Option<i64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let (_, rest) = around(text, ", ")?;
    let month = find(MONTHS, rest.get(3..6)?).filter(|at| at % 3 == 0)? / 3 + 1;
    let numbers = [rest.get(..3)?, &month.to_string(), rest.get(6..)?].concat();
    let padded = match numbers.split_once(' ') {
        Some((date, rest)) if month < 10 => [date, " 0", rest].concat(),
        _ => numbers,
    };
    parse(&padded, 0, Some("dd MM yyyy HH:mm:ss GMT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_headers_are_read() {
        assert_eq!(http_date("Sun, 22 Nov 2026 08:05:09 GMT"), Some(AT - 120));
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http_date("Sun, 22 Now 2026 08:05:09 GMT"), None);
        assert_eq!(http_date("soon"), None);
    }

    /// 2026-11-22 08:05:09.120 UTC
    const AT: i64 = 1_795_334_709_120;

    #[test]
    fn moments_are_written_as_backends_want_them() {
        for (zone, pattern, expected) in [
            (0, ISO, "2026-11-22T08:05:09.120Z"),
            (60, ISO, "2026-11-22T09:05:09.120+01:00"),
            (-210, "yyyy-MM-dd HH:mm:ssXXX", "2026-11-22 04:35:09-03:30"),
            (0, "yyyy-MM-dd HH:mm:ss.SSSZ", "2026-11-22 08:05:09.120Z"),
            (720, "dd.MM.yyyy hh:mm a", "22.11.2026 08:05 PM"),
            (0, "hh:mm a", "08:05 AM"),
        ] {
            assert_eq!(format(AT, zone, pattern), expected);
        }
        assert_eq!(format(0, 0, "yyyy-MM-dd"), "1970-01-01");
        assert_eq!(format(951_782_400_000, 0, "yyyy-MM-dd"), "2000-02-29");
        assert_eq!(format(-1, 0, ISO), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn moments_are_read_as_backends_write_them() {
        for (text, zone, pattern, expected) in [
            ("2026-11-22T08:05:09.120Z", 0, None, Some(AT)),
            ("2026-11-22 08:05:09.12Z", 0, None, Some(AT)),
            ("2026-11-22T09:05:09.120456+01:00", 0, None, Some(AT)),
            ("2026-11-22T09:05:09,120", 60, None, Some(AT)),
            ("2026-11-22T08:05Z", 0, None, Some(AT - 9_120)),
            ("2026-11-22", 0, None, Some(AT - 29_109_120)),
            (
                "22.11.2026 08:05 PM",
                720,
                Some("dd.MM.yyyy hh:mm a"),
                Some(AT - 9_120),
            ),
            ("2026-13-22T08:05Z", 0, None, None),
            ("2026-11-22T08:05:09Z and more", 0, None, None),
            ("tomorrow", 0, None, None),
            ("", 0, None, None),
            ("ö026-11-22", 0, None, None),
        ] {
            assert_eq!(parse(text, zone, pattern), expected, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        // From the year 1 to the year 9999.
        for day in (-719_162..2_932_896_i64).step_by(997) {
            let ms = day * DAY_MS + 12_345_678;
            let text = format(ms, -90, ISO);
            assert_eq!(parse(&text, 0, None), Some(ms), "{text}");
        }
    }
}
