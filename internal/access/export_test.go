package access

import "net/http"

// SetTransport makes the issuer be reached some other way than by the network,
// which does not know fake time.
func (a *Authenticator) SetTransport(rt http.RoundTripper) { a.issuer.client.Transport = rt }

// Others is how many principals without an entry of their own are remembered.
func (a *Authenticator) Others() int { return len(a.others) }
