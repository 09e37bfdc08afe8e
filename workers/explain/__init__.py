"""What holds for one customer and why (`linger why`), and what a rule says (`linger rules explain`)."""
