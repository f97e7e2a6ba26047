"""What is left in files after a purge: needles are planted in every copy, and every byte is looked at."""
