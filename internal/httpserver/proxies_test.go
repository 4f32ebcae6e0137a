package httpserver_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/httpserver"
)

// client answers with the address that the request is taken to come from.
func client(s *httpserver.Server) {
	s.Handle(http.MethodGet, "/client", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.RemoteAddr)
	}), httpserver.Doc{ID: "client"})
}

func TestClientsBehindProxies(t *testing.T) {
	for name, c := range map[string]struct {
		trusted, forwarded []string
		want               string // "" for the peer
	}{
		"nobody is trusted":     {nil, []string{"203.0.113.1"}, ""},
		"another is trusted":    {[]string{"10.0.0.0/8"}, []string{"203.0.113.1"}, ""},
		"no header":             {[]string{"127.0.0.1"}, nil, ""},
		"one":                   {[]string{"127.0.0.0/8"}, []string{"203.0.113.1"}, "203.0.113.1:0"},
		"what the client wrote": {[]string{"127.0.0.0/8"}, []string{"198.51.100.9, 203.0.113.1"}, "203.0.113.1:0"},
		"two proxies":           {[]string{"127.0.0.0/8", "10.0.0.0/8"}, []string{"198.51.100.9, 203.0.113.1, 10.1.2.3"}, "203.0.113.1:0"},
		"several headers":       {[]string{"127.0.0.0/8", "10.0.0.0/8"}, []string{"198.51.100.9", "203.0.113.1", "10.1.2.3"}, "203.0.113.1:0"},
		"all are proxies":       {[]string{"127.0.0.0/8", "10.0.0.0/8"}, []string{"10.9.9.9, 10.1.2.3"}, "10.9.9.9:0"},
		"nonsense":              {[]string{"127.0.0.0/8"}, []string{"203.0.113.1, <script>"}, ""},
		"nonsense behind one":   {[]string{"127.0.0.0/8", "10.0.0.0/8"}, []string{"unknown, 10.1.2.3"}, "10.1.2.3:0"},
		"with a port":           {[]string{"127.0.0.0/8"}, []string{"203.0.113.1:4711"}, "203.0.113.1:0"},
		"IPv6":                  {[]string{"127.0.0.0/8"}, []string{"2001:db8::1"}, "[2001:db8::1]:0"},
		"IPv6 with a port":      {[]string{"127.0.0.0/8"}, []string{"[2001:db8::1]:80"}, "[2001:db8::1]:0"},
		"mapped":                {[]string{"127.0.0.0/8", "10.0.0.0/8"}, []string{"203.0.113.1, ::ffff:10.1.2.3"}, "203.0.113.1:0"},
	} {
		t.Run(name, func(t *testing.T) {
			_, url := newServerWith(t, httpserver.Options{HTTP: httpserver.Config{TrustedProxies: c.trusted}}, client)
			var headers []string
			for _, f := range c.forwarded {
				headers = append(headers, "X-Forwarded-For", f)
			}
			_, body := send(t, http.MethodGet, url+"/client", "", headers...)
			if c.want == "" {
				require.True(t, strings.HasPrefix(body, "127.0.0.1:"), body)
				return
			}
			require.Equal(t, c.want, body)
		})
	}
}

// A failed authentication is logged with the client's address, not the proxy's.
func TestFailuresAreLoggedWithTheClient(t *testing.T) {
	out := &output{}
	auth, _ := newAuth(t, "shop", out.logger())
	_, url := newServerWith(t, httpserver.Options{Auth: auth, HTTP: httpserver.Config{TrustedProxies: []string{"127.0.0.1"}}}, whoami)
	resp, _ := send(t, http.MethodGet, url+"/whoami/1", "", "X-Forwarded-For", "203.0.113.1")
	require.Equal(t, 401, resp.StatusCode)
	require.Contains(t, out.String(), "client=203.0.113.1:0")
}
