package main

import (
	"testing"

	"sluice/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }
