"""Work spread over processes; the only room that knows of more than one."""
