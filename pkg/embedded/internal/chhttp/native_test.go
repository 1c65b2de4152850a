package chhttp

import (
	"bytes"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
)

// TestNativeWriterRevision compares against ch-go's own encoder at the same
// revision. The types of every kind are tested on the engine's blocks, with
// clickhouse-go as the reader.
func TestNativeWriterRevision(t *testing.T) {
	id, name, tags := new(proto.ColUInt64), new(proto.ColStr), proto.NewArray(new(proto.ColStr).LowCardinality())
	for i := range 300 {
		id.Append(uint64(i))
		name.Append(string(bytes.Repeat([]byte("x"), i)))
		tags.Append([]string{"a", "b"}[:i%3])
	}
	input := proto.Input{{Name: "id", Data: id}, {Name: "name", Data: name}, {Name: "tags", Data: tags}}
	encode := func(revision int) []byte {
		var b proto.Buffer
		block := proto.Block{Info: proto.BlockInfo{BucketNum: -1}, Columns: 3, Rows: 300}
		if err := block.EncodeBlock(&b, revision, input); err != nil {
			t.Fatal(err)
		}
		return b.Buf
	}
	for _, revision := range []uint64{54451, 54460} {
		var got bytes.Buffer
		w := &nativeWriter{out: &got, revision: revision}
		plain := encode(0)
		if _, err := w.Write(append(plain, plain...)); err != nil {
			t.Fatal(err)
		}
		want := encode(int(revision))
		if want = append(want, want...); !bytes.Equal(got.Bytes(), want) {
			t.Errorf("revision %d: %d bytes, want %d", revision, got.Len(), len(want))
		}
	}
}

func FuzzNativeWriter(f *testing.F) {
	f.Add([]byte("\x01\x02\x01a\x05Array\x02"))
	f.Add([]byte("\x01\x01\x01a\x16LowCardinality(String)\x01\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, blocks []byte) {
		var got bytes.Buffer
		_, _ = (&nativeWriter{out: &got, revision: 54460}).Write(blocks)
	})
}
