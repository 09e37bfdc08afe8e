"""Clients of aiokafka and how they are connected. Begin with `connecting.connect`."""
