"""Nothing is left behind: every file is read byte by byte, before and after."""
