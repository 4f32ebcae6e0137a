package httpserver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/httpserver"
)

func TestSettingsThatAreWrong(t *testing.T) {
	for want, c := range map[string]httpserver.Config{
		"http.tls":                                  {TLS: httpserver.TLS{CertFile: "cert.pem"}},
		`http.cors: "https://a.example/path"`:       {CORS: []string{"https://a.example/path"}},
		`http.cors: "a.example"`:                    {CORS: []string{"a.example"}},
		"http.cors: * is every":                     {CORS: []string{"*", "https://a.example"}},
		`http.trusted_proxies: "10.0.0"`:            {TrustedProxies: []string{"10.0.0"}},
		`http.trusted_proxies: "fe80::1%eth0"`:      {TrustedProxies: []string{"fe80::1%eth0"}},
		"http.connections: must not":                {Connections: -1},
		"http.connections_per_address: must not be": {ConnectionsPerAddress: -1},
	} {
		require.ErrorContains(t, c.Validate(), want)
	}
	require.NoError(t, httpserver.DefaultConfig().Validate())
	require.NoError(t, httpserver.Config{
		TLS: httpserver.TLS{CertFile: "a", KeyFile: "b"}, CORS: []string{"https://a.example", "http://localhost:3000"},
		TrustedProxies: []string{"10.0.0.0/8", "::1", "192.0.2.1"},
	}.Validate())
	require.NoError(t, httpserver.Config{CORS: []string{"*"}}.Validate())
}
