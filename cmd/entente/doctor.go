package main

import (
	"errors"

	"github.com/spf13/cobra"

	"entente/internal/node"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check what the node rests on: database, ledger, release logs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(n *node.Node) error {
				findings := n.Doctor(cmd.Context())
				bad := 0
				for _, f := range findings {
					if !f.OK {
						bad++
					}
				}
				if a.json {
					if err := a.write(findings); err != nil {
						return err
					}
				} else {
					for _, f := range findings {
						mark := "ok "
						if !f.OK {
							mark = "BAD"
						}
						a.print("%s  %s: %s", mark, f.Check, f.What)
					}
				}
				if bad > 0 {
					return errors.New("something is wrong: keep a copy of the data folder before you change anything")
				}
				return nil
			})
		},
	}
}
