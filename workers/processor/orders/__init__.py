"""What was ordered for a customer, and the marks that orders and opt-outs leave.

Begin with `customer_orders`; `one_customer` carries an order out. `mark_book` holds the marks of
the claimed partitions, `mark_topic` their copy in Kafka.
"""
