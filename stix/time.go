package stix

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// maxTimestamp bounds the length of a timestamp; ten digits of a second are
// more than any clock has, sixty are noise.
const maxTimestamp = 80

// ParseTime reads a STIX timestamp: YYYY-MM-DDTHH:mm:ss[.s+]Z, a date that
// exists, in UTC (STIX 2.1 §2.16, RFC 3339). Digits of the second beyond the
// ninth are cut off. Leap seconds (:60) are refused, as no clock here has them.
func ParseTime(s string) (time.Time, error) {
	t, _, ok := splitTime(s)
	if !ok {
		return time.Time{}, fmt.Errorf("%s is not a timestamp of the form 2006-01-02T15:04:05.000Z in UTC", quoteShort(s))
	}
	return t, nil
}

// splitTime returns the time and all digits of the fraction of the second.
func splitTime(s string) (t time.Time, fraction string, ok bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || len(s) > maxTimestamp || s[4] != '-' || s[7] != '-' ||
		s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[len(s)-1] != 'Z' {
		return t, "", false
	}
	bad := false
	num := func(digits string) (n int) {
		for i := range len(digits) {
			c := digits[i]
			bad = bad || c < '0' || c > '9'
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := num(s[:4]), num(s[5:7]), num(s[8:10])
	hour, minute, second := num(s[11:13]), num(s[14:16]), num(s[17:19])
	nanos := 0
	if rest := s[19 : len(s)-1]; rest != "" {
		fraction = rest[1:]
		if rest[0] != '.' || fraction == "" {
			return t, "", false
		}
		num(fraction)
		first := fraction[:min(9, len(fraction))]
		nanos = num(first)
		for range 9 - len(first) {
			nanos *= 10
		}
	}
	if bad || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return t, "", false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC), fraction, true
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// CompareVersions orders two versions of an object by the time they state,
// whatever their precision: negative if a is older, 0 if they are the same
// moment. What is no timestamp sorts after all timestamps, and among itself as
// strings; so does "".
func CompareVersions(a, b string) int {
	ta, fa, okA := splitTime(a)
	tb, fb, okB := splitTime(b)
	switch {
	case !okA && !okB:
		return strings.Compare(a, b)
	case !okA:
		return 1
	case !okB:
		return -1
	}
	return cmp.Or(cmp.Compare(ta.Unix(), tb.Unix()),
		strings.Compare(strings.TrimRight(fa, "0"), strings.TrimRight(fb, "0")))
}
