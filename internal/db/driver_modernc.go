//go:build modernc

package db

import _ "modernc.org/sqlite" // the other pure Go SQLite: build with -tags modernc

const driverName = "sqlite"
