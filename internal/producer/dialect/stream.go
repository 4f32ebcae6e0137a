package dialect

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"sluice/internal/producer"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// pieceRecords and pieceBytes bound a piece of a stream: what is submitted
	// at once, when that much has come or the client pauses.
	pieceRecords = 512
	pieceBytes   = 128 << 10
	// window is how many pieces of a stream may be without an answer that has
	// left: what bounds the memory of one that is as long as it likes.
	window = 16
	// silence is how long a client may send nothing, and patience how long it
	// may leave results unread, before its stream ends.
	silence  = 60 * time.Second
	patience = 30 * time.Second
	// stepTime is how often the time-out of reading is set anew.
	stepTime = time.Second
)

// stream is an upload of records without an end that is known. Its records
// travel in pieces, several of which are with the writer at a time, and their
// results come out in the order of the records. N is what the dialect notes of
// each record, to answer it.
//
// The goroutine of the request reads, and calls add, fail and flush; one other
// waits for the pieces and hands their results to a third, which writes, so
// that a client that does not read its results holds no room in the budget
// while it is waited for. finish waits for both.
type stream[N any] struct {
	*call
	topic   string
	results func(dst []byte, p *piece[N]) []byte // what is written of a piece

	ctx     context.Context // ends when nothing more is to be read
	cancel  context.CancelFunc
	control *http.ResponseController
	set     time.Time // when the time-out of reading was set
	until   time.Time // when what is being read has to be there; zero for no time

	current *piece[N]
	stopped *producer.Error // why reading has ended early
	tokens  chan struct{}   // one for each piece that may be on its way
	pieces  chan *piece[N]  // submitted, in order
	out     chan []byte     // answered, in order
	wg      sync.WaitGroup  // of the two goroutines
	unwatch func() bool     // ends the watch for the end of the service
}

// piece is a part of a stream.
type piece[N any] struct {
	batch   *producer.Batch
	notes   []N
	refusal *producer.Error // of all that had not failed before
}

// result tells what became of a record.
func (p *piece[N]) result(i int) (producer.Place, *producer.Error) {
	place, err := p.batch.Result(i)
	if err == nil && p.refusal != nil {
		return producer.Place{}, p.refusal
	}
	return place, err
}

// newStream starts a stream; finish must follow.
func newStream[N any](c *call, topic string, results func([]byte, *piece[N]) []byte) *stream[N] {
	s := &stream[N]{
		call: c, topic: topic, results: results,
		control: http.NewResponseController(c.answer),
		tokens:  make(chan struct{}, window), pieces: make(chan *piece[N], window), out: make(chan []byte, window),
	}
	s.ctx, s.cancel = context.WithCancel(c.request.Context())
	// What is read after the first result is lost without this.
	_ = s.control.EnableFullDuplex() // HTTP/2 has it, and says that it does not know it.
	c.duplex = true
	if h := c.answer.Header(); c.request.ProtoMajor == 1 && c.request.ContentLength < 0 && h.Get("Connection") == "" {
		c.closes = true
		// In full duplex the server does not end the connection by itself after
		// a chunk that is broken, but takes what follows for the next request.
		h.Set("Connection", "close")
	}
	stop := context.AfterFunc(c.writer.Streams(), func() {
		s.cancel()
		_ = s.control.SetReadDeadline(time.Now())
	})
	s.unwatch = stop
	s.wg.Go(s.wait)
	s.wg.Go(s.write)
	return s
}

// Read reads the body. Before it may block, what has been read is submitted:
// a client that sends slowly sees each result at once, and a fast one fills its
// pieces.
func (s *stream[N]) Read(p []byte) (int, error) {
	s.flush()
	if s.stopped != nil || s.ctx.Err() != nil {
		return 0, errStopped
	}
	if now := time.Now(); now.Sub(s.set) > stepTime {
		s.set = now
		deadline := now.Add(silence)
		if !s.until.IsZero() && s.until.Before(deadline) {
			deadline = s.until
		}
		_ = s.control.SetReadDeadline(deadline) // Not every server has one.
		if s.ctx.Err() != nil {
			return 0, errStopped // The deadline that ended it was overwritten.
		}
	}
	return s.request.Body.Read(p)
}

// hurry gives what is being read so much time; zero ends that.
func (s *stream[N]) hurry(d time.Duration) {
	s.until, s.set = time.Time{}, time.Time{}
	if d > 0 {
		s.until = time.Now().Add(d)
	}
}

// errStopped ends the reading where the stream has ended early.
var errStopped = errors.New("the stream has ended")

// add makes room for a record of so many bytes and returns it, with the batch
// whose buffer has that room; nil when the stream has ended.
func (s *stream[N]) add(note N, bytes int) (*producer.Batch, *kgo.Record) {
	p := s.room(bytes)
	if p == nil {
		return nil, nil
	}
	p.notes = append(p.notes, note)
	return p.batch, p.batch.Add()
}

// fail adds a record that has failed before it could be written.
func (s *stream[N]) fail(note N, err *producer.Error) {
	if b, _ := s.add(note, 0); b != nil {
		b.Fail(b.Len()-1, s.writer.Refused(err))
	}
}

// refuse answers a record for which no batch could be had.
func (s *stream[N]) refuse(note N, err *producer.Error) {
	s.flush()
	select {
	case s.tokens <- struct{}{}:
	case <-s.ctx.Done():
		s.stop(drained())
		return
	}
	nobodys := new(producer.Batch) // It holds no room, and its release gives none back.
	nobodys.Add()
	s.pieces <- &piece[N]{batch: nobodys, notes: []N{note}, refusal: err}
}

// room returns the current piece if so many bytes fit into it, else a new one.
func (s *stream[N]) room(bytes int) *piece[N] {
	if p := s.current; p == nil || p.batch.Len() == pieceRecords || len(p.batch.Buffer)+bytes > cap(p.batch.Buffer) {
		s.flush()
		s.current = s.piece(bytes)
	}
	return s.current
}

// detach returns a new piece that is not submitted before it is attached or
// dropped, so that its buffer can be filled with what is read.
func (s *stream[N]) detach(bytes int) *piece[N] {
	s.flush()
	return s.piece(bytes)
}

// attach makes a detached piece the current one.
func (s *stream[N]) attach(p *piece[N]) { s.current = p }

// drop throws a detached piece away.
func (s *stream[N]) drop(p *piece[N]) {
	p.batch.Release()
	<-s.tokens
}

// piece takes room for a new piece, and waits for it; nil when the stream has
// ended.
func (s *stream[N]) piece(bytes int) *piece[N] {
	if s.stopped != nil {
		return nil
	}
	select {
	case s.tokens <- struct{}{}:
	case <-s.ctx.Done():
		s.stop(drained())
		return nil
	}
	size := int64(max(bytes, pieceBytes))
	b, err := s.writer.AdmitWaiting(s.ctx, s.account(), size+pieceRecords*producer.RecordRoom+batchRoom)
	if err != nil {
		<-s.tokens
		s.stop(err)
		return nil
	}
	b.Topic = s.topic
	b.Buffer = sized(b.Buffer, size)
	return &piece[N]{batch: b, notes: make([]N, 0, pieceRecords)}
}

// stop ends the reading; what was submitted goes on.
func (s *stream[N]) stop(err *producer.Error) {
	if s.stopped == nil {
		s.stopped = err
	}
}

// flush submits the current piece.
func (s *stream[N]) flush() {
	p := s.current
	if p == nil {
		return
	}
	s.current = nil
	b := p.batch
	s.trace(s.request.Context(), b)
	err := s.may(s.topic)
	if err == nil && s.principal.Wait(s.ctx, b.Len(), int64(len(b.Buffer))) != nil {
		err = drained()
	}
	if err == nil {
		err = s.writer.Submit(s.request.Context(), b, s.timeout)
	}
	if err != nil {
		p.refusal = err
		s.refused(err)
	}
	s.pieces <- p // Never blocks: there is a token for it.
}

// refused ends the reading where the next piece would be refused as well.
func (s *stream[N]) refused(err *producer.Error) {
	switch err.Reason {
	case producer.NotStarted, producer.Draining, producer.Away, producer.Forbidden, producer.NoTopic:
		s.stop(err)
	default:
	}
}

// wait turns submitted pieces into results, in order.
func (s *stream[N]) wait() {
	defer close(s.out)
	for p := range s.pieces {
		if p.refusal == nil {
			s.writer.Wait(p.batch)
		}
		text := s.results(nil, p)
		p.batch.Release()
		s.out <- text // Never blocks: there is a token for it.
	}
}

// write sends the results, until the client does not take them any more.
func (s *stream[N]) write() {
	gone := false
	for text := range s.out {
		if len(text) > 0 && !gone {
			gone = !s.send(text, len(s.out) == 0)
		}
		<-s.tokens
	}
}

// send writes, and flushes where nothing follows at once. It reports whether
// the client takes it.
func (s *stream[N]) send(text []byte, flush bool) bool {
	_ = s.control.SetWriteDeadline(time.Now().Add(patience)) // Not every server has one.
	s.begun = true
	_, err := s.answer.Write(text)
	if err == nil && flush {
		err = s.control.Flush()
	}
	if err != nil {
		s.cancel()
		_ = s.control.SetReadDeadline(time.Now()) // Wakes the reader.
	}
	return err == nil
}

// finish submits what is left, and waits until every result has been written.
func (s *stream[N]) finish() {
	s.flush()
	close(s.pieces)
	s.wg.Wait()
	s.unwatch()
	s.cancel()
	_ = s.control.SetWriteDeadline(time.Now().Add(patience))
}

func drained() *producer.Error {
	return producer.Refusal(producer.Draining, "the stream was ended before this record was read")
}
