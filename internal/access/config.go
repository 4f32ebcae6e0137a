package access

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"unicode"

	"sluice/internal/units"

	"github.com/goccy/go-yaml"
)

// Config says how principals prove who they are, and what each may do.
type Config struct {
	KeysFile string `yaml:"keys_file,omitempty" help:"File of API keys, one a line as sluice keys new writes them; read again when it changes."`
	OIDC     OIDC   `yaml:"oidc,omitempty" embed:"" prefix:"oidc-"`
	MTLS     MTLS   `yaml:"mtls,omitempty" embed:"" prefix:"mtls-"`
	// TicketsKeyFile is optional: without it each process makes a key of its own.
	TicketsKeyFile string `yaml:"tickets_key_file,omitempty" help:"File of the key that seals tickets and sessions, the same on every replica of service B, read again when it changes; a random key of the process when empty."`
	Principals     Grants `yaml:"principals,omitempty" placeholder:"YAML" help:"What each principal may do, as a YAML list; one that is not listed may nothing, unless there is an entry for *."`
}

// OIDC are the settings of tokens.
type OIDC struct {
	Issuer         string `yaml:"issuer,omitempty" help:"Issuer of the tokens (JWT) that are taken, as their iss says it."`
	JWKSFile       string `yaml:"jwks_file,omitempty" help:"File of the issuer's keys (a JWK set), read again when it changes; they are fetched from the issuer when empty."`
	Audience       string `yaml:"audience,omitempty" help:"Audience (aud) that a token must be for."`
	PrincipalClaim string `yaml:"principal_claim,omitempty" help:"Claim of a token that names the principal."`
}

// MTLS are the settings of client certificates.
type MTLS struct {
	CAFile string `yaml:"ca_file,omitempty" help:"PEM file of the authorities whose client certificates are taken, read again when it changes; needs http.tls."`
}

// Grant is what one principal may do: an entry of auth.principals.
type Grant struct {
	// Name is the principal's; "*" is the entry of all that have none.
	Name string `yaml:"name"`
	// Topics are patterns in which "*" stands for any run of characters.
	Topics []string `yaml:"topics"`
	// Rights are read, write and operate.
	Rights []string `yaml:"rights"`
	Limits Limits   `yaml:"limits,omitempty"`
}

// Limits bound one principal; 0 is no limit.
type Limits struct {
	Records  int         `yaml:"records,omitempty"`   // a second
	Bytes    units.Bytes `yaml:"bytes,omitempty"`     // a second
	InFlight units.Bytes `yaml:"in_flight,omitempty"` // of requests and records that have not ended
}

// Grants is the list auth.principals. As a flag or in the environment it is
// written as in the file.
type Grants []Grant

// everybodyElse is the name of the entry for those that have none.
const everybodyElse = "*"

// DefaultConfig takes the principal from sub, and has no source of them.
func DefaultConfig() Config { return Config{OIDC: OIDC{PrincipalClaim: "sub"}} }

// UnmarshalText reads the list from YAML.
func (g *Grants) UnmarshalText(text []byte) error {
	if strings.TrimSpace(string(text)) == "" {
		*g = nil
		return nil
	}
	var list []Grant
	if err := yaml.UnmarshalWithOptions(text, &list, yaml.Strict()); err != nil {
		return fmt.Errorf("not a list of principals: %s", yaml.FormatError(err, false, false))
	}
	*g = list
	return nil
}

// UnmarshalYAML reads the list from its part of the file.
func (g *Grants) UnmarshalYAML(text []byte) error { return g.UnmarshalText(text) }

// Configured reports whether there is a source of principals.
func (c Config) Configured() bool {
	return c.KeysFile != "" || c.OIDC.Issuer != "" || c.MTLS.CAFile != ""
}

// Set names the settings that are written out, for error messages. A default
// does not count.
func (c Config) Set() []string {
	var names []string
	for _, s := range []struct {
		name string
		set  bool
	}{
		{"auth.keys_file", c.KeysFile != ""},
		{"auth.oidc.issuer", c.OIDC.Issuer != ""},
		{"auth.oidc.jwks_file", c.OIDC.JWKSFile != ""},
		{"auth.oidc.audience", c.OIDC.Audience != ""},
		{"auth.mtls.ca_file", c.MTLS.CAFile != ""},
		{"auth.tickets_key_file", c.TicketsKeyFile != ""},
		{"auth.principals", len(c.Principals) > 0},
	} {
		if s.set {
			names = append(names, s.name)
		}
	}
	return names
}

// Validate checks the settings without opening a file; its errors name them.
func (c Config) Validate() error {
	errs := []error{c.OIDC.validate(), c.Principals.validate()}
	switch {
	case !c.Configured() && len(c.Principals) > 0:
		errs = append(errs, errors.New("auth.principals: nothing says who is who: set auth.keys_file, auth.oidc or auth.mtls"))
	case c.Configured() && len(c.Principals) == 0:
		errs = append(errs, errors.New(`auth.principals: at least one is needed, or nobody may do anything; [{name: "*", topics: ["*"], rights: [read, write]}] lets everybody with a credential read and write`))
	}
	return errors.Join(errs...)
}

func (o OIDC) validate() error {
	if o.Issuer == "" {
		if o.JWKSFile != "" || o.Audience != "" {
			return errors.New("auth.oidc.issuer: is needed with auth.oidc.jwks_file and auth.oidc.audience")
		}
		return nil
	}
	var errs []error
	if err := secureURL(o.Issuer); err != nil {
		errs = append(errs, fmt.Errorf("auth.oidc.issuer: %w", err))
	}
	if o.Audience == "" {
		errs = append(errs, errors.New("auth.oidc.audience: is needed with auth.oidc.issuer: a token for another service must not open this one"))
	}
	if o.PrincipalClaim == "" {
		errs = append(errs, errors.New("auth.oidc.principal_claim: must not be empty"))
	}
	return errors.Join(errs...)
}

// secureURL lets plain http pass only to this host: whoever can change an
// issuer's answer on its way can sign tokens.
func secureURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q is not a plain https URL", text)
	case u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%q is not https", text)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (g Grants) validate() error {
	var errs []error
	names := map[string]bool{}
	for i, grant := range g {
		at := fmt.Sprintf("auth.principals[%s]", grant.Name)
		if grant.Name == "" {
			at = fmt.Sprintf("auth.principals[%d]", i)
		}
		if grant.Name != everybodyElse && !validName(grant.Name) {
			errs = append(errs, fmt.Errorf("%s.name: must be 1 to %d characters without spaces", at, maxName))
		}
		if names[grant.Name] {
			errs = append(errs, fmt.Errorf("%s.name: is used twice", at))
		}
		names[grant.Name] = true
		errs = append(errs, grant.validate(at))
	}
	return errors.Join(errs...)
}

func (g Grant) validate(at string) error {
	var errs []error
	if len(g.Topics) == 0 {
		errs = append(errs, fmt.Errorf(`%s.topics: at least one is needed; "*" is every topic`, at))
	}
	for _, topic := range g.Topics {
		if topic == "" || strings.Trim(topic, topicCharacters) != "" {
			errs = append(errs, fmt.Errorf("%s.topics: %q is not a topic name or a pattern of * and letters, digits, dots, dashes and underscores", at, topic))
		}
	}
	if len(g.Rights) == 0 {
		errs = append(errs, fmt.Errorf("%s.rights: at least one of read, write and operate is needed", at))
	}
	for _, right := range g.Rights {
		if rights[right] == 0 {
			errs = append(errs, fmt.Errorf("%s.rights: %q is not read, write or operate", at, right))
		}
	}
	if g.Limits.Records < 0 {
		errs = append(errs, fmt.Errorf("%s.limits.records: must not be negative", at))
	}
	return errors.Join(errs...)
}

const topicCharacters = "*.-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

var rights = map[string]Right{"read": Read, "write": Write, "operate": Operate}

// maxName is how long a principal's name may be, in bytes.
const maxName = 256

// validName reports whether a name can be a principal's: something printable
// without spaces, so that it can stand in a log, in a keys file and in a
// metric, and not the name of the entry for everybody else.
func validName(name string) bool {
	if name == "" || len(name) > maxName || name == everybodyElse {
		return false
	}
	for _, c := range name {
		// IsPrint takes no space but the ASCII one.
		if c == ' ' || c == unicode.ReplacementChar || !unicode.IsPrint(c) {
			return false
		}
	}
	return true
}
