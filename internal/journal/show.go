package journal

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"entente/internal/db"
	"entente/ledger"
)

// Shown is an entry for people of this node.
type Shown struct {
	N     Entry           `json:"entry"`
	At    time.Time       `json:"at"`
	Kind  string          `json:"kind"`
	Leaf  int64           `json:"leaf"` // -1 while it waits
	Items int             `json:"items"`
	Facts json.RawMessage `json:"facts"`
}

// Latest returns the last entries, oldest first.
func Latest(tx *db.Tx, most int) ([]Shown, error) {
	out := []Shown{}
	err := tx.Rows("SELECT n,at,kind,batch,facts,vector FROM ledger_entry ORDER BY n DESC LIMIT $1", []any{most}, func(scan func(...any) error) error {
		var s Shown
		var at int64
		var common, vector []byte
		if err := scan(&s.N, &at, &s.Kind, &s.Leaf, &common, &vector); err != nil {
			return err
		}
		s.At, s.Items = time.UnixMicro(at), len(vector)/ledger.HashSize-1
		if _, facts, err := ledger.ParseCommonFacts(common); err == nil {
			s.Facts = facts
		}
		out = append(out, s)
		return nil
	})
	slices.Reverse(out)
	return out, err
}

// Kind returns what kind of act an entry is of, "" if there is no such entry.
func Kind(tx *db.Tx, n Entry) (kind string, err error) {
	_, err = tx.Row("SELECT kind FROM ledger_entry WHERE n=$1", []any{int64(n)}, &kind)
	return kind, err
}

// VerifierKey is the key of a node's ledger as text, in the form that C2SP
// signed-note defines: what an auditor gives to a verifier.
func VerifierKey(origin string, key ed25519.PrivateKey) string {
	public := append([]byte{1}, key.Public().(ed25519.PublicKey)...) // 1: Ed25519
	v, err := ledger.NewVerifier(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return ""
	}
	var hash [4]byte
	binary.BigEndian.PutUint32(hash[:], v.KeyHash())
	return fmt.Sprintf("%s+%x+%s", origin, hash, base64.StdEncoding.EncodeToString(public))
}
