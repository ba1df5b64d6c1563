"""The embedded store: a child process that serves Bolt on the loopback interface."""
