package main

import (
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"entente/internal/access"
	"entente/internal/db"
	"entente/internal/node"
)

func (a *app) userCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "Accounts of people here and of partners' tools"}
	cmd.AddCommand(a.userAdd(), a.userList())
	return cmd
}

func (a *app) userAdd() *cobra.Command {
	var acc access.Account
	var file string
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Make an account",
		Long: `Make an account.

Roles: ` + strings.Join(access.Roles, ", ") + `. The role partner is for the TAXII
client of one partner, named with --partner. Without --password-file a random
token is made and shown once, to be sent as "Authorization: Bearer TOKEN".`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			acc.Name = args[0]
			password := ""
			if file != "" {
				text, err := os.ReadFile(file)
				if err != nil {
					return err
				}
				if password = strings.TrimRight(string(text), "\r\n"); password == "" {
					return errors.New("the password file is empty")
				}
			}
			return a.with(cmd.Context(), func(n *node.Node) error {
				var token string
				err := n.DB.Update(cmd.Context(), func(tx *db.Tx) (err error) {
					token, err = n.Access.Add(tx, acc, password)
					return err
				})
				if err != nil {
					return err
				}
				if a.json {
					return a.write(map[string]string{"name": acc.Name, "role": acc.Role, "partner": acc.Partner, "token": token})
				}
				a.say("Account %s made.", acc.Name)
				if token != "" {
					a.print("%s", token)
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&acc.Role, "role", "", "what the account is for (required)")
	f.StringVar(&acc.Partner, "partner", "", "for the role partner: whose client it is")
	f.StringVar(&file, "password-file", "", "file with the password; without it a token is made")
	cmd.MarkFlagRequired("role")
	return cmd
}

func (a *app) userList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the accounts",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(n *node.Node) error {
				return n.DB.View(cmd.Context(), func(tx *db.Tx) error {
					all, err := access.All(tx)
					if err != nil {
						return err
					}
					if a.json {
						return a.write(all)
					}
					for _, acc := range all {
						a.print("%s\t%s\t%s", acc.Name, acc.Role, acc.Partner)
					}
					return nil
				})
			})
		},
	}
}
