package main

import (
	"bufio"
	"fmt"
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
				f := os.Stdout
				if out != "" {
					var err error
					if f, err = os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
						return err
					}
					defer f.Close()
				}
				w := bufio.NewWriterSize(f, 256<<10)
				count, left := 0, 0
				err := n.DB.Update(cmd.Context(), func(tx *db.Tx) error {
					views, err := n.Release.Views(tx, who)
					if err != nil {
						return err
					}
					views = wanted(views, agreement)
					if len(views) == 0 {
						return refusedError{fmt.Errorf("%s has no such subscription, so there is nothing for it", who)}
					}
					fmt.Fprintf(w, `{"type":"bundle","id":"bundle--%s","objects":[`, uuid.New())
					for _, v := range views {
						c, l, err := writeView(n, tx, v, w, count)
						if err != nil {
							return err
						}
						count, left = count+c, left+l
						if err := n.Release.NoteExport(tx, v, c); err != nil {
							return err
						}
					}
					w.WriteString("]}\n")
					return w.Flush()
				})
				if err == nil {
					a.say("%d objects for %s; %d stay out because the bytes alone say less than their label", count, who, left)
				}
				return err
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

// writeView writes the objects of a view, after n others, and says how many it
// wrote and how many it left out.
func writeView(n *node.Node, tx *db.Tx, v *release.View, w *bufio.Writer, before int) (count, left int, err error) {
	f := release.Filter{Limit: 1000, Bodies: true, BytesOnly: true, Versions: release.Versions{All: true}}
	for more := true; more; {
		var page []release.Released
		page, more, f.After, err = n.Release.Page(tx, v, f)
		if err != nil {
			return count, left, err
		}
		for _, it := range page {
			if before+count > 0 {
				w.WriteString(",\n")
			}
			if _, err := it.Bytes.WriteTo(w); err != nil {
				return count, left, err
			}
			count++
		}
	}
	all, err := n.Release.Count(tx, v)
	return count, int(all) - count, err
}
