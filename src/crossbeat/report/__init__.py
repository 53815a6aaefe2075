"""Results in words, tables and pictures: the report, for the terminal and as Markdown."""
