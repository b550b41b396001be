// What a client tells the test and asks of it, beside the gateway.
'use strict';

async function ask(path) {
  const answer = await fetch(process.env.SIGNALS + path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.text();
}

// Whether another call is to be made.
exports.more = async () => (await ask('/more')) === 'yes';

// Says that this event arrived; the next one is sent only then.
exports.seen = (number) => ask(`/seen/${number}`);

// Runs the function that the command line names.
exports.main = (modes) =>
  modes[process.argv[2]]().catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
