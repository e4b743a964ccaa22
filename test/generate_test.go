package test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// invented makes STIX objects that anybody may have: organisations, reports and
// relationships, referring to each other within a batch, back to earlier ones,
// forward to later ones, and now and then to what will never come. It is a pure
// function of its seed.
type invented struct {
	seed uint64
	made []made // in the order in which they were made
}

// made is an object and what it refers to.
type made struct {
	id   string
	raw  string
	refs []string
}

// uuid is a UUID of version 4 derived from words.
func uuid(words ...any) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(words...)))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// id names object i, which may not have been made yet.
func (g *invented) id(i int) string {
	typ := [...]string{"identity", "identity", "relationship", "report"}[i%4]
	return typ + "--" + uuid("invented ", g.seed, " ", i)
}

// batch makes the next n objects.
func (g *invented) batch(n int) []made {
	first := len(g.made)
	for i := first; i < first+n; i++ {
		g.made = append(g.made, g.object(i))
	}
	return g.made[first:]
}

func (g *invented) object(i int) made {
	r := rand.New(rand.NewPCG(g.seed, uint64(i)))
	o := made{id: g.id(i)}
	head := fmt.Sprintf(`{ "type":%q,"spec_version": "2.1", "id":%q, "created":"2026-03-01T00:00:00.000Z","modified":%q`,
		o.id[:strings.Index(o.id, "--")], o.id, time.Date(2026, 3, 1, 0, 0, i%86400, 0, time.UTC).Format("2006-01-02T15:04:05.000Z"))
	switch i % 4 {
	case 2:
		o.refs = []string{g.target(r, i), g.target(r, i)}
		o.raw = fmt.Sprintf(`%s,"relationship_type":"related-to","source_ref":%q,"target_ref":%q , "x_weight":1.50}`, head, o.refs[0], o.refs[1])
	case 3:
		for range 1 + r.IntN(3) {
			o.refs = append(o.refs, g.target(r, i))
		}
		o.raw = fmt.Sprintf(`%s,"name":"Report %d \u00e9\/","published":"2026-03-02T00:00:00Z","object_refs":["%s"], "x_note":{"b":1,"a":[ 2 ]}}`,
			head, i, strings.Join(o.refs, `", "`))
	default:
		o.raw = fmt.Sprintf(`%s,"name":"Organisation %d","identity_class":"organization"}`, head, i)
	}
	return o
}

// target picks what object i refers to.
func (g *invented) target(r *rand.Rand, i int) string {
	switch p := r.IntN(100); {
	case p < 2:
		return "identity--" + uuid("never ", g.seed, " ", r.IntN(50))
	case p < 80: // an organisation: backwards mostly, forwards too
		j := max(0, i+50-r.IntN(1500))
		return g.id(j - j%4)
	default:
		j := max(0, i+20-r.IntN(600))
		if i%4 == 2 && j%4 == 2 { // no relationship leads to a relationship
			j++
		}
		return g.id(j)
	}
}

// closed returns what may go to a partner that may have every object by itself:
// the greatest set of objects in which every reference leads into the set.
func closed(all []made) map[string]string {
	in := make(map[string]string, len(all))
	for _, o := range all {
		in[o.id] = o.raw
	}
	for again := true; again; {
		again = false
		for _, o := range all {
			if _, there := in[o.id]; !there {
				continue
			}
			for _, ref := range o.refs {
				if _, there := in[ref]; !there {
					delete(in, o.id)
					again = true
					break
				}
			}
		}
	}
	return in
}

// lines writes objects one a line.
func lines(all []made) []byte {
	var b strings.Builder
	for _, o := range all {
		b.WriteString(o.raw)
		b.WriteByte('\n')
	}
	return []byte(b.String())
}
