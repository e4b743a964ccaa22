package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"entente/internal/intake"
	"entente/internal/node"
	"entente/internal/register"
	"entente/stix"
)

func (a *app) importCommand() *cobra.Command {
	var profile string
	var dry bool
	cmd := &cobra.Command{
		Use:   "import FILE|DIR…",
		Short: "Bring objects in: STIX, line-delimited STIX, the UN list, names of listed groups",
		Long: `Bring objects in. The format is recognised: STIX 2.1 bundles, TAXII envelopes and
single objects, one object a line (NDJSON), the consolidated list of the UN
Security Council (XML), a table of names of listed groups (CSV: group,alias);
any of them may be compressed with zstd. - is standard input.

--profile names the intake profile: what is known about everything from this
source. Without it the UN list and the table of groups have profiles of their
own, and everything else is held as "undeclared", of which nothing leaves.

An import that was interrupted goes on where it stopped when it is given again.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			roomierHeap()
			return a.with(cmd.Context(), func(n *node.Node) error {
				total := intake.Report{Refused: []intake.Refusal{}}
				files, err := expand(args)
				if err != nil {
					return err
				}
				for _, name := range files {
					rep, err := a.importFile(cmd, n, name, profile, dry)
					add(&total, rep)
					if err != nil {
						a.finish(total, dry)
						return fmt.Errorf("%s: %w", name, err)
					}
				}
				return a.finish(total, dry)
			})
		},
	}
	cmd.Flags().StringVar(&profile, "profile", "", "intake profile of the source")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "look at everything, keep nothing")
	return cmd
}

// expand lists the files below folders.
func expand(args []string) (files []string, err error) {
	for _, arg := range args {
		fi, err := os.Stat(arg)
		if arg == "-" || err == nil && !fi.IsDir() {
			files = append(files, arg)
			continue
		}
		if err != nil {
			return nil, err
		}
		err = filepath.WalkDir(arg, func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files = append(files, p)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

func add(total *intake.Report, rep intake.Report) {
	total.Accepted += rep.Accepted
	total.Unchanged += rep.Unchanged
	total.Disputed += rep.Disputed
	total.Foreign += rep.Foreign
	total.Skipped += rep.Skipped
	total.Refused = append(total.Refused, rep.Refused...)
}

func (a *app) finish(rep intake.Report, dry bool) error {
	if a.json {
		return a.write(rep)
	}
	const most = 20
	for i, r := range rep.Refused {
		if i == most {
			a.say("… and %d more; --json lists them all", len(rep.Refused)-most)
			break
		}
		a.say("refused: line %d %s: %s", r.Line, r.ID, r.Why)
	}
	word := "accepted"
	if dry {
		word = "would be accepted"
	}
	a.say("%d %s, %d unchanged, %d refused", rep.Accepted, word, rep.Unchanged, len(rep.Refused))
	if rep.Skipped > 0 {
		a.say("%d were done by an earlier run of this import", rep.Skipped)
	}
	if rep.Disputed+rep.Foreign > 0 {
		a.say("%d say something else than what is here under the same id and version; a person decides: entente doctor", rep.Disputed+rep.Foreign)
	}
	return nil
}

func (a *app) importFile(cmd *cobra.Command, n *node.Node, name, profile string, dry bool) (intake.Report, error) {
	sum := sha256.New()
	src, closeSrc, err := openInput(name)
	if err != nil {
		return intake.Report{}, err
	}
	defer closeSrc()
	r := bufio.NewReaderSize(src, 256<<10)
	format, err := recognise(r)
	if err != nil {
		return intake.Report{}, err
	}
	if profile == "" {
		profile = format.profile
	}
	if profile == "undeclared" && !a.json {
		a.say("hint: no intake profile is given, so nothing of %s will leave this node; see --profile", filepath.Base(name))
	}
	p, err := n.Profile(profile)
	if err != nil {
		return intake.Report{}, usageError{err}
	}
	if name != "-" {
		if err := hashFile(sum, name); err != nil {
			return intake.Report{}, err
		}
	}
	fmt.Fprintf(sum, "\n%s\n%s", name, profile)
	progress := a.progress(filepath.Base(name))
	defer progress.done()
	im := intake.Import{Source: intake.Source{Profile: p}, Container: intake.Container{Kind: "file", Ref: filepath.Base(name)},
		Items: format.items(r), DryRun: dry, Resume: [32]byte(sum.Sum(nil)), Progress: progress.at}
	return n.Intake.Import(cmd.Context(), im)
}

func hashFile(w io.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// maxZstdWindow bounds what decompression may hold in memory.
const maxZstdWindow = 64 << 20

// openInput opens a file, decompressing it if need be.
func openInput(name string) (io.Reader, func(), error) {
	var f io.ReadCloser = os.Stdin
	if name != "-" {
		var err error
		if f, err = os.Open(name); err != nil {
			return nil, nil, err
		}
	}
	br := bufio.NewReader(f)
	magic, _ := br.Peek(4)
	if !bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		return br, func() { f.Close() }, nil
	}
	z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return z, func() { z.Close(); f.Close() }, nil
}

// format is a kind of file that can be imported.
type format struct {
	profile string // unless another is given
	items   func(io.Reader) iter.Seq2[stix.Item, error]
}

// groupsHeader is the first line of a table of groups, after comments.
var groupsHeader = regexp.MustCompile(`^(#[^\n]*\n)*group,alias\r?\n`)

func recognise(r *bufio.Reader) (format, error) {
	head, err := r.Peek(4096)
	if len(head) == 0 {
		if err == nil || errors.Is(err, io.EOF) {
			err = errors.New("the file is empty")
		}
		return format{}, err
	}
	switch {
	case register.SniffUN(head):
		return format{"un-consolidated", listings(register.ReadUN)}, nil
	case groupsHeader.Match(head):
		return format{"listed-groups", listings(register.ReadGroups)}, nil
	case strings.HasPrefix(strings.TrimSpace(string(head)), "{"):
		return format{"undeclared", stixItems}, nil
	}
	return format{}, errors.New("the format is not known: STIX 2.1 as JSON, the UN consolidated list as XML and tables of groups as CSV are")
}

func stixItems(r io.Reader) iter.Seq2[stix.Item, error] {
	return func(yield func(stix.Item, error) bool) {
		rd := stix.NewReader(r)
		for {
			item, err := rd.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}

// listings turns entries of a list into items: an entry that cannot be read is
// refused, a list that breaks off is an error.
func listings(read func(io.Reader) iter.Seq2[register.Listing, error]) func(io.Reader) iter.Seq2[stix.Item, error] {
	return func(r io.Reader) iter.Seq2[stix.Item, error] {
		return func(yield func(stix.Item, error) bool) {
			for l, err := range read(r) {
				item := stix.Item{Line: l.Line, ID: string(l.ID)}
				var entry *register.EntryError
				switch {
				case errors.As(err, &entry):
					item.Line, item.ID, item.Err = entry.Line, entry.Reference, entry
				case err != nil:
					yield(item, err)
					return
				default:
					item.Object, item.Err = stix.Parse(l.Object)
				}
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}
