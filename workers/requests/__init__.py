"""Requests: the topic in which a company's privacy tool asks Linger to erase, suppress or resume a customer.

`reader.RequestReader` follows it and writes the orders; `conversion.Conversion` makes them; `position.Position` is up
to where the topic is read.
"""
