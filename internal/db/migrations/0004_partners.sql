-- Partners and the links with them: room partner. Local people: room access.

CREATE TABLE partner(
  id {text} PRIMARY KEY, state {text} NOT NULL, card {text} NOT NULL, code {text} NOT NULL, at {int} NOT NULL);

-- Pairing in progress, one row a ceremony.
CREATE TABLE pairing(id {text} PRIMARY KEY, role {text} NOT NULL, state {text} NOT NULL, at {int} NOT NULL);

-- Who speaks for a creator: identity object → partner ('' is this node).
CREATE TABLE creator(identity {text} PRIMARY KEY, partner {text} NOT NULL);

-- How far we have read each subscription that a partner offers us.
CREATE TABLE subscription(
  partner {text} NOT NULL, id {text} NOT NULL, agreement {text} NOT NULL, purpose {text} NOT NULL, title {text} NOT NULL,
  done {int} NOT NULL, at {int} NOT NULL, PRIMARY KEY (partner, id));

-- The latest checkpoint of each partner's ledger that we have verified.
CREATE TABLE seen_checkpoint(partner {text} PRIMARY KEY, note {text} NOT NULL, at {int} NOT NULL);

-- Status resources of TAXII, kept for a day at least.
CREATE TABLE taxii_status(id {text} PRIMARY KEY, partner {text} NOT NULL, body {text} NOT NULL, until {int} NOT NULL);

CREATE TABLE account(
  name {text} PRIMARY KEY, role {text} NOT NULL, partner {text} NOT NULL, secret {text} NOT NULL, at {int} NOT NULL);

-- Intake profiles that have been adopted, as signed.
CREATE TABLE profile(name {text} PRIMARY KEY, hash {blob} NOT NULL, facts {text} NOT NULL, signature {blob} NOT NULL, at {int} NOT NULL);

-- Imports under way, to resume them.
CREATE TABLE import(sha {blob} PRIMARY KEY, name {text} NOT NULL, profile {text} NOT NULL, done {int} NOT NULL, at {int} NOT NULL);
