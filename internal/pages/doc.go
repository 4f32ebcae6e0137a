// Package pages serves the files of pages that come with the program: the
// dashboard's, and those of programs with pages of their own. It holds them in
// memory, and gives each of them the headers that keep a page from loading or
// running anything else.
package pages
