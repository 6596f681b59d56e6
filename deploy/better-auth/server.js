// Serves Better Auth under /api/auth after it has migrated its tables.

import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { log, options, origins } from "./auth.js";

const answer = toNodeHandler(betterAuth(options));

function setCorsHeaders(origin, response) {
  response.setHeader("Vary", "Origin");
  if (!origins.includes(origin)) return;
  response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Access-Control-Allow-Credentials", "true");
  response.setHeader("Access-Control-Expose-Headers", "set-auth-jwt, x-retry-after");
}

function preflight(response) {
  response.setHeader("Access-Control-Allow-Methods", "GET, POST");
  response.setHeader("Access-Control-Allow-Headers", "authorization, content-type");
  response.writeHead(204).end();
}

// Whether it can be a request of the Fetch API, which Better Auth makes of it: TRACE cannot, nor a Host that is none.
function isRequest({ method, url, headers }) {
  try {
    return Boolean(new Request(new URL(url, `http://${headers.host}`), { method }));
  } catch {
    return false;
  }
}

function fail(response, error) {
  log("error", "request_failed", { reason: error.message });
  if (!response.headersSent) response.writeHead(500);
  response.end();
}

const server = createServer((request, response) => {
  // Better Auth's rate limit uses this header, and there is no proxy that sets it.
  request.headers["x-forwarded-for"] = request.socket.remoteAddress;
  setCorsHeaders(request.headers.origin, response);
  if (request.method === "OPTIONS") preflight(response);
  else if (!isRequest(request)) response.writeHead(400).end();
  else answer(request, response).catch((error) => fail(response, error));
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    server.close(() => process.exit());
    server.closeIdleConnections();
  });
}

try {
  await (await getMigrations(options)).runMigrations();
} catch (error) {
  log("error", "database_unavailable", { reason: error.message });
  process.exit(1);
}
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? "127.0.0.1", () => {
  log("info", "started", { url: options.baseURL, port: server.address().port });
});
