// Package test holds the tests of the whole system: what must hold of a node, or
// of two, whatever the parts say of themselves. Each test here fails when the
// mechanism that it is about is taken out. There is no code in it to be used.
package test
