package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"entente/internal/db"
	"entente/internal/node"
	"entente/internal/release"
	"entente/internal/store"
	"entente/policy"
	"entente/stix"
)

func (a *app) releaseCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "release", Short: "What may leave, to whom and why"}
	cmd.AddCommand(a.releaseWhy())
	return cmd
}

func (a *app) releaseWhy() *cobra.Command {
	return &cobra.Command{
		Use:   "why OBJECT PARTNER",
		Short: "Say which rules decide whether a partner has an object, and what would change that",
		Long: `Say for every subscription of a partner whether it has an object, which rules
decided, and what would have to change, by whom. Exits with 3 if the partner has
it under none. This is for people of this node: the partner can tell nothing.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := stix.ID(args[0])
			if !id.Valid() {
				return usageError{fmt.Errorf("%q is not a STIX identifier", args[0])}
			}
			return a.with(cmd.Context(), func(n *node.Node) error {
				var whys []release.Why
				known := false
				err := n.DB.View(cmd.Context(), func(tx *db.Tx) (err error) {
					whys, known, err = n.Release.Why(tx, id, args[1])
					return err
				})
				if err != nil {
					return err
				}
				if !known {
					return hintedError{fmt.Errorf("this node has never had %s", id), "its partners' answers would be the same for an object that is withheld"}
				}
				has := false
				var rows []whyRow
				for _, w := range whys {
					for _, s := range w.Submissions {
						rows = append(rows, rowOf(w.View, s))
						has = has || s.Number > 0
					}
				}
				if a.json {
					if err := a.write(rows); err != nil {
						return err
					}
				} else {
					a.tell(args[1], rows)
				}
				if !has {
					return refusedError{fmt.Errorf("%s does not have %s", args[1], id)}
				}
				return nil
			})
		},
	}
}

// whyRow is an explanation as data.
type whyRow struct {
	Agreement string          `json:"agreement"`
	Purpose   string          `json:"purpose"`
	Source    string          `json:"source"`
	Version   string          `json:"version,omitempty"`
	Released  bool            `json:"released"`
	Number    int64           `json:"number,omitempty"`
	Rule      *ruleRow        `json:"rule,omitempty"`
	Forbids   []ruleRow       `json:"forbids,omitempty"`
	Nearest   []nearRow       `json:"nearest,omitempty"`
	Ways      []string        `json:"ways,omitempty"`
	Barred    []string        `json:"barred_by,omitempty"`
	State     string          `json:"state,omitempty"`
	Label     json.RawMessage `json:"label"`
}

type ruleRow struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Text  string `json:"text"`
	Cite  string `json:"cite"`
	Fix   string `json:"fix,omitempty"`
	Who   string `json:"who,omitempty"`
}

type nearRow struct {
	Rule    ruleRow  `json:"rule"`
	Failing []string `json:"failing"`
}

func rule(r policy.Rule) ruleRow { return ruleRow{r.ID, r.Title, r.Text, r.Cite, r.Fix, r.Who} }

func wayWords(way policy.Way) string {
	var parts []string
	for _, c := range way.Changes {
		parts = append(parts, c.What+" ("+c.Who+")")
	}
	return strings.Join(parts, " and ")
}

var stateWords = map[store.State]string{
	store.Foreign:     "another version with the same id and date is here, and this one is not from its creator",
	store.Disputed:    "its creator sent different bytes for the same version; a person has to decide",
	store.Withdrawn:   "whoever brought it took it back",
	store.Quarantined: "it is in quarantine: our own rules did not accept it",
}

func rowOf(v *release.View, s release.WhySubmission) whyRow {
	w := whyRow{Agreement: v.Agreement, Purpose: v.Purpose, Source: s.Source.Kind + " " + s.Source.Profile, Version: s.Version,
		Released: s.Number > 0, Number: s.Number, State: stateWords[s.State], Label: s.Label.Canonical()}
	if s.Source.Name != "" {
		w.Source = s.Source.Name + " " + s.Source.Profile
	}
	if s.Explanation.Cited != nil {
		r := rule(*s.Explanation.Cited)
		w.Rule = &r
	}
	for _, r := range s.Explanation.Forbids {
		w.Forbids = append(w.Forbids, rule(r))
	}
	if s.Carriage {
		w.Forbids = append(w.Forbids, ruleRow{ID: release.RuleCarriage, Title: "The bytes say less than the label",
			Text: "This subscription is for clients that see bytes only.", Fix: "have its originator mark it", Who: "the originator"})
	}
	for _, m := range s.Explanation.Nearest {
		w.Nearest = append(w.Nearest, nearRow{rule(m.Rule), m.Failing})
	}
	for _, way := range s.Explanation.Ways {
		w.Ways = append(w.Ways, wayWords(way))
	}
	for _, b := range s.Barred {
		what := "of which nothing may go to this partner"
		if b.Absent {
			what = "which is not here"
		}
		w.Barred = append(w.Barred, fmt.Sprintf("%s %s, %s", b.Property, b.Target, what))
	}
	return w
}

func (a *app) tell(who string, rows []whyRow) {
	if len(rows) == 0 {
		a.print("%s has no subscription, so nothing goes there.", who)
	}
	for _, w := range rows {
		verdict := "withheld"
		if w.Released {
			verdict = fmt.Sprintf("released as no. %d", w.Number)
		}
		a.print("%s, %s: %s", w.Agreement, w.Purpose, verdict)
		a.print("  brought by: %s  version: %s", w.Source, w.Version)
		if w.State != "" {
			a.print("  but: %s", w.State)
		}
		if w.Rule != nil {
			a.print("  permitted by %s %s: %s [%s]", w.Rule.ID, w.Rule.Title, w.Rule.Text, w.Rule.Cite)
		}
		for _, r := range w.Forbids {
			a.print("  forbidden by %s %s: %s [%s]", r.ID, r.Title, r.Text, r.Cite)
			if r.Fix != "" {
				a.print("    would be lifted by: %s (%s)", r.Fix, r.Who)
			}
		}
		for _, m := range w.Nearest {
			a.print("  nearest rule %s %s fails on: %s", m.Rule.ID, m.Rule.Title, strings.Join(m.Failing, "; "))
		}
		for _, way := range w.Ways {
			a.print("  would be released with: %s", way)
		}
		for _, b := range w.Barred {
			a.print("  kept back by what it refers to: %s", b)
		}
	}
}
