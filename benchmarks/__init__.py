"""What things cost, measured; nothing here passes or fails."""
