package reader

import (
	"bytes"
	"errors"
	"fmt"
)

// parser reads one answer of Server-Sent Events, in pieces of any size: the
// HTTP/1.1 head, the chunks where there are some, and the lines. It copies
// nothing but lines that a piece has cut.
type parser struct {
	// message gets the data of each record, and control the name and the data
	// of what is not one. Neither may be kept.
	message func(data []byte) error
	control func(name string, data []byte) error

	head    []byte // until it is whole
	inBody  bool
	chunked bool
	left    int // of the chunk
	size    int // of the next chunk, as far as it is read
	digits  int

	cut      []byte // the beginning of a line
	name     string
	data     []byte // of a control event
	hasData  bool
	messages int64
	beats    int64
}

// maxHead is how long a head may be.
const maxHead = 8 << 10

var (
	errHead  = errors.New("the head of the answer is too long")
	errChunk = errors.New("a chunk does not begin with its size")
	errEnded = errors.New("the stream has ended")
)

// feed takes the next piece.
func (p *parser) feed(piece []byte) error {
	if p.inBody {
		return p.body(piece)
	}
	p.head = append(p.head, piece...)
	head, rest, whole := bytes.Cut(p.head, []byte("\r\n\r\n"))
	if !whole {
		if len(p.head) > maxHead {
			return errHead
		}
		return nil
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("the answer is %q", p.head)
	}
	p.chunked = bytes.Contains(bytes.ToLower(head), []byte("transfer-encoding: chunked"))
	p.inBody, p.head = true, nil
	return p.body(rest)
}

func (p *parser) body(piece []byte) error {
	if !p.chunked {
		return p.lines(piece)
	}
	for len(piece) > 0 {
		if p.left == 0 {
			if err := p.chunkSize(piece[0]); err != nil {
				return err
			}
			piece = piece[1:]
			continue
		}
		n := min(p.left, len(piece))
		if err := p.lines(piece[:n]); err != nil {
			return err
		}
		p.left -= n
		piece = piece[n:]
	}
	return nil
}

// chunkSize reads a byte of what is between chunks: the end of the line of the
// last one, and the line with the size of the next.
func (p *parser) chunkSize(c byte) error {
	switch {
	case c == '\r':
	case c == '\n' && p.digits == 0:
	case c == '\n':
		if p.size == 0 {
			return errEnded
		}
		p.left, p.size, p.digits = p.size, 0, 0
	case p.digits == 7: // More than any server sends in a piece.
		return errChunk
	default:
		digit := bytes.IndexByte([]byte("0123456789abcdef"), c|0x20)
		if digit < 0 {
			return errChunk
		}
		p.size = p.size<<4 | digit
		p.digits++
	}
	return nil
}

func (p *parser) lines(piece []byte) error {
	for len(piece) > 0 {
		end := bytes.IndexByte(piece, '\n')
		if end < 0 {
			p.cut = append(p.cut, piece...)
			return nil
		}
		line := piece[:end]
		if len(p.cut) > 0 {
			p.cut = append(p.cut, line...)
			line = p.cut
		}
		if err := p.line(line); err != nil {
			return err
		}
		p.cut = p.cut[:0]
		piece = piece[end+1:]
	}
	return nil
}

// line takes a line. The servers that are compared name an event before they
// give its data, and give that on one line.
func (p *parser) line(line []byte) error {
	if len(line) == 0 {
		return p.dispatch()
	}
	switch line[0] {
	case 'd':
		data, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok || p.hasData {
			return fmt.Errorf("the line %q was not expected", line)
		}
		p.hasData = true
		if p.name != "" {
			p.data = append(p.data[:0], data...)
			return nil
		}
		p.messages++
		return p.message(data)
	case 'e':
		p.name = string(bytes.TrimPrefix(line, []byte("event: ")))
	case ':':
		p.beats++
	case 'i', 'r': // id and retry, which are for clients that come again.
	default:
		return fmt.Errorf("the line %q was not expected", line)
	}
	return nil
}

func (p *parser) dispatch() error {
	name, had := p.name, p.hasData
	p.name, p.hasData = "", false
	if name == "" || !had {
		return nil
	}
	return p.control(name, p.data)
}
