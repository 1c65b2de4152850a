package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestReadmeHasTheDefaultsOfHelpConfig(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var help bytes.Buffer
	if err := printConfig(&help); err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `(ACTIONLOG_\\w+)` \\|(.*?)\\|").FindAllStringSubmatch(string(readme), -1)
	if len(rows) < 7 {
		t.Errorf("the table of the README has %d variables", len(rows))
	}
	for _, row := range rows {
		name, value := row[1], strings.Trim(row[2], "` ")
		// The columns of help config are divided by two spaces at least.
		line := regexp.MustCompile(`(?m)^  ` + name + `  +(.*?)  `).FindStringSubmatch(help.String())
		if line == nil || line[1] != value {
			t.Errorf("the default of %s in the README is %q; help config says %q", name, value, line)
		}
	}
}
