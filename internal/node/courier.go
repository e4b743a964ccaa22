package node

import (
	"context"
	"sync"
)

// courier runs one errand at a time, away from whoever sends it. What is asked
// for while it is out is done once when it is back: errands that say the same
// are one.
type courier struct {
	run  func(ctx context.Context, memory map[string]int64, what string)
	mu   sync.Mutex
	busy bool
	next map[string]bool
	wg   sync.WaitGroup
	mem  map[string]int64 // owned by the errand that is out
}

func newCourier(run func(context.Context, map[string]int64, string)) *courier {
	return &courier{run: run, next: map[string]bool{}, mem: map[string]int64{}}
}

func (c *courier) send(ctx context.Context, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next[what] = true
	if c.busy {
		return
	}
	c.busy = true
	c.wg.Go(func() { c.out(ctx) })
}

func (c *courier) out(ctx context.Context) {
	for {
		c.mu.Lock()
		if len(c.next) == 0 || ctx.Err() != nil {
			c.busy = false
			c.mu.Unlock()
			return
		}
		errands := c.next
		c.next = map[string]bool{}
		c.mu.Unlock()
		for what := range errands {
			c.run(ctx, c.mem, what)
		}
	}
}

func (c *courier) wait() { c.wg.Wait() }
