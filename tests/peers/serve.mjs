// What the peers here share: a port of their own, one ready line, a memory that may outlive them, an end on SIGTERM
// or when the pipe on stdin closes (so that no server outlives the script that started it).
//
//   PEERS_PORTS   the ports of an earlier start, so that a peer comes back at its old address
//   PEERS_STATE   the file with what it knew then; written at the end, read at the next start if it is there
//   PEERS_TTL     how many seconds access tokens live, where a peer can be told; else an hour
//   PEERS_SESSIONS  set where a peer is to keep sessions

import { createServer } from 'node:http';
import { existsSync, fstatSync, readFileSync, writeFileSync } from 'node:fs';

const earlierPorts = (process.env.PEERS_PORTS ?? '').split(',').filter(Boolean).map(Number);

/** How many seconds access tokens live. */
export const ttl = Number(process.env.PEERS_TTL || 3600);

/**
 * Listens on a loopback port before anything else exists, because issuers must know their own address when they
 * are built. Requests wait until `handle` gives them somebody to answer.
 */
export async function reserve() {
  let handler;
  const early = [];
  const server = createServer((request, response) => {
    if (handler) handler(request, response);
    else early.push([request, response]);
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(earlierPorts.shift() ?? 0, '127.0.0.1', resolve);
  });
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    port: server.address().port,
    handle(next) {
      handler = next;
      for (const [request, response] of early.splice(0)) handler(request, response);
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** What `remember` of an earlier start returned, or undefined. */
export function remembered() {
  const file = process.env.PEERS_STATE;
  return file && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

/** The version of an installed package, beside its name. */
export function named(name) {
  const { version } = JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8'));
  return `${name} ${version}`;
}

/** Prints the ready line and arranges for the end. */
export function ready(facts, places, remember) {
  const end = () => {
    if (process.env.PEERS_STATE && remember) writeFileSync(process.env.PEERS_STATE, JSON.stringify(remember()));
    for (const place of places) place.close();
    process.exit(0);
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  // A script in the background has /dev/null here; only a pipe (Node's own are sockets) says by its end that the
  // starter is gone.
  const stdin = fstatSync(0);
  if (stdin.isFIFO() || stdin.isSocket()) process.stdin.resume().on('end', end);
  process.stdout.write(`${JSON.stringify({ ...facts, ports: places.map(({ port }) => port) })}\n`);
}

/** Answers with JSON. */
export function json(response, status, body, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers });
  response.end(JSON.stringify(body));
}

/** The body of a request as text; 1 MiB at the most. */
export async function body(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > 1 << 20) throw new Error('body too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** The access token of a request, or undefined (RFC 6750, section 2.1; RFC 9449, section 7.1). */
export function bearer(request) {
  return /^(?:Bearer|DPoP) +([A-Za-z0-9._~+/-]+=*)$/i.exec(request.headers.authorization ?? '')?.[1];
}
