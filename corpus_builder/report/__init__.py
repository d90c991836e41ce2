"""The HTML page that shows what a mining run read, dropped and kept."""
