"""Parse, call a workflow, print: the command `ssr`."""
