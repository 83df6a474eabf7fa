//! Times as people give them to `--from` and `--to`, and what they mean for some data.
//!
//! `Day5` and `Month3` count calendar days and months from the data's first trace, `-29d` goes
//! back from its last; `2024-10-27`, `2024-10` and RFC 3339 instants speak for themselves.

use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// The traces to look at, by their time in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The first instant of the range.
    pub from: u64,
    /// The first instant after the range; without it, it has no end.
    pub to: Option<u64>,
}

/// A time as `--from` or `--to` gives it; parse it from text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(Form);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `Day5`: calendar days from the first trace's, which is 1.
    Day(u32),
    /// `Month3`: calendar months from the first trace's, which is 1.
    Month(u32),
    /// `-29d`: nanoseconds before the last trace.
    Back(u64),
    /// `2024-10-27`
    Date(Date),
    /// `2024-10`: its first day.
    YearMonth(Date),
    /// With an offset from UTC.
    Instant(Timestamp),
    /// Without one: as clocks in the zone show it.
    Local(DateTime),
}

/// A time that cannot be read, or means nothing for the data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// It has none of the forms.
    #[error(
        "{text:?} is not a time; write Day5, Month3, -29d, 2024-10-27, 2024-10 or \
         2024-10-27T08:00:00Z"
    )]
    NotATime {
        /// What was given.
        text: String,
    },
    /// Days and months count from 1.
    #[error("{text:?} does not exist; days and months count from 1, the first trace's")]
    CountsFromOne {
        /// What was given.
        text: String,
    },
    /// Its form is right, but there is no such day, month or hour.
    #[error("{text:?} is not in the calendar: {reason}")]
    NotInCalendar {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It counts further than the calendar goes.
    #[error("the time lies beyond the year 9999; give a smaller number of days or months")]
    TooFar,
    /// The end is not after the beginning.
    #[error("the range is empty: it begins at {from} and ends before {to}; swap or widen the two")]
    Empty {
        /// Its first instant.
        from: String,
        /// The first instant after it.
        to: String,
    },
}

impl TimeRange {
    /// The range between two times, either of which may be open, for data whose first and last
    /// trace have these times. `from` is inclusive; `to` includes the whole of a day or month, and
    /// is exclusive as an instant.
    ///
    /// # Errors
    /// Where a time lies beyond the calendar or the range is empty.
    pub fn resolve(
        from: Option<Moment>,
        to: Option<Moment>,
        first: u64,
        last: u64,
        zone: &TimeZone,
    ) -> Result<Self, RangeError> {
        let from = from.map_or(Ok(0), |from| from.start(first, last, zone))?;
        let to = to.map(|to| to.end(first, last, zone)).transpose()?;
        match to {
            Some(to) if to <= from => {
                let [from, to] = [from, to].map(crate::signal::rfc3339);
                Err(RangeError::Empty { from, to })
            }
            _ => Ok(Self { from, to }),
        }
    }
}

impl Moment {
    /// The first instant that is meant, in nanoseconds since 1970, for data whose first and last
    /// trace have these times.
    ///
    /// # Errors
    /// Where it lies beyond the calendar.
    pub fn start(&self, first: u64, last: u64, zone: &TimeZone) -> Result<u64, RangeError> {
        self.bound(first, last, zone, 0)
    }

    /// The first instant after the day or month that is meant; of an instant, itself.
    ///
    /// # Errors
    /// Where it lies beyond the calendar.
    pub fn end(&self, first: u64, last: u64, zone: &TimeZone) -> Result<u64, RangeError> {
        self.bound(first, last, zone, 1)
    }

    /// Where the day or month that lies `later` ones after the one meant begins.
    fn bound(&self, first: u64, last: u64, zone: &TimeZone, later: i64) -> Result<u64, RangeError> {
        let begin = |date: Date, ahead: Result<Span, jiff::Error>| {
            let zoned = ahead
                .and_then(|ahead| date.checked_add(ahead))
                .and_then(|date| date.to_zoned(zone.clone()))
                .map_err(|_| RangeError::TooFar)?;
            Ok(nanoseconds(zoned.timestamp()))
        };
        let day = |date: Date, days: i64| begin(date, Span::new().try_days(days + later));
        let month = |date: Date, months: i64| {
            begin(date.first_of_month(), Span::new().try_months(months + later))
        };
        match self.0 {
            Form::Day(number) => day(date_of(first, zone), i64::from(number) - 1),
            Form::Month(number) => month(date_of(first, zone), i64::from(number) - 1),
            Form::Date(date) => day(date, 0),
            Form::YearMonth(date) => month(date, 0),
            Form::Back(nanoseconds) => Ok(last.saturating_sub(nanoseconds)),
            Form::Instant(instant) => Ok(nanoseconds(instant)),
            Form::Local(local) => {
                let zoned = local.to_zoned(zone.clone()).map_err(|_| RangeError::TooFar)?;
                Ok(nanoseconds(zoned.timestamp()))
            }
        }
    }
}

impl FromStr for Moment {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let not_a_time = || RangeError::NotATime { text: text.to_owned() };
        let calendar = |error: jiff::Error| RangeError::NotInCalendar {
            text: text.to_owned(),
            reason: error.to_string(),
        };
        let counted = |digits: &str| match digits.parse::<u32>() {
            Ok(0) => Err(RangeError::CountsFromOne { text: text.to_owned() }),
            Ok(number) if is_digits(digits) => Ok(number),
            Err(_) if is_digits(digits) => Err(RangeError::TooFar),
            _ => Err(not_a_time()),
        };
        let form = if let Some(digits) = after_word(text, "day") {
            Form::Day(counted(digits)?)
        } else if let Some(digits) = after_word(text, "month") {
            Form::Month(counted(digits)?)
        } else if let Some(duration) = text.strip_prefix('-') {
            Form::Back(duration_of(duration).ok_or_else(not_a_time)?)
        } else if has_shape(text, "0000-00") {
            Form::YearMonth(format!("{text}-01").parse().map_err(calendar)?)
        } else if has_shape(text, "0000-00-00") {
            Form::Date(text.parse().map_err(calendar)?)
        } else if let Some((date, time)) = text.split_at_checked(10)
            && has_shape(date, "0000-00-00")
        {
            // An offset must be told first: read as a local time, it would be passed over.
            let is_clock = |byte: u8| byte.is_ascii_digit() || matches!(byte, b':' | b'.');
            match time.bytes().skip(1).all(is_clock) {
                true => Form::Local(text.parse().map_err(calendar)?),
                false => Form::Instant(text.parse().map_err(calendar)?),
            }
        } else {
            return Err(not_a_time());
        };
        Ok(Self(form))
    }
}

/// The calendar day of an instant in nanoseconds since 1970.
pub fn date_of(nanoseconds: u64, zone: &TimeZone) -> Date {
    let timestamp = Timestamp::from_nanosecond(nanoseconds.into())
        .expect("64 bits of nanoseconds end in the year 2554");
    zone.to_datetime(timestamp).date()
}

/// When a day is over, in nanoseconds since 1970; none where that lies beyond the calendar.
pub(crate) fn after_day(date: Date, zone: &TimeZone) -> Option<u64> {
    Moment(Form::Date(date)).end(0, 0, zone).ok()
}

/// The number of a day where `first` is day 1; 0 and less before it.
pub fn day_number(date: Date, first: Date) -> i64 {
    i64::from((date - first).get_days()) + 1
}

/// Nanoseconds since 1970, at the nearest bound where 64 bits do not hold them.
fn nanoseconds(timestamp: Timestamp) -> u64 {
    let nanoseconds = timestamp.as_nanosecond();
    nanoseconds.try_into().unwrap_or(if nanoseconds < 0 { 0 } else { u64::MAX })
}

/// What follows `word`, in any case, at the start of `text`.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(word.len())?;
    head.eq_ignore_ascii_case(word).then_some(rest)
}

/// Whether `text` is `shape` with any digits for its zeros.
fn has_shape(text: &str, shape: &str) -> bool {
    let fits = |(byte, shape): (u8, u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        _ => byte == shape,
    };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Nanoseconds of a duration such as `29d` or `1h30m`; none where it is not one.
fn duration_of(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0_u64;
    loop {
        let (number, unit) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
        let (unit, after) = unit.split_at(unit.bytes().take_while(u8::is_ascii_alphabetic).count());
        let part = number.parse::<u64>().ok()?.checked_mul(unit_of(unit)?)?;
        total = total.checked_add(part)?;
        if after.is_empty() {
            return Some(total);
        }
        rest = after;
    }
}

fn unit_of(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        "w" => 604_800_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-10-25T22:30:00Z: the 25th in UTC, the 26th in Berlin.
    const FIRST: &str = "2024-10-25T22:30:00Z";
    const LAST: &str = "2024-11-24T12:00:00Z";

    fn at(text: &str) -> u64 {
        nanoseconds(text.parse().unwrap())
    }

    fn bounds(text: &str, zone: &str) -> [String; 2] {
        let zone = TimeZone::get(zone).unwrap();
        let moment: Moment = text.parse().unwrap();
        [Moment::start, Moment::end].map(|bound| {
            let bound = bound(&moment, at(FIRST), at(LAST), &zone).unwrap();
            crate::signal::rfc3339(bound).replace(":00.000Z", "")
        })
    }

    #[test]
    fn every_form_has_a_beginning_and_an_end() {
        for (text, zone, start, end) in [
            ("Day1", "UTC", "2024-10-25T00:00", "2024-10-26T00:00"),
            ("Day1", "Europe/Berlin", "2024-10-25T22:00", "2024-10-26T22:00"),
            // The day on which the clocks go back has 25 hours.
            ("Day2", "Europe/Berlin", "2024-10-26T22:00", "2024-10-27T23:00"),
            ("day29", "UTC", "2024-11-22T00:00", "2024-11-23T00:00"),
            ("DAY8", "UTC", "2024-11-01T00:00", "2024-11-02T00:00"),
            ("Month1", "UTC", "2024-10-01T00:00", "2024-11-01T00:00"),
            ("month4", "UTC", "2025-01-01T00:00", "2025-02-01T00:00"),
            ("Month1", "Europe/Berlin", "2024-09-30T22:00", "2024-10-31T23:00"),
            ("-29d", "UTC", "2024-10-26T12:00", "2024-10-26T12:00"),
            ("-1d12h", "UTC", "2024-11-23T00:00", "2024-11-23T00:00"),
            ("-90m", "UTC", "2024-11-24T10:30", "2024-11-24T10:30"),
            ("2024-10-27", "UTC", "2024-10-27T00:00", "2024-10-28T00:00"),
            ("2024-10-27", "Europe/Berlin", "2024-10-26T22:00", "2024-10-27T23:00"),
            ("2024-02", "UTC", "2024-02-01T00:00", "2024-03-01T00:00"),
            ("2024-10-27T08:00:00Z", "Europe/Berlin", "2024-10-27T08:00", "2024-10-27T08:00"),
            ("2024-10-27T08:00:00+05:30", "UTC", "2024-10-27T02:30", "2024-10-27T02:30"),
            ("2024-10-27T08:00", "America/New_York", "2024-10-27T12:00", "2024-10-27T12:00"),
            ("2024-10-27 08:00:00", "UTC", "2024-10-27T08:00", "2024-10-27T08:00"),
            ("1960-01-01", "UTC", "1970-01-01T00:00", "1970-01-01T00:00"),
        ] {
            assert_eq!(bounds(text, zone), [start, end], "{text} in {zone}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        let kind = |text: &str| match text.parse::<Moment>() {
            Ok(_) => "fine",
            Err(RangeError::NotATime { .. }) => "not a time",
            Err(RangeError::CountsFromOne { .. }) => "from one",
            Err(RangeError::NotInCalendar { .. }) => "calendar",
            Err(RangeError::TooFar) => "too far",
            Err(RangeError::Empty { .. }) => "empty",
        };
        for (text, expected) in [
            ("Day0", "from one"),
            ("Month0", "from one"),
            ("Day", "not a time"),
            ("Day-1", "not a time"),
            ("Day+1", "not a time"),
            ("Day5x", "not a time"),
            ("Day99999999999", "too far"),
            ("", "not a time"),
            ("-", "not a time"),
            ("-29", "not a time"),
            ("-29y", "not a time"),
            ("-1d-1d", "not a time"),
            ("-99999999999d", "not a time"),
            ("29d", "not a time"),
            ("yesterday", "not a time"),
            ("2024", "not a time"),
            ("20241027", "not a time"),
            ("2024-13", "calendar"),
            ("2024-02-30", "calendar"),
            ("2024-10-27T25:00:00Z", "calendar"),
            ("2024-10-27x", "calendar"),
            ("2024-10-27T08:00:00[Europe/Berlin]", "calendar"),
            ("ﬁ", "not a time"),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
        let zone = TimeZone::UTC;
        for text in ["Day4000000000", "Month4000000000", "9999-12-31", "9999-12"] {
            let moment: Moment = text.parse().unwrap();
            assert_eq!(moment.end(at(FIRST), at(LAST), &zone), Err(RangeError::TooFar), "{text}");
        }
    }

    #[test]
    fn a_range_must_hold_something() {
        let resolve = |from: &str, to: &str| {
            let moment = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
            TimeRange::resolve(moment(from), moment(to), at(FIRST), at(LAST), &TimeZone::UTC)
        };
        let day = |text| Some(at(text));
        assert_eq!(resolve("", ""), Ok(TimeRange { from: 0, to: None }));
        assert_eq!(resolve("", "Day1").unwrap().to, day("2024-10-26T00:00:00Z"));
        assert_eq!(
            resolve("Day1", "Day1"),
            Ok(TimeRange { from: at("2024-10-25T00:00:00Z"), to: day("2024-10-26T00:00:00Z") })
        );
        let error = resolve("Day2", "Day1").unwrap_err().to_string();
        assert!(error.contains("2024-10-26T00:00:00.000Z"), "{error}");
        assert!(resolve("-1d", "-1d").is_err());
        assert!(resolve("-1d", "-23h").is_ok());
    }

    #[test]
    fn days_are_numbered_from_the_first() {
        let zone = TimeZone::UTC;
        let first = date_of(at(FIRST), &zone);
        assert_eq!(day_number(first, first), 1);
        assert_eq!(day_number(date_of(at(LAST), &zone), first), 31);
        assert_eq!(day_number("2024-10-24".parse().unwrap(), first), 0);
        assert_eq!(day_number("2025-10-25".parse().unwrap(), first), 366);
    }
}
