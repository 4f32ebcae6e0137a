package webhook

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// guard decides which addresses may be connected to. It is asked by the dialer
// with each address that a name stands for, right before the connection, so
// that a name that changes its address between a check and its use (DNS
// rebinding) gains nothing.
type guard struct {
	allowed []netip.Prefix
}

// deniedError says that an address is not public.
type deniedError struct {
	addr netip.Addr
}

func (e *deniedError) Error() string {
	network := netip.PrefixFrom(e.addr.WithZone("").Unmap(), e.addr.Unmap().BitLen())
	return fmt.Sprintf("stands for the address %s, which is not public: if it may be reached, add %s or its network to webhook.allow_networks",
		e.addr, network)
}

// control is what net.Dialer.ControlContext wants.
func (g *guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("has an address that is not one of IP: %w", err)
	}
	if !g.allows(ap.Addr()) {
		return &deniedError{addr: ap.Addr()}
	}
	return nil
}

// allows reports whether an address is public or in an allowed network.
func (g *guard) allows(addr netip.Addr) bool {
	addr = addr.WithZone("").Unmap() // A prefix contains no address with a zone.
	if contains(g.allowed, addr) {
		return true
	}
	if addr.Is4() {
		return !contains(special4, addr)
	}
	if v4, ok := embedded(addr); ok {
		return g.allows(v4)
	}
	return global6.Contains(addr) && !contains(special6, addr)
}

func contains(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// embedded returns the IPv4 address that a gateway would turn an IPv6 address
// into.
func embedded(addr netip.Addr) (netip.Addr, bool) {
	b := addr.As16()
	switch {
	case nat64.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case sixToFour.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}

var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	sixToFour = netip.MustParsePrefix("2002::/16")    // RFC 3056
	// global6 is all that has been given out as public IPv6: what lies outside,
	// such as loopback, unique local, link-local, site-local and multicast
	// addresses, is refused without being listed.
	global6 = netip.MustParsePrefix("2000::/3")
)

// special4 and special6 follow IANA's registries of special-purpose addresses.
var special4 = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this network
	netip.MustParsePrefix("10.0.0.0/8"),       // private
	netip.MustParsePrefix("100.64.0.0/10"),    // carrier-grade NAT
	netip.MustParsePrefix("127.0.0.0/8"),      // loopback
	netip.MustParsePrefix("168.63.129.16/32"), // public by number, but the platform's own service in every virtual machine of Azure
	netip.MustParsePrefix("169.254.0.0/16"),   // link-local, and where clouds keep credentials
	netip.MustParsePrefix("172.16.0.0/12"),    // private
	netip.MustParsePrefix("192.0.0.0/24"),     // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),     // documentation
	netip.MustParsePrefix("192.88.99.0/24"),   // relays of 6to4
	netip.MustParsePrefix("192.168.0.0/16"),   // private
	netip.MustParsePrefix("198.18.0.0/15"),    // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),  // documentation
	netip.MustParsePrefix("203.0.113.0/24"),   // documentation
	netip.MustParsePrefix("224.0.0.0/4"),      // multicast
	netip.MustParsePrefix("240.0.0.0/4"),      // reserved, broadcast
}

var special6 = []netip.Prefix{
	netip.MustParsePrefix("2001::/23"),     // protocol assignments: Teredo, benchmarks, ORCHID
	netip.MustParsePrefix("2001:db8::/32"), // documentation
	netip.MustParsePrefix("3fff::/20"),     // documentation
}
