package load

import (
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestResponses(t *testing.T) {
	const fine = "HTTP/1.1 200 OK\r\nDate: now\r\ncontent-length: 5\r\n\r\nhello"
	cases := map[string]struct {
		in     string
		status int
		body   string
		err    string
	}{
		"with a length":        {in: fine, status: 200, body: "hello"},
		"without a body":       {in: "HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n", status: 503},
		"in chunks":            {in: "HTTP/1.1 207 Multi\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: r\r\n\r\n", status: 207, body: "abc0123456789"},
		"after an interim one": {in: "HTTP/1.1 100 Continue\r\n\r\n" + fine, status: 200, body: "hello"},
		"cut in the head":      {in: "HTTP/1.1 200 OK\r\nDate", err: "unexpected EOF"},
		"cut in the body":      {in: fine[:len(fine)-1], err: "unexpected EOF"},
		"of unknown length":    {in: "HTTP/1.1 200 OK\r\n\r\nhello", err: "does not tell its length"},
		"of another protocol":  {in: "SSH-2.0-x\r\n\r\n", err: "not the status line"},
		"with a bad length":    {in: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", err: "not a length"},
		"with a bad chunk":     {in: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", err: "not the size of a chunk"},
	}
	for name, c := range cases {
		for how, source := range map[string]io.Reader{
			"at once":      strings.NewReader(c.in + c.in),
			"byte by byte": iotest.OneByteReader(strings.NewReader(c.in + c.in)),
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				if c.err != "" {
					source = strings.NewReader(c.in)
				}
				r := responseReader{src: source}
				answer, err := r.next()
				if c.err != "" {
					require.ErrorContains(t, err, c.err)
					return
				}
				for range 2 { // The second begins where the first ends.
					require.NoError(t, err)
					require.Equal(t, c.status, answer.status)
					require.Equal(t, c.body, string(answer.body))
					answer, err = r.next()
				}
				require.ErrorIs(t, err, io.EOF)
			})
		}
	}
}

func TestIDs(t *testing.T) {
	var id [IDSize + 2]byte
	PutID(id[:], 4321, 12345678901234)
	sender, seq, err := ParseID(id[:])
	require.NoError(t, err)
	require.Equal(t, 4321, sender)
	require.EqualValues(t, 12345678901234, seq)
	for _, bad := range []string{"", "123", strings.Repeat("x", IDSize)} {
		_, _, err := ParseID([]byte(bad))
		require.Error(t, err, bad)
	}
}

func TestIDsInBase64(t *testing.T) {
	value := []byte(`abc` + strings.Repeat("0", IDSize) + `def`)
	body := base64.StdEncoding.EncodeToString(value)
	r := NewRequest(Head{Path: "/"}, Body{Bytes: []byte(body), IDs: []int{4}, Base64: true})
	r.stamp(3, 99)
	_, text, _ := strings.Cut(string(r.raw), "\r\n\r\n")
	decoded, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	require.Equal(t, "abc000300000000000099def", string(decoded))
}
