"""Generated text: tickets, questions about them, and the defects of the raw files. Used to build data/ only."""
