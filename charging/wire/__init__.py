"""Pure. What lies in the bytes that the broker sent: record batches cut to messages, messages read as events, by kernels."""
