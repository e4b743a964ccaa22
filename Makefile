# What people type. Everything needs Go only; see CONTRIBUTING.md.
export CGO_ENABLED = 0

build: ## the program: bin/entente
	go build -trimpath -o bin/entente ./cmd/entente

demo: build ## four nodes under different laws exchange, and tell the story
	bin/entente demo --once

test: lint ## all tests; those that need data or a browser say so when it is not there
	go test ./...

lint:
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || (echo "gofmt these files"; exit 1)
	go vet ./...

bench: ## measure: make bench SUITE=spine
	go run ./bench $(or $(SUITE),spine)

FUZZTIME ?= 20s
fuzz: ## each fuzz target for FUZZTIME
	@for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
	  done; done

.PHONY: build demo test lint bench fuzz
