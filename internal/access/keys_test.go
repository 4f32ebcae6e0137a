package access_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"sluice/internal/access"
)

func TestNewKey(t *testing.T) {
	key, line, err := access.NewKey("shop", now)
	require.NoError(t, err)
	require.Regexp(t, `^sluice_[A-Za-z0-9_-]{43}$`, key)
	require.Regexp(t, `^shop sha256:[0-9a-f]{64} # created 2026-11-23T05:00:00Z$`, line)
	require.NotContains(t, line, key)
	again, _, err := access.NewKey("shop", now)
	require.NoError(t, err)
	require.NotEqual(t, key, again)
	for _, name := range []string{"", "*", "a b", "#a", "a\n", "a\x1b", strings.Repeat("a", 257), "a\xff"} {
		_, _, err := access.NewKey(name, now)
		require.Error(t, err, "%q", name)
	}
}

func TestAppendKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, access.AppendKey(path, "one"))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, os.WriteFile(path, []byte("one\ntwo"), 0o600)) // An editor that ends no last line.
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { require.NoError(t, access.AppendKey(path, "three")) })
	}
	wg.Wait()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Fields(string(text))
	require.Len(t, lines, 22)
	require.Equal(t, []string{"one", "two", "three"}, lines[:3])
	require.Error(t, access.AppendKey(filepath.Join(path, "x"), "one"))
}

func TestCredentials(t *testing.T) {
	shop, shopLine := newKey(t, "shop")
	bank, bankLine := newKey(t, "bank")
	_, log := newLog()
	a, err := access.New(access.Config{KeysFile: write(t, "keys", "# keys\n\n"+shopLine+"  "+bankLine), Principals: everything}, log)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		r    *http.Request
		want string
		err  error
	}{
		"bearer":                     {bearer(shop), "shop", nil},
		"bearer of another":          {bearer(bank), "bank", nil},
		"scheme in any case":         {request("Authorization", "bEARER  "+shop), "shop", nil},
		"header":                     {request("X-API-Key", bank), "bank", nil},
		"basic":                      {basic("shop", shop), "shop", nil},
		"basic without a user":       {basic("", shop), "shop", nil},
		"basic with another user":    {basic("bank", shop), "", access.ErrBadCredential},
		"basic the wrong way round":  {basic(shop, "shop"), "", access.ErrBadCredential},
		"nothing":                    {request(), "", access.ErrNoCredential},
		"unknown key":                {bearer("sluice_" + strings.Repeat("A", 43)), "", access.ErrBadCredential},
		"empty key":                  {bearer(""), "", access.ErrBadCredential},
		"half a key":                 {bearer(shop[:30]), "", access.ErrBadCredential},
		"hash instead of key":        {bearer(strings.Fields(shopLine)[1]), "", access.ErrBadCredential},
		"a token, and no issuer":     {bearer("a.b.c"), "", access.ErrBadCredential},
		"other scheme":               {request("Authorization", "Digest "+shop), "", access.ErrBadCredential},
		"no scheme":                  {request("Authorization", shop), "", access.ErrBadCredential},
		"basic that is not base64":   {request("Authorization", "Basic %%%"), "", access.ErrBadCredential},
		"two headers":                {request("Authorization", "Bearer "+shop, "X-API-Key", shop), "", access.ErrBadCredential},
		"two of the same header":     {request("X-API-Key", shop, "X-API-Key", bank), "", access.ErrBadCredential},
		"a query parameter is none":  {mustURL(t, "/?key="+shop), "", access.ErrNoCredential},
		"a certificate, and no mTLS": {withCertificate(certificate(t, "cn", nil, nil)), "", access.ErrNoCredential},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := a.Authenticate(c.r)
			if c.err != nil {
				require.Equal(t, c.err, err, "exactly that: nothing more is said")
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, p.Name())
		})
	}
}

func TestKeysFilesThatAreBad(t *testing.T) {
	_, line := newKey(t, "shop")
	_, other := newKey(t, "bank")
	_, log := newLog()
	// The first line is good.
	for name, text := range map[string]string{
		"a key instead of a hash": "shop sluice_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
		"half a line":             line[:40],
		"too many words":          "shop too " + strings.Fields(line)[1],
		"a bad name":              "* " + strings.Fields(line)[1],
		"one key of two":          "shop " + strings.Fields(other)[1],
	} {
		_, err := access.New(access.Config{KeysFile: write(t, "keys", other+text), Principals: everything}, log)
		require.ErrorContains(t, err, "auth.keys_file: ", name)
		require.ErrorContains(t, err, "line 2", name)
		require.NotContains(t, err.Error(), "AAAA", name)
	}
	_, err := access.New(access.Config{KeysFile: "/nowhere/keys", Principals: everything}, log)
	require.ErrorContains(t, err, "auth.keys_file: ")
}

// Keys come and go while the service runs, by any way of changing a file.
func TestKeysFileChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop, shopLine := newKey(t, "shop")
		bank, bankLine := newKey(t, "bank")
		path := write(t, "keys", shopLine)
		out, log := newLog()
		grants := access.Grants{{Name: "*", Topics: []string{"*"}, Rights: []string{"write"}, Limits: access.Limits{Records: 1}}}
		a, err := access.New(access.Config{KeysFile: path, Principals: grants}, log)
		require.NoError(t, err)
		start(t, a)
		expect := func(shopKnown, bankKnown bool) {
			t.Helper()
			time.Sleep(2 * time.Second)
			synctest.Wait()
			for key, known := range map[string]bool{shop: shopKnown, bank: bankKnown} {
				_, err := a.Authenticate(bearer(key))
				require.Equal(t, known, err == nil)
			}
		}
		expect(true, false)

		held, err := a.Authenticate(bearer(shop))
		require.NoError(t, err)

		require.NoError(t, access.AppendKey(path, strings.TrimSpace(bankLine)))
		expect(true, true)
		again, err := a.Authenticate(bearer(shop))
		require.NoError(t, err)
		require.Same(t, held, again, "limits survive")

		// A mounted secret: a link to a folder that is swapped.
		dir := t.TempDir()
		for name, text := range map[string]string{"one": bankLine, "two": shopLine} {
			require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name, "keys"), []byte(text), 0o600))
		}
		require.NoError(t, os.Symlink("one", filepath.Join(dir, "data")))
		require.NoError(t, os.Symlink(filepath.Join(dir, "data", "keys"), path+".link"))
		require.NoError(t, os.Rename(path+".link", path))
		expect(false, true)
		require.NoError(t, os.Symlink("two", filepath.Join(dir, "next")))
		require.NoError(t, os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "data")))
		expect(true, false)

		require.NotContains(t, out.String(), "has become bad")
		require.NoError(t, os.WriteFile(path, []byte("nonsense\n"), 0o600))
		expect(true, false)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 1, strings.Count(out.String(), "has become bad"), "once a change")
		require.NoError(t, os.Remove(path))
		expect(true, false)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 2, strings.Count(out.String(), "has become bad"))

		require.NoError(t, os.WriteFile(path, nil, 0o600))
		expect(false, false)
		require.Equal(t, 4, strings.Count(out.String(), "was read again"))
		for _, line := range []string{shopLine, bankLine} {
			require.NotContains(t, out.String(), strings.TrimPrefix(strings.Fields(line)[1], "sha256:"))
		}
	})
}
