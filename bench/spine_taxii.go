package main

import (
	"fmt"
	"time"
)

// repeat is how often the heavier measurements are made; the median counts.
const repeat = 3

// envelopeSize is how many objects are given in one POST.
const envelopeSize = 1000

// idle measures the memory of a node that has nothing and does nothing.
func (b *bench) idle(w world) error {
	n, err := w.copy()
	if err != nil {
		return err
	}
	s, err := n.serve()
	if err != nil {
		return err
	}
	defer s.stop()
	time.Sleep(5 * time.Second)
	mb, err := s.rss()
	if err != nil {
		return err
	}
	b.report(spineSuite, "rss_idle", mb, "5 s after the start")
	return s.stop()
}

// importFile measures entente import of the whole file into an empty node.
func (b *bench) importFile(w world) error {
	var rates []float64
	for range repeat {
		n, err := w.copy()
		if err != nil {
			return err
		}
		rate, err := n.take(b.data.file, len(b.data.objects))
		if err != nil {
			return err
		}
		rates = append(rates, rate)
	}
	b.report(spineSuite, "import_file", median(rates), "")
	return nil
}

// taxiiPost measures what a server that is given everything in envelopes of
// 1000 spends on it.
func (b *bench) taxiiPost(w world) error {
	envelopes := b.data.envelopes(envelopeSize)
	var rates []float64
	for range repeat {
		rate, err := b.postAll(w, envelopes)
		if err != nil {
			return err
		}
		rates = append(rates, rate)
	}
	b.report(spineSuite, "taxii_post_1000", median(rates), "over TLS, into a partner's inbox")
	return nil
}

func (b *bench) postAll(w world, envelopes [][]byte) (float64, error) {
	n, err := w.copy()
	if err != nil {
		return 0, err
	}
	s, err := n.serve()
	if err != nil {
		return 0, err
	}
	defer s.stop()
	c := newClient(b.ctx, s.url, w.token)
	left := len(b.data.objects)
	cpu, err := s.cost(func() error {
		for _, e := range envelopes {
			count := min(left, envelopeSize)
			if err := c.post("inbox", e, count); err != nil {
				return err
			}
			left -= count
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	mb, err := s.rss()
	if err != nil {
		return 0, err
	}
	b.postRSS = max(b.postRSS, mb)
	return float64(len(b.data.objects)) / cpu.Seconds(), s.stop()
}

// taxiiPages measures what a server spends on a client that reads a
// subscription from its first page to its last, and the memory it then has.
func (b *bench) taxiiPages(w world) error {
	n, err := w.copy()
	if err != nil {
		return err
	}
	all := len(b.data.objects)
	if _, err := n.take(b.data.file, all); err != nil {
		return err
	}
	s, err := n.serve()
	if err != nil {
		return err
	}
	defer s.stop()
	c := newClient(b.ctx, s.url, w.token)
	for _, m := range []struct {
		name  string
		limit int
	}{{"taxii_page_100", 100}, {"taxii_page_1000", 1000}} {
		var rates []float64
		for range repeat {
			cpu, err := s.cost(func() error { return c.pageThrough(w.collection, m.limit, all) })
			if err != nil {
				return err
			}
			rates = append(rates, float64(all)/cpu.Seconds())
		}
		b.report(spineSuite, m.name, median(rates), "over TLS")
	}
	mb, err := s.rss()
	if err != nil {
		return err
	}
	b.report(spineSuite, "rss_attack", max(mb, b.postRSS), rssNote(mb, b.postRSS))
	return s.stop()
}

func rssNote(paged, posted float64) string {
	return fmt.Sprintf("the larger of: imported and paged %v, posted %v", round(paged), round(posted))
}
