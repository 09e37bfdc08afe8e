"""Metrics, names of log events, how logs are written, and the HTTP endpoints of a worker.

It must never know what it reports on. Every metric is in `metrics`, every name of a log event in `log_events`.
`logs.configure_logging` sets up the log, `logs.customer_ref` hides a customer id, and `http_server.Endpoints`
answers.
"""
