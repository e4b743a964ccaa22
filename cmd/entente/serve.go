package main

import (
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"entente/internal/node"
)

// roomierHeap lets the heap grow to three times what is alive before it is
// swept, where nobody has set it otherwise. Pages then cost a fifth less and
// imports a twentieth, and a server stays far below 200 MB.
func roomierHeap() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}

func (a *app) serveCommand() *cobra.Command {
	var listen, seed string
	var plain bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Open the node's listeners and exchange with its partners",
		Long: `Open the node's listeners: the public one, where partners' tools find TAXII
collections with credentials, and the exchange one, where partners' nodes do.

--seed FILE serves an empty temporary node instead, filled from a JSON file, for
conformance probes of the TAXII server. It says that it is a probe.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			roomierHeap()
			w := node.World{Log: slog.New(slog.NewTextHandler(a.err, nil))}
			o := node.Options{Dir: a.data, PlainHTTP: plain}
			var n *node.Node
			var err error
			if seed != "" {
				var clean func()
				if n, clean, err = node.Probe(cmd.Context(), seed, w, &o); err != nil {
					return err
				}
				defer clean()
				a.say("This is a probe: an empty temporary node with the collections of %s. Nothing is kept.", seed)
			} else if n, err = node.Open(cmd.Context(), a.data, w); err != nil {
				return err
			} else {
				defer n.Close()
			}
			if listen != "" {
				n.Config.Listen = listen
			}
			s, err := n.Serve(cmd.Context(), o)
			if err != nil {
				return err
			}
			scheme := "https"
			if plain {
				scheme = "http"
			}
			if a.json {
				a.write(map[string]string{"public": scheme + "://" + s.Public, "exchange": s.Exchange})
			}
			if s.Public != "" {
				a.say("TAXII: %s://%s/taxii2/", scheme, s.Public)
			}
			if s.Exchange != "" {
				a.say("Other nodes: https://%s", s.Exchange)
			}
			return s.Wait()
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", env("LISTEN", ""), "address of the public listener instead of the configured one")
	f.BoolVar(&plain, "plain-http", false, "the public listener without TLS, on loopback addresses only")
	f.StringVar(&seed, "seed", "", "serve a temporary node filled from this file, for conformance probes")
	return cmd
}
