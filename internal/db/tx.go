package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Tx is a running transaction. It is used by one goroutine.
type Tx struct {
	ctx       context.Context
	conn      *conn
	committed []func()
}

// Context returns the context that the transaction runs under.
func (t *Tx) Context() context.Context { return t.ctx }

// AfterCommit has f run once the transaction has ended well, and never if it was
// rolled back: the place for what must not be remembered of a rolled-back one.
func (t *Tx) AfterCommit(f func()) { t.committed = append(t.committed, f) }

// Exec runs a statement and returns how many rows it touched.
func (t *Tx) Exec(query string, args ...any) (int64, error) {
	s, err := t.conn.prepare(t.ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, describe(query, err)
	}
	return res.RowsAffected()
}

// Row runs a query for one row and scans it. Found is false if there is none.
func (t *Tx) Row(query string, args []any, into ...any) (found bool, err error) {
	s, err := t.conn.prepare(t.ctx, query)
	if err != nil {
		return false, err
	}
	err = s.QueryRowContext(t.ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, describe(query, err)
}

// Rows runs a query and calls each for every row; scan fills the variables of
// a row. Byte slices scanned into sql.RawBytes are valid until each returns.
func (t *Tx) Rows(query string, args []any, each func(scan func(...any) error) error) error {
	s, err := t.conn.prepare(t.ctx, query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(t.ctx, args...)
	if err != nil {
		return describe(query, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return describe(query, rows.Err())
}

// Insert adds rows of width values each, given flat, in as few statements as
// the engine takes: head is "INSERT INTO t(a,b)", tail what follows VALUES.
func (t *Tx) Insert(head, tail string, width int, values []any) error {
	for len(values) > 0 {
		n := min(len(values)/width, maxParams/width)
		for n > 1 && n&(n-1) != 0 { // powers of two: few statements to prepare
			n &= n - 1
		}
		if _, err := t.Exec(head+" VALUES "+Params(n, width)+tail, values[:n*width]...); err != nil {
			return err
		}
		values = values[n*width:]
	}
	return nil
}

// In calls query once per group of keys that the engine takes as parameters of
// one statement; list is the text "($1,$2,…)". Groups are filled up with their
// last key, so that few different statements exist.
func In[K any](keys []K, query func(list string, args []any) error) error {
	const group = 64
	for len(keys) > 0 {
		n := min(len(keys), group)
		size := 1
		for size < n {
			size *= 2
		}
		args := make([]any, size)
		for i := range args {
			args[i] = keys[min(i, n-1)]
		}
		if err := query(Params(1, size), args); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// Params writes rows groups of width numbered placeholders: ($1,$2),($3,$4).
func Params(rows, width int) string {
	var b strings.Builder
	n := 0
	for r := range rows {
		if r > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for c := range width {
			if c > 0 {
				b.WriteByte(',')
			}
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		}
		b.WriteByte(')')
	}
	return b.String()
}

// maxParams is how many parameters one statement may carry on every engine.
const maxParams = 1024

// conn is one connection with the statements prepared on it. Whoever has taken
// it from its pool owns it.
type conn struct {
	c     *sql.Conn
	stmts map[string]*sql.Stmt
}

// maxStmts bounds the prepared statements of a connection; past it all are
// dropped and prepared anew as they come.
const maxStmts = 400

func (c *conn) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	s, err := c.c.PrepareContext(ctx, placeholders.Replace(query))
	if err != nil {
		return nil, describe(query, err)
	}
	if len(c.stmts) >= maxStmts {
		for _, old := range c.stmts {
			old.Close()
		}
		c.stmts = nil
	}
	if c.stmts == nil {
		c.stmts = map[string]*sql.Stmt{}
	}
	c.stmts[query] = s
	return s, nil
}

// exec runs a statement without parameters.
func (c *conn) exec(ctx context.Context, query string) error {
	s, err := c.prepare(ctx, query)
	if err == nil {
		_, err = s.ExecContext(ctx)
	}
	return err
}

// close gives the connection up, with the statements prepared on it.
func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.c.Close())...)
}

func describe(query string, err error) error {
	if err == nil {
		return nil
	}
	if len(query) > 120 {
		query = query[:120] + "…"
	}
	return fmt.Errorf("%w (in: %s)", err, strings.Join(strings.Fields(query), " "))
}
