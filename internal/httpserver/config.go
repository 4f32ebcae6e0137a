package httpserver

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
)

// Config are the settings of the services' listeners. Those of admin.listen
// obey none of them: health and metrics are for the network behind.
type Config struct {
	TLS                   TLS      `yaml:"tls" embed:"" prefix:"tls-"`
	CORS                  []string `yaml:"cors" help:"Origins whose pages may use the services, scheme://host:port, separated by commas; or *, for all."`
	TrustedProxies        []string `yaml:"trusted_proxies" help:"Networks (CIDR) of proxies whose X-Forwarded-For is believed, separated by commas."`
	Connections           int      `yaml:"connections" help:"Open connections of a service; above it, the one that is idle for longest or the new one is closed. 0 for no limit."`
	ConnectionsPerAddress int      `yaml:"connections_per_address" help:"Open connections of one address, trusted proxies excepted; 0 for no limit."`
}

// TLS is the services' certificate.
type TLS struct {
	CertFile string `yaml:"cert_file" help:"PEM file of the certificate and its chain; read again when it changes. Plain HTTP when empty."`
	KeyFile  string `yaml:"key_file" help:"PEM file of the certificate's key."`
}

// Enabled reports whether the listeners speak TLS.
func (t TLS) Enabled() bool { return t.CertFile != "" || t.KeyFile != "" }

// DefaultConfig bounds the connections and opens nothing. They are more than the
// streams that service B takes, so that a full one can still say so.
func DefaultConfig() Config { return Config{Connections: 12_000} }

// Validate checks the settings without opening a file; its errors name them.
func (c Config) Validate() error {
	var errs []error
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		errs = append(errs, errors.New("http.tls: cert_file and key_file are needed together"))
	}
	for _, origin := range c.CORS {
		if origin == anyOrigin {
			continue
		}
		if err := http.NewCrossOriginProtection().AddTrustedOrigin(origin); err != nil {
			errs = append(errs, fmt.Errorf("http.cors: %q is not an origin, scheme://host or scheme://host:port", origin))
		}
	}
	if len(c.CORS) > 1 && slices.Contains(c.CORS, anyOrigin) {
		errs = append(errs, errors.New("http.cors: * is every origin, and stands alone"))
	}
	if _, err := parseNetworks(c.TrustedProxies); err != nil {
		errs = append(errs, err)
	}
	if c.Connections < 0 {
		errs = append(errs, errors.New("http.connections: must not be negative"))
	}
	if c.ConnectionsPerAddress < 0 {
		errs = append(errs, errors.New("http.connections_per_address: must not be negative"))
	}
	return errors.Join(errs...)
}

// parseNetworks reads CIDRs; an address without a length is itself.
func parseNetworks(texts []string) (networks, error) {
	var all networks
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			addr, errAddr := netip.ParseAddr(text)
			if errAddr != nil || addr.Zone() != "" {
				return nil, fmt.Errorf("http.trusted_proxies: %q is not a network such as 10.0.0.0/8", text)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		all = append(all, prefix.Masked())
	}
	return all, nil
}
