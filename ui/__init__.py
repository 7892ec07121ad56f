"""People: the command line and the browser page. Parse, one library call, show."""
