"""What a user may write: option files, and what they mean. No torch."""
