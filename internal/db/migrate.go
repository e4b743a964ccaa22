package db

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

// One file a step, in the order of their names, written once for every engine
// with the type words of dialect.go. A step that has run is never changed.
//
//go:embed migrations/*.sql
var migrations embed.FS

func (d *DB) migrate(ctx context.Context) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	return d.run(ctx, d.writer, beginWrite, func(tx *Tx) error {
		if _, err := tx.Exec("CREATE TABLE IF NOT EXISTS migration(step TEXT PRIMARY KEY)"); err != nil {
			return err
		}
		done := map[string]bool{}
		err := tx.Rows("SELECT step FROM migration", nil, func(scan func(...any) error) error {
			var step string
			defer func() { done[step] = true }()
			return scan(&step)
		})
		if err != nil {
			return err
		}
		for _, name := range names {
			if done[name] {
				delete(done, name)
				continue
			}
			if err := d.step(tx, name); err != nil {
				return fmt.Errorf("migration %s: %w", name, err)
			}
		}
		for name := range done {
			return fmt.Errorf("the database was made by a newer entente (it has the step %s): run that version, or restore a backup made before it", name)
		}
		return nil
	})
}

func (d *DB) step(tx *Tx, name string) error {
	text, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	for _, stmt := range strings.Split(stripComments(string(text)), ";") {
		if stmt = strings.TrimSpace(stmt); stmt == "" {
			continue
		}
		if _, err := tx.conn.c.ExecContext(tx.ctx, d.types.Replace(stmt)); err != nil {
			return describe(stmt, err)
		}
	}
	_, err = tx.Exec("INSERT INTO migration(step) VALUES ($1)", name)
	return err
}

func stripComments(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if at := strings.Index(l, "--"); at >= 0 {
			lines[i] = l[:at]
		}
	}
	return strings.Join(lines, "\n")
}
