package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// EnvPrefix begins the names of the environment variables.
const EnvPrefix = "SLUICE"

// ShowDefaults makes what the settings hold at this moment the defaults of
// their flags: the packages state them once, in Go. It is called after
// kong.New and before Parse, which clears the settings.
func ShowDefaults(app *kong.Application) {
	showDefaults(app.Node)
}

func showDefaults(node *kong.Node) {
	for _, flag := range node.Flags {
		if flag.HasDefault || !flag.Target.IsValid() || flag.Target.IsZero() {
			continue
		}
		flag.Default, flag.HasDefault = textOf(flag.Target), true
	}
	for _, child := range node.Children {
		showDefaults(child)
	}
}

// textOf writes a setting as its flag would take it.
func textOf(v reflect.Value) string {
	if m, ok := reflect.TypeAssert[encoding.TextMarshaler](v); ok {
		if text, err := m.MarshalText(); err == nil {
			return string(text)
		}
	}
	if words, ok := reflect.TypeAssert[[]string](v); ok {
		return strings.Join(words, ",")
	}
	return fmt.Sprint(v.Interface())
}
