package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"
)

// dataset is the objects that a suite works with.
type dataset struct {
	what    string   // for people
	file    string   // to import
	objects [][]byte // one object each
}

// attackObjects is how many objects ATT&CK enterprise has, in 21 versions of
// which the goals speak.
const attackObjects = 24_771

// attack returns the ATT&CK file, or generated data of the same shape.
func (b *bench) attack() (dataset, error) {
	dir := b.dataDir
	if dir == "" {
		dir = filepath.Join("..", "shared", "data")
	}
	file := filepath.Join(dir, "stix", "attack-enterprise-21.ndjson.zst")
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) && b.dataDir == "" {
		return b.generate(attackObjects)
	}
	if err != nil {
		return dataset{}, err
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		return dataset{}, err
	}
	defer z.Close()
	objects, err := lines(z)
	if err != nil {
		return dataset{}, fmt.Errorf("%s: %w", file, err)
	}
	return dataset{what: fmt.Sprintf("Data: ATT&CK enterprise, %d objects", len(objects)), file: file, objects: objects}, nil
}

func lines(r io.Reader) (out [][]byte, err error) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if len(bytes.TrimSpace(s.Bytes())) > 0 {
			out = append(out, bytes.Clone(s.Bytes()))
		}
	}
	return out, s.Err()
}

// envelopes packs the objects into TAXII envelopes of n.
func (d dataset) envelopes(n int) (out [][]byte) {
	for from := 0; from < len(d.objects); from += n {
		var e bytes.Buffer
		e.WriteString(`{"objects":[`)
		e.Write(bytes.Join(d.objects[from:min(from+n, len(d.objects))], []byte(",")))
		e.WriteString("]}")
		out = append(out, e.Bytes())
	}
	return out
}

// generate makes n objects of about the shape of ATT&CK: one publisher and its
// statement marking on everything, a fifth things of some 2 kB, the rest
// relationships of 1.2 kB between them. The same every time.
func (b *bench) generate(n int) (dataset, error) {
	d := dataset{what: fmt.Sprintf("Data: %d generated objects, of about the shape of ATT&CK", n), objects: generated(n)}
	d.file = filepath.Join(b.dir("generated"), fmt.Sprintf("generated-%d.ndjson", n))
	return d, os.WriteFile(d.file, append(bytes.Join(d.objects, []byte("\n")), '\n'), 0o600)
}

func generated(n int) (out [][]byte) {
	g := generator{rand.New(rand.NewPCG(1, uint64(n)))}
	publisher, statement := g.id("identity"), g.id("marking-definition")
	const dated = `"created":"2024-03-01T10:00:00.000Z","modified":"2025-04-16T21:48:58.676Z"`
	common := fmt.Sprintf(`"spec_version":"2.1",%s,"created_by_ref":"%s","object_marking_refs":["%s"],"x_mitre_domains":["enterprise-attack"]`, dated, publisher, statement)
	add := func(format string, args ...any) { out = append(out, fmt.Appendf(nil, format, args...)) }
	add(`{"type":"identity","id":"%s","spec_version":"2.1",%s,"name":"An invented publisher","identity_class":"organization"}`, publisher, dated)
	add(`{"type":"marking-definition","id":"%s","spec_version":"2.1","created":"2017-06-01T00:00:00.000Z","definition_type":"statement","definition":{"statement":"Invented for measurements."}}`, statement)
	types := []string{"attack-pattern", "malware", "tool", "course-of-action", "intrusion-set"}
	var things []string
	for i := range max(n/5, 2) {
		typ, extra := types[i%len(types)], ""
		if typ == "malware" {
			extra = `,"is_family":true`
		}
		things = append(things, g.id(typ))
		add(`{"type":"%s","id":"%s",%s%s,"name":"Thing %d","description":"%s"}`, typ, things[i], common, extra, i, g.words(1700))
	}
	for len(out) < n {
		from, to := things[g.IntN(len(things))], things[g.IntN(len(things))]
		add(`{"type":"relationship","id":"%s",%s,"relationship_type":"related-to","source_ref":"%s","target_ref":"%s","description":"%s"}`, g.id("relationship"), common, from, to, g.words(650))
	}
	return out[:n]
}

type generator struct{ *rand.Rand }

func (g generator) id(typ string) string {
	var raw [16]byte
	for i := range raw {
		raw[i] = byte(g.Uint32())
	}
	raw[6], raw[8] = raw[6]&0x0f|0x40, raw[8]&0x3f|0x80 // RFC 9562 §5.4
	return typ + "--" + uuid.UUID(raw).String()
}

// words is text of about n bytes.
func (g generator) words(n int) string {
	vocabulary := []string{"an", "adversary", "may", "use", "the", "network", "of", "some", "service", "to", "reach", "other", "hosts", "and", "files", "(Citation: Report 2024)"}
	var text []byte
	for len(text) < n {
		text = append(append(text, vocabulary[g.IntN(len(vocabulary))]...), ' ')
	}
	return string(text)
}
