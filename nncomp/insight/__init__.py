"""What the costs of bytes say about a file: its odd lines, and where its bits are."""
