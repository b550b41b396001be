"""Stripe's SDK for Python. Told where the gateway is and the client's key, and nothing else."""

import os
import sys

import stripe

from signals import more

client = stripe.StripeClient(
    os.environ["API_KEY"],
    base_addresses={"api": os.environ["BASE_URL"]},
    # A second try would hide a failed call.
    max_network_retries=0,
)


def calls():
    balance = client.v1.balance.retrieve()
    print("balance", balance.available[0].amount, balance.available[0].currency)
    print("proxy-status", balance.last_response.headers["Proxy-Status"])
    pages = client.v1.customers.list(params={"limit": 2})
    print("customers", *(customer.id for customer in pages.auto_paging_iter()))
    params = {"name": "Jörg & Söhne", "email": "jorg@example.org", "metadata": {"order": "67=35"}}
    for _ in range(2):
        made = client.v1.customers.create(params=params, options={"idempotency_key": "order-6735"})
        print("created", made.id, made.name, made.email, made.metadata["order"])
    print(balance, made, balance.last_response.headers)


def series():
    count = 0
    while more():
        assert client.v1.balance.retrieve().available[0].amount == 2685
        count += 1
    print("calls", count)


def denied():
    try:
        client.v1.balance.retrieve()
    except stripe.AuthenticationError as error:
        print(type(error).__name__, error.http_status, error.headers["Proxy-Status"])
        print(repr(error), error.http_body, error.headers)


{"calls": calls, "series": series, "denied": denied}[sys.argv[1]]()
