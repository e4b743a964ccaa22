package demo

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"entente/internal/db"
	"entente/internal/node"
	"entente/internal/partner"
	"entente/ledger"
	"entente/taxii"
)

// nothing lets Karst look for something that is withheld from it and for
// something that does not exist.
func (w *world) nothing(ctx context.Context) error {
	w.log("\n4. What Karst can tell from getting nothing\n")
	karst := w.others[2]
	base := "https://" + w.nordlys.serving.Public + partner.Root
	collections, err := karst.get(ctx, base+"collections/")
	if err != nil {
		return err
	}
	inbox := regexp.MustCompile(`"id": ?"([0-9a-f-]{36})"`).FindSubmatch(collections.body)
	if inbox == nil {
		return fmt.Errorf("Karst sees no collection: %s", collections.body)
	}
	withheld := "report--00000000-0000-4000-8000-000000000011"
	absent := "report--ffffffff-ffff-4fff-bfff-ffffffffffff"
	for _, question := range []string{"collections/%s/objects/ID/", "collections/%s/objects/ID/versions/", "collections/%s/objects/?match[id]=ID", "collections/%s/manifest/?match[id]=ID", "collections/%s/objects/"} {
		q := fmt.Sprintf(question, inbox[1])
		a, err1 := karst.get(ctx, base+strings.ReplaceAll(q, "ID", withheld))
		b, err2 := karst.get(ctx, base+strings.ReplaceAll(q, "ID", absent))
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		if a.status != b.status || !bytes.Equal(a.body, b.body) {
			return fmt.Errorf("Karst can tell the difference: %s gives %d %s and %d %s", q, a.status, a.body, b.status, b.body)
		}
		w.log("   GET …/%-36s withheld: %d, %3d bytes; non-existent: %d, %3d bytes; equal", strings.ReplaceAll(strings.TrimPrefix(question, "collections/%s/"), "ID", "…"), a.status, len(a.body), b.status, len(b.body))
	}
	taken, err := karst.Partner.Taken(ctx, "nordlys")
	if err == nil && taken != 0 {
		err = fmt.Errorf("Karst received %d objects", taken)
	}
	return err
}

// answer is what came back over HTTP.
type answer struct {
	status int
	body   []byte
}

// get asks Nordlys as a partner's client would.
func (m *member) get(ctx context.Context, u string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+m.token)
	req.Header.Set("Accept", taxii.MediaType)
	// The certificate is one that Nordlys made for itself a moment ago.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	return answer{res.StatusCode, body}, err
}

// comesBack lets Clearfeed bring a fingerprint by TAXII.
func (w *world) comesBack(ctx context.Context) error {
	w.log("\n5. What comes back: Clearfeed posts a fingerprint with an ordinary TAXII client\n")
	clearfeed := w.others[1]
	c, err := taxii.NewClient("https://"+w.nordlys.serving.Public, taxii.WithBearer(clearfeed.token),
		taxii.WithHTTPClient(&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}))
	if err != nil {
		return err
	}
	file := `{"type":"file","spec_version":"2.1","id":"file--00000000-0000-4000-8000-000000000061","hashes":{"SHA-256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"},"object_marking_refs":["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"]}`
	statuses, err := c.Add(ctx, partner.Root, "inbox", []json.RawMessage{json.RawMessage(file)})
	if err != nil {
		return err
	}
	if len(statuses) != 1 || statuses[0].SuccessCount != 1 {
		return fmt.Errorf("Clearfeed's fingerprint was not taken: %+v", statuses)
	}
	var seen []string
	for o, err := range c.Objects(ctx, partner.Root, "inbox", taxii.Query{}) {
		if err != nil {
			return err
		}
		seen = append(seen, string(o))
	}
	if len(seen) != 1 || seen[0] != file {
		return fmt.Errorf("Clearfeed's inbox shows %q", seen)
	}
	w.log("   accepted; its inbox shows it the same %d bytes, and shows them to nobody else", len(file))
	return nil
}

// ledgers verifies every ledger, then flips one byte of a copy.
func (w *world) ledgers(ctx context.Context) error {
	w.log("\n6. The record\n")
	for _, m := range w.all() {
		rep, err := m.VerifyLedger(ctx)
		if err != nil {
			return fmt.Errorf("ledger of %s: %w", m.Config.Name, err)
		}
		w.log("   %-10s %2d leaves, %2d entries, %3d items: the ledger and what it is about agree", m.Config.Name, rep.Leaves, rep.Entries, rep.Items)
	}
	return w.tamper(ctx)
}

// tamper copies Nordlys' node and changes one byte of a stored report.
func (w *world) tamper(ctx context.Context) error {
	if err := w.nordlys.serving.Stop(); err != nil {
		return err
	}
	w.nordlys.serving = nil
	if err := w.nordlys.Close(); err != nil {
		return err
	}
	forged := filepath.Join(w.dir, "forged")
	if err := os.CopyFS(forged, os.DirFS(w.nordlys.dir)); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Join(forged, "keys.json"), 0o600); err != nil {
		return err
	}
	n, err := node.Open(ctx, forged, node.World{})
	if err != nil {
		return err
	}
	err = n.DB.Update(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE body SET bytes = CAST(replace(CAST(bytes AS TEXT), 'No persons are named', 'Mo persons are named') AS BLOB)")
		return err
	})
	if err != nil {
		return errors.Join(err, n.Close())
	}
	_, err = n.VerifyLedger(ctx)
	var found *ledger.Discrepancy
	if !errors.As(err, &found) {
		return errors.Join(fmt.Errorf("one byte of a stored report was changed, and the ledger did not notice: %v", err), n.Close())
	}
	w.log("\n   One byte of a stored report is changed in a copy of Nordlys' database:\n   %v", found)
	if err := n.Close(); err != nil {
		return err
	}
	// Back to the story's own Nordlys.
	if w.nordlys.Node, err = node.Open(ctx, w.nordlys.dir, node.World{}); err != nil {
		return err
	}
	w.nordlys.serving, err = w.nordlys.Serve(ctx, node.Options{Dir: w.nordlys.dir})
	return err
}

// stay keeps the nodes open for people to look around.
func (w *world) stay(ctx context.Context) {
	w.log("\nThe nodes stay open until you press Ctrl-C. As each partner's client:\n")
	for _, m := range w.others {
		w.log("   # %s\n   curl -ks -H 'Authorization: Bearer %s' -H 'Accept: %s' https://%s%scollections/", m.Config.Name, m.token, taxii.MediaType, w.nordlys.serving.Public, partner.Root)
	}
	w.log("\nAs Nordlys' operator:\n")
	w.log("   bin/entente release why %s karst --data %s", followed[0].id, w.nordlys.dir)
	w.log("   bin/entente ledger verify --data %s", w.nordlys.dir)
	<-ctx.Done()
}
