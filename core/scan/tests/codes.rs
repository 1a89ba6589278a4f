//! Codes made by a foreign encoder, turned, bent out of shape and spoilt; and frames that hold none.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use barcoders::sym::code128::Code128;
use pannier_scan::{
    Advice, Code, EcLevel, Effort, Live, MAX_SIDE, Point, ScanError, Symbology, measure, scan,
};
use proptest::prelude::*;
use qrcode::{EcLevel as Level, QrCode};

/// A grey picture.
struct Picture {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

/// Draws `code` into a picture, each pixel the mean of nine points; `back` maps a pixel to module
/// coordinates (0 to 1 is the code).
fn draw(
    bytes: &[u8],
    level: Level,
    width: usize,
    height: usize,
    back: impl Fn(f32, f32) -> (f32, f32),
) -> Picture {
    let code = QrCode::with_error_correction_level(bytes, level).unwrap();
    let (n, colors) = (code.width(), code.to_colors());
    let mut data = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let mut sum = 0.0;
            for i in 0..9 {
                let (dx, dy) = ((i % 3) as f32 / 3.0 + 0.17, (i / 3) as f32 / 3.0 + 0.17);
                let (u, v) = back(x as f32 + dx, y as f32 + dy);
                let (u, v) = (u * n as f32, v * n as f32);
                let inside = u >= 0.0 && v >= 0.0 && u < n as f32 && v < n as f32;
                let dark = inside && colors[v as usize * n + u as usize] == qrcode::Color::Dark;
                sum += if dark { 40.0 } else { 215.0 };
            }
            data.push((sum / 9.0_f32) as u8);
        }
    }
    Picture {
        width,
        height,
        data,
    }
}

/// The code in the middle, `side` pixels wide, turned by `degrees`.
fn turned(bytes: &[u8], level: Level, size: usize, side: f32, degrees: f32) -> Picture {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let middle = size as f32 / 2.0;
    draw(bytes, level, size, size, move |x, y| {
        let (dx, dy) = ((x - middle) / side, (y - middle) / side);
        (dx * cos + dy * sin + 0.5, dy * cos - dx * sin + 0.5)
    })
}

/// Square to the frame, `scale` pixels a module, with a quiet zone of four.
fn upright(bytes: &[u8], level: Level, scale: usize) -> Picture {
    let code = QrCode::with_error_correction_level(bytes, level).unwrap();
    let (n, colors) = (code.width(), code.to_colors());
    let side = (n + 8) * scale;
    let dark = |x: usize, y: usize| {
        let (u, v) = ((x / scale).wrapping_sub(4), (y / scale).wrapping_sub(4));
        u < n && v < n && colors[v * n + u] == qrcode::Color::Dark
    };
    let data = (0..side * side)
        .map(|i| if dark(i % side, i / side) { 40 } else { 215 })
        .collect();
    Picture {
        width: side,
        height: side,
        data,
    }
}

/// Code 128 in the middle of a grey table, on a card of its own, turned by `degrees`; `text` is in the
/// encoder's notation.
fn bars(text: &str, module: f32, degrees: f32) -> Picture {
    let bars = Code128::new(text).unwrap().encode();
    let n = bars.len() as f32;
    let (width, height) = ((n * module * 1.3) as usize + 60, (n * module) as usize + 60);
    let (sin, cos) = degrees.to_radians().sin_cos();
    let mut data = Vec::with_capacity(width * height);
    for i in 0..width * height {
        let mut sum = 0.0;
        for k in 0..9 {
            let x = (i % width) as f32 + (k % 3) as f32 / 3.0 + 0.17 - width as f32 / 2.0;
            let y = (i / width) as f32 + (k / 3) as f32 / 3.0 + 0.17 - height as f32 / 2.0;
            let (u, v) = ((x * cos + y * sin) / module, (y * cos - x * sin) / module);
            let (at, far) = (u + n / 2.0, v.abs());
            let ink = far < n * 0.14 && at >= 0.0 && at < n && bars[at as usize] == 1;
            let card = far < n * 0.18 && at > -10.0 && at < n + 10.0;
            sum += if ink {
                40.0
            } else if card {
                215.0
            } else {
                110.0
            };
        }
        data.push((sum / 9.0) as u8);
    }
    Picture {
        width,
        height,
        data,
    }
}

fn found(picture: &Picture, effort: Effort) -> Vec<Code> {
    scan(
        &picture.data,
        picture.width,
        picture.height,
        picture.width,
        effort,
    )
    .unwrap()
    .codes
}

fn check(picture: &Picture, effort: Effort, bytes: &[u8]) -> Code {
    let codes = found(picture, effort);
    assert_eq!(codes.len(), 1, "{effort:?}");
    assert_eq!(codes[0].bytes, bytes, "{effort:?}");
    codes.into_iter().next().unwrap()
}

const PARCEL: &[u8] = b"PANNIER-7F3K-0042";

#[test]
fn code_is_read_at_every_angle() {
    for degrees in (0..360).step_by(15) {
        let picture = turned(PARCEL, Level::M, 320, 150.0, degrees as f32);
        let code = check(&picture, Effort::Live, PARCEL);
        assert_eq!(code.text.as_deref(), Some("PANNIER-7F3K-0042"));
        assert_eq!(code.ec_level, Some(EcLevel::M));
        assert!(!code.inverted && !code.mirrored, "{degrees}");
    }
}

#[test]
fn small_and_large_codes_are_read() {
    for (level, length) in [
        (Level::L, 1),
        (Level::H, 5),
        (Level::Q, 60),
        (Level::M, 200),
        (Level::H, 400),
        (Level::L, 1500),
    ] {
        let text: Vec<u8> = (0..length).map(|i| b'a' + (i * 7 % 26) as u8).collect();
        let code = check(&upright(&text, level, 3), Effort::Still, &text);
        assert_eq!(code.ec_level.unwrap().letter(), format!("{level:?}"));
    }
}

#[test]
fn code_of_more_than_two_kilobytes_is_read() {
    let text: Vec<u8> = (0..2300).map(|i| b'!' + (i * 31 % 90) as u8).collect();
    let n = QrCode::with_error_correction_level(&text, Level::L)
        .unwrap()
        .width() as f32;
    let picture = turned(&text, Level::L, (n * 5.0) as usize + 100, n * 5.0, 0.0);
    let code = check(&picture, Effort::Still, &text);
    assert!(code.version.unwrap() >= 35);
}

#[test]
fn corners_are_where_the_code_is() {
    let picture = turned(PARCEL, Level::M, 400, 200.0, 0.0);
    let code = check(&picture, Effort::Live, PARCEL);
    let wanted = [
        (100.0, 100.0),
        (300.0, 100.0),
        (300.0, 300.0),
        (100.0, 300.0),
    ];
    for (Point { x, y }, (wx, wy)) in code.corners.into_iter().zip(wanted) {
        assert!(
            (x - wx).abs() < 4.0 && (y - wy).abs() < 4.0,
            "{x} {y}, wanted {wx} {wy}"
        );
    }
}

#[test]
fn inverted_code_is_read_and_said_to_be_inverted() {
    for effort in [Effort::Live, Effort::Still] {
        let mut picture = turned(PARCEL, Level::M, 400, 200.0, 20.0);
        picture.data.iter_mut().for_each(|v| *v = 255 - *v);
        assert!(check(&picture, effort, PARCEL).inverted);
    }
}

#[test]
fn mirrored_code_is_read_and_said_to_be_mirrored() {
    let mut picture = turned(PARCEL, Level::M, 400, 200.0, 10.0);
    let width = picture.width;
    picture.data.chunks_mut(width).for_each(<[u8]>::reverse);
    assert!(check(&picture, Effort::Live, PARCEL).mirrored);
}

#[test]
fn tilted_code_is_read() {
    let back = |x: f32, y: f32| {
        let v = (y - 60.0) / 220.0;
        let half = 90.0 + 45.0 * v;
        // The far edge is narrow: rows crowd together there.
        (
            (x - 200.0) / (2.0 * half) + 0.5,
            v * (1.0 + 0.35 * (1.0 - v)),
        )
    };
    check(
        &draw(PARCEL, Level::M, 400, 340, back),
        Effort::Live,
        PARCEL,
    );
}

#[test]
fn two_codes_in_one_frame_are_both_read() {
    let left = turned(b"LEFT-1", Level::M, 300, 150.0, 5.0);
    let right = turned(b"RIGHT-2", Level::M, 300, 150.0, -8.0);
    let data: Vec<u8> = left
        .data
        .chunks(300)
        .zip(right.data.chunks(300))
        .flat_map(|(a, b)| [a, b].concat())
        .collect();
    let mut texts: Vec<_> = found(
        &Picture {
            width: 600,
            height: 300,
            data,
        },
        Effort::Still,
    )
    .into_iter()
    .filter_map(|c| c.text)
    .collect();
    texts.sort();
    assert_eq!(texts, ["LEFT-1", "RIGHT-2"]);
}

#[test]
fn padding_behind_each_row_is_not_looked_at() {
    let picture = turned(PARCEL, Level::M, 320, 150.0, 0.0);
    let mut padded = Vec::new();
    for row in picture.data.chunks(320) {
        padded.extend_from_slice(row);
        padded.extend_from_slice(&[0, 255, 0, 255, 0]);
    }
    let codes = scan(&padded, 320, 320, 325, Effort::Live).unwrap().codes;
    assert_eq!(codes[0].bytes, PARCEL);
}

#[test]
fn control_characters_are_passed_as_they_are() {
    let bytes = b"A\x00B\x1b[31m\r\n\x7f";
    let code = check(
        &turned(bytes, Level::M, 320, 160.0, 0.0),
        Effort::Live,
        bytes,
    );
    assert_eq!(code.text.as_deref(), Some("A\0B\u{1b}[31m\r\n\u{7f}"));
}

#[test]
fn bytes_that_are_not_utf8_have_no_text() {
    let bytes = [0x53, 0x74, 0x72, 0x61, 0xdf, 0x65, 0xff, 0xfe];
    assert_eq!(
        check(
            &turned(&bytes, Level::M, 320, 160.0, 0.0),
            Effort::Live,
            &bytes
        )
        .text,
        None
    );
}

#[test]
fn utf8_text_is_text() {
    let text = "Straße 5, 3. Stock, Łódź 📦";
    let code = check(
        &turned(text.as_bytes(), Level::M, 320, 180.0, 0.0),
        Effort::Live,
        text.as_bytes(),
    );
    assert_eq!(code.text.as_deref(), Some(text));
}

#[test]
fn flat_frames_hold_no_code() {
    for grey in [0, 1, 128, 254, 255] {
        for (width, height) in [(1, 1), (1, 500), (500, 1), (7, 7), (640, 480)] {
            let picture = Picture {
                width,
                height,
                data: vec![grey; width * height],
            };
            assert!(found(&picture, Effort::Live).is_empty());
            assert!(found(&picture, Effort::Still).is_empty());
        }
    }
}

#[test]
fn three_eyes_without_a_code_are_no_code() {
    let mut picture = turned(PARCEL, Level::M, 400, 210.0, 0.0);
    // Version 2: 25 modules of 8.4 pixels; everything but the eyes is painted over.
    for y in 0..400_usize {
        for x in 0..400_usize {
            let (u, v) = ((x as f32 - 95.0) / 8.4, (y as f32 - 95.0) / 8.4);
            let eye = (v < 8.0 && !(8.0..=17.0).contains(&u)) || (u < 8.0 && v > 17.0);
            if !eye {
                picture.data[y * 400 + x] = 215;
            }
        }
    }
    assert!(found(&picture, Effort::Still).is_empty());
}

#[test]
fn nonsense_sizes_are_refused() {
    let data = vec![0; 100];
    let say = |width, height, stride| scan(&data, width, height, stride, Effort::Live).err();
    assert_eq!(say(0, 10, 10), Some(ScanError::EmptyFrame));
    assert_eq!(say(10, 0, 10), Some(ScanError::EmptyFrame));
    assert_eq!(say(10, 10, 9), Some(ScanError::StrideTooShort));
    assert_eq!(say(10, 11, 10), Some(ScanError::BufferTooShort));
    assert_eq!(say(10, 2, usize::MAX), Some(ScanError::BufferTooShort));
    assert_eq!(
        say(10, 3, usize::MAX / 2 + 1),
        Some(ScanError::BufferTooShort)
    );
    assert_eq!(
        say(MAX_SIDE + 1, 1, MAX_SIDE + 1),
        Some(ScanError::TooLarge)
    );
    assert_eq!(say(1, MAX_SIDE + 1, 1), Some(ScanError::TooLarge));
    assert_eq!(
        say(usize::MAX, usize::MAX, usize::MAX),
        Some(ScanError::TooLarge)
    );
    assert_eq!(say(10, 10, 10), None);
    assert_eq!(
        measure(&data, 11, 10, 11).err(),
        Some(ScanError::BufferTooShort)
    );
}

#[test]
fn quality_tells_sharp_from_soft_and_light_from_dark() {
    let sharp: Vec<u8> = (0..200 * 100)
        .map(|i| if (i % 200) / 10 % 2 == 0 { 30 } else { 220 })
        .collect();
    let soft: Vec<u8> = (0..200 * 100)
        .map(|i| (127.0 + 90.0 * ((i % 200) as f32 / 8.0).sin()) as u8)
        .collect();
    let figures = |data: &[u8]| measure(data, 200, 100, 200).unwrap();
    assert!(figures(&sharp).sharpness > 0.8);
    assert!(figures(&soft).sharpness < 0.3);
    assert!(figures(&[10; 20_000]).exposure < 0.1);
    assert!(figures(&[250; 20_000]).exposure > 0.9);
}

const WAYBILL: &str = "\u{181}PN-7H2K-0001";

#[test]
fn bars_are_read_at_every_angle_within_thirty_degrees_of_level() {
    for degrees in (-30..=30).step_by(6) {
        let picture = bars(WAYBILL, 2.5, degrees as f32);
        for effort in [Effort::Live, Effort::Still] {
            let code = check(&picture, effort, b"PN-7H2K-0001");
            assert_eq!(code.symbology, Symbology::Code128);
            assert_eq!(code.text.as_deref(), Some("PN-7H2K-0001"));
            assert_eq!((code.version, code.ec_level), (None, None));
        }
    }
}

#[test]
fn bars_upside_down_and_upright_are_read() {
    for degrees in [90.0, 180.0, -75.0, 140.0] {
        check(&bars(WAYBILL, 2.5, degrees), Effort::Live, b"PN-7H2K-0001");
    }
}

#[test]
fn light_bars_on_dark_are_read_and_said_to_be_inverted() {
    let mut picture = bars(WAYBILL, 2.5, 8.0);
    picture.data.iter_mut().for_each(|v| *v = 255 - *v);
    assert!(check(&picture, Effort::Live, b"PN-7H2K-0001").inverted);
}

#[test]
fn gs1_bars_say_so_and_fields_end_in_a_separator() {
    let picture = bars("\u{106}\u{179}10123456\u{179}3103000250", 2.5, 0.0);
    let code = check(&picture, Effort::Live, b"10123456\x1d3103000250");
    assert!(code.gs1);
}

#[test]
fn bars_spoilt_in_every_line_are_not_read() {
    let mut picture = bars(WAYBILL, 2.5, 0.0);
    let middle = picture.width / 2;
    for row in picture.data.chunks_mut(picture.width) {
        row[middle..middle + 40].fill(40);
    }
    assert!(found(&picture, Effort::Still).is_empty());
}

#[test]
fn corners_of_bars_are_where_the_bars_are() {
    let picture = bars(WAYBILL, 3.0, 0.0);
    let code = check(&picture, Effort::Live, b"PN-7H2K-0001");
    let n = Code128::new(WAYBILL).unwrap().encode().len() as f32;
    let (left, right) = (
        picture.width as f32 / 2.0 - n * 1.5,
        picture.width as f32 / 2.0 + n * 1.5,
    );
    let xs = code.corners.map(|p| p.x);
    for (x, want) in xs.into_iter().zip([left, right, right, left]) {
        assert!((x - want).abs() < 3.0, "{x}, wanted {want}");
    }
}

#[test]
fn label_with_both_kinds_gives_both() {
    let above = turned(PARCEL, Level::M, 440, 200.0, 3.0);
    let below = bars(WAYBILL, 2.0, -4.0);
    let width = above.width.max(below.width);
    let mut data = Vec::new();
    for picture in [&above, &below] {
        for row in picture.data.chunks(picture.width) {
            data.extend_from_slice(row);
            data.resize(data.len() + width - picture.width, 215);
        }
    }
    let height = above.height + below.height;
    let codes = found(
        &Picture {
            width,
            height,
            data,
        },
        Effort::Live,
    );
    let mut kinds: Vec<_> = codes.iter().map(|c| c.symbology.name()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["code128", "qr"]);
}

#[test]
fn the_same_frame_gives_the_same_answer() {
    let picture = turned(PARCEL, Level::Q, 320, 130.0, 33.0);
    let say = || format!("{:?}", found(&picture, Effort::Still));
    assert_eq!(say(), say());
}

#[test]
fn spoilt_codewords_are_counted() {
    let clean = turned(PARCEL, Level::H, 400, 250.0, 0.0);
    assert_eq!(check(&clean, Effort::Still, PARCEL).errors_corrected, 0);
    let mut spoilt = clean;
    for y in 190..220 {
        spoilt.data[y * 400 + 230..y * 400 + 260].fill(215);
    }
    assert!(check(&spoilt, Effort::Still, PARCEL).errors_corrected > 0);
}

/// Frames before a camera, 100 ms apart; what was new in each.
fn watched(live: &mut Live, at: &mut f64, picture: &Picture, frames: usize) -> Vec<String> {
    (0..frames)
        .flat_map(|_| {
            *at += 100.0;
            live.scan(
                &picture.data,
                picture.width,
                picture.height,
                picture.width,
                *at,
            )
            .unwrap()
        })
        .filter(|(_, new)| *new)
        .filter_map(|(code, _)| code.text)
        .collect()
}

#[test]
fn a_code_before_the_lens_is_new_once() {
    let (one, two, none) = (
        turned(b"ONE", Level::M, 320, 150.0, 4.0),
        turned(b"TWO", Level::M, 320, 150.0, -4.0),
        Picture {
            width: 320,
            height: 320,
            data: vec![140; 320 * 320],
        },
    );
    let (live, at) = (&mut Live::default(), &mut 0.0);
    assert_eq!(watched(live, at, &one, 40), ["ONE"]);
    // Away for a moment only.
    assert!(watched(live, at, &none, 10).is_empty());
    assert!(watched(live, at, &one, 5).is_empty());
    // Away for longer.
    watched(live, at, &none, 22);
    assert_eq!(watched(live, at, &one, 5), ["ONE"]);
    // Another one between makes it new sooner.
    assert_eq!(watched(live, at, &two, 6), ["TWO"]);
    assert_eq!(watched(live, at, &one, 3), ["ONE"]);
    // Even when it is back at once, and stays.
    assert_eq!(watched(live, at, &two, 2), ["TWO"]);
    assert_eq!(watched(live, at, &one, 8), ["ONE"]);
}

#[test]
fn the_place_of_the_last_code_is_looked_at_first() {
    let small = turned(PARCEL, Level::M, 640, 120.0, 10.0);
    let mut live = Live::default();
    let mut tries = Vec::new();
    for frame in 0..8 {
        let codes = live
            .scan(&small.data, 640, 640, 640, f64::from(frame))
            .unwrap();
        assert_eq!(codes.len(), 1, "{frame}");
        let want: Vec<_> = found(&small, Effort::Live)[0].corners.to_vec();
        for (is, want) in codes[0].0.corners.iter().zip(want) {
            assert!((is.x - want.x).abs() < 2.0 && (is.y - want.y).abs() < 2.0);
        }
        tries.push(codes[0].0.found_by.name());
    }
    assert_eq!(tries[0], "full");
    assert!(
        tries[1..].iter().filter(|t| *t == "again full").count() >= 6,
        "{tries:?}"
    );
}

#[test]
fn costly_tries_have_their_turn_while_nothing_is_found() {
    let none = Picture {
        width: 640,
        height: 480,
        data: vec![140; 640 * 480],
    };
    let mut inverted = turned(PARCEL, Level::M, 640, 300.0, 6.0);
    inverted.data.iter_mut().for_each(|v| *v = 255 - *v);
    inverted.data.truncate(640 * 480);
    inverted.height = 480;
    for before in 0..9 {
        let (live, at) = (&mut Live::default(), &mut 0.0);
        watched(live, at, &none, before);
        assert_eq!(watched(live, at, &inverted, 8).len(), 1, "{before}");
    }
}

#[test]
fn a_live_scanner_refuses_nonsense_as_well() {
    let mut live = Live::default();
    assert_eq!(
        live.scan(&[0; 10], 5, 3, 5, 0.0).err(),
        Some(ScanError::BufferTooShort)
    );
    assert!(live.scan(&[0; 15], 5, 3, 5, f64::NAN).unwrap().is_empty());
}

#[test]
fn advice_is_given_on_light_and_on_edges() {
    let advice = |data: &[u8]| measure(data, 200, 100, 200).unwrap().advice();
    let soft: Vec<u8> = (0..20_000)
        .map(|i| (127.0 + 90.0 * ((i % 200) as f32 / 9.0).sin()) as u8)
        .collect();
    let sharp: Vec<u8> = (0..20_000)
        .map(|i| if i % 200 / 10 % 2 == 0 { 30 } else { 220 })
        .collect();
    assert_eq!(advice(&[10; 20_000]), Some(Advice::Light));
    assert_eq!(advice(&[250; 20_000]), Some(Advice::Shade));
    assert_eq!(advice(&soft), Some(Advice::Still));
    assert_eq!(advice(&sharp), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_frames_never_panic_and_hold_no_code(
        width in 1_usize..180, height in 1_usize..180, pad in 0_usize..5, seed in any::<u64>(), blocks in 1_usize..6,
    ) {
        let stride = width + pad;
        let data: Vec<u8> = (0..stride * height)
            .map(|i| {
                let (x, y) = (i % stride / blocks, i / stride / blocks);
                let mixed = (seed ^ (x as u64) << 32 ^ y as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as u8
            })
            .collect();
        for effort in [Effort::Live, Effort::Still] {
            prop_assert!(scan(&data, width, height, stride, effort).unwrap().codes.is_empty());
        }
        measure(&data, width, height, stride).unwrap();
    }

    #[test]
    fn spoilt_bars_are_read_right_or_not_at_all(seed in any::<u64>(), holes in 1_usize..120) {
        let mut picture = bars(WAYBILL, 2.0, 5.0);
        let (width, height) = (picture.width, picture.height);
        let mut state = seed | 1;
        for _ in 0..holes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (cx, cy, grey) = ((state >> 33) as usize % (width - 5), (state >> 43) as usize % (height - 9), (state >> 53) as u8);
            for y in cy..cy + 9 {
                picture.data[y * width + cx..y * width + cx + 5].fill(grey);
            }
        }
        for code in scan(&picture.data, width, height, width, Effort::Still).unwrap().codes {
            prop_assert_eq!(&code.bytes[..], b"PN-7H2K-0001");
        }
    }

    #[test]
    fn any_bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 1..120), degrees in 0_u32..360, side in 180_u32..260) {
        let picture = turned(&bytes, Level::M, 400, side as f32, degrees as f32);
        let codes = scan(&picture.data, 400, 400, 400, Effort::Still).unwrap().codes;
        prop_assert_eq!(codes.len(), 1);
        prop_assert_eq!(&codes[0].bytes, &bytes);
    }

    #[test]
    fn spoilt_code_is_read_right_or_not_at_all(seed in any::<u64>(), holes in 1_usize..60) {
        let mut picture = turned(PARCEL, Level::M, 300, 200.0, 7.0);
        let mut state = seed | 1;
        for _ in 0..holes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (cx, cy, grey) = ((state >> 33) as usize % 290, (state >> 43) as usize % 290, (state >> 53) as u8);
            for y in cy..cy + 10 {
                picture.data[y * 300 + cx..y * 300 + cx + 10].fill(grey);
            }
        }
        for code in scan(&picture.data, 300, 300, 300, Effort::Still).unwrap().codes {
            prop_assert_eq!(&code.bytes[..], PARCEL);
        }
    }
}

// As many as PROPTEST_CASES says: what looks most like bars and is none.
proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Stripes of one to four modules between quiet margins, every third time behind a true start: the
    /// nearest that chance comes to a code, and the check symbol is right once in 103 times.
    #[test]
    fn random_stripes_are_no_code(
        stripes in prop::collection::vec(1_usize..5, 40..110), module in 2_usize..4, begun in 0_u8..3, noise in 0_u32..40, seed in any::<u64>(),
    ) {
        let start: &[usize] = if begun == 0 { &[2, 1, 1, 2, 1, 4] } else { &[] };
        let mut line = vec![210_u8; 40];
        for (i, width) in start.iter().chain(&stripes).enumerate() {
            let grey = if i % 2 == 0 { 40 } else { 210 };
            line.resize(line.len() + width * module, grey);
        }
        line.resize(line.len() + 40, 210);
        let (width, height) = (line.len(), 120);
        let mut state = seed | 1;
        let data: Vec<u8> = (0..width * height)
            .map(|i| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let by = (state >> 40) as u32 % (noise + 1);
                (u32::from(line[i % width]) + by).saturating_sub(noise / 2).min(255) as u8
            })
            .collect();
        for effort in [Effort::Live, Effort::Still] {
            let codes = scan(&data, width, height, width, effort).unwrap().codes;
            prop_assert!(codes.is_empty(), "{:?} after a start: {}", codes[0].bytes, begun == 0);
        }
    }
}
