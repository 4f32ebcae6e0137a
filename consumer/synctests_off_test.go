//go:build !synctests

package consumer_test

const virtualTime = false
