package main

import (
	"github.com/spf13/cobra"

	"entente/internal/demo"
)

func (a *app) demoCommand() *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See four nodes under different laws exchange, on this machine",
		Long: `Start four nodes on loopback in a temporary folder, pair them, bring something in
at one, and tell what each partner gets and why. States, bodies and persons are
invented; the names of listed groups are real and public. Nothing is kept.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo.Run(cmd.Context(), demo.Options{Out: a.out, Once: once})
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "tell the story, check it and end")
	return cmd
}
