"""One command a file. Handlers call services and word replies; they know no platform."""
