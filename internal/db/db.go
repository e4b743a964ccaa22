// Package db opens the node's database and runs transactions on it.
//
// It knows engines, not tables: the rooms that own tables (store, journal,
// release, partner, access) bring the queries. Everything in which engines
// differ stands in dialect.go.
//
// One transaction writes at a time in a process, and the engine sees to the
// same between processes, so the order in which transactions commit is the
// order in which they began to write. Readers never wait for the writer.
//
// What can go wrong: the disk is full or the file is damaged (the error names
// the file), or another process holds the write lock for longer than the busy
// timeout (the error says so and the caller may try again).
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	dialect
	path     string
	write    *sql.DB
	read     *sql.DB
	writer   chan *conn // holds the one writing connection while nobody has it
	readers  chan *conn // likewise the reading ones
	writing  int        // connections that there are, of each; owned by Open and Close
	reading  int
	onCommit func() // see Notify
}

// maxReaders bounds the connections that read at once; each costs a page cache.
const maxReaders = 4

// Open opens the database file at path, creating it and bringing its tables up
// to date. The folder must exist.
func Open(ctx context.Context, path string) (*DB, error) {
	return openWith(ctx, path, "full")
}

// OpenScratch is Open for a database that need not outlive a power cut: tests
// make thousands of transactions, and waiting for the disk is most of their time.
func OpenScratch(ctx context.Context, path string) (*DB, error) {
	return openWith(ctx, path, "off")
}

func openWith(ctx context.Context, path, synchronous string) (*DB, error) {
	if fi, err := os.Stat(filepath.Dir(path)); err != nil || !fi.IsDir() {
		return nil, fmt.Errorf("open database %s: its folder does not exist (make a node first: entente init --data DIR)", path)
	}
	// The engine would create it readable by others.
	if f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	} else {
		f.Close()
	}
	d := &DB{dialect: sqlite, path: path, writer: make(chan *conn, 1), readers: make(chan *conn, maxReaders)}
	if err := d.open(ctx, synchronous); err != nil {
		d.Close()
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return d, nil
}

func (d *DB) open(ctx context.Context, synchronous string) (err error) {
	if d.write, err = sql.Open(driverName, dataSource(d.path, synchronous)); err != nil {
		return err
	}
	w, err := d.write.Conn(ctx)
	if err != nil {
		return err
	}
	d.writer <- &conn{c: w}
	d.writing++
	if err := d.migrate(ctx); err != nil {
		return err
	}
	if d.read, err = sql.Open(driverName, dataSource(d.path, "")); err != nil {
		return err
	}
	for range maxReaders {
		r, err := d.read.Conn(ctx)
		if err != nil {
			return err
		}
		d.readers <- &conn{c: r}
		d.reading++
	}
	return nil
}

// Path returns where the database lies.
func (d *DB) Path() string { return d.path }

// Notify has f called after every transaction of this process that wrote.
// f must not block. It is set once, before the database is shared.
func (d *DB) Notify(f func()) { d.onCommit = f }

// Close closes the database, once whoever works on it is done. Closing it again
// does nothing.
func (d *DB) Close() error {
	var errs []error
	// The writer last: it leaves one whole file behind, without a log beside it.
	for _, p := range []struct {
		pool  *sql.DB
		conns chan *conn
		open  *int
	}{{d.read, d.readers, &d.reading}, {d.write, d.writer, &d.writing}} {
		for ; *p.open > 0; *p.open-- {
			errs = append(errs, (<-p.conns).close()) // waits for whoever has it
			if *p.open == 1 {
				close(p.conns) // whoever asks from now on is told
			}
		}
		if p.pool != nil {
			errs = append(errs, p.pool.Close())
		}
	}
	return errors.Join(errs...)
}

// Update runs f in a transaction that may write and commits if f returns nil.
// An error or a panic of f rolls everything back. ctx bounds the wait for the
// write lock and the statements of f.
func (d *DB) Update(ctx context.Context, f func(*Tx) error) error {
	if err := d.run(ctx, d.writer, beginWrite, f); err != nil {
		return err
	}
	if d.onCommit != nil {
		d.onCommit()
	}
	return nil
}

// View runs f in a transaction that sees one state of the database throughout
// and cannot write.
func (d *DB) View(ctx context.Context, f func(*Tx) error) error {
	return d.run(ctx, d.readers, beginRead, f)
}

func (d *DB) run(ctx context.Context, pool chan *conn, begin string, f func(*Tx) error) error {
	var c *conn
	var open bool
	select {
	case c, open = <-pool:
		if !open {
			return errors.New("the database has been closed")
		}
	case <-ctx.Done():
		return fmt.Errorf("wait for the database: %w", ctx.Err())
	}
	defer func() { pool <- c }()
	tx := &Tx{ctx: ctx, conn: c}
	if err := c.exec(ctx, begin); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	running := true
	defer func() {
		if running { // an error or a panic; the caller's context may be over
			c.c.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()
	if err := f(tx); err != nil {
		return err
	}
	// Not to be interrupted half-way: the caller must know what happened.
	if err := c.exec(context.WithoutCancel(ctx), "COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	running = false
	for _, done := range tx.committed {
		done()
	}
	return nil
}
