package chhttp

import "testing"

func TestSplitInsert(t *testing.T) {
	f := func(text, sql, format, data string) {
		t.Helper()
		head, ok, _ := splitInsert(text)
		if !ok {
			t.Errorf("%q: no INSERT with data", text)
		} else if head.sql != sql || head.format != format || text[head.data:] != data {
			t.Errorf("%q: got %q, %q, %q", text, head.sql, head.format, text[head.data:])
		}
	}
	f("INSERT INTO t FORMAT CSV\n1,2\n", "INSERT INTO t ", "CSV", "1,2\n")
	f("insert into t format CSV 1,2", "insert into t ", "CSV", "1,2")
	f("INSERT INTO t FORMAT Native\n\x01\x02", "INSERT INTO t ", "Native", "\x01\x02")
	f("INSERT INTO t FORMAT CSV;\n\n1", "INSERT INTO t ", "CSV", "\n1")
	f("INSERT INTO t FORMAT TSV\n\ta", "INSERT INTO t ", "TSV", "\ta")
	f("INSERT INTO t (a, `format`) VALUES (1, 'it''s')", "INSERT INTO t (a, `format`) ", "Values", " (1, 'it''s')")
	f("INSERT INTO t (values, select) VALUES (1)", "INSERT INTO t (values, select) ", "Values", " (1)")
	f("INSERT INTO t SETTINGS a = 1, b = 'FORMAT x' FORMAT CSV 1", "INSERT INTO t SETTINGS a = 1, b = 'FORMAT x' ", "CSV", "1")
	f("/* FORMAT CSV */ -- VALUES\nINSERT INTO t VALUES (1)", "/* FORMAT CSV */ -- VALUES\nINSERT INTO t ", "Values", " (1)")
	f("INSERT INTO t (a)", "INSERT INTO t (a)", "Values", "")
	f("INSERT INTO FUNCTION file('x', 'CSV') FORMAT CSV\n1", "INSERT INTO FUNCTION file('x', 'CSV') ", "CSV", "1")
}

func TestSplitInsertRefuses(t *testing.T) {
	f := func(text string) {
		t.Helper()
		if head, ok, more := splitInsert(text); ok || more {
			t.Errorf("%q: got %+v, %v, %v", text, head, ok, more)
		}
	}
	f("SELECT 1 FORMAT CSV")
	f("INSERT INTO t SELECT 1 FORMAT CSV")
	f("INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x")
	f("INSERT INTO t FROM INFILE 'x' FORMAT CSV")
	f("WITH 1 AS x INSERT INTO t SELECT x")
}

func TestSplitInsertWantsMore(t *testing.T) {
	f := func(text string) {
		t.Helper()
		if _, _, more := splitInsert(text); !more {
			t.Errorf("%q: decided", text)
		}
	}
	f("")
	f("INS")
	f("/* a comment")
	f("INSERT INTO `t")
	f("INSERT INTO t (a)")
	f("INSERT INTO t FORMAT CS")
	f("INSERT INTO t FORMAT ")
	f("INSERT INTO t VALUES")
}

func TestFormatClause(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := formatClause(text); got != want {
			t.Errorf("%q: got %q", text, got)
		}
	}
	f("SELECT 1", "")
	f("SELECT 1 FORMAT JSON", "JSON")
	f("SELECT 1 format JSON;  -- end", "JSON")
	f("SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "CSV")
	f("SELECT 'FORMAT JSON'", "")
	f("SELECT 1 AS format", "")
	f("SELECT format FROM t", "")
	f("SELECT format AS x FROM t FORMAT TSV", "TSV")
	f("SELECT format('{}', 1)", "")
	f("SELECT * FROM format(JSONEachRow, $$FORMAT CSV$$)", "")
	f("SELECT 1 /* FORMAT JSON */", "")
	f("SELECT \"FORMAT\" FROM t -- FORMAT CSV", "")
}

func TestIntoOutfile(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := intoOutfile(text, "/p", "JSON"); got != want {
			t.Errorf("%q: got %q", text, got)
		}
	}
	f("SELECT 1", "SELECT 1 INTO OUTFILE '/p' TRUNCATE FORMAT JSON")
	f("SELECT 1; -- end", "SELECT 1 INTO OUTFILE '/p' TRUNCATE FORMAT JSON")
	f("SELECT 1 FORMAT XML;", "SELECT 1  INTO OUTFILE '/p' TRUNCATE FORMAT XML;")
	f("SELECT 1 FORMAT XML SETTINGS a = 1", "SELECT 1  INTO OUTFILE '/p' TRUNCATE FORMAT XML SETTINGS a = 1")
}

func TestFirstKeyword(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := firstKeyword(text); got != want {
			t.Errorf("%q: got %q", text, got)
		}
	}
	f("select 1", "SELECT")
	f(" -- c\n ((SELECT 1) UNION ALL SELECT 2)", "SELECT")
	f("", "")
	f("/* only */ ;", "")
}

func FuzzScan(f *testing.F) {
	f.Add("INSERT INTO t FORMAT CSV\n1")
	f.Add("SELECT '$a$', $a$ x $a$ FORMAT JSON -- c")
	f.Add("Tuple(`a b` UInt8, b Array(LowCardinality(Nullable(String))))")
	f.Fuzz(func(t *testing.T, text string) {
		if head, ok, _ := splitInsert(text); ok && head.data > len(text) {
			t.Errorf("data begins at %d of %d", head.data, len(text))
		}
		formatClause(text)
		intoOutfile(text, "/p", "JSON")
		readsInput(text)
		_, _ = parseType(text)
	})
}
