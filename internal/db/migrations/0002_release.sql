-- What each partner has: room release.

-- A view is what one TAXII collection shows: a subscription (partner, agreement,
-- purpose), or the inbox of a partner. next is the number the next object gets,
-- last the latest date_added in microseconds, epoch the policy under which the
-- view was last considered.
CREATE TABLE view(
  n {pk}, kind {text} NOT NULL, partner {text} NOT NULL, agreement {text} NOT NULL, purpose {text} NOT NULL,
  collection {text} NOT NULL UNIQUE, alias {text} NOT NULL, title {text} NOT NULL, carriage {text} NOT NULL,
  options {text} NOT NULL, next {int} NOT NULL, last {int} NOT NULL, epoch {blob} NOT NULL, withdrawals {int} NOT NULL,
  UNIQUE (kind, partner, agreement, purpose, alias));

-- The release log: count objects from number first on are the places from place
-- on in class; date_added is at plus a microsecond a step. entry and item say
-- where the ledger holds the first of them, rule on what their release rests.
CREATE TABLE released(
  view {int} NOT NULL, first {int} NOT NULL, count {int} NOT NULL, class {int} NOT NULL, place {int} NOT NULL,
  at {int} NOT NULL, entry {int} NOT NULL, item {int} NOT NULL, rule {text} NOT NULL,
  PRIMARY KEY (view, first)) {clustered};
CREATE UNIQUE INDEX released_place ON released(view, class, place);
CREATE INDEX released_at ON released(view, at);
CREATE INDEX released_entry ON released(entry);

-- Numbers of a view that a later version of the same object has replaced.
CREATE TABLE replaced(view {int} NOT NULL, no {int} NOT NULL, PRIMARY KEY (view, no)) {clustered};

-- Submissions whose class may go but that refer to what may not: each waits for one such target.
CREATE TABLE waiting(
  view {int} NOT NULL, target {int} NOT NULL, seq {int} NOT NULL,
  PRIMARY KEY (view, target, seq)) {clustered};
CREATE INDEX waiting_seq ON waiting(seq, view);

-- What we hold to be true of each partner.
CREATE TABLE party(id {text} PRIMARY KEY, facts {text} NOT NULL);

-- The policy sets that have been adopted; the latest is in force.
CREATE TABLE policy(n {pk}, hash {blob} NOT NULL, at {int} NOT NULL);

-- Epochs that have been in force, with all that decided, for replay.
CREATE TABLE epoch(hash {blob} PRIMARY KEY, at {int} NOT NULL, facts {text} NOT NULL);
