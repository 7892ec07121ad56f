"""Commands: a file a command, named as the command: parse, one library call, print."""
