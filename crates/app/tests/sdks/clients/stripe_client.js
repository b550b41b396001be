// Stripe's SDK for Node. It takes a host and no path, so that the route has a host of its own.
'use strict';

const assert = require('node:assert');
const dns = require('node:dns');
const http = require('node:http');
const Stripe = require('stripe');
const { main, more } = require('./signals.js');

const base = new URL(process.env.BASE_URL);
const client = new Stripe(process.env.API_KEY, {
  protocol: 'http',
  host: base.hostname,
  port: base.port,
  // In the place of a name server that knows the route's host.
  httpAgent: new http.Agent({
    keepAlive: true,
    lookup: (_name, options, done) => dns.lookup('127.0.0.1', options, done),
  }),
  // A second try would hide a failed call.
  maxNetworkRetries: 0,
});

main({
  async calls() {
    const balance = await client.balance.retrieve();
    console.log('balance', balance.available[0].amount, balance.available[0].currency);
    console.log('proxy-status', balance.lastResponse.headers['proxy-status']);
    const customers = [];
    for await (const customer of client.customers.list({ limit: 2 })) customers.push(customer.id);
    console.log('customers', ...customers);
    const params = { name: 'Jörg & Söhne', email: 'jorg@example.org', metadata: { order: '67=35' } };
    for (let n = 0; n < 2; n += 1) {
      const made = await client.customers.create(params, { idempotencyKey: 'order-6735' });
      console.log('created', made.id, made.name, made.email, made.metadata.order);
    }
    console.log(balance, balance.lastResponse.headers);
  },

  async series() {
    let count = 0;
    while (await more()) {
      const balance = await client.balance.retrieve();
      assert.strictEqual(balance.available[0].amount, 2685);
      count += 1;
    }
    console.log('calls', count);
  },

  async denied() {
    try {
      console.log('no error', await client.balance.retrieve());
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeAuthenticationError)) throw error;
      console.log(error.type, error.statusCode, error.headers['proxy-status']);
      console.log(error, error.raw);
    }
  },
});
