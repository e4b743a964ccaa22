//go:build unix

package main

import "syscall"

// What a node writes is for its owner only, the files that the database engine
// makes beside its own included.
func init() { syscall.Umask(0o077) }
