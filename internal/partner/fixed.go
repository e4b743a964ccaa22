package partner

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// fixedNote is a signed checkpoint that takes the same room in a message however
// many leaves it speaks of: zeros follow it. Otherwise the length of a delivery
// would grow with every power of ten of what the node does with others.
type fixedNote []byte

// noteSize holds the note of any node: two names of 255 bytes, a number, a hash
// and a signature.
const noteSize = 1024

// MarshalJSON writes base64 of noteSize bytes.
func (n fixedNote) MarshalJSON() ([]byte, error) {
	if len(n) > noteSize {
		return nil, fmt.Errorf("a checkpoint has %d bytes, more than %d", len(n), noteSize)
	}
	padded := make([]byte, noteSize)
	copy(padded, n)
	return json.Marshal(padded)
}

// UnmarshalJSON reads what MarshalJSON writes, without the zeros.
func (n *fixedNote) UnmarshalJSON(text []byte) error {
	var padded []byte
	if err := json.Unmarshal(text, &padded); err != nil {
		return err
	}
	if len(padded) != noteSize {
		return fmt.Errorf("a checkpoint takes %d bytes, not %d", len(padded), noteSize)
	}
	*n = bytes.TrimRight(padded, "\x00")
	return nil
}
