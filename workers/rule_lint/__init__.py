"""`linger rules check`: mistakes in rule files, and rules that work but are probably not meant that way."""
