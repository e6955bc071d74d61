"""Files with which `tieout run` is kept running: a unit of systemd, and a compose file with PostgreSQL."""
