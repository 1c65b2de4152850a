package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// segment is one file of a partition: the offset of its first record, which is
// its name, and its size in bytes.
type segment struct{ base, size int64 }

// listSegments returns a partition's segments, oldest first. The layout
// (partitions/TOPIC-N/BASE.dat) is kfake's; a test holds us to it.
func listSegments(dir, topic string, partition int) ([]segment, error) {
	name := fmt.Sprintf("%s-%d", url.PathEscape(topic), partition)
	entries, err := os.ReadDir(filepath.Join(dir, "partitions", name))
	if err != nil {
		if os.IsNotExist(err) {
			return nil, nil // nothing was written yet
		}
		return nil, err
	}
	var segments []segment
	for _, e := range entries {
		digits, ok := strings.CutSuffix(e.Name(), ".dat")
		base, err := strconv.ParseInt(digits, 10, 64)
		if !ok || err != nil {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		segments = append(segments, segment{base, info.Size()})
	}
	slices.SortFunc(segments, func(a, b segment) int { return int(a.base - b.base) })
	return segments, nil
}

// trimTo returns the offset that the log may start at: the base of a segment,
// so that after a crash, when only the files tell where the log starts, it is
// the same; not above before; and with at least keep bytes from there on. It
// returns -1 when there is none.
func trimTo(segments []segment, before, keep int64) int64 {
	var tail int64
	for _, s := range slices.Backward(segments) {
		tail += s.size
		if s.size > 0 && s.base <= before && tail >= keep {
			return s.base
		}
	}
	return -1
}

// refuseDeleteRecords makes the broker refuse DeleteRecords from clients: one
// that empties a partition makes its offsets start at 0 again after a restart.
func refuseDeleteRecords(cluster *kfake.Cluster) {
	cluster.ControlKey(int16(kmsg.DeleteRecords), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		req, ok := kreq.(*kmsg.DeleteRecordsRequest)
		if !ok {
			return nil, nil, false
		}
		resp, ok := req.ResponseKind().(*kmsg.DeleteRecordsResponse)
		if !ok {
			return nil, nil, false
		}
		for _, rt := range req.Topics {
			topic := kmsg.NewDeleteRecordsResponseTopic()
			topic.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				partition := kmsg.NewDeleteRecordsResponseTopicPartition()
				partition.Partition = rp.Partition
				partition.ErrorCode = kerr.PolicyViolation.Code
				topic.Partitions = append(topic.Partitions, partition)
			}
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, true
	})
}

// topicName is what Kafka takes for a topic, from its class
// org.apache.kafka.common.internals.Topic.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// refuseBadTopics makes the broker refuse topics whose names Kafka refuses. Their
// partitions get folders of their names, and one that is too long for the file
// system would keep the broker from starting again.
func refuseBadTopics(cluster *kfake.Cluster) {
	cluster.ControlKey(int16(kmsg.CreateTopics), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		req, ok := kreq.(*kmsg.CreateTopicsRequest)
		if !ok {
			return nil, nil, false
		}
		resp, ok := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		if !ok {
			return nil, nil, false
		}
		refused := false
		for _, rt := range req.Topics {
			topic := kmsg.NewCreateTopicsResponseTopic()
			topic.Topic, topic.ErrorCode = rt.Topic, kerr.InvalidRequest.Code
			message := "another topic of this request has a name that is not allowed"
			if !topicName.MatchString(rt.Topic) || rt.Topic == "." || rt.Topic == ".." {
				refused = true
				topic.ErrorCode = kerr.InvalidTopicException.Code
				message = "a topic's name is 1 to 249 letters, digits, dots, underscores and hyphens"
			}
			topic.ErrorMessage = &message
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, refused
	})
}

// brokerLog hands kfake's log to slog. Its "info" is one line a request, so it
// is a level lower here.
type brokerLog struct{ log *slog.Logger }

// Logf implements [kfake.Logger].
func (l brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	var at slog.Level
	switch level {
	case kfake.LogLevelError:
		at = slog.LevelError
	case kfake.LogLevelWarn:
		at = slog.LevelWarn
	case kfake.LogLevelInfo:
		at = slog.LevelDebug
	default:
		return
	}
	if l.log.Enabled(context.Background(), at) {
		l.log.Log(context.Background(), at, "embedded Kafka broker: "+fmt.Sprintf(format, args...))
	}
}
