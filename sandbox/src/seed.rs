//! The invented day: two couriers, their routes through Stockholm, their parcels. Persons and
//! deliveries are made up; phone numbers are from the range that is kept free for fiction.
//!
//! Ids and codes are the same on every seed, so that tests and printed labels stay good; only
//! the date and the time windows are today's.

use rusqlite::{Connection, params};
use serde_json::json;

use crate::clock;
use crate::database::set_setting;

pub const TOKEN_LIFE_S: i64 = 3600;

struct Courier {
    id: &'static str,
    username: &'static str,
    name: &'static str,
    route: &'static str,
    code: &'static str,
    stops: &'static [Stop],
}

struct Stop {
    pickup: bool,
    name: &'static str,
    street: &'static str,
    postal_code: &'static str,
    lat: f64,
    lon: f64,
    door_code: Option<&'static str>,
    floor: Option<&'static str>,
    phone: Option<&'static str>,
    /// hours and minutes of the two ends
    window: (u32, u32, u32, u32),
    note: Option<&'static str>,
    proof: Proof,
    parcels: &'static [&'static str],
}

struct Proof {
    photo: &'static str,
    signature: &'static str,
    scan: &'static str,
    overridable: bool,
}

const USUAL: Proof = Proof {
    photo: "required",
    signature: "optional",
    scan: "warned",
    overridable: false,
};
const SIGNED: Proof = Proof {
    photo: "required",
    signature: "required",
    scan: "required",
    overridable: false,
};
const FREE: Proof = Proof {
    photo: "optional",
    signature: "optional",
    scan: "optional",
    overridable: false,
};
const LENIENT: Proof = Proof {
    photo: "required",
    signature: "optional",
    scan: "required",
    overridable: true,
};
const COLLECTED: Proof = Proof {
    photo: "optional",
    signature: "optional",
    scan: "required",
    overridable: false,
};
const EASY: Proof = Proof {
    photo: "warned",
    signature: "optional",
    scan: "optional",
    overridable: false,
};

const PLAIN: Stop = Stop {
    pickup: false,
    name: "",
    street: "",
    postal_code: "",
    lat: 0.0,
    lon: 0.0,
    door_code: None,
    floor: None,
    phone: None,
    window: (8, 0, 18, 0),
    note: None,
    proof: USUAL,
    parcels: &[],
};

const COURIERS: &[Courier] = &[
    Courier {
        id: "c-anna",
        username: "anna",
        name: "Anna Lindqvist",
        route: "r-anna",
        code: "PN-7H2K",
        stops: &[
            Stop {
                name: "Karin Ekholm",
                street: "Götgatan 58",
                postal_code: "118 26",
                lat: 59.3146,
                lon: 18.0735,
                floor: Some("2"),
                phone: Some("070-174 06 05"),
                window: (8, 0, 9, 30),
                parcels: &["Small box"],
                ..PLAIN
            },
            Stop {
                name: "Bokhörnan Bangatan",
                street: "Katarina Bangata 31",
                postal_code: "116 39",
                lat: 59.3118,
                lon: 18.0785,
                phone: Some("070-174 06 11"),
                window: (8, 30, 10, 0),
                note: Some("Goods entrance from the yard."),
                parcels: &[
                    "Books, box 1 of 3",
                    "Books, box 2 of 3",
                    "Books, box 3 of 3",
                ],
                ..PLAIN
            },
            Stop {
                name: "Johan Nyberg",
                street: "Renstiernas gata 22",
                postal_code: "116 31",
                lat: 59.3145,
                lon: 18.0850,
                door_code: Some("4812"),
                floor: Some("4"),
                phone: Some("070-174 06 18"),
                window: (9, 0, 10, 30),
                note: Some("The lift is out of order, take the stairs."),
                parcels: &["Shoes"],
                ..PLAIN
            },
            Stop {
                name: "Verkstan Folkunga AB",
                street: "Folkungagatan 104",
                postal_code: "116 30",
                lat: 59.3152,
                lon: 18.0880,
                phone: Some("070-174 06 22"),
                window: (9, 30, 11, 0),
                parcels: &[
                    "Tools",
                    "Bicycle wheel, front",
                    "Bicycle wheel, rear",
                    "Envelope",
                ],
                ..PLAIN
            },
            Stop {
                name: "Elin Sandström",
                street: "Bondegatan 47",
                postal_code: "116 33",
                lat: 59.3130,
                lon: 18.0842,
                floor: Some("1"),
                phone: Some("070-174 06 27"),
                window: (10, 0, 12, 0),
                note: Some("Hand over in person only."),
                proof: SIGNED,
                parcels: &["Camera, insured"],
                ..PLAIN
            },
            Stop {
                pickup: true,
                name: "Keramik på Hornsgatan",
                street: "Hornsgatan 77",
                postal_code: "118 49",
                lat: 59.3172,
                lon: 18.0525,
                phone: Some("070-174 06 33"),
                window: (11, 0, 13, 0),
                note: Some("Two parcels wait at the counter."),
                proof: COLLECTED,
                parcels: &["Ceramics, fragile", "Ceramics, samples"],
                ..PLAIN
            },
            Stop {
                name: "Mikael Åström",
                street: "Ringvägen 115",
                postal_code: "116 61",
                lat: 59.3085,
                lon: 18.0780,
                floor: Some("5"),
                phone: Some("070-174 06 38"),
                window: (12, 0, 13, 30),
                note: Some("May be left with the neighbour."),
                proof: EASY,
                parcels: &["Coffee"],
                ..PLAIN
            },
            Stop {
                name: "Förskolan Solstrimman",
                street: "Skånegatan 89",
                postal_code: "116 35",
                lat: 59.3125,
                lon: 18.0860,
                phone: Some("070-174 06 44"),
                window: (13, 0, 14, 30),
                proof: FREE,
                parcels: &["Paper and paint", "Rain clothes"],
                ..PLAIN
            },
            Stop {
                name: "Sara Holmgren",
                street: "Sankt Paulsgatan 14",
                postal_code: "118 46",
                lat: 59.3192,
                lon: 18.0690,
                floor: Some("3"),
                phone: Some("070-174 06 52"),
                window: (13, 30, 15, 0),
                proof: LENIENT,
                parcels: &["Lamp"],
                ..PLAIN
            },
            Stop {
                name: "Oskar Fransson",
                street: "Brännkyrkagatan 60",
                postal_code: "118 22",
                lat: 59.3182,
                lon: 18.0560,
                window: (14, 0, 16, 0),
                parcels: &["Medium box"],
                ..PLAIN
            },
            Stop {
                name: "Ingrid Wallén",
                street: "Hornsbruksgatan 23",
                postal_code: "117 34",
                lat: 59.3160,
                lon: 18.0340,
                floor: Some("2"),
                phone: Some("070-174 06 66"),
                window: (15, 0, 16, 30),
                parcels: &["Chair, seat", "Chair, legs"],
                ..PLAIN
            },
            Stop {
                name: "Amir Rahmani",
                street: "Långholmsgatan 11",
                postal_code: "117 33",
                lat: 59.3180,
                lon: 18.0330,
                phone: Some("070-174 06 71"),
                window: (16, 0, 18, 0),
                note: Some("Ring twice, the bell is faint."),
                parcels: &["Vinyl records", "Headphones"],
                ..PLAIN
            },
        ],
    },
    Courier {
        id: "c-omar",
        username: "omar",
        name: "Omar Haddad",
        route: "r-omar",
        code: "PN-9M4D",
        stops: &[
            Stop {
                name: "Lena Bergqvist",
                street: "Upplandsgatan 36",
                postal_code: "113 28",
                lat: 59.3423,
                lon: 18.0490,
                floor: Some("2"),
                phone: Some("070-174 06 80"),
                window: (9, 0, 11, 0),
                parcels: &["Small box"],
                ..PLAIN
            },
            Stop {
                name: "Cykelköket Odenplan",
                street: "Karlbergsvägen 18",
                postal_code: "113 27",
                lat: 59.3430,
                lon: 18.0455,
                phone: Some("070-174 06 86"),
                window: (10, 30, 12, 30),
                parcels: &["Tyres", "Envelope"],
                ..PLAIN
            },
        ],
    },
];

/// Empties everything but the sign-ins and plants the day of `now`.
pub fn plant(connection: &Connection, now: i64) -> rusqlite::Result<()> {
    connection.execute_batch(
        "DELETE FROM couriers; DELETE FROM routes; DELETE FROM stops; DELETE FROM parcels;
         DELETE FROM events; DELETE FROM photos; DELETE FROM log;",
    )?;
    set_setting(connection, "token_life_s", &TOKEN_LIFE_S.to_string())?;
    let mut numbers = Numbers { stop: 0, parcel: 0 };
    COURIERS
        .iter()
        .try_for_each(|courier| plant_courier(connection, courier, now, &mut numbers))
}

/// Whether the planted day is over (or nothing was planted yet).
pub fn is_stale(connection: &Connection, now: i64) -> rusqlite::Result<bool> {
    let today: i64 = connection.query_row(
        "SELECT count(*) FROM routes WHERE date = ?1",
        [clock::day(now).to_string()],
        |row| row.get(0),
    )?;
    Ok(today == 0)
}

struct Numbers {
    stop: u32,
    parcel: u32,
}

fn plant_courier(
    connection: &Connection,
    courier: &Courier,
    now: i64,
    numbers: &mut Numbers,
) -> rusqlite::Result<()> {
    let day = clock::day(now);
    connection.execute(
        "INSERT INTO couriers (id, username, password, name) VALUES (?1, ?2, 'packet123', ?3)",
        [courier.id, courier.username, courier.name],
    )?;
    connection.execute(
        "INSERT INTO routes (id, courier, date, version) VALUES (?1, ?2, ?3, 1)",
        [courier.route, courier.id, &day.to_string()],
    )?;
    let mut code = 0;
    for (place, stop) in courier.stops.iter().enumerate() {
        numbers.stop += 1;
        let id = format!("st-{:02}", numbers.stop);
        let (from_hour, from_minute, to_hour, to_minute) = stop.window;
        connection.execute(
            "INSERT INTO stops (id, courier, sequence, kind, status, version, address, window_from, window_to, note, proof)
             VALUES (?1, ?2, ?3, ?4, 'assigned', 1, ?5, ?6, ?7, ?8, ?9)",
            params![
                id,
                courier.id,
                place + 1,
                if stop.pickup { "pickup" } else { "delivery" },
                address(stop).to_string(),
                clock::at(day, from_hour, from_minute),
                clock::at(day, to_hour, to_minute),
                stop.note,
                proof(&stop.proof).to_string(),
            ],
        )?;
        for label in stop.parcels {
            numbers.parcel += 1;
            code += 1;
            connection.execute(
                "INSERT INTO parcels (id, code, stop, label) VALUES (?1, ?2, ?3, ?4)",
                params![
                    format!("p-{:02}", numbers.parcel),
                    format!("{}-{code:04}", courier.code),
                    id,
                    label
                ],
            )?;
        }
    }
    Ok(())
}

fn address(stop: &Stop) -> serde_json::Value {
    let mut address = json!({
        "name": stop.name, "street": stop.street, "postal_code": stop.postal_code, "city": "Stockholm",
        "lat": stop.lat, "lon": stop.lon,
    });
    for (name, value) in [
        ("door_code", stop.door_code),
        ("floor", stop.floor),
        ("phone", stop.phone),
    ] {
        if let Some(value) = value {
            address[name] = value.into();
        }
    }
    address
}

fn proof(proof: &Proof) -> serde_json::Value {
    json!({
        "photo": proof.photo, "signature": proof.signature, "scan": proof.scan, "overridable": proof.overridable,
    })
}
