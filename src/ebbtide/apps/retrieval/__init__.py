"""What programs may read: segments, interactions, recordings, transcripts. Nothing here writes or manages anything."""
