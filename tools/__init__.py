"""What only maintainers run: README.md beside this file has a line for each tool."""
