package register

import (
	"strconv"
	"strings"
	"time"
)

// mappingRevision counts the changes of what ReadUN makes of an unchanged
// entry. It is part of modified, so that a new release of this package brings
// new versions instead of other bytes at an old one. 0 to 999.
const mappingRevision = 0

// maxVersionNum is the highest VERSIONNUM that fits below the next day.
const maxVersionNum = 86_400

// listDate reads a day of the list: YYYY-MM-DD, optionally followed by the time
// zone that XML Schema allows (2015-04-07-04:00), which does not move the day.
func listDate(s string) (time.Time, bool) {
	if len(s) > 10 && !isZone(s[10:]) {
		return time.Time{}, false
	}
	t, err := time.Parse(time.DateOnly, s[:min(10, len(s))])
	return t, err == nil && t.Year() >= 1
}

// isZone reports whether s is a time zone of XML Schema Part 2, section 3.2.7.3.
func isZone(s string) bool {
	if s == "Z" {
		return true
	}
	_, err := time.Parse("-07:00", s)
	return err == nil
}

// latest gives the last of the days, but none before listed.
func latest(listed time.Time, days []string) time.Time {
	for _, d := range days {
		if t, ok := listDate(d); ok && t.After(listed) {
			listed = t
		}
	}
	return listed
}

// modifiedAt turns day of last change, version number and mapping revision into
// a time that grows when any of them does, the day first: VERSIONNUM n adds n-1
// seconds, a mapping revision one millisecond.
func modifiedAt(day time.Time, version string) time.Time {
	n, err := strconv.Atoi(version)
	if err != nil || n < 1 || n > maxVersionNum {
		n = 1
	}
	return day.Add(time.Duration(n-1)*time.Second + mappingRevision*time.Millisecond)
}

// isYear reports whether s is a year of four digits.
func isYear(s string) bool {
	return len(s) == 4 && strings.Trim(s, "0123456789") == "" && s != "0000"
}

// birthOf reads one INDIVIDUAL_DATE_OF_BIRTH. Only what fits our form is taken;
// an impossible day or a TYPE_OF_DATE at odds with the date is left for
// "other". Years in the wrong order are put right.
func birthOf(e *element) birth {
	kind, day, year := e.peek("TYPE_OF_DATE"), e.peek("DATE"), e.peek("YEAR")
	from, to := e.peek("FROM_YEAR"), e.peek("TO_YEAR")
	var b birth
	switch {
	case isYear(from) && isYear(to):
		b = birth{Date: min(e.one("FROM_YEAR"), to), To: max(from, e.one("TO_YEAR")), Precision: "between"}
	case isDay(day):
		b = birth{Date: e.one("DATE"), Precision: "day"}
	case isYear(year):
		b = birth{Date: e.one("YEAR"), Precision: "year"}
	case isYear(from):
		b = birth{Date: e.one("FROM_YEAR"), Precision: "approximate"}
	case isYear(to):
		b = birth{Date: e.one("TO_YEAR"), Precision: "approximate"}
	}
	switch {
	case kind == "EXACT" && (b.Precision == "day" || b.Precision == "year"),
		kind == "BETWEEN" && b.Precision == "between":
		e.one("TYPE_OF_DATE")
	case kind == "APPROXIMATELY" && b.Precision != "between":
		e.one("TYPE_OF_DATE")
		b.Precision = "approximate"
	}
	b.Note = e.prose("NOTE")
	return b
}

// birthText reads a date of birth given as one text, as aliases have it.
func birthText(e *element, name string) []birth {
	switch s := e.peek(name); {
	case isDay(s):
		return []birth{{Date: e.one(name), Precision: "day"}}
	case isYear(s):
		return []birth{{Date: e.one(name), Precision: "year"}}
	}
	return nil
}

// isDay reports whether s is a day of the calendar, YYYY-MM-DD.
func isDay(s string) bool {
	_, ok := listDate(s)
	return ok && len(s) == 10
}
