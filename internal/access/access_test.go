package access

import (
	"context"
	"crypto/ed25519"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"entente/internal/db"
	"entente/internal/journal"
)

// lodge is a room with a clock that is moved by hand.
type lodge struct {
	*Room
	t     *testing.T
	db    *db.DB
	clock time.Time
}

func newLodge(t *testing.T) *lodge {
	t.Helper()
	l := &lodge{t: t, clock: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	now, random := func() time.Time { return l.clock }, rand.NewChaCha8([32]byte{1})
	var err error
	if l.db, err = db.OpenScratch(t.Context(), filepath.Join(t.TempDir(), "node.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.db.Close() })
	j, err := journal.New("alfa", ed25519.NewKeyFromSeed(make([]byte, 32)), random, now)
	if err != nil {
		t.Fatal(err)
	}
	if l.Room, err = New(l.db, j, random, now); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *lodge) add(a Account, password string) (token string, err error) {
	err = l.db.Update(context.Background(), func(tx *db.Tx) (err error) {
		token, err = l.Add(tx, a, password)
		return err
	})
	return token, err
}

func (l *lodge) password(name, password string) (Account, error) {
	return l.Password(context.Background(), name, password)
}

const secret = "correct horse battery"

var anna = Account{Name: "anna", Role: "analyst"}

func TestAddRefuses(t *testing.T) {
	l := newLodge(t)
	for name, x := range map[string]struct {
		a        Account
		password string
		ok       bool
	}{
		"a person":                 {anna, secret, true},
		"the same name":            {Account{Name: "anna", Role: "operator"}, secret, false},
		"a client":                 {Account{Name: "bravo@taxii", Role: "partner", Partner: "bravo"}, "", true},
		"no name":                  {Account{Role: "analyst"}, secret, false},
		"a long name":              {Account{Name: strings.Repeat("x", 65), Role: "analyst"}, secret, false},
		"a name with a colon":      {Account{Name: "a:b", Role: "analyst"}, secret, false}, // Basic could not say it
		"no role":                  {Account{Name: "x1"}, secret, false},
		"another role":             {Account{Name: "x2", Role: "root"}, secret, false},
		"a client of nobody":       {Account{Name: "x3", Role: "partner"}, secret, false},
		"an analyst of a partner":  {Account{Name: "x4", Role: "analyst", Partner: "bravo"}, secret, false},
		"a short password":         {Account{Name: "x5", Role: "analyst"}, "seven77", false},
		"eight characters":         {Account{Name: "x6", Role: "analyst"}, "äöüßäöüß", true},
		"seven, though more bytes": {Account{Name: "x7", Role: "analyst"}, "äöüßäöü", false},
		"a password without end":   {Account{Name: "x8", Role: "analyst"}, strings.Repeat("x", maxPassword+1), false},
	} {
		if name == "the same name" {
			continue // below: maps have no order
		}
		if token, err := l.add(x.a, x.password); (err == nil) != x.ok || (token != "") != (x.ok && x.password == "") {
			t.Errorf("%s: token %q, %v", name, token, err)
		}
	}
	if _, err := l.add(Account{Name: "anna", Role: "operator"}, secret); err == nil {
		t.Error("a second account of one name")
	}
	err := l.db.View(t.Context(), func(tx *db.Tx) error {
		all, err := All(tx)
		if len(all) != 3 || all[0] != anna {
			t.Errorf("accounts %v", all)
		}
		var kept string
		if err := tx.Rows("SELECT secret FROM account", nil, func(scan func(...any) error) error {
			var s string
			defer func() { kept += s }()
			return scan(&s)
		}); err != nil {
			return err
		}
		if strings.Contains(kept, secret) || strings.Contains(kept, tokenPrefix) {
			t.Error("a secret is kept as it is")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPasswordsAndTokens(t *testing.T) {
	l := newLodge(t)
	bravo := Account{Name: "bravo", Role: "partner", Partner: "bravo"}
	if _, err := l.add(anna, secret); err != nil {
		t.Fatal(err)
	}
	token, err := l.add(bravo, "")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time out of memory
		if a, err := l.password("anna", secret); a != anna || err != nil {
			t.Errorf("%+v, %v", a, err)
		}
	}
	if a, err := l.Token(t.Context(), token); a != bravo || err != nil {
		t.Errorf("%+v, %v", a, err)
	}
	for _, x := range [][2]string{{"anna", "wrong"}, {"anna", ""}, {"anna", secret + " "}, {"nobody", secret}, {"", ""}, {"bravo", token}, {"bravo", ""}, {"anna", strings.Repeat("x", 5000)}} {
		if a, err := l.password(x[0], x[1]); !errors.Is(err, ErrWrong) || a != (Account{}) {
			t.Errorf("%.20q: %+v, %v", x, a, err)
		}
	}
	for _, x := range []string{"", "entente_", token[:len(token)-1], token + "x", secret, tokenHash(token), tokenPrefix + strings.Repeat("x", 5000)} {
		if a, err := l.Token(t.Context(), x); !errors.Is(err, ErrWrong) || a != (Account{}) {
			t.Errorf("token %.20q: %+v, %v", x, a, err)
		}
	}
}

// Ten wrong passwords, then one every ten seconds: for a name that exists and
// for one that does not alike, and for no other name. Who is remembered stays in.
func TestGuessingIsSlow(t *testing.T) {
	l := newLodge(t)
	for _, name := range []string{"anna", "boris"} {
		if _, err := l.add(Account{Name: name, Role: "analyst"}, secret); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.password("boris", secret); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		for _, name := range []string{"anna", "nobody", "boris"} {
			if _, err := l.password(name, "wrong"); !errors.Is(err, ErrWrong) {
				t.Fatal(err)
			}
		}
	}
	if _, err := l.password("anna", secret); !errors.Is(err, ErrWrong) {
		t.Errorf("the eleventh attempt was looked at: %v", err)
	}
	if l.allowed("nobody") {
		t.Error("a name that does not exist may be guessed at without end")
	}
	if _, err := l.password("boris", secret); err != nil {
		t.Errorf("who is remembered is locked out: %v", err)
	}
	l.clock = l.clock.Add(9 * time.Second)
	if l.allowed("anna") {
		t.Error("allowed after nine seconds")
	}
	l.clock = l.clock.Add(2 * time.Second)
	if _, err := l.password("anna", secret); err != nil {
		t.Errorf("after eleven seconds: %v", err)
	}
}

// What is remembered is one name with one password, for a while.
func TestMemoryExpires(t *testing.T) {
	l := newLodge(t)
	if _, err := l.add(anna, secret); err != nil {
		t.Fatal(err)
	}
	if _, err := l.password("anna", secret); err != nil {
		t.Fatal(err)
	}
	remembered := func(name, password string) bool {
		_, ok := l.remembered(l.memory(name, password))
		return ok
	}
	if !remembered("anna", secret) || remembered("anna", secret+"x") || remembered("ann", "a"+secret) || remembered("boris", secret) {
		t.Error("something else is remembered than what was checked")
	}
	l.clock = l.clock.Add(rememberFor - time.Second)
	if !remembered("anna", secret) {
		t.Error("forgotten too early")
	}
	l.clock = l.clock.Add(time.Second)
	if remembered("anna", secret) {
		t.Error("still remembered")
	}
	other := newLodge(t)
	if other.memory("anna", secret) == l.memory("anna", secret) {
		t.Error("the memory of two rooms has one key")
	}
	for i := range maxMemory + 1 {
		l.remember([32]byte{byte(i), byte(i >> 8)}, anna)
		l.failed(string(rune(i)))
	}
	if len(l.checked) > maxMemory || len(l.wrong) > maxMemory {
		t.Errorf("%d and %d are remembered", len(l.checked), len(l.wrong))
	}
}

// A name that does not exist, one that has no password, and a wrong password all
// come to the same expensive check; so does the right one. And nobody waits for
// it on behalf of a client that has gone.
func TestEveryPasswordIsHashed(t *testing.T) {
	l := newLodge(t)
	if _, err := l.add(anna, secret); err != nil {
		t.Fatal(err)
	}
	if _, err := l.add(Account{Name: "bravo", Role: "partner", Partner: "bravo"}, ""); err != nil {
		t.Fatal(err)
	}
	for range cap(l.slots) {
		l.slots <- struct{}{} // no hashing can begin
	}
	for _, x := range [][2]string{{"anna", secret}, {"anna", "wrong"}, {"nobody", "wrong"}, {"bravo", "wrong"}, {"anna", strings.Repeat("x", 5000)}} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err := l.Password(ctx, x[0], x[1])
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%.20q was answered without hashing: %v", x, err)
		}
	}
}
