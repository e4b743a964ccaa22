//go:build !modernc

package db

import _ "github.com/ncruces/go-sqlite3/driver" // the SQLite driver, pure Go

const driverName = "sqlite3"
