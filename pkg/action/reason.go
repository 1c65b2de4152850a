package action

import (
	"fmt"
	"slices"
)

// ParseReason returns the reason of a name. The error of another name lists the
// reasons, and says which one was probably meant.
func ParseReason(name string) (Reason, error) {
	if slices.Contains(Reasons(), Reason(name)) {
		return Reason(name), nil
	}
	var names []string
	for _, r := range Reasons() {
		names = append(names, string(r))
	}
	remedy := "give one of " + list(names)
	if meant := suggestion(name, names); meant != "" {
		remedy = "did you mean " + meant + "? The reasons are " + list(names)
	}
	return "", fmt.Errorf("%s is not a reason: %s", quote(name), remedy)
}
