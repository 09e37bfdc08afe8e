"""What operators check and order: doctor, permissions, held actions."""
