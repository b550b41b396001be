// A WebSocket server by `ws`: it says its port, and how each connection ended.
const { WebSocketServer } = require("ws");

const choose = (offered) => (offered.has("b") ? "b" : false);
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: choose, maxPayload: 1 << 30 });

server.on("listening", () => console.log("port", server.address().port));
server.on("connection", (socket, request) => {
  const path = request.url;
  socket.on("close", (code) => console.log("closed", path, code));
  socket.on("error", () => {});
  if (path === "/echo") {
    socket.on("message", (data, binary) => socket.send(data, { binary }));
  } else if (path === "/pieces") {
    socket.on("message", (data, binary) => {
      socket.send(data.subarray(0, 1), { binary, fin: false });
      socket.send(data.subarray(1, -1), { binary, fin: false });
      socket.send(data.subarray(-1), { binary, fin: true });
    });
  } else if (path === "/ping") {
    socket.on("pong", (data) => socket.send(String(data) === "from the server" ? "pong" : "another pong"));
    socket.ping("from the server");
  } else if (path === "/credential") {
    socket.send(request.headers.authorization);
    socket.send(Buffer.from(request.headers.authorization));
  } else if (path === "/close") {
    socket.close(4001, "that is all");
  } else {
    socket.send("hold");
  }
});
process.stdin.on("end", () => process.exit(0)).resume();
