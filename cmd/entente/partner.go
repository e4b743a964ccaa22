package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"entente/internal/db"
	"entente/internal/node"
	"entente/internal/partner"
	"entente/internal/release"
)

func (a *app) partnerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "partner", Short: "Other nodes: meet them, say what holds of them, synchronise"}
	cmd.AddCommand(a.partnerAdd(), a.partnerInvite(), a.partnerAccept(), a.partnerConfirm(), a.partnerSet(), a.partnerSubscribe(),
		a.partnerList(), a.partnerSuspend(), a.partnerSync(), a.partnerQuarantine())
	return cmd
}

// update runs f on the node in a transaction that writes.
func (a *app) update(cmd *cobra.Command, f func(*node.Node, *db.Tx) error) error {
	return a.with(cmd.Context(), func(n *node.Node) error {
		return n.DB.Update(cmd.Context(), func(tx *db.Tx) error { return f(n, tx) })
	})
}

func (a *app) partnerAdd() *cobra.Command {
	return &cobra.Command{
		Use:   "add NAME",
		Short: "Make a partner of somebody who has no node, only a TAXII client",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := a.update(cmd, func(n *node.Node, tx *db.Tx) error { return n.Partner.AddClient(tx, args[0]) })
			if err != nil {
				return err
			}
			if a.json {
				return a.write(map[string]string{"partner": args[0], "state": partner.Client})
			}
			a.say("%s is a partner now. Its client needs an account, and you say what it may have:", args[0])
			a.say("  entente user add NAME --role partner --partner %s", args[0])
			a.say("  entente partner set %s …", args[0])
			a.say("  entente partner subscribe %s AGREEMENT PURPOSE --plain", args[0])
			return nil
		},
	}
}

func (a *app) partnerInvite() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "invite",
		Short: "Begin to pair with another node: write an invitation to bring to it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var step partner.Step
			err := a.update(cmd, func(n *node.Node, tx *db.Tx) (err error) {
				step, err = n.Partner.Invite(tx)
				return err
			})
			if err != nil {
				return err
			}
			return a.step(step, out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file for the invitation (default: standard output)")
	return cmd
}

func (a *app) partnerAccept() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "accept FILE",
		Short: "Take the other node's next message of a pairing: its invitation, reply or reveal",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readFile(args[0])
			if err != nil {
				return err
			}
			var step partner.Step
			err = a.update(cmd, func(n *node.Node, tx *db.Tx) (err error) {
				step, err = n.Partner.Accept(tx, text)
				return err
			})
			if err != nil {
				return err
			}
			return a.step(step, out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file for the message to bring back (default: standard output)")
	return cmd
}

func readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(os.Stdin, 2<<20))
	}
	return os.ReadFile(name)
}

// step writes what a step of a pairing gave.
func (a *app) step(s partner.Step, out string) error {
	if s.Send != nil {
		if out != "" {
			if err := os.WriteFile(out, append(s.Send, '\n'), 0o600); err != nil {
				return err
			}
		} else if !a.json {
			a.print("%s", s.Send)
		}
	}
	if a.json {
		return a.write(map[string]any{"partner": s.Partner, "message": s.Name, "send": string(s.Send), "code": s.Code})
	}
	if s.Send != nil {
		a.say("Bring the %s to the other node and give it there to: entente partner accept", s.Name)
	}
	if s.Code != "" {
		a.say("")
		a.say("    %s", s.Code)
		a.say("")
		a.say("Call somebody you know at %s and have them read their code to you. Then:", s.Partner)
		a.say("  entente partner confirm %s CODE-THEY-READ", s.Partner)
	}
	return nil
}

func (a *app) partnerConfirm() *cobra.Command {
	return &cobra.Command{
		Use:   "confirm NAME CODE",
		Short: "Finish a pairing with the code that the other side read out",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var matched bool
			err := a.update(cmd, func(n *node.Node, tx *db.Tx) (err error) {
				matched, err = n.Partner.Confirm(tx, args[0], args[1])
				return err
			})
			if err != nil {
				return err
			}
			if !matched {
				return partner.ErrWrongCode
			}
			if a.json {
				return a.write(map[string]string{"partner": args[0], "state": partner.Paired})
			}
			a.say("%s is a partner now. Nothing goes there yet: say what holds of it and what it may have:", args[0])
			a.say("  entente partner set %s --kind police --regime led --level 2", args[0])
			a.say("  entente partner subscribe %s AGREEMENT PURPOSE", args[0])
			return nil
		},
	}
}

func (a *app) partnerSet() *cobra.Command {
	var p release.Party
	var intake []string
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Say what holds of a partner: the facts on which releases to it are decided",
		Long: `Say what holds of a partner. Only what is given is changed. These facts are
yours to establish; what the partner says of itself is on its card.

kind: police intelligence judicial fiu intl hub platform bank ngo research oversight
regime: led gdpr national-security adequate safeguards none
risks: death-penalty torture onward-disclosure[:XX] political-designation
assurances: no-death-penalty no-torture no-onward delete-on-request`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.update(cmd, func(n *node.Node, tx *db.Tx) error {
				if err := known(n, tx, args[0]); err != nil {
					return err
				}
				now, _, err := n.Release.Party(tx, args[0])
				if err != nil {
					return err
				}
				now.ID = args[0]
				if now.Kind == "" {
					now.Kind, now.Regime, now.Country = "unknown", "unknown", "XX"
				}
				if err := merge(cmd, &now, p, intake); err != nil {
					return usageError{err}
				}
				if err := n.Release.CheckParty(now); err != nil {
					return usageError{err}
				}
				if err := n.Release.SetParty(tx, now); err != nil {
					return err
				}
				if err := n.Release.RefreshIn(tx); err != nil {
					return err
				}
				if a.json {
					return a.write(now)
				}
				a.say("%s: %s, %s, level %d", now.ID, now.Kind, now.Regime, now.Level)
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&p.Country, "country", "", "ISO 3166-1 alpha-2")
	f.StringVar(&p.Kind, "kind", "", "what kind of body it is")
	f.StringVar(&p.Regime, "regime", "", "under which law it handles data")
	f.IntVar(&p.Level, "level", 0, "protective level it is accredited for, 0 to 4")
	f.StringSliceVar(&p.Honours, "honours", nil, "caveats it is bound and able to honour")
	f.StringSliceVar(&p.Assurances, "assurances", nil, "assurances it has given")
	f.StringSliceVar(&p.Risks, "risks", nil, "risks that your human-rights desk has established")
	f.StringSliceVar(&intake, "intake", nil, "AGREEMENT=PROFILE: the intake profile of what it brings under an agreement")
	return cmd
}

func merge(cmd *cobra.Command, now *release.Party, p release.Party, intake []string) error {
	for flag, set := range map[string]func(){
		"country":    func() { now.Country = p.Country },
		"kind":       func() { now.Kind = p.Kind },
		"regime":     func() { now.Regime = p.Regime },
		"level":      func() { now.Level = p.Level },
		"honours":    func() { now.Honours = p.Honours },
		"assurances": func() { now.Assurances = p.Assurances },
		"risks":      func() { now.Risks = p.Risks },
	} {
		if cmd.Flags().Changed(flag) {
			set()
		}
	}
	for _, pair := range intake {
		agreement, profile, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("--intake %q is not of the form AGREEMENT=PROFILE", pair)
		}
		if now.Intake == nil {
			now.Intake = map[string]string{}
		}
		now.Intake[agreement] = profile
	}
	return nil
}

// known says if there is no partner of that name.
func known(n *node.Node, tx *db.Tx, name string) error {
	_, found, err := n.Partner.Find(tx, name)
	if err == nil && !found {
		err = hintedError{fmt.Errorf("there is no partner called %q", name), "see entente partner list"}
	}
	return err
}

func (a *app) partnerSubscribe() *cobra.Command {
	var plain bool
	cmd := &cobra.Command{
		Use:   "subscribe NAME AGREEMENT PURPOSE",
		Short: "Let a partner have what an agreement allows for a purpose",
		Args:  cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, agreement, purpose := args[0], args[1], args[2]
			return a.update(cmd, func(n *node.Node, tx *db.Tx) error {
				if err := known(n, tx, name); err != nil {
					return err
				}
				v, err := n.Release.Subscribe(tx, name, agreement, purpose, plain)
				if err != nil {
					return usageError{err}
				}
				count, err := n.Release.Count(tx, v)
				if err != nil {
					return err
				}
				if a.json {
					return a.write(map[string]any{"collection": v.Collection, "partner": name, "agreement": agreement, "purpose": purpose, "carriage": v.Carriage, "objects": count})
				}
				a.say("%s has %d objects under %s for %s (collection %s).", name, count, agreement, purpose, v.Collection)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&plain, "plain", false, "for the partner's TAXII client: only objects whose own markings say all that must be said")
	return cmd
}

type partnerRow struct {
	Name          string            `json:"name"`
	State         string            `json:"state"`
	Endpoint      string            `json:"endpoint,omitempty"`
	Kind          string            `json:"kind,omitempty"`
	Regime        string            `json:"regime,omitempty"`
	Subscriptions []subscriptionRow `json:"subscriptions,omitempty"`
}

type subscriptionRow struct {
	Agreement  string `json:"agreement"`
	Purpose    string `json:"purpose"`
	Collection string `json:"collection"`
	Carriage   string `json:"carriage"`
	Objects    int64  `json:"objects"`
}

func (a *app) partnerList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the partners, what holds of them and what they have",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(n *node.Node) error {
				rows := []partnerRow{}
				err := n.DB.View(cmd.Context(), func(tx *db.Tx) error {
					all, err := n.Partner.All(tx)
					if err != nil {
						return err
					}
					for _, p := range all {
						row, err := partnerRowOf(n, tx, p)
						if err != nil {
							return err
						}
						rows = append(rows, row)
					}
					return nil
				})
				if err != nil {
					return err
				}
				if a.json {
					return a.write(rows)
				}
				for _, r := range rows {
					a.print("%s\t%s\t%s %s\t%s", r.Name, r.State, r.Kind, r.Regime, r.Endpoint)
					for _, s := range r.Subscriptions {
						a.print("\t%s\t%s\t%d objects\t%s", s.Agreement, s.Purpose, s.Objects, s.Carriage)
					}
				}
				return nil
			})
		},
	}
}

func partnerRowOf(n *node.Node, tx *db.Tx, p partner.Partner) (partnerRow, error) {
	party, _, err := n.Release.Party(tx, p.ID)
	if err != nil {
		return partnerRow{}, err
	}
	row := partnerRow{Name: p.ID, State: p.State, Endpoint: p.Card.Endpoint, Kind: party.Kind, Regime: party.Regime}
	views, err := n.Release.Views(tx, p.ID)
	for _, v := range views {
		if v.Kind != release.Subscription {
			continue
		}
		count, err := n.Release.Count(tx, v)
		if err != nil {
			return row, err
		}
		row.Subscriptions = append(row.Subscriptions, subscriptionRow{v.Agreement, v.Purpose, v.Collection, v.Carriage, count})
	}
	return row, err
}

func (a *app) partnerSuspend() *cobra.Command {
	var lift bool
	cmd := &cobra.Command{
		Use:   "suspend NAME",
		Short: "Stop everything with a partner at once",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := a.update(cmd, func(n *node.Node, tx *db.Tx) error {
				if err := n.Partner.Suspend(tx, args[0], !lift); err != nil {
					return err
				}
				return n.Release.RefreshIn(tx)
			})
			if err == nil && !a.json {
				a.say("done")
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&lift, "lift", false, "take the suspension back")
	return cmd
}

func (a *app) partnerSync() *cobra.Command {
	return &cobra.Command{
		Use:   "sync [NAME…]",
		Short: "Take in what partners have for this node",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), func(n *node.Node) error {
				if len(args) == 0 {
					var err error
					if args, err = n.Partner.Reachable(cmd.Context()); err != nil {
						return err
					}
				}
				slices.Sort(args)
				var all []partner.Synced
				var errs []error
				for _, id := range args {
					got, err := n.Partner.Sync(cmd.Context(), id)
					errs = append(errs, err)
					all = append(all, got)
					if !a.json {
						a.say("%s: %d new, %d in quarantine, %d refused", id, got.Objects, got.Quarantined, len(got.Refused))
					}
				}
				if a.json {
					errs = append(errs, a.write(all))
				}
				return errors.Join(errs...)
			})
		},
	}
}
