"""What every part of the core speaks: messages, values, errors, ids and the clock. No I/O."""
