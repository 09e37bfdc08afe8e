"""Orders about customers, as commands give them: to erase, suppress or resume; and what stays in Kafka afterwards.

Begin with `orders.Instruction`, which becomes a record of the activity topic (`writing.write_orders`). A worker
carries it out; `carrying_out.until_carried_out` waits for that. `kept_in_kafka.opened_search` finds the records of
customers in Linger's topics, `remains.remains_of` counts them with the date when retention has removed the last one.
"""
