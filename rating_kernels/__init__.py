"""Pure. Integer arithmetic on arrays: prices, burn-downs, cycles. Imports nothing of ours."""
