//! Moments and spans of time, spans in Go's spelling (`1h30m`).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::functions::no_overload;
use super::value::Value;

const SECOND: i64 = 1_000_000_000;

/// Calls a function of a moment or a span, or one that makes them.
pub(super) fn run(name: &str, args: &[Value]) -> Result<Value, String> {
    match (name, args) {
        ("timestamp", [Value::String(text)]) => {
            let parsed: Result<Timestamp, _> = text.parse();
            let parsed = parsed.map_err(|_| {
                format!(
                    "type conversion error from 'string' to 'google.protobuf.Timestamp': {text}"
                )
            });
            parsed.map(Value::Timestamp)
        }
        ("timestamp", [Value::Int(second)]) => Timestamp::from_second(*second)
            .map(Value::Timestamp)
            .map_err(|_| overflow()),
        ("duration", [Value::String(text)]) => {
            let parsed = parse_duration(text).map(Value::Duration);
            parsed.ok_or_else(|| {
                format!("type conversion error from 'string' to 'google.protobuf.Duration': {text}")
            })
        }
        ("duration", [Value::Int(nanoseconds)]) => Ok(Value::Duration(*nanoseconds)),
        ("timestamp", [same @ Value::Timestamp(_)]) | ("duration", [same @ Value::Duration(_)]) => {
            Ok(same.clone())
        }
        (_, [Value::Timestamp(time)]) => part(name, *time),
        (_, [Value::Duration(span)]) => Ok(Value::Int(match name {
            "getHours" => span / (3600 * SECOND),
            "getMinutes" => span / (60 * SECOND),
            "getSeconds" => span / SECOND,
            "getMilliseconds" => span / 1_000_000,
            _ => return Err(no_overload()),
        })),
        _ => Err(no_overload()),
    }
}

/// A part of a moment in UTC; months and days count from 0 as in JavaScript, but for `getDate`.
fn part(name: &str, time: Timestamp) -> Result<Value, String> {
    let civil: DateTime = TimeZone::UTC.to_datetime(time);
    let weekday = civil.weekday().to_sunday_zero_offset();
    let number = match name {
        "getFullYear" => i64::from(civil.year()),
        "getMonth" => i64::from(civil.month()) - 1,
        "getDate" => i64::from(civil.day()),
        "getDayOfMonth" => i64::from(civil.day()) - 1,
        "getDayOfWeek" => i64::from(weekday),
        "getDayOfYear" => i64::from(civil.day_of_year()) - 1,
        "getHours" => i64::from(civil.hour()),
        "getMinutes" => i64::from(civil.minute()),
        "getSeconds" => i64::from(civil.second()),
        "getMilliseconds" => i64::from(civil.millisecond()),
        _ => return Err(no_overload()),
    };
    Ok(Value::Int(number))
}

fn overflow() -> String {
    "timestamp overflow".to_owned()
}

/// Sums and differences of moments and spans.
pub(super) fn arithmetic(name: &str, one: &Value, other: &Value) -> Result<Value, String> {
    let moved = |time: &Timestamp, span: i64| {
        let span = jiff::SignedDuration::from_nanos(span);
        let time = time.checked_add(span).map(Value::Timestamp);
        time.map_err(|_| overflow())
    };
    let sum = |span: Option<i64>| span.map(Value::Duration).ok_or_else(overflow);
    match (name, one, other) {
        ("_+_", Value::Timestamp(time), Value::Duration(span))
        | ("_+_", Value::Duration(span), Value::Timestamp(time)) => moved(time, *span),
        ("_-_", Value::Timestamp(time), Value::Duration(span)) => {
            moved(time, span.checked_neg().ok_or_else(overflow)?)
        }
        ("_-_", Value::Timestamp(one), Value::Timestamp(other)) => {
            let span = one.duration_since(*other).as_nanos();
            sum(i64::try_from(span).ok())
        }
        ("_+_", Value::Duration(one), Value::Duration(other)) => sum(one.checked_add(*other)),
        ("_-_", Value::Duration(one), Value::Duration(other)) => sum(one.checked_sub(*other)),
        _ => Err(no_overload()),
    }
}

/// Go's `time.ParseDuration`: numbers with units, in nanoseconds.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0_i64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|next: char| !next.is_ascii_digit() && next != '.')?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|next: char| next.is_ascii_digit() || next == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let unit = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => SECOND,
            "m" => 60 * SECOND,
            "h" => 3600 * SECOND,
            _ => return None,
        };
        total = total.checked_add(scaled(number, unit)?)?;
        rest = after;
    }
    Some(if negative { -total } else { total })
}

/// A decimal number of units.
fn scaled(number: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: i64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut sum = whole.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.chars() {
        place /= 10;
        sum = sum.checked_add(i64::from(digit.to_digit(10)?) * place)?;
    }
    Some(sum)
}

/// A span in seconds, as CEL's `string()` writes it.
pub(super) fn spell(span: i64) -> String {
    let (seconds, rest) = (span / SECOND, (span % SECOND).abs());
    if rest == 0 {
        return format!("{seconds}s");
    }
    let sign = if span < 0 && seconds == 0 { "-" } else { "" };
    let fraction = format!("{rest:09}");
    format!("{sign}{seconds}.{}s", fraction.trim_end_matches('0'))
}
