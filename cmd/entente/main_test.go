package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"entente/internal/db"
	"entente/taxii"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"entente": func() { os.Exit(run(os.Args[1:])) }})
}

// TestScripts runs every testdata/*.txtar against the real program.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			for _, name := range []string{"PORT1", "PORT2", "PORT3", "PORT4"} {
				p, err := freePort()
				if err != nil {
					return err
				}
				e.Setenv(name, p)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"listening":  listening,
			"code":       code,
			"sql":        sqlExec,
			"http":       httpDo,
			"eventually": eventually,
		},
	})
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// listening ADDR waits until somebody listens there.
func listening(ts *testscript.TestScript, _ bool, args []string) {
	for range 200 {
		if c, err := net.Dial("tcp", args[0]); err == nil {
			c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("nobody listens on %s", args[0])
}

// eventually REGEXP COMMAND… runs the program until what it prints matches, for
// ten seconds: far less than the minute in which nodes ask without being told.
func eventually(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile(args[0])
	for range 100 {
		ts.Check(ts.Exec(args[1], args[2:]...))
		if want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("%s did not come to print %s", args[1:], want)
}

// code NAME FILE sets a variable to the pairing code that stands in FILE.
func code(ts *testscript.TestScript, _ bool, args []string) {
	for _, word := range strings.Fields(ts.ReadFile(args[1])) {
		if len(word) == 14 && strings.Count(word, "-") == 2 {
			ts.Setenv(args[0], word)
			return
		}
	}
	ts.Fatalf("no code in %s", args[1])
}

// sql FILE STATEMENT changes a database behind the node's back.
func sqlExec(ts *testscript.TestScript, _ bool, args []string) {
	d, err := db.Open(context.Background(), ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(d.Update(context.Background(), func(tx *db.Tx) error {
		n, err := tx.Exec(args[1])
		if err == nil && n == 0 {
			err = fmt.Errorf("nothing was changed")
		}
		return err
	}))
	ts.Check(d.Close())
}

// http METHOD USER URL [BODY-FILE] asks a node and keeps status and answer as
// stdout. USER is name:password, a token, or - for nobody.
func httpDo(ts *testscript.TestScript, neg bool, args []string) {
	var body io.Reader
	if len(args) > 3 {
		body = strings.NewReader(ts.ReadFile(args[3]))
	}
	req, err := http.NewRequest(args[0], args[2], body)
	ts.Check(err)
	req.Header.Set("Accept", taxii.MediaType)
	req.Header.Set("Content-Type", taxii.MediaType)
	if name, password, ok := strings.Cut(args[1], ":"); ok {
		req.SetBasicAuth(name, password)
	} else if args[1] != "-" {
		req.Header.Set("Authorization", "Bearer "+args[1])
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if neg {
		if err == nil {
			ts.Fatalf("the node answered: %s", res.Status)
		}
		return
	}
	ts.Check(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d\n%s\n", res.StatusCode, text)
}
