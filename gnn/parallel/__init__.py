"""Work spread over processes (``local``); the only package that knows of more than one."""
