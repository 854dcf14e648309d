"""What a person or another program sees: text, tables, data frames, files, pictures."""
