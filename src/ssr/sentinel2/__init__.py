"""What the instrument is: bands, digital numbers, no-data. No torch, opens no file."""
