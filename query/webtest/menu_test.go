package webtest

import (
	"strings"
	"testing"
)

const ticked = "[...document.querySelectorAll('.pop-user .opt input:checked')].map(i => i.value).join()"

// What was ticked stays so while others are searched for, and Enter in the search ticks
// what was found.
func TestTicksOutliveASearch(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Forgive("htmx:") // a search in a list gives up the one before
	b.Go(s.url)
	b.Click(userMenu)
	b.Until("document.querySelectorAll('.pop-user .opt').length === 3")
	b.Click(".pop-user input[value=robot]")
	b.Type(".pop-user [name=find]", "bob")
	b.Until(ticked + " === 'robot' && document.querySelector('.pop-user .pop-list').dataset.find === 'bob' && document.querySelectorAll('.pop-user .opt input').length === 2")
	b.Enter()
	b.Until("document.querySelectorAll('.pop-user .opt').length === 3 && " + ticked + ".split(',').sort().join() === 'bob,robot'")
	b.Press("alice")
	b.Enter() // before the list is there
	b.Until("document.querySelectorAll('.pop-user .opt input:checked').length === 3")
	b.Until("document.activeElement.name === 'find' && document.activeElement.value === ''")
	b.Click(".pop-user input[value=bob]")
	eval[string](b, "(document.querySelector('.pop-user [name=find]').focus(), '')")
	b.Enter()
	b.shows(posted, inspected)
	if line := b.line(); !strings.Contains(line, "alice") || !strings.Contains(line, "robot") || strings.Contains(line, "bob") {
		t.Errorf("the menu writes %q", line)
	}
	// Whoever is asked for can be left out while others are searched for.
	b.Click(userMenu)
	b.Until("document.querySelectorAll('.pop-user .opt').length === 3")
	b.Click(".pop-user input[value=robot]")
	b.Type(".pop-user [name=find]", "bob")
	b.Until("document.querySelector('.pop-user .pop-list').dataset.find === 'bob' && " + ticked + " === 'alice'")

	b.Press("\x1b")
	b.Click(actionMenu)
	b.Until("document.querySelector('.pop-act [name=action]') !== null")
	const note = "document.querySelector('#action-note').innerText"
	b.Until(note + " === '48 types in 8 categories'") // those of the catalogue, and one of this log
	b.Type(".pop-act [type=search]", "forkl")
	b.Until(note + " === '1 of 48 types'")
	b.Enter()
	b.Until("document.querySelector('[name=action]:checked')?.value === 'forklift.inspected' && document.activeElement.value === ''")
	b.Until(note + " === '48 types in 8 categories'")
	b.Press("\x1b")
	b.Press("c")
	b.Until("document.activeElement.matches('.menu-columns[open] input')")
	b.Press("\x1b")
	b.Until("document.activeElement.matches('.menu-columns summary')")
}
