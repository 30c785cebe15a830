// An MCP server of one of the TypeScript SDKs for tests, on $PORT of all addresses.
//
// Usage: node serve.mjs SERVER, one of the keys of `servers` below.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

import * as z from "zod";

const Add = { input: { a: z.number().int(), b: z.number().int() }, output: { result: z.number() } };
const Echo = { text: z.string() };

// The first SDK takes the fields of a schema, the second one the schema.
function withTools(server, schema = (fields) => fields) {
  server.registerTool(
    "echo",
    { description: "Return what came.", inputSchema: schema(Echo) },
    async ({ text }) => ({ content: [{ type: "text", text }] }),
  );
  server.registerTool(
    "add",
    {
      description: "Return the sum.",
      inputSchema: schema(Add.input),
      outputSchema: schema(Add.output),
    },
    async ({ a, b }) => {
      const structuredContent = { result: a + b };
      return { content: [{ type: "text", text: JSON.stringify(structuredContent) }], structuredContent };
    },
  );
  return server;
}

async function firstSdk() {
  const { McpServer } = await import("@modelcontextprotocol/sdk/server/mcp.js");
  return () => withTools(new McpServer({ name: "typescript-sdk-1", version: "1.32.2" }));
}

async function secondSdk() {
  const { McpServer } = await import("@modelcontextprotocol/server");
  return () => withTools(new McpServer({ name: "typescript-sdk-2", version: "2.4.0" }), z.object);
}

function refuse(response, status) {
  response.writeHead(status).end();
}

// Answers at /mcp; a client's session is a transport, and open until the client deletes it.
function sessions(makeServer, Transport) {
  const open = new Map();
  return async (request, response) => {
    const id = request.headers["mcp-session-id"];
    if (id !== undefined) {
      const transport = open.get(id);
      return transport ? transport.handleRequest(request, response) : refuse(response, 404);
    }
    const transport = new Transport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (begun) => open.set(begun, transport),
      onsessionclosed: (ended) => open.delete(ended),
    });
    await makeServer().connect(transport);
    await transport.handleRequest(request, response);
  };
}

function stateless(makeServer, Transport) {
  return async (request, response) => {
    const server = makeServer();
    const transport = new Transport({ sessionIdGenerator: undefined });
    response.on("close", () => server.close());
    await server.connect(transport);
    await transport.handleRequest(request, response);
  };
}

// Answers at /sse and /messages.
function events(makeServer, Transport) {
  const open = new Map();
  return async (request, response) => {
    const url = new URL(request.url, "http://host");
    if (url.pathname === "/messages") {
      const transport = open.get(url.searchParams.get("sessionId"));
      return transport ? transport.handlePostMessage(request, response) : refuse(response, 404);
    }
    if (request.method !== "GET") return refuse(response, 405);
    const transport = new Transport("/messages", response);
    open.set(transport.sessionId, transport);
    response.on("close", () => open.delete(transport.sessionId));
    await makeServer().connect(transport);
  };
}

const servers = {
  "typescript-sdk-1": async () => {
    const { StreamableHTTPServerTransport } = await import(
      "@modelcontextprotocol/sdk/server/streamableHttp.js"
    );
    return sessions(await firstSdk(), StreamableHTTPServerTransport);
  },
  "typescript-sdk-1-stateless": async () => {
    const { StreamableHTTPServerTransport } = await import(
      "@modelcontextprotocol/sdk/server/streamableHttp.js"
    );
    return stateless(await firstSdk(), StreamableHTTPServerTransport);
  },
  "typescript-sdk-1-sse": async () => {
    const { SSEServerTransport } = await import("@modelcontextprotocol/sdk/server/sse.js");
    return events(await firstSdk(), SSEServerTransport);
  },
  "typescript-sdk-2": async () => {
    const { createMcpHandler } = await import("@modelcontextprotocol/server");
    const { toNodeHandler } = await import("@modelcontextprotocol/node");
    return toNodeHandler(createMcpHandler(await secondSdk()));
  },
  // The 2026 protocol alone.
  "typescript-sdk-2-modern": async () => {
    const { createMcpHandler } = await import("@modelcontextprotocol/server");
    const { toNodeHandler } = await import("@modelcontextprotocol/node");
    return toNodeHandler(createMcpHandler(await secondSdk(), { legacy: "reject" }));
  },
  "typescript-sdk-2-sessions": async () => {
    const { NodeStreamableHTTPServerTransport } = await import("@modelcontextprotocol/node");
    return sessions(await secondSdk(), NodeStreamableHTTPServerTransport);
  },
  "typescript-sdk-2-sse": async () => {
    const { SSEServerTransport } = await import("@modelcontextprotocol/server-legacy/sse");
    return events(await secondSdk(), SSEServerTransport);
  },
};

const choice = servers[process.argv[2]];
if (!choice) {
  console.error(`usage: node serve.mjs ${Object.keys(servers).join("|")}`);
  process.exit(2);
}
const handle = await choice();
const path = process.argv[2].endsWith("-sse") ? /^\/(sse|messages)$/ : /^\/mcp$/;
createServer((request, response) => {
  if (!path.test(new URL(request.url, "http://host").pathname)) return refuse(response, 404);
  handle(request, response).catch((error) => {
    console.error(error);
    if (!response.headersSent) refuse(response, 500);
  });
}).listen(Number(process.env.PORT), "0.0.0.0");
process.on("SIGTERM", () => process.exit(0));
