// Package access knows the people and programs that sign in at this node: their
// names, their roles, and how to tell that it is them.
//
// Passwords are kept as Argon2id hashes (RFC 9106), tokens, which are random,
// as SHA-256. Checking a password is made expensive on purpose; a client that
// sends it with every request is remembered for some minutes under a keyed
// hash, in memory only. Unknown names cost as much as wrong passwords.
package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/time/rate"

	"entente/internal/db"
	"entente/internal/journal"
)

// Roles are what an account is for. The role partner is that of a client of one
// partner, which may read and bring what that partner may; all others are
// people of this node.
var Roles = []string{"analyst", "auditor", "dpo", "head", "liaison", "operator", "partner", "programme-officer", "release-officer", "reviewer"}

// Account is somebody or something that can sign in.
type Account struct {
	Name    string
	Role    string
	Partner string // of the role partner: whose client it is
}

// ErrWrong means that name and secret do not belong together, or that there
// were too many wrong ones lately. It says no more on purpose.
var ErrWrong = errors.New("the name or the password is wrong")

// Room checks accounts. It is safe for concurrent use.
type Room struct {
	db      *db.DB
	journal *journal.Journal
	now     func() time.Time
	random  io.Reader
	key     [32]byte      // of the memory of checked passwords, made anew at every start
	slots   chan struct{} // bounds the checks that run at once: each takes 19 MiB

	mu      sync.Mutex
	checked map[[32]byte]until
	wrong   map[string]*rate.Limiter
}

type until struct {
	account Account
	t       time.Time
}

// Limits of the memory.
const (
	rememberFor = 10 * time.Minute
	maxMemory   = 10_000
)

// New returns a Room.
func New(d *db.DB, j *journal.Journal, random io.Reader, now func() time.Time) (*Room, error) {
	r := &Room{db: d, journal: j, now: now, random: random, slots: make(chan struct{}, 2), checked: map[[32]byte]until{}, wrong: map[string]*rate.Limiter{}}
	_, err := rand.Read(r.key[:])
	return r, err
}

var accountName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._@-]{0,63}$`)

// MinPassword is the least characters of a password (NIST SP 800-63B §5.1.1.2
// asks for 8; there is no second factor yet).
const MinPassword = 8

// maxPassword bounds the work of hashing one, in bytes.
const maxPassword = 1024

// Add makes an account. With an empty password it returns a random token, which
// is shown once and kept nowhere.
func (r *Room) Add(tx *db.Tx, a Account, password string) (token string, err error) {
	if password != "" && len([]rune(password)) < MinPassword {
		return "", fmt.Errorf("a password has at least %d characters", MinPassword)
	}
	return r.add(tx, a, password)
}

// AddProbe makes an account of a probe, whose passwords are given and public.
func (r *Room) AddProbe(tx *db.Tx, a Account, password string) error {
	_, err := r.add(tx, a, password)
	return err
}

func (r *Room) add(tx *db.Tx, a Account, password string) (token string, err error) {
	if !accountName.MatchString(a.Name) {
		return "", fmt.Errorf("%q cannot name an account: use letters, digits and . _ @ -, 64 at most", a.Name)
	}
	if !slices.Contains(Roles, a.Role) {
		return "", fmt.Errorf("there is no role %q: use one of %s", a.Role, strings.Join(Roles, ", "))
	}
	if (a.Role == "partner") != (a.Partner != "") {
		return "", errors.New("an account has a partner if its role is partner, and only then")
	}
	var secret string
	if password == "" {
		raw := make([]byte, 32)
		if _, err := io.ReadFull(r.random, raw); err != nil {
			return "", fmt.Errorf("no random bytes: %w", err)
		}
		token = tokenPrefix + base64.RawURLEncoding.EncodeToString(raw)
		secret = tokenHash(token)
	} else if secret, err = r.hash(tx.Context(), password); err != nil {
		return "", err
	}
	n, err := tx.Exec("INSERT INTO account(name,role,partner,secret,at) VALUES ($1,$2,$3,$4,$5) ON CONFLICT (name) DO NOTHING", a.Name, a.Role, a.Partner, secret, r.now().UnixMicro())
	if err != nil {
		return "", err
	}
	if n == 0 {
		return "", fmt.Errorf("there is an account called %s already", a.Name)
	}
	_, err = r.journal.Note(tx, "account", map[string]string{"name": a.Name, "role": a.Role, "partner": a.Partner}, nil)
	return token, err
}

const tokenPrefix = "entente_"

func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return "token$" + hex.EncodeToString(sum[:])
}

// Argon2id with the parameters that OWASP gives first: 19 MiB, two passes.
const (
	argonTime   = 2
	argonMemory = 19 * 1024
)

func (r *Room) hash(ctx context.Context, password string) (string, error) {
	if len(password) > maxPassword {
		return "", fmt.Errorf("a password has at most %d bytes", maxPassword)
	}
	salt := make([]byte, 16)
	if _, err := io.ReadFull(r.random, salt); err != nil {
		return "", fmt.Errorf("no random bytes: %w", err)
	}
	sum, err := r.argon(ctx, password, salt)
	if err != nil {
		return "", err
	}
	return "argon2id$" + hex.EncodeToString(salt) + "$" + hex.EncodeToString(sum), nil
}

// argon waits for its turn, but not for a client that has gone.
func (r *Room) argon(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-r.slots }()
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, 1, 32), nil
}

// Password tells whose name and password these are.
func (r *Room) Password(ctx context.Context, name, password string) (Account, error) {
	memory := r.memory(name, password)
	if a, ok := r.remembered(memory); ok {
		return a, nil
	}
	if !r.allowed(name) {
		return Account{}, ErrWrong
	}
	a, secret, err := r.account(ctx, "name=$1", name)
	if err != nil {
		return Account{}, err
	}
	kind, rest, _ := strings.Cut(secret, "$")
	saltText, hashText, _ := strings.Cut(rest, "$")
	salt, err1 := hex.DecodeString(saltText)
	want, err2 := hex.DecodeString(hashText)
	if kind != "argon2id" || err1 != nil || err2 != nil {
		salt, want = make([]byte, 16), nil // no such account, or one with a token: the same work
	}
	if len(password) > maxPassword {
		password = ""
	}
	got, err := r.argon(ctx, password, salt)
	if err != nil {
		return Account{}, err
	}
	if subtle.ConstantTimeCompare(got, want) != 1 {
		r.failed(name)
		return Account{}, ErrWrong
	}
	r.remember(memory, a)
	return a, nil
}

// Token tells whose token this is.
func (r *Room) Token(ctx context.Context, token string) (Account, error) {
	if !strings.HasPrefix(token, tokenPrefix) || len(token) > 100 {
		return Account{}, ErrWrong
	}
	a, secret, err := r.account(ctx, "secret=$1", tokenHash(token))
	if err != nil {
		return Account{}, err
	}
	if secret == "" {
		return Account{}, ErrWrong
	}
	return a, nil
}

func (r *Room) account(ctx context.Context, where, key string) (a Account, secret string, err error) {
	err = r.db.View(ctx, func(tx *db.Tx) error {
		_, err := tx.Row("SELECT name,role,partner,secret FROM account WHERE "+where, []any{key}, &a.Name, &a.Role, &a.Partner, &secret)
		return err
	})
	return a, secret, err
}

// All returns the accounts by name, without their secrets.
func All(tx *db.Tx) ([]Account, error) {
	var out []Account
	err := tx.Rows("SELECT name,role,partner FROM account ORDER BY name", nil, func(scan func(...any) error) error {
		var a Account
		defer func() { out = append(out, a) }()
		return scan(&a.Name, &a.Role, &a.Partner)
	})
	return out, err
}

func (r *Room) memory(name, password string) [32]byte {
	h := hmac.New(sha256.New, r.key[:])
	fmt.Fprintf(h, "%d:%s%s", len(name), name, password)
	return [32]byte(h.Sum(nil))
}

func (r *Room) remembered(m [32]byte) (Account, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u, ok := r.checked[m]
	return u.account, ok && r.now().Before(u.t)
}

func (r *Room) remember(m [32]byte, a Account) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.checked) >= maxMemory {
		clear(r.checked)
	}
	r.checked[m] = until{a, r.now().Add(rememberFor)}
}

// allowed and failed slow down guessing: ten wrong passwords for one name, then
// one every ten seconds.
func (r *Room) allowed(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.wrong[name]
	return l == nil || l.TokensAt(r.now()) >= 1
}

func (r *Room) failed(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.wrong) >= maxMemory {
		clear(r.wrong)
	}
	l := r.wrong[name]
	if l == nil {
		l = rate.NewLimiter(rate.Every(10*time.Second), 10)
		r.wrong[name] = l
	}
	l.AllowN(r.now(), 1)
}
