package access_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
)

func TestSettingsThatAreWrong(t *testing.T) {
	issuer := func(o access.OIDC) access.Config {
		return access.Config{OIDC: o, Principals: everything}
	}
	grant := func(g access.Grant) access.Config {
		return access.Config{KeysFile: "keys", Principals: access.Grants{g}}
	}
	for want, c := range map[string]access.Config{
		"auth.principals: at least one":             {KeysFile: "keys"},
		"auth.principals: nothing says":             {Principals: everything},
		"auth.principals[0].name: must be":          grant(access.Grant{Topics: []string{"*"}, Rights: []string{"read"}}),
		"auth.principals[x].topics: at least":       grant(access.Grant{Name: "x", Rights: []string{"read"}}),
		`auth.principals[x].topics: "a b"`:          grant(access.Grant{Name: "x", Topics: []string{"a b"}, Rights: []string{"read"}}),
		`auth.principals[x].topics: ""`:             grant(access.Grant{Name: "x", Topics: []string{""}, Rights: []string{"read"}}),
		"auth.principals[x].rights: at least":       grant(access.Grant{Name: "x", Topics: []string{"*"}}),
		`auth.principals[x].rights: "admin"`:        grant(access.Grant{Name: "x", Topics: []string{"*"}, Rights: []string{"read", "admin"}}),
		"auth.principals[x].limits.records":         grant(access.Grant{Name: "x", Topics: []string{"*"}, Rights: []string{"read"}, Limits: access.Limits{Records: -1}}),
		"auth.principals[*].name: is used twice":    {KeysFile: "keys", Principals: append(everything, everything...)},
		"auth.oidc.issuer: is needed":               issuer(access.OIDC{Audience: "a"}),
		"auth.oidc.audience: is needed":             issuer(access.OIDC{Issuer: issuerURL, PrincipalClaim: "sub"}),
		"auth.oidc.principal_claim":                 issuer(access.OIDC{Issuer: issuerURL, Audience: "a"}),
		`auth.oidc.issuer: "http://issuer.example"`: issuer(access.OIDC{Issuer: "http://issuer.example", Audience: "a", PrincipalClaim: "sub"}),
		`auth.oidc.issuer: "issuer.example"`:        issuer(access.OIDC{Issuer: "issuer.example", Audience: "a", PrincipalClaim: "sub"}),
		`auth.oidc.issuer: "https://a.example?x=y"`: issuer(access.OIDC{Issuer: "https://a.example?x=y", Audience: "a", PrincipalClaim: "sub"}),
	} {
		require.ErrorContains(t, c.Validate(), want)
		_, err := access.New(c, nil)
		require.ErrorContains(t, err, want)
	}
	for _, issuer := range []string{"https://issuer.example/realms/x", "http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]"} {
		c := discovered(issuer)
		require.NoError(t, c.Validate(), issuer)
	}
	require.NoError(t, access.DefaultConfig().Validate())
	require.False(t, access.DefaultConfig().Configured())
	require.Empty(t, access.DefaultConfig().Set())
	c := access.DefaultConfig()
	c.TicketsKeyFile = "seals" // Anybody may have tickets, too.
	require.NoError(t, c.Validate())
	require.False(t, c.Configured())
	require.Equal(t, []string{"auth.tickets_key_file"}, c.Set())
	_, err := access.New(access.DefaultConfig(), nil)
	require.Error(t, err)
}

func TestGrantsAreYAML(t *testing.T) {
	var g access.Grants
	require.NoError(t, g.UnmarshalText([]byte(`[{name: shop, topics: ["orders", "orders.*"], rights: [read, write], limits: {records: 1000, bytes: 1MiB, in_flight: 64MiB}}]`)))
	require.Equal(t, access.Grants{{
		Name: "shop", Topics: []string{"orders", "orders.*"}, Rights: []string{"read", "write"},
		Limits: access.Limits{Records: 1000, Bytes: 1 << 20, InFlight: 64 << 20},
	}}, g)
	require.ErrorContains(t, g.UnmarshalText([]byte(`[{nam: shop}]`)), "nam")
	require.ErrorContains(t, g.UnmarshalText([]byte(`shop`)), "not a list")
	require.NoError(t, g.UnmarshalText(nil))
	require.Empty(t, g)
}
