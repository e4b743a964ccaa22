package partner

import (
	"io"
	"log"
)

// quiet is where servers of these tests report what clients do wrong on purpose.
var quiet = log.New(io.Discard, "", 0)
