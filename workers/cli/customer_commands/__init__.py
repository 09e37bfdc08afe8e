"""Commands about one customer, beside `linger customer show` and `ref`."""
