//! Time in a workload: its days, the curve of traffic over a day, and the moment of the deploy.

use super::random::Random;
use super::{Error, Workload};

/// Nanoseconds in a minute.
pub(super) const MINUTE: u64 = 60_000_000_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Relative traffic in each hour of a day, UTC: quiet nights, a plateau, an evening peak.
const HOURLY: [u64; 24] =
    [4, 3, 2, 2, 2, 3, 5, 8, 12, 15, 17, 18, 19, 18, 17, 17, 18, 20, 22, 23, 20, 15, 10, 6];

/// The days of a workload.
pub(super) struct Calendar {
    /// Midnight that begins the first day, nanoseconds since 1970.
    first: u64,
    /// Number of days, at least 1.
    days: u32,
    traces: u64,
    weight: u64,
}

impl Calendar {
    /// The calendar of a workload, or an error if it has no day or goes on beyond what a timestamp can say.
    pub(super) fn new(workload: &Workload) -> Result<Self, Error> {
        let first = workload.start - workload.start % DAY;
        // One day more than asked for: work begun before the last midnight ends after it.
        let end =
            (u64::from(workload.days) + 1).checked_mul(DAY).and_then(|all| first.checked_add(all));
        if workload.days == 0 || end.is_none_or(|end| end > i64::MAX as u64) {
            return Err(Error::Days { days: workload.days });
        }
        let weight = HOURLY.iter().sum();
        Ok(Self { first, days: workload.days, traces: workload.traces, weight })
    }

    /// When trace number `n` of the workload begins. Traces are spread along the daily curve, each within its own
    /// share of it, so that later numbers begin later.
    pub(super) fn start_of(&self, n: u64, random: &mut Random) -> u64 {
        let jitter = random.below(1 << 20) as f64 / f64::from(1 << 20);
        let position = (n as f64 + jitter) / self.traces as f64 * f64::from(self.days);
        let day = (position as u64).min(u64::from(self.days) - 1);
        let mut rest = (position - day as f64) * self.weight as f64;
        let mut hour = 0;
        while hour < 23 && rest >= HOURLY[hour] as f64 {
            rest -= HOURLY[hour] as f64;
            hour += 1;
        }
        let within = (rest / HOURLY[hour] as f64 * HOUR as f64) as u64;
        self.first + day * DAY + hour as u64 * HOUR + within.min(HOUR - 1)
    }

    /// When the payment service's faulty version goes live: 09:40 on the second day, or a quarter into an only day.
    pub(super) fn deploy(&self) -> u64 {
        if self.days == 1 {
            self.first + DAY / 4
        } else {
            self.first + DAY + 9 * HOUR + 40 * MINUTE
        }
    }

    /// The day in which a moment lies, counted from 0; the day after the last one is possible.
    pub(super) fn day_of(&self, moment: u64) -> u32 {
        ((moment.saturating_sub(self.first)) / DAY) as u32
    }

    /// The day whose file is open at a moment: what is late at the end of the last day goes to that day's file.
    pub(super) fn file_of(&self, moment: u64) -> u32 {
        self.day_of(moment).min(self.days - 1)
    }

    /// The date of a day counted from 0, as `YYYY-MM-DD`.
    pub(super) fn date(&self, day: u32) -> String {
        date(self.first / DAY + u64::from(day))
    }
}

/// The UTC date of a moment in nanoseconds since 1970, as `YYYYMMDD`.
pub(super) fn compact_date(moment: u64) -> String {
    let (year, month, day) = civil(moment / DAY);
    format!("{year:04}{month:02}{day:02}")
}

/// A moment in nanoseconds since 1970 as `YYYY-MM-DDTHH:MM:SSZ`.
pub(super) fn instant(moment: u64) -> String {
    let seconds = moment / 1_000_000_000 % 86_400;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{}T{hours:02}:{minutes:02}:{:02}Z", date(moment / DAY), seconds % 60)
}

/// The date of a day counted from 1970-01-01, as `YYYY-MM-DD`.
fn date(day: u64) -> String {
    let (year, month, day) = civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Year, month and day of a day counted from 1970-01-01. Works in years that begin in March, so that the leap day
/// comes last and the months' lengths follow one formula.
fn civil(day: u64) -> (u64, u64, u64) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::{Calendar, DAY, Random, Workload, compact_date, date, instant};

    #[test]
    fn dates_follow_the_calendar() {
        for (day, expected) in [
            (0, "1970-01-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_022, "2024-10-26"),
        ] {
            assert_eq!(date(day), expected);
        }
        assert_eq!(compact_date(20_023 * DAY + 5), "20241027");
        assert_eq!(instant(20_023 * DAY + 34_817_000_000_123), "2024-10-27T09:40:17Z");
    }

    #[test]
    fn traces_begin_in_order_and_within_the_days() {
        let workload = Workload { days: 3, ..Workload::new(5000, 3, 1) };
        let calendar = Calendar::new(&workload).unwrap();
        let mut random = Random::new(1);
        let starts: Vec<u64> = (0..5000).map(|n| calendar.start_of(n, &mut random)).collect();
        assert!(starts.windows(2).all(|pair| pair[0] <= pair[1]));
        let per_day: Vec<usize> = (0..4)
            .map(|day| starts.iter().filter(|&&at| calendar.day_of(at) == day).count())
            .collect();
        assert_eq!(per_day[3], 0);
        assert!(per_day[..3].iter().all(|&n| (1660..=1673).contains(&n)), "{per_day:?}");
    }

    #[test]
    fn days_beyond_a_timestamp_are_refused() {
        assert!(Calendar::new(&Workload::new(1, 0, 1)).is_err());
        assert!(Calendar::new(&Workload::new(1, u32::MAX, 1)).is_err());
        assert!(Calendar::new(&Workload { start: u64::MAX, ..Workload::new(1, 1, 1) }).is_err());
        assert!(Calendar::new(&Workload::new(1, 36_500, 1)).is_ok());
    }
}
