package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"entente/internal/node"
)

func (a *app) initCommand() *cobra.Command {
	var yes bool
	c := node.DefaultConfig("")
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a node: keys, database, configuration, sample agreements",
		Long: `Make a node in the folder given with --data.

It asks for the node's name and title, unless they are given or --yes is. The
agreements, guards and intake profiles that ship with the program are written to
DATA/policy as files to be read and changed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !yes {
				answers := bufio.NewReader(os.Stdin)
				a.ask(answers, "Name of the node, by which partners and agreements know it", &c.Name, "node")
				a.ask(answers, "Title, for people", &c.Title, c.Name)
			}
			d := node.DefaultConfig(orElse(c.Name, "node"))
			c.Name, c.Identity, c.Poll = d.Name, d.Identity, d.Poll
			c.Title = orElse(c.Title, c.Name)
			n, err := node.Init(cmd.Context(), a.data, c, node.World{})
			if err != nil {
				return err
			}
			defer n.Close()
			if a.json {
				return a.write(map[string]any{"data": a.data, "name": c.Name, "identity": c.Identity, "listen": c.Listen, "exchange": c.Exchange})
			}
			a.say("Node %s is ready in %s.", c.Name, a.data)
			a.say("Next:")
			a.say("  entente import FILE --profile PROFILE --data %s   bring something in", a.data)
			a.say("  entente partner invite --data %s                  meet another node", a.data)
			a.say("  entente serve --data %s                           open the listeners", a.data)
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&yes, "yes", false, "ask nothing, take what is given and the defaults")
	f.StringVar(&c.Name, "name", "", "name of the node (default node)")
	f.StringVar(&c.Title, "title", "", "title, for people")
	f.StringVar(&c.Country, "country", "", "country, ISO 3166-1 alpha-2")
	f.StringVar(&c.Listen, "listen", c.Listen, "address of the public listener (TAXII); empty: none")
	f.StringVar(&c.Exchange, "exchange", c.Exchange, "address of the exchange listener (other nodes); empty: none")
	f.StringVar(&c.Endpoint, "endpoint", c.Endpoint, "https://host:port under which other nodes reach the exchange listener")
	return cmd
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// ask asks a question unless it has been answered by a flag.
func (a *app) ask(answers *bufio.Reader, question string, into *string, otherwise string) {
	if *into != "" {
		return
	}
	fmt.Fprintf(a.err, "%s [%s]: ", question, otherwise)
	line, _ := answers.ReadString('\n') // no more answers: the default
	*into = orElse(strings.TrimSpace(line), otherwise)
}
