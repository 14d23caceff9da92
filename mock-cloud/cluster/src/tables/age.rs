//! Durations as kubectl writes them.

use serde_json::{Value, json};

/// The age of an object.
pub(crate) fn of(object: &Value) -> Value {
    since(&object["metadata"]["creationTimestamp"])
}

/// The time since a timestamp.
pub(crate) fn since(timestamp: &Value) -> Value {
    let then = timestamp
        .as_str()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    match then {
        None => json!("<unknown>"),
        Some(then) => json!(human(jiff::Timestamp::now().as_second() - then.as_second())),
    }
}

/// `HumanDuration` of apimachinery: at most two units, the more the shorter it is.
pub(super) fn human(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let two = |large: i64, unit: char, small: i64, lesser: char| {
        if small == 0 {
            format!("{large}{unit}")
        } else {
            format!("{large}{unit}{small}{lesser}")
        }
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..=0 => "0s".to_owned(),
        1..120 => format!("{seconds}s"),
        120..600 => two(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, 'd', hours % 24, 'h'),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn as_kubectl_writes_it() {
        for (seconds, text) in [
            (0, "0s"),
            (119, "119s"),
            (125, "2m5s"),
            (600, "10m"),
            (7200, "120m"),
            (10_860, "3h1m"),
            (86_400, "24h"),
            (180_000, "2d2h"),
            (864_000, "10d"),
        ] {
            assert_eq!(human(seconds), text);
        }
    }
}
