// Loaded into Azurite before it starts (node --require): ends it when its standard input closes, that is, when the
// process that started it is gone, in whatever way.
process.stdin.on("end", () => process.exit(0));
process.stdin.on("error", () => process.exit(0));
process.stdin.resume();
