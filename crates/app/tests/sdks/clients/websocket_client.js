// Every kind of message, by `ws`; one line for each.
const { once } = require("events");
const crypto = require("crypto");
const WebSocket = require("ws");

const base = process.env.BASE_URL.replace("http://", "ws://");

/** A socket whose messages can be waited for one by one, in the order in which they came. */
async function opened(path, protocols = []) {
  const headers = { Authorization: `Bearer ${process.env.API_KEY}` };
  const socket = new WebSocket(base + path, protocols, { headers, perMessageDeflate: false });
  const came = [];
  const waiting = [];
  socket.on("message", (data, binary) => {
    const message = binary ? data : String(data);
    waiting.length ? waiting.shift()(message) : came.push(message);
  });
  socket.next = () => (came.length ? Promise.resolve(came.shift()) : new Promise((told) => waiting.push(told)));
  socket.over = once(socket, "close");
  await once(socket, "open");
  return socket;
}

async function calls() {
  let socket = await opened("/echo", ["a", "b"]);
  console.log("subprotocol", socket.protocol);
  const same = (one, other) => (typeof one === "string" ? one === other : one.equals(other));
  const messages = [["text", "Grüß Gott"], ["binary", Buffer.from([0, 255, 1])], ["empty", ""]];
  messages.push(["large text", "ä".repeat(1 << 19)], ["large binary", crypto.randomBytes(1 << 20)]);
  for (const [name, message] of messages) {
    socket.send(message);
    console.log(name, same(message, await socket.next()) ? "True" : "False");
  }
  socket.send("in ", { fin: false });
  socket.send("three ", { fin: false });
  socket.send("pieces", { fin: true });
  console.log("fragments", await socket.next());
  socket.ping("from the client");
  const [pong] = await once(socket, "pong");
  console.log(String(pong) === "from the client" ? "ping pong" : "another pong");
  const many = Array.from({ length: 2000 }, (_, number) => `message ${number}`);
  many.forEach((message) => socket.send(message));
  const back = [];
  while (back.length < many.length) back.push(await socket.next());
  console.log("many", many.join() === back.join() ? "True" : "False");
  socket.close(4002, "enough");
  console.log("closed", (await socket.over)[0]);
  socket = await opened("/pieces");
  socket.send("a message in pieces");
  console.log("pieces", await socket.next());
  socket.close();
  socket = await opened("/ping");
  console.log("asked", await socket.next());
  socket.close();
  socket = await opened("/credential");
  console.log("credential", await socket.next(), String(await socket.next()));
  socket.close();
  socket = await opened("/close");
  const [code, reason] = await socket.over;
  console.log("ended", code, String(reason));
}

async function hold() {
  const socket = await opened("/hold");
  console.log(await socket.next());
  const [code] = await socket.over;
  console.log("ended", code === 1006 ? "without a word" : code);
}

({ calls, hold })[process.argv[2]]();
