package main

import (
	"fmt"
	"time"
)

// firstPage measures whether the first page of a large collection takes longer
// than that of a small one. Both servers run, and are asked in turn.
func (b *bench) firstPage(w world) error {
	const small, asked = 10_000, 60
	large := 200_000
	if b.large {
		large = 1_000_000
	}
	var clients []*client
	for _, objects := range []int{small, large} {
		n, err := w.copy()
		if err != nil {
			return err
		}
		d, err := b.generate(objects)
		if err != nil {
			return err
		}
		b.say("first_page_ratio: importing %d objects", objects)
		if _, err := n.take(d.file, objects); err != nil {
			return err
		}
		s, err := n.serve()
		if err != nil {
			return err
		}
		defer s.stop()
		clients = append(clients, newClient(b.ctx, s.url, w.token))
	}
	times := make([][]float64, len(clients))
	for range asked {
		for i, c := range clients {
			start := time.Now()
			got, more, _, err := c.page(w.collection, 100, "")
			if err == nil && (got != 100 || !more) {
				err = fmt.Errorf("the first page has %d objects", got)
			}
			if err != nil {
				return err
			}
			times[i] = append(times[i], float64(time.Since(start).Microseconds())/1000)
		}
	}
	at10k, atLarge := median(times[0]), median(times[1])
	b.report(spineSuite, "first_page_ratio", atLarge/at10k, fmt.Sprintf("at %d objects over 10000: %v ms over %v ms, medians of %d", large, round(atLarge), round(at10k), asked))
	return nil
}
