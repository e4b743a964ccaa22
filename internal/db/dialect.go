package db

import (
	"fmt"
	"net/url"
	"strings"
)

// dialect is all in which engines differ, apart from the driver's own file.
type dialect struct {
	name  string
	types *strings.Replacer // the type words of the migrations
}

// The words of the migrations: {pk} an integer key that grows, {int} a 64-bit
// integer, {text} UTF-8 compared byte by byte, {blob} bytes, {clustered} what
// follows a table that is kept in the order of its primary key.
var sqlite = dialect{
	name: "sqlite",
	types: strings.NewReplacer(
		"{pk}", "INTEGER PRIMARY KEY",
		"{int}", "INTEGER",
		"{text}", "TEXT",
		"{blob}", "BLOB",
		"{clustered}", "WITHOUT ROWID",
	),
}

// SQLite takes $2 for a name and numbers names in the order in which they first
// stand in a statement; ?2 is the second parameter wherever it stands.
var placeholders = strings.NewReplacer("$", "?")

const (
	beginWrite = "BEGIN IMMEDIATE" // takes the write lock now, not at the first write
	beginRead  = "BEGIN"
)

// dataSource names the file to the driver. synchronous is that of the writing
// connection (full: what has been acknowledged survives a power cut), "" for one
// that reads only.
func dataSource(path, synchronous string) string {
	q := url.Values{}
	pragmas := []string{"busy_timeout(30000)"}
	if synchronous != "" {
		pragmas = append(pragmas, "page_size(8192)", "journal_mode(wal)", "synchronous("+synchronous+")",
			"cache_size(-16384)", "wal_autocheckpoint(2000)", "foreign_keys(off)", "temp_store(memory)")
	} else {
		pragmas = append(pragmas, "query_only(on)", "cache_size(-8192)")
	}
	for _, p := range pragmas {
		q.Add("_pragma", p)
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// Check looks whether the database is damaged, page by page.
func Check(tx *Tx) error {
	var first string
	if _, err := tx.Row("PRAGMA quick_check(1)", nil, &first); err != nil {
		return err
	}
	if first != "ok" {
		return fmt.Errorf("the database file is damaged: %s; restore a backup", first)
	}
	return nil
}
