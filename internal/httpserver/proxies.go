package httpserver

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// networks are those of the proxies that are trusted to say for whom they ask.
type networks []netip.Prefix

func (n networks) contains(addr netip.Addr) bool {
	return slices.ContainsFunc(n, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// behind puts the client's address into the request: where a trusted proxy
// connected, the right-most address of X-Forwarded-For that is not one. What
// stands further to the left was written by the client, who may lie. From
// everybody else the header is ignored.
func (n networks) behind(r *http.Request) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !n.contains(peer.Addr().Unmap()) {
		return
	}
	client := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, ok := forwarded(strings.TrimSpace(hop))
		if !ok {
			break // Nobody who is trusted has written that.
		}
		client = addr
		if !n.contains(addr) {
			break
		}
	}
	if client != peer.Addr().Unmap() {
		r.RemoteAddr = netip.AddrPortFrom(client, 0).String() // The port is not told.
	}
}

// forwarded reads an address as proxies write it, some with a port.
func forwarded(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		withPort, errPort := netip.ParseAddrPort(text)
		if errPort != nil {
			return netip.Addr{}, false
		}
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone(""), true
}
