// Package browsertest drives a headless Chromium in tests: opens a page, acts
// as its reader does, and asks what is seen. What it is made of is behind the
// build tag browser, since the tests need Chromium.
package browsertest
