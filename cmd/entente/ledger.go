package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"entente/internal/db"
	"entente/internal/journal"
	"entente/internal/node"
	"entente/ledger"
)

func (a *app) ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "ledger", Short: "The tamper-evident record: verify it, show it, prove an entry"}
	cmd.AddCommand(a.ledgerVerify(), a.ledgerShow(), a.ledgerProve())
	return cmd
}

func (a *app) ledgerVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Recompute the whole ledger, and what it was about, and compare",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(n *node.Node) error {
				rep, err := n.VerifyLedger(cmd.Context())
				var bad *ledger.Discrepancy
				if errors.As(err, &bad) {
					err = hintedError{fmt.Errorf("the ledger does not hold: %w", bad), "keep this database as evidence; partners who kept a checkpoint can tell since when"}
				}
				if err != nil {
					return err
				}
				if a.json {
					return a.write(map[string]any{"ok": true, "leaves": rep.Leaves, "entries": rep.Entries, "items": rep.Items, "opened": rep.Opened, "erased": rep.Erased})
				}
				a.print("the ledger holds: %d leaves, %d entries, %d items, %d of them opened and right, %d erased", rep.Leaves, rep.Entries, rep.Items, rep.Opened, rep.Erased)
				return nil
			})
		},
	}
}

func (a *app) ledgerShow() *cobra.Command {
	var last int
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show the latest entries and the signed checkpoint",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(n *node.Node) error {
				if _, err := n.Journal.Sequence(cmd.Context(), n.DB); err != nil {
					return err
				}
				return n.DB.View(cmd.Context(), func(tx *db.Tx) error {
					entries, err := journal.Latest(tx, last)
					if err != nil {
						return err
					}
					_, checkpoint, err := n.Journal.Checkpoint(tx)
					if err != nil {
						return err
					}
					if a.json {
						return a.write(map[string]any{"entries": entries, "checkpoint": string(checkpoint)})
					}
					for _, e := range entries {
						a.print("%d\t%s\t%s\tleaf %d\t%s", e.N, e.At.UTC().Format("2006-01-02T15:04:05Z"), e.Kind, e.Leaf, e.Facts)
					}
					a.print("\n%s", checkpoint)
					return nil
				})
			})
		},
	}
	cmd.Flags().IntVar(&last, "last", 20, "how many entries")
	return cmd
}

func (a *app) ledgerProve() *cobra.Command {
	return &cobra.Command{
		Use:   "prove ENTRY",
		Short: "Prove that an entry is in the ledger, for somebody who has the ledger's key",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			number, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || number < 1 {
				return usageError{fmt.Errorf("%q is not the number of an entry: see entente ledger show", args[0])}
			}
			return a.with(cmd.Context(), func(n *node.Node) error {
				if _, err := n.Journal.Sequence(cmd.Context(), n.DB); err != nil {
					return err
				}
				return n.DB.View(cmd.Context(), func(tx *db.Tx) error {
					_, checkpoint, err := n.Journal.Checkpoint(tx)
					if err != nil {
						return err
					}
					rec, err := n.Journal.Prove(tx, journal.Entry(number), 1, 0, checkpoint)
					if err != nil {
						return err
					}
					key := rec.Keys[0]
					return a.write(map[string]string{
						"common": base64.StdEncoding.EncodeToString(rec.Common), "key": base64.StdEncoding.EncodeToString(key[:]),
						"vector": base64.StdEncoding.EncodeToString(rec.Vector.Bytes()), "proof": base64.StdEncoding.EncodeToString(rec.Proof),
						"checkpoint": string(checkpoint), "verifier": journal.VerifierKey(n.Config.Name, n.Keys.Ledger),
					})
				})
			})
		},
	}
}
