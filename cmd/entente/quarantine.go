package main

import (
	"fmt"
	"os/user"
	"strconv"

	"github.com/spf13/cobra"

	"entente/internal/db"
	"entente/internal/intake"
	"entente/internal/node"
	"entente/internal/store"
)

func (a *app) partnerQuarantine() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "quarantine",
		Short: "List what partners brought and our own rules do not accept",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(n *node.Node) error {
				held := []intake.Held{}
				err := n.DB.View(cmd.Context(), func(tx *db.Tx) error {
					found, err := n.Intake.Quarantine(tx, 1000)
					held = append(held, found...)
					return err
				})
				if err != nil {
					return err
				}
				if a.json {
					return a.write(held)
				}
				for _, h := range held {
					a.print("%d\t%s\t%s\t%s\t%s", h.Seq, h.Partner, h.Under, h.ID, h.Why)
				}
				if len(held) > 0 {
					a.say("A person who has looked at one lets it out with: entente partner quarantine accept NUMBER")
				}
				return nil
			})
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "accept NUMBER",
		Short: "Let something out of quarantine, having looked at it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			seq, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usageError{fmt.Errorf("%q is not the number of a submission", args[0])}
			}
			return a.update(cmd, func(n *node.Node, tx *db.Tx) error {
				return n.Intake.Admit(tx, store.Seq(seq), operator())
			})
		},
	})
	return cmd
}

// operator names who is at the command line, for the record.
func operator() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}
