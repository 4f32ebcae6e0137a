package webhook

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"
)

const (
	defaultTimeout = 15 * time.Second
	maxTimeout     = 5 * time.Minute
)

// Config are the settings of one webhook, the key webhook of an entry of
// consumer.handlers.
type Config struct {
	// URL is where records are sent, with POST. It is http or https, without a
	// user or a password. Its path and query may be secret: they are in no log,
	// error or metric.
	URL string `yaml:"url"`
	// SecretsFile holds one whsec_… secret a line; each of them signs every
	// request. It is read again when it changes. Without it requests are not
	// signed.
	SecretsFile string `yaml:"secrets_file,omitempty"`
	// AllowNetworks are networks in CIDR form that may be reached although they
	// are private or otherwise not public, such as 10.1.0.0/16.
	AllowNetworks []string `yaml:"allow_networks,omitempty"`
	// Timeout ends an attempt, from looking up the name to the answer: 15s by
	// default, at most 5m.
	Timeout time.Duration `yaml:"timeout,omitempty"`
}

// Validate checks the settings, but not whether the file and the endpoint are
// there. setting is where they stand, such as "consumer.handlers[a].webhook";
// errors begin with it. They do not show the URL, which may be secret.
func (c Config) Validate(setting string) error {
	_, urlErr := parseURL(c.URL)
	_, networksErr := parseNetworks(c.AllowNetworks)
	var timeoutErr error
	if c.Timeout < 0 || c.Timeout > maxTimeout {
		timeoutErr = fmt.Errorf("timeout: %s is not between 0s, which means %s, and %s", c.Timeout, defaultTimeout, maxTimeout)
	}
	var errs []error
	for _, err := range []error{urlErr, networksErr, timeoutErr} {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s.%w", setting, err))
		}
	}
	return errors.Join(errs...)
}

func (c Config) timeout() time.Duration { return cmp.Or(c.Timeout, defaultTimeout) }

func parseURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, errors.New("url: is missing")
	}
	u, err := url.Parse(text)
	if bad, ok := errors.AsType[*url.Error](err); ok {
		err = bad.Err // Without the text, in which a password may be.
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("url: is not a URL: %w", err)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("url: %q is neither http nor https", u.Scheme)
	case u.User != nil:
		return nil, errors.New("url: has a user or a password, which would not be sent: take it out, and let the endpoint verify the signature instead (secrets_file)")
	case u.Hostname() == "":
		return nil, errors.New("url: has no host")
	case u.Fragment != "":
		return nil, errors.New("url: has a fragment (#…), which is never sent: take it out")
	}
	return u, nil
}

func parseNetworks(texts []string) ([]netip.Prefix, error) {
	networks := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
				return nil, fmt.Errorf("allow_networks: %s is an address: for it alone write %s/%d", text, text, addr.BitLen())
			}
			return nil, fmt.Errorf("allow_networks: %q is not a network such as 10.1.0.0/16 or fd12::/48", text)
		}
		if network.Addr().Is4In6() {
			return nil, fmt.Errorf("allow_networks: %s is IPv4 in the clothes of IPv6: write it as IPv4", text)
		}
		if network != network.Masked() {
			return nil, fmt.Errorf("allow_networks: %s has bits beyond its length: did you mean %s?", text, network.Masked())
		}
		networks = append(networks, network)
	}
	return networks, nil
}
