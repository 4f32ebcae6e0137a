package webhook_test

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"sluice/internal/webhook"
)

func TestGuard(t *testing.T) {
	public := []string{
		"1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "223.255.255.255",
		"192.0.1.0", "198.17.255.255", "198.20.0.0", "168.63.129.15", "::ffff:8.8.8.8",
		"2606:4700::1111", "2a00:1450:4001::1", "64:ff9b::8.8.8.8", "2002:808:808::1",
	}
	private := []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "127.0.0.1", "127.1.2.3", "169.254.169.254", "172.16.0.1", "172.31.255.255",
		"192.168.0.1", "100.64.0.1", "100.100.100.200", "100.127.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1",
		"198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16",
		"::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
		"fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "100::1",
		"64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::808:808",
		"2002:7f00:1::1", "2002:a00:1::", "2002:c0a8:101::5", "2001::1", "2001:2::1", "2001:20::1", "2001:db8::1", "3fff::1",
		"4000::1", "5f00::1",
	}
	for _, s := range public {
		require.True(t, webhook.Allows(netip.MustParseAddr(s)), s)
	}
	for _, s := range private {
		require.False(t, webhook.Allows(netip.MustParseAddr(s)), s)
	}
}

func TestAllowedNetworks(t *testing.T) {
	tests := []struct {
		network, addr string
		allowed       bool
	}{
		{"10.1.0.0/16", "10.1.2.3", true},
		{"10.1.0.0/16", "10.2.2.3", false},
		{"10.1.0.0/16", "::ffff:10.1.2.3", true},
		{"10.1.0.0/16", "64:ff9b::10.1.2.3", true},
		{"10.1.0.0/16", "64:ff9b::10.2.2.3", false},
		{"10.1.0.0/16", "2002:a01:203::1", true},
		{"10.1.0.0/16", "8.8.8.8", true},
		{"64:ff9b::/96", "64:ff9b::10.2.2.3", true},
		{"fd12::/16", "fd12::1", true},
		{"fd12::/16", "fd13::1", false},
		{"fe80::/10", "fe80::1%eth0", true},
		{"::1/128", "::1", true},
		{"::1/128", "127.0.0.1", false},
		{"0.0.0.0/0", "127.0.0.1", true},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "127.0.0.1", false},
	}
	for _, tt := range tests {
		require.Equal(t, tt.allowed, webhook.Allows(netip.MustParseAddr(tt.addr), netip.MustParsePrefix(tt.network)), "%s with %s", tt.addr, tt.network)
	}
}

// TestPrivateAddressesAreNotReached says with each form of a URL that nothing
// arrives, that the error says how to allow it, and that it can be retried.
func TestPrivateAddressesAreNotReached(t *testing.T) {
	var arrived atomic.Int64
	server := serve(t, func(http.ResponseWriter, *http.Request) { arrived.Add(1) })
	u, err := url.Parse(server)
	require.NoError(t, err)
	for _, host := range []string{"127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0"} {
		t.Run(host, func(t *testing.T) {
			h := newHook(t, webhook.Config{URL: "http://" + host + ":" + u.Port(), AllowNetworks: []string{"10.0.0.0/8"}})
			v := h.Deliver(t.Context(), order())
			require.Error(t, v.Err)
			require.Zero(t, v.Hold)
			require.Zero(t, v.After)
			require.Zero(t, arrived.Load())
			if h.requests(t, "denied") == 0 { // A form that the resolver did not take for an address.
				require.ErrorContains(t, v.Err, "cannot be looked up")
				return
			}
			require.ErrorContains(t, v.Err, "which is not public: if it may be reached, add ")
			require.ErrorContains(t, v.Err, "to webhook.allow_networks")
		})
	}
}

func TestTheErrorOfAPrivateAddressSaysWhatToDo(t *testing.T) {
	h := newHook(t, webhook.Config{URL: "http://127.0.0.1:9/"})
	require.EqualError(t, h.Deliver(t.Context(), order()).Err,
		"the webhook's endpoint 127.0.0.1:9 stands for the address 127.0.0.1, which is not public: if it may be reached, add 127.0.0.1/32 or its network to webhook.allow_networks")
}

func TestNoProxyOfTheEnvironmentIsUsed(t *testing.T) {
	require.False(t, newHook(t, webhook.Config{URL: "http://billing.example"}).HasProxy())
}

// TestAnAllowedNameThatMovesIsRefused is DNS rebinding: the name stands for an
// allowed address at first, and then for another.
func TestAnAllowedNameThatMovesIsRefused(t *testing.T) {
	u, err := url.Parse(serve(t, answer(http.StatusOK, "Connection", "close")))
	require.NoError(t, err)
	names := newNames(t)
	h := newHook(t, webhook.Config{URL: "http://hook.example:" + u.Port(), AllowNetworks: loopback})
	h.Resolve(names.resolver())

	names.set([4]byte{127, 0, 0, 1})
	require.NoError(t, h.Deliver(t.Context(), order()).Err)
	names.set([4]byte{169, 254, 169, 254})
	require.ErrorContains(t, h.Deliver(t.Context(), order()).Err, "169.254.169.254/32")
	names.set([4]byte{127, 0, 0, 1})
	require.NoError(t, h.Deliver(t.Context(), order()).Err)
	require.Equal(t, 1.0, h.requests(t, "denied"))
	require.Equal(t, 2.0, h.requests(t, "2xx"))
}

// names is a DNS server that gives one address for every name.
type names struct {
	conn net.PacketConn
	addr atomic.Pointer[[4]byte]
}

func newNames(t *testing.T) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	n := &names{conn: conn}
	done := make(chan struct{})
	go func() { defer close(done); n.serve() }()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return n
}

func (n *names) set(addr [4]byte) { n.addr.Store(&addr) }

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", n.conn.LocalAddr().String())
	}}
}

func (n *names) serve() {
	buf := make([]byte, 1500)
	for {
		size, from, err := n.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:size]) != nil || len(m.Questions) != 1 {
			continue
		}
		q := m.Questions[0]
		m.Response, m.Authoritative, m.Additionals = true, true, nil
		if q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
				Body:   &dnsmessage.AResource{A: *n.addr.Load()},
			}}
		}
		if out, err := m.Pack(); err == nil {
			_, _ = n.conn.WriteTo(out, from) // The client asks again.
		}
	}
}
