// Package entente holds nothing itself: the libraries are in the folders beside
// this file, the program is in cmd/entente. The tests here check the whole tree
// against ARCHITECTURE.md.
package entente
