"""Reading one pasted text: evening it out (`view`) and taking the fields from it (`fields`, `engine`)."""
