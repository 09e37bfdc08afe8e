"""What tests share: builders, fakes that a suite proves, servers, worker processes."""
