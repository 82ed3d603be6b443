// Loaded into Azurite before it starts (node --require): ends it when its standard input closes, that is, when the
// process that started it is gone, in whatever way.
const http = require("node:http");

let ending = false;
function end() {
  if (ending) return;
  ending = true;
  process.kill(process.pid, "SIGTERM"); // lets Azurite save what it keeps on disk
  setTimeout(() => process.exit(0), 3000).unref();
}
process.stdin.on("end", end);
process.stdin.on("error", end);
process.stdin.resume();
process.stdin.unref(); // watching alone does not keep it alive

// Without this, Azurite's end waits for clients that keep idle connections open.
const close = http.Server.prototype.close;
http.Server.prototype.close = function (callback) {
  const closing = close.call(this, callback);
  this.closeIdleConnections();
  return closing;
};
