"""Pure. Who the customer is and what they bought; publishes what charging needs."""
