-- The tamper-evident record: room journal.

-- One recorded act, written in the transaction of the act; batch and slot are
-- filled in by the sequencer (-1 until then). vector holds the commitments,
-- keys the keys that open them, facts what item 0 commits to.
CREATE TABLE ledger_entry(
  n {pk}, at {int} NOT NULL, kind {text} NOT NULL, facts {blob} NOT NULL,
  vector {blob} NOT NULL, keys {blob} NOT NULL, batch {int} NOT NULL, slot {int} NOT NULL);
CREATE INDEX ledger_entry_batch ON ledger_entry(batch, slot);

-- Facts of items that their room cannot say again.
CREATE TABLE ledger_item(entry {int} NOT NULL, item {int} NOT NULL, facts {blob} NOT NULL, PRIMARY KEY (entry, item)) {clustered};

CREATE TABLE ledger_batch(n {pk}, filler {blob} NOT NULL, leaf {blob} NOT NULL);
CREATE TABLE ledger_hash(n {pk}, hash {blob} NOT NULL);
CREATE TABLE ledger_checkpoint(size {pk}, note {text} NOT NULL, at {int} NOT NULL);
