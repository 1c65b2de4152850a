package emit

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/gofrs/flock"
)

const (
	// spoolMagic starts every segment, so that another layout can follow.
	spoolMagic = "actlog1\n"

	// segmentBytes is when the next segment begins. A segment is deleted as a
	// whole, so this is also about how much is sent again after a crash.
	segmentBytes = 8 << 20

	// minSpoolBytes leaves room for a segment that is drained, one that is
	// written, and what is under way.
	minSpoolBytes = 2 * (segmentBytes + blockBytes)

	// A frame is the length of its body, the checksum of length and body, and the
	// body: time in Unix milliseconds, policy, key (its length before it), value.
	frameHeader = 4 + 4
	bodyHeader  = 8 + 1 + 2
	maxBody     = bodyHeader + 1<<16 + maxKafkaMessageBytes

	damagedSuffix = ".damaged"
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	// errFrame is what stands where the next record should begin.
	errFrame = errors.New("not a complete record")
)

// spool is an append-only log of records in a directory that one process has at a
// time. It is used from one goroutine.
//
// (Why our own: of the libraries, tidwall/wal has no checksums and calls a torn
// tail corrupt, and those of raft and etcd bring their consensus along.)
type spool struct {
	dir      string
	maxBytes int64
	lock     *flock.Flock
	log      *slog.Logger

	segments []*segment // oldest first
	offset   int64      // in the first segment: where what is not settled begins
	file     *os.File   // of the last segment, while it is appended to
	number   uint64     // of the newest segment
	events   int        // not settled
	bytes    int64      // of all segments
	frames   []byte     // what is being appended
}

type segment struct {
	path    string
	end     int64 // of the complete records
	events  int   // not settled
	damaged bool  // there is more after end, which is not ours to delete
}

// openSpool takes a directory and what a process before this one left in it.
func openSpool(dir string, maxBytes int64, log *slog.Logger) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the spool's directory: %w", err)
	}
	s := &spool{
		dir: dir, maxBytes: maxBytes, log: log, offset: int64(len(spoolMagic)),
		lock: flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600)),
	}
	locked, err := s.lock.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("lock the spool: %w", err)
	case !locked:
		return nil, fmt.Errorf("another emitter uses the spool %s: close it, or give each process a directory of its own", dir)
	}
	if err := s.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("read the spool: %w", err), s.lock.Close())
	}
	return s, nil
}

// load finds the segments. Only the newest can have a tail that was being written
// when the process died: it never counted as taken, and is cut off.
func (s *spool) load() error {
	paths, err := filepath.Glob(filepath.Join(s.dir, "*.spool"))
	if err != nil {
		return err
	}
	aside, err := filepath.Glob(filepath.Join(s.dir, "*.spool"+damagedSuffix))
	if err != nil {
		return err
	}
	// A number that was put aside is not given again: the next one would replace it.
	for _, path := range slices.Concat(aside, paths) {
		var number uint64
		if _, err := fmt.Sscanf(filepath.Base(path), "%d.spool", &number); err != nil {
			return fmt.Errorf("%s is not a segment's name: move it away", path)
		}
		s.number = max(s.number, number)
	}
	slices.Sort(paths)
	for i, path := range paths {
		seg, size, err := scan(path)
		if err != nil {
			return err
		}
		if seg.end < size {
			s.log.Warn("the spool's segment ends in an incomplete record", "file", path, "offset", seg.end, "bytes", size-seg.end)
			more, err := recordsFollow(path, seg.end)
			if err != nil {
				return err
			}
			if i < len(paths)-1 || more || seg.end == 0 && size > int64(len(spoolMagic)) {
				seg.damaged = true // not what a crash leaves
			} else if err := os.Truncate(path, seg.end); err != nil {
				return err
			}
		}
		s.segments = append(s.segments, seg)
		s.events += seg.events
		s.bytes += seg.end
	}
	s.skipSettled()
	return nil
}

// scan reads a segment up to its end or the first record that is not complete.
func scan(path string) (*segment, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	seg := &segment{path: path}
	r := bufio.NewReaderSize(file, 1<<16)
	magic := make([]byte, len(spoolMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != spoolMagic {
		return seg, info.Size(), nil
	}
	seg.end = int64(len(magic))
	for {
		_, n, err := readFrame(r)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errFrame):
			return seg, info.Size(), nil
		case err != nil:
			return nil, 0, fmt.Errorf("%s: %w", path, err)
		}
		seg.end += n
		seg.events++
	}
}

// recordsFollow reports whether a segment has a complete record anywhere after an
// offset.
func recordsFollow(path string, offset int64) (bool, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	for at := int(offset) + 1; at < len(file); at++ {
		if _, _, err := readFrame(bytes.NewReader(file[at:])); err == nil {
			return true, nil
		}
	}
	return false, nil
}

// append writes as many of the leading records as there is room for, and returns
// how many: they are on the disk then. After an error none counts.
func (s *spool) append(records []record) (int, error) {
	s.frames = s.frames[:0]
	n := 0
	for n < len(records) {
		before := len(s.frames)
		s.frames = appendFrame(s.frames, &records[n])
		if s.bytes+int64(len(spoolMagic)+len(s.frames)) > s.maxBytes {
			s.frames = s.frames[:before]
			break
		}
		n++
	}
	if n == 0 {
		return 0, nil
	}
	if s.file == nil || s.newest().end >= segmentBytes {
		if err := s.begin(); err != nil {
			return 0, fmt.Errorf("begin a segment of the spool: %w", err)
		}
	}
	seg := s.newest()
	_, err := s.file.Write(s.frames)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		// Nobody knows what is on the disk after a failed sync: the next append goes
		// to another file.
		err = errors.Join(err, s.file.Truncate(seg.end), s.file.Close())
		s.file = nil
		s.skipSettled() // should the segment be empty
		return 0, fmt.Errorf("append to the spool: %w", err)
	}
	seg.end += int64(len(s.frames))
	seg.events += n
	s.bytes += int64(len(s.frames))
	s.events += n
	return n, nil
}

// begin starts a segment.
func (s *spool) begin() error {
	s.number++
	path := filepath.Join(s.dir, fmt.Sprintf("%020d.spool", s.number))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if _, err = file.WriteString(spoolMagic); err == nil {
		err = syncDir(s.dir)
	}
	if err != nil {
		return errors.Join(err, file.Close(), os.Remove(path))
	}
	if s.file != nil {
		_ = s.file.Close() // everything in it is synced
	}
	s.file = file
	s.segments = append(s.segments, &segment{path: path, end: int64(len(spoolMagic))})
	s.bytes += int64(len(spoolMagic))
	return nil
}

// read returns the oldest records that are not settled, of some blockBytes and
// one segment, and the end to settle when they are acknowledged.
func (s *spool) read() (records []record, end int64, err error) {
	seg := s.segments[0]
	file, err := os.Open(seg.path)
	if err != nil {
		return nil, 0, fmt.Errorf("read the spool: %w", err)
	}
	defer file.Close()
	r := bufio.NewReaderSize(io.NewSectionReader(file, s.offset, seg.end-s.offset), 1<<16)
	end = s.offset
	for end < seg.end && end-s.offset < blockBytes-maxBatchBytes {
		rec, n, err := readFrame(r)
		if err != nil && len(records) > 0 {
			break // the next call meets it first
		}
		if err != nil {
			return nil, end, fmt.Errorf("read the spool: %s at %d: %w", seg.path, end, err)
		}
		records = append(records, rec)
		end += n
	}
	return records, end, nil
}

// settle forgets the oldest n records, which end at end. A segment is deleted when
// all of it is settled.
func (s *spool) settle(n int, end int64) {
	s.segments[0].events -= n
	s.events -= n
	s.offset = end
	s.skipSettled()
}

// abandon puts the oldest segment aside from where it cannot be read, and returns
// how many records that costs.
func (s *spool) abandon() int {
	seg := s.segments[0]
	seg.damaged = true
	lost := seg.events
	s.events -= lost
	s.offset = seg.end
	s.skipSettled()
	return lost
}

// skipSettled deletes the leading segments that are settled to their ends.
func (s *spool) skipSettled() {
	for len(s.segments) > 0 && s.offset >= s.segments[0].end {
		seg := s.segments[0]
		if len(s.segments) == 1 && s.file != nil {
			_ = s.file.Close() // everything in it is synced
			s.file = nil
		}
		var err error
		if seg.damaged {
			err = os.Rename(seg.path, seg.path+damagedSuffix)
		} else {
			err = os.Remove(seg.path)
		}
		if err != nil { // the next process sends it again
			s.log.Error("delete a segment of the spool", "error", err)
		}
		s.segments = s.segments[1:]
		s.bytes -= seg.end
		s.offset = int64(len(spoolMagic))
	}
	if len(s.segments) == 0 {
		s.frames = nil // megabytes, for an outage that is over
	}
}

// close lets go of the directory.
func (s *spool) close() error {
	var err error
	if s.file != nil {
		err = s.file.Close()
	}
	return errors.Join(err, s.lock.Close())
}

func (s *spool) newest() *segment { return s.segments[len(s.segments)-1] }

func appendFrame(to []byte, rec *record) []byte {
	start := len(to)
	to = binary.LittleEndian.AppendUint32(to, uint32(bodyHeader+len(rec.key)+len(rec.value)))
	to = binary.LittleEndian.AppendUint32(to, 0)
	to = binary.LittleEndian.AppendUint64(to, uint64(rec.time.UnixMilli()))
	to = append(to, byte(rec.policy))
	to = binary.LittleEndian.AppendUint16(to, uint16(len(rec.key)))
	to = append(append(to, rec.key...), rec.value...)
	frame := to[start:]
	binary.LittleEndian.PutUint32(frame[4:], checksum(frame[:4], frame[frameHeader:]))
	return to
}

// readFrame returns a record and how many bytes it takes. The error is io.EOF where
// nothing follows, and errFrame where something else than a complete record does.
func readFrame(r io.Reader) (rec record, n int64, err error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return rec, 0, torn(err)
	}
	size := binary.LittleEndian.Uint32(header[:])
	if size < bodyHeader || size > maxBody {
		return rec, 0, errFrame
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		if errors.Is(err, io.EOF) {
			return rec, 0, errFrame
		}
		return rec, 0, torn(err)
	}
	key := int(binary.LittleEndian.Uint16(body[9:]))
	if checksum(header[:4], body) != binary.LittleEndian.Uint32(header[4:]) || bodyHeader+key > len(body) {
		return rec, 0, errFrame
	}
	rec = record{
		time:   time.UnixMilli(int64(binary.LittleEndian.Uint64(body))),
		policy: Policy(body[8]),
		value:  body[bodyHeader+key:],
	}
	if key > 0 {
		rec.key = body[bodyHeader : bodyHeader+key : bodyHeader+key]
	}
	return rec, frameHeader + int64(size), nil
}

func torn(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errFrame
	}
	return err
}

func checksum(length, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, body)
}

// syncDir makes the names in a directory durable, where the system knows that.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
