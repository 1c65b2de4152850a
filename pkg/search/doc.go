// Package search reads how people write questions about the log: the words of q, the
// times of from and to, the names of time zones, and a whole question in one line. It
// says which case rule a text is searched by. It knows no database and no HTTP; the
// names of the fields are given to it.
//
// # The search line
//
//	actor:alice action:invoice.* -xero "late fee" after:2026-01-01 ip:10.0.0.0/8
//
// Its grammar, in EBNF; space is any white space of Unicode:
//
//	line    = { space | term } .
//	term    = [ "-" ] ( phrase | field | word ) .
//	phrase  = `"` { `\"` | `\\` | any character but `"` } `"`
//	        | opening { any character but the closing ones } closing .    (* “…” ”…” „…“ „…” «…» »…« *)
//	field   = [ "!" ] name ( ":" | "=" ) ( list | value ) .
//	list    = "(" value { ( space | "," ) { space | "," } value } ")" .
//	value   = [ "!" ] ( phrase | plain ) .
//	name    = letter { letter | digit | "_" | "." | "-" } | family path .
//	family  = (* a name of Fields that ends in a dot *) "details." .
//	path    = part { part } .
//	part    = `\:` | `\=` | `\\` | `\` space | any character but ":", "=" and space .
//	plain   = [ `\` ] character { character } .    (* up to a space; in a list, to "," or ")"; not from "=", "<" or ">" *)
//	word    = character { character } .            (* up to a space; none of OR, AND, NOT and ")", nor one that begins with "(" *)
//
// Letters and digits of names are ASCII, their case does not matter, and "-" in them
// is "_". The times of from and to may be two plain words, as in after:last month.
//
// A colon has a meaning only after what looks like a name. A word is plain text when
// what is before its first colon is none (12:30), when a slash, a backslash or another
// colon follows that colon and the name is not known (https://…, C:\temp, std::string),
// when that colon has a backslash before it (note\:x, which is the text note:x), and in
// quotes. Everything else before a colon has to be a name: a filter with a typing error
// must not become a search for text. "=" is as good as ":" after a name. After any other word
// it is plain text (a=b, utm_source=x), unless the word is near a name.
//
// "<", ">", "!=" and "==" compare nothing, and are an error after a name, since who writes
// them means to: in quotes they are text, and a value may begin with them. So is a sign that
// a space separates from the name before it.
//
// OR, AND, NOT and brackets do not combine terms, and are an error as words, since who
// writes them means to: in quotes they are text.
package search
