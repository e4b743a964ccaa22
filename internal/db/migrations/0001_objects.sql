-- What came in: read and written by room store alone.

CREATE TABLE counter(name {text} PRIMARY KEY, n {int} NOT NULL);
INSERT INTO counter(name, n) VALUES ('submission', 0), ('object', 0);

-- Who brings objects: an intake profile of ours, or a partner under an agreement.
CREATE TABLE source(
  n {pk}, kind {text} NOT NULL, name {text} NOT NULL, profile {text} NOT NULL,
  UNIQUE (kind, name, profile));

-- In what they came: a file, a TAXII envelope, a delivery of a partner's node.
CREATE TABLE container(
  n {pk}, source {int} NOT NULL, kind {text} NOT NULL, ref {text} NOT NULL, at {int} NOT NULL);

-- Identifiers, interned. A reference to what we do not have is an object without a head.
CREATE TABLE object(
  n {pk}, id {text} NOT NULL UNIQUE, type {text} NOT NULL, head {int} NOT NULL DEFAULT 0);

CREATE TABLE body(n {pk}, bytes {blob} NOT NULL);

-- What a body refers to, once each.
CREATE TABLE edge(
  body {int} NOT NULL, target {int} NOT NULL, property {text} NOT NULL,
  PRIMARY KEY (body, target, property)) {clustered};
CREATE INDEX edge_target ON edge(target, body);

-- One object version as one source brought it. sha is of its bytes.
CREATE TABLE submission(
  seq {pk}, object {int} NOT NULL, version {text} NOT NULL, spec {text} NOT NULL,
  sha {blob} NOT NULL, body {int} NOT NULL, source {int} NOT NULL, container {int} NOT NULL,
  class {int} NOT NULL, carried {int} NOT NULL, at {int} NOT NULL, state {int} NOT NULL);
CREATE INDEX submission_object ON submission(object);
CREATE INDEX submission_body ON submission(body);
CREATE INDEX submission_state ON submission(state) WHERE state<>0;

-- A class is one label; its submissions have dense places in it.
CREATE TABLE class(n {pk}, sha {blob} NOT NULL UNIQUE, facts {text} NOT NULL, size {int} NOT NULL);
CREATE TABLE place(
  class {int} NOT NULL, place {int} NOT NULL, seq {int} NOT NULL,
  PRIMARY KEY (class, place)) {clustered};
CREATE INDEX place_seq ON place(seq);

-- Submissions whose markings name definitions that their source has not brought yet.
CREATE TABLE unresolved(
  marking {int} NOT NULL, seq {int} NOT NULL, PRIMARY KEY (marking, seq)) {clustered};

-- What a person must look at: same id and version, other bytes.
CREATE TABLE conflict(
  n {pk}, object {int} NOT NULL, version {text} NOT NULL, first {int} NOT NULL, second {int} NOT NULL,
  creator {int} NOT NULL, at {int} NOT NULL);
