package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// client is a partner's TAXII 2.1 client, as plain as can be. It trusts
// whatever certificate the node has made for itself.
type client struct {
	ctx   context.Context
	http  *http.Client
	url   string // of the API root
	token string
}

func newClient(ctx context.Context, server, token string) *client {
	return &client{ctx: ctx, url: server + "/shared/", token: token, http: &http.Client{Timeout: 5 * time.Minute,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableCompression: true}}}
}

const mediaType = "application/taxii+json;version=2.1"

// do sends one request and reads the JSON answer into v.
func (c *client) do(method, path string, body []byte, want int, v any) error {
	req, err := http.NewRequestWithContext(c.ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Accept", mediaType)
	req.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		req.Header.Set("Content-Type", mediaType)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != want {
		return fmt.Errorf("%s %s: %s: %.300s", method, path, res.Status, text)
	}
	return json.Unmarshal(text, v)
}

// post adds an envelope to a collection; all n objects in it must be accepted.
func (c *client) post(collection string, envelope []byte, n int) error {
	var status struct {
		Successes int               `json:"success_count"`
		Failures  []json.RawMessage `json:"failures"`
	}
	err := c.do(http.MethodPost, "collections/"+collection+"/objects/", envelope, http.StatusAccepted, &status)
	if err == nil && status.Successes != n {
		err = fmt.Errorf("%d of %d objects were accepted; %d failures, the first: %.300s", status.Successes, n, len(status.Failures), append(status.Failures, nil)[0])
	}
	return err
}

// page asks for one page of a collection.
func (c *client) page(collection string, limit int, next string) (objects int, more bool, then string, err error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if next != "" {
		q.Set("next", next)
	}
	var page struct {
		More    bool              `json:"more"`
		Next    string            `json:"next"`
		Objects []json.RawMessage `json:"objects"`
	}
	err = c.do(http.MethodGet, "collections/"+collection+"/objects/?"+q.Encode(), nil, http.StatusOK, &page)
	return len(page.Objects), page.More, page.Next, err
}

// pageThrough reads a collection to its end, which must come after n objects.
func (c *client) pageThrough(collection string, limit, n int) error {
	got := 0
	for next, more := "", true; more; {
		var count int
		var err error
		if count, more, next, err = c.page(collection, limit, next); err != nil {
			return err
		}
		if more && (next == "" || count == 0) {
			return errors.New("a page says that there is more, but not where")
		}
		got += count
	}
	if got != n {
		return fmt.Errorf("the collection has %d objects; %d were expected", got, n)
	}
	return nil
}
