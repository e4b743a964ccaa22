package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"entente/internal/db"
	"entente/internal/node"
	"entente/internal/release"
)

func (a *app) exportCommand() *cobra.Command {
	var who, agreement, out string
	cmd := &cobra.Command{
		Use:   "export --partner NAME",
		Short: "Write what a partner may have as a STIX bundle",
		Long: `Write what a partner may have as a STIX 2.1 bundle, through the same door as
everything that leaves. A bundle carries nothing but the objects, so those whose
own markings say less than their label stay out; a partner's node gets them with
their handling envelope.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(n *node.Node) error {
				var views []*release.View
				// Noted first: what is not on record does not leave.
				err := n.DB.Update(cmd.Context(), func(tx *db.Tx) (err error) {
					if views, err = n.Release.Views(tx, who); err != nil {
						return err
					}
					if views = wanted(views, agreement); len(views) == 0 {
						return refusedError{fmt.Errorf("%s has no such subscription, so there is nothing for it", who)}
					}
					return n.Release.NoteExport(tx, views)
				})
				if err != nil {
					return err
				}
				f := os.Stdout
				if out != "" {
					if f, err = os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
						return err
					}
				}
				count, left, err := writeBundle(cmd.Context(), n, views, f)
				if out != "" {
					err = errors.Join(err, f.Close())
				}
				if err != nil {
					return err
				}
				a.say("%d objects for %s; %d stay out because the bytes alone say less than their label", count, who, left)
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&who, "partner", "", "for whom (required)")
	f.StringVar(&agreement, "agreement", "", "only what goes under this agreement")
	f.StringVar(&out, "out", "", "file to write, which must not exist (default: standard output)")
	cmd.MarkFlagRequired("partner")
	return cmd
}

func wanted(views []*release.View, agreement string) (out []*release.View) {
	for _, v := range views {
		if v.Kind == release.Subscription && (agreement == "" || v.Agreement == agreement) {
			out = append(out, v)
		}
	}
	return out
}

// writeBundle writes what views show as one bundle, and says how many objects
// it wrote and how many stay out of a file that carries nothing but bytes.
func writeBundle(ctx context.Context, n *node.Node, views []*release.View, to io.Writer) (count, left int64, err error) {
	w := bufio.NewWriterSize(to, 256<<10)
	fmt.Fprintf(w, `{"type":"bundle","id":"bundle--%s","objects":[`, uuid.New())
	err = n.DB.View(ctx, func(tx *db.Tx) error {
		for _, v := range views {
			before := count
			for it, err := range n.Release.All(tx, v, release.Filter{Bodies: true, BytesOnly: true, Versions: release.Versions{All: true}}) {
				if err != nil {
					return err
				}
				if count > 0 {
					w.WriteString(",\n")
				}
				if _, err := it.Bytes.WriteTo(w); err != nil {
					return err
				}
				count++
			}
			all, err := n.Release.Count(tx, v)
			if err != nil {
				return err
			}
			left += all - (count - before)
		}
		return nil
	})
	if err != nil {
		return count, left, err
	}
	w.WriteString("]}\n")
	return count, left, w.Flush()
}
