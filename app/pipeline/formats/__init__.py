"""What an import may be written in: each form read in pieces of any size, in constant memory."""
