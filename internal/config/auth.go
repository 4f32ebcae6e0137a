package config

import (
	"errors"
	"fmt"
	"strings"

	"sluice/internal/access"

	"github.com/goccy/go-yaml"
)

// Auth says who may use the services: nothing at all, the word none, or a
// source of principals and what each may do. In the file it is one or the
// other; as flags, the word is --auth and the rest begins with --auth-.
type Auth struct {
	Word          AuthWord `yaml:"-" name:"auth" placeholder:"none" help:"none lets everybody in. Without it and without a source of principals, the services listen on loopback only."`
	access.Config `embed:"" prefix:"auth-"`
}

// AuthWord is none, or nothing.
type AuthWord string

// AuthNone lets everybody in, and has to be written out.
const AuthNone AuthWord = "none"

// UnmarshalText takes what an AuthWord may be.
func (a *AuthWord) UnmarshalText(text []byte) error {
	if s := string(text); s != "" && s != string(AuthNone) {
		return fmt.Errorf("%q is not none", s)
	}
	*a = AuthWord(text)
	return nil
}

// UnmarshalYAML reads the word, or the mapping strictly.
func (a *Auth) UnmarshalYAML(text []byte) error {
	var word string
	if err := yaml.Unmarshal(text, &word); err == nil {
		return a.Word.UnmarshalText([]byte(word))
	}
	if err := yaml.UnmarshalWithOptions(text, &a.Config, yaml.Strict()); err != nil {
		return fmt.Errorf("auth: neither the word none nor a mapping that is right: %s", yaml.FormatError(err, false, false))
	}
	return nil
}

// MarshalYAML writes what UnmarshalYAML reads.
func (a Auth) MarshalYAML() (any, error) {
	switch {
	case len(a.Set()) > 0:
		return a.Config, nil
	case a.Word == AuthNone:
		return string(a.Word), nil
	}
	return nil, nil //nolint:nilnil // An absent block is null.
}

// validate checks what the word and the rest mean together.
func (a Auth) validate(tls bool) error {
	errs := []error{a.Validate()}
	if set := a.Set(); a.Word == AuthNone && len(set) > 0 {
		errs = append(errs, fmt.Errorf("auth: none lets everybody in, but %s is set: take one of them back", strings.Join(set, ", ")))
	}
	if a.MTLS.CAFile != "" && !tls {
		errs = append(errs, errors.New("auth.mtls.ca_file: needs http.tls: client certificates are shown to a listener that speaks TLS"))
	}
	return errors.Join(errs...)
}
