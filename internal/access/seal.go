package access

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
)

// A sealed text is, in base64url: the version of the form, the length of the
// whole, the id of the key, a salt, and what AES-256-GCM makes of the content.
// Everything before the content, and what the text is for, is authenticated
// with it. Each text has a key and a nonce of its own, which HKDF-SHA256 derives
// with the salt: so any number of texts can be sealed with one key of the file,
// which random nonces of 96 bits would not allow.
const (
	sealVersion = 1
	saltSize    = 24
	headSize    = 1 + 2 + len(keyID{}) + saltSize
	tagSize     = 16
	// Of AES-256-GCM.
	keySize, nonceSize = 32, 12
	// maxSealed is how long a text may be. A ticket stands in a URL, and many
	// proxies take no more than 8 KiB of one; browsers keep no cookie above
	// 4 KiB.
	maxSealed = 3800
	// maxContent is what has room in it.
	maxContent = maxSealed*3/4 - headSize - tagSize
)

// keyID tells the keys of seals apart, and nothing of the keys.
type keyID [8]byte

// sealKey is a key that seals and opens.
type sealKey struct {
	id     keyID
	secret []byte
}

func newSealKey(secret []byte) sealKey {
	k := sealKey{secret: secret}
	copy(k.id[:], k.derive("sluice key id", nil, len(k.id)))
	return k
}

func (k sealKey) derive(purpose string, salt []byte, size int) []byte {
	derived, err := hkdf.Key(sha256.New, k.secret, salt, purpose, size)
	if err != nil {
		return nil // Its only error is a size that SHA-256 cannot give.
	}
	return derived
}

// cipher returns what seals and opens the one text that has the salt.
func (k sealKey) cipher(salt []byte) (aead cipher.AEAD, nonce []byte, err error) {
	derived := k.derive("sluice seal", salt, keySize+nonceSize)
	block, err := aes.NewCipher(derived[:keySize])
	if err != nil {
		return nil, nil, fmt.Errorf("seal: %w", err)
	}
	aead, err = cipher.NewGCM(block)
	return aead, derived[keySize:], err
}

// retiredFor is how long a key still opens after it was taken out of the file:
// what was sealed a moment ago is on its way, and other replicas may read the
// file a little later.
const retiredFor = time.Minute

// seals turn what this service vouches for into text that only it can read,
// and back. Its keys are those of a file that the replicas share; the first
// seals, all of them open. Without a file there is one that nobody else has.
type seals struct {
	file  *file[[]sealKey] // nil without a file
	state atomic.Pointer[sealState]
}

type sealState struct {
	keys    []sealKey
	retired []retiredKey
}

type retiredKey struct {
	sealKey
	until time.Time
}

func newSeals(path string, log *slog.Logger) (*seals, error) {
	s := &seals{}
	if path == "" {
		secret := make([]byte, 32)
		_, _ = rand.Read(secret) // It never fails: it would end the process.
		s.state.Store(&sealState{keys: []sealKey{newSealKey(secret)}})
		return s, nil
	}
	opened, err := open("auth.tickets_key_file", path, parseSealKeys, log)
	if err != nil {
		return nil, err
	}
	s.file = opened
	s.state.Store(&sealState{keys: opened.value()})
	return s, nil
}

// poll reads the file again if it has changed. Only one goroutine may call it.
func (s *seals) poll(ctx context.Context) {
	if s.file == nil || !s.file.poll(ctx) {
		return
	}
	before, now := s.state.Load(), time.Now()
	after := &sealState{keys: s.file.value()}
	for _, r := range before.retired {
		if now.Before(r.until) {
			after.retired = append(after.retired, r)
		}
	}
	for _, k := range before.keys {
		if _, stays := after.key(k.id); !stays {
			after.retired = append(after.retired, retiredKey{k, now.Add(retiredFor)})
		}
	}
	s.state.Store(after)
}

func (s *sealState) key(id keyID) (sealKey, bool) {
	for _, k := range s.keys {
		if k.id == id {
			return k, true
		}
	}
	return sealKey{}, false
}

// find returns the key of an id, also one that was taken out a moment ago.
func (s *seals) find(id keyID) (sealKey, bool) {
	state := s.state.Load()
	if k, ok := state.key(id); ok {
		return k, true
	}
	for _, r := range state.retired {
		if r.id == id && time.Now().Before(r.until) {
			return r.sealKey, true
		}
	}
	return sealKey{}, false
}

// knows reports whether what the key has sealed is still taken.
func (s *seals) knows(id keyID) bool {
	_, ok := s.find(id)
	return ok
}

// seal makes a text of a content. What is sealed for one purpose is not opened
// for another.
func (s *seals) seal(purpose string, content []byte) (string, error) {
	if len(content) > maxContent {
		return "", errTooMuch
	}
	key := s.state.Load().keys[0]
	text := make([]byte, headSize, headSize+len(content)+tagSize)
	text[0] = sealVersion
	binary.BigEndian.PutUint16(text[1:], uint16(cap(text))) //nolint:gosec // G115: maxSealed is less.
	copy(text[3:], key.id[:])
	salt := text[headSize-saltSize:]
	_, _ = rand.Read(salt) // It never fails: it would end the process.
	aead, nonce, err := key.cipher(salt)
	if err != nil {
		return "", err
	}
	text = aead.Seal(text, nonce, content, append([]byte(purpose), text...))
	return base64.RawURLEncoding.EncodeToString(text), nil
}

// unseal returns the content of a text, and the key that has sealed it. Its
// errors are ErrTicketDamaged, ErrTicketKey and ErrTicketForged.
func (s *seals) unseal(purpose, text string) ([]byte, keyID, error) {
	if len(text) > maxSealed || strings.ContainsAny(text, "\r\n") { // The decoder would pass over those.
		return nil, keyID{}, ErrTicketDamaged
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) < headSize+tagSize || raw[0] != sealVersion || int(binary.BigEndian.Uint16(raw[1:])) != len(raw) {
		return nil, keyID{}, ErrTicketDamaged
	}
	id := keyID(raw[3:])
	key, ok := s.find(id)
	if !ok {
		return nil, keyID{}, ErrTicketKey
	}
	head, sealed := raw[:headSize:headSize], raw[headSize:]
	aead, nonce, err := key.cipher(head[headSize-saltSize:])
	if err != nil {
		return nil, keyID{}, err
	}
	content, err := aead.Open(nil, nonce, sealed, append([]byte(purpose), head...))
	if err != nil {
		return nil, keyID{}, ErrTicketForged
	}
	return content, id, nil
}
