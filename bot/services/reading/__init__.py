"""Reading one pasted text: evened out by `view`, then one file for each kind of field."""
