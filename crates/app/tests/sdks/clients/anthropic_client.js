// Anthropic's SDK for Node. Told where the gateway is and the client's key, and nothing else.
'use strict';

const assert = require('node:assert');
const Anthropic = require('@anthropic-ai/sdk');
const { main, more, seen } = require('./signals.js');

const client = new Anthropic({
  apiKey: process.env.API_KEY,
  baseURL: process.env.BASE_URL,
  // A second try would hide a failed call.
  maxRetries: 0,
});
const QUESTION = {
  model: 'claude-sonnet-4-5',
  max_tokens: 64,
  messages: [{ role: 'user', content: 'Grüß Gott' }],
};

main({
  async calls() {
    const { data, response } = await client.messages.create(QUESTION).withResponse();
    console.log('message', data.content[0].text, data.stop_reason, data.usage.output_tokens);
    console.log('proxy-status', response.headers.get('proxy-status'));
    console.log(data, response.headers);
  },

  async stream() {
    let number = 0;
    for await (const event of await client.messages.create({ ...QUESTION, stream: true })) {
      console.log('event', event.type, event.delta?.text ?? event.delta?.stop_reason ?? '-');
      await seen(number);
      number += 1;
    }
  },

  async series() {
    let count = 0;
    while (await more()) {
      const message = await client.messages.create(QUESTION);
      assert.strictEqual(message.stop_reason, 'end_turn');
      count += 1;
    }
    console.log('calls', count);
  },

  async denied() {
    try {
      console.log('no error', await client.messages.create(QUESTION));
    } catch (error) {
      if (!(error instanceof Anthropic.AuthenticationError)) throw error;
      console.log('AuthenticationError', error.status, error.headers.get('proxy-status'));
      console.log(error, error.headers);
    }
  },
});
