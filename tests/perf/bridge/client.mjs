// Both official TypeScript clients, one call in each of their modes.
// Usage: node client.mjs URL FOLDER, which they are installed in. Prints one JSON object: the mode, and version and answer or error.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [url, folder] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/package.json`));
const load = (name) => import(pathToFileURL(require.resolve(name)));

const old = await load("@modelcontextprotocol/sdk/client/index.js");
const oldHttp = await load("@modelcontextprotocol/sdk/client/streamableHttp.js");
const now = await load("@modelcontextprotocol/client");

const about = { name: "typescript", version: "1" };
const modes = {
  "1.x": () => [new old.Client(about), new oldHttp.StreamableHTTPClientTransport(new URL(url))],
  legacy: () => modern({}),
  auto: () => modern({ versionNegotiation: { mode: "auto" } }),
  pinned: () => modern({ versionNegotiation: { mode: { pin: "2026-07-28" } } }),
};

function modern(options) {
  return [new now.Client(about, options), new now.StreamableHTTPClientTransport(new URL(url))];
}

const found = {};
for (const [mode, make] of Object.entries(modes)) {
  try {
    const [client, transport] = make();
    await client.connect(transport);
    const result = await client.callTool({ name: "echo", arguments: { text: mode } });
    const version = client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion;
    found[mode] = [version, result.content[0].text];
    await client.close();
  } catch (error) {
    found[mode] = ["error", String(error)];
  }
}
console.log(JSON.stringify(found));
