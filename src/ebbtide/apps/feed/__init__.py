"""What fills Ebbtide day by day: segments in batches, recordings one by one, from the telephone system's side."""
