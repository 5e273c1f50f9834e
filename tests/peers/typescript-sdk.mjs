// The MCP TypeScript SDK's own server: its auth router, its demo provider, its Streamable HTTP transport.
//
// The demo provider of the package gives no refresh tokens and cannot revoke; `Issuer` adds both, with rotation
// and with the end of the family when a spent refresh token comes back. Issuer and server share one origin.
// Known traits of this router: its issuer ends in a slash, and it lists `client_secret_post` alone for revocation
// while it also takes public clients there.
//
// Ready line: {"url": the MCP endpoint, "issuer": …}. `GET /_books` tells what happened.

import { randomUUID } from 'node:crypto';
import express from 'express';
import { DemoInMemoryAuthProvider } from '@modelcontextprotocol/sdk/examples/server/demoInMemoryOAuthProvider.js';
import { InvalidGrantError, InvalidTargetError, InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { getOAuthProtectedResourceMetadataUrl, mcpAuthRouter } from '@modelcontextprotocol/sdk/server/auth/router.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { json, named, ready, remembered, reserve, ttl } from './serve.mjs';

const SCOPE = 'mcp:tools';
const FURTHER_SCOPE = 'mcp:more';

const place = await reserve();
const serverUrl = new URL(`${place.origin}/mcp`);
const issuerUrl = new URL(place.origin);

const books = { registrations: 0, codes_redeemed: 0, refreshes: 0, refused: 0, revocations: 0, calls: 0, errors: [] };

// --- the issuer ------------------------------------------------------------------------------------------

/** One grant: its access tokens, its current refresh token, the spent ones. */
class Family {
  access = new Set();
  refresh = randomUUID();
  spent = new Set();
  alive = true;

  constructor(clientId) {
    this.clientId = clientId;
  }

  static from({ access, spent, ...rest }) {
    return Object.assign(new Family(), rest, { access: new Set(access), spent: new Set(spent) });
  }

  toJSON() {
    return { ...this, access: [...this.access], spent: [...this.spent] };
  }
}

class Issuer extends DemoInMemoryAuthProvider {
  families = new Set();

  constructor() {
    super((resource) => resource?.href === serverUrl.href);
    const store = this.clientsStore;
    const register = store.registerClient.bind(store);
    store.registerClient = (client) => {
      books.registrations += 1;
      return register(client);
    };
  }

  /** What it knew when it last ended. */
  recall({ clients, tokens, families }) {
    this.clientsStore.clients = new Map(clients);
    this.tokens = new Map(tokens.map(([token, facts]) => [token, { ...facts, resource: new URL(facts.resource) }]));
    this.families = new Set(families.map(Family.from));
  }

  remember() {
    return { clients: [...this.clientsStore.clients], tokens: [...this.tokens], families: [...this.families] };
  }

  async exchangeAuthorizationCode(client, code, verifier, redirectUri, resource) {
    // The demo looks at the resource of the authorization request alone.
    if (resource?.href !== serverUrl.href) this.refuse(new InvalidTargetError('the token request names no or another resource'));
    const tokens = await super.exchangeAuthorizationCode(client, code, verifier, redirectUri, resource);
    const family = new Family(client.client_id);
    family.access.add(tokens.access_token);
    this.families.add(family);
    books.codes_redeemed += 1;
    const issued = this.tokens.get(tokens.access_token);
    issued.expiresAt = Date.now() + ttl * 1000;
    return { ...tokens, expires_in: ttl, refresh_token: family.refresh };
  }

  async exchangeRefreshToken(client, refreshToken, _scopes, resource) {
    const family = [...this.families].find((one) => one.refresh === refreshToken || one.spent.has(refreshToken));
    if (!family || !family.alive || family.clientId !== client.client_id) this.refuse(new InvalidGrantError('unknown refresh token'));
    if (family.spent.has(refreshToken)) {
      this.end(family);
      this.refuse(new InvalidGrantError('the refresh token was used before'));
    }
    if (resource?.href !== serverUrl.href) this.refuse(new InvalidTargetError('the refresh names no or another resource'));
    return this.renew(family);
  }

  /** Ends the tokens so far and gives new ones. */
  renew(family) {
    const last = this.tokens.get([...family.access].at(-1));
    for (const token of family.access) this.tokens.delete(token);
    const token = randomUUID();
    this.tokens.set(token, { ...last, token, expiresAt: Date.now() + ttl * 1000 });
    family.access = new Set([token]);
    family.spent.add(family.refresh);
    family.refresh = randomUUID();
    books.refreshes += 1;
    const scope = last.scopes.join(' ');
    return { access_token: token, token_type: 'bearer', expires_in: ttl, scope, refresh_token: family.refresh };
  }

  async revokeToken(client, { token }) {
    const family = [...this.families].find((one) => one.refresh === token || one.access.has(token));
    if (!family || family.clientId !== client.client_id) return;
    this.end(family);
    books.revocations += 1;
  }

  async verifyAccessToken(token) {
    try {
      return await super.verifyAccessToken(token);
    } catch (error) {
      // The demo's plain Error would be answered with 500.
      throw new InvalidTokenError(error.message);
    }
  }

  end(family) {
    for (const token of family.access) this.tokens.delete(token);
    family.alive = false;
  }

  refuse(error) {
    books.refused += 1;
    books.errors.push(error.message);
    throw error;
  }
}

// --- the protected MCP server ----------------------------------------------------------------------------

function mcpServer() {
  const server = new McpServer({ name: 'typescript-sdk peer', version: '1.0.0' });
  server.registerTool('hello', { description: 'says hello' }, () => ({ content: [{ type: 'text', text: 'hello' }] }));
  return server;
}

/** One stateless exchange: a server and a transport for this request alone. */
async function mcp(request, response) {
  books.calls += 1;
  const server = mcpServer();
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.on('close', () => {
    transport.close();
    server.close();
  });
  await server.connect(transport);
  await transport.handleRequest(request, response, request.body);
}

const sessions = new Map();

/** One exchange of a session; the first opens it. Who names one that is not known is told so. */
async function mcpInSession(request, response) {
  books.calls += 1;
  const id = request.headers['mcp-session-id'];
  if (id && !sessions.has(id)) return json(response, 404, { jsonrpc: '2.0', id: null, error: { code: -32001, message: 'Session not found' } });
  const transport = sessions.get(id) ?? (await session());
  await transport.handleRequest(request, response, request.body);
}

async function session() {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => sessions.set(id, transport),
  });
  transport.onclose = () => sessions.delete(transport.sessionId);
  await mcpServer().connect(transport);
  return transport;
}

const issuer = new Issuer();
const earlier = remembered();
if (earlier) issuer.recall(earlier);
const app = express();
app.use(mcpAuthRouter({ provider: issuer, issuerUrl, resourceServerUrl: serverUrl, scopesSupported: [SCOPE, FURTHER_SCOPE] }));
app.get('/_books', (_request, response) => {
  response.json({ ...books, live_grants: [...issuer.families].filter((family) => family.alive).length });
});
const guard = requireBearerAuth({
  verifier: issuer,
  requiredScopes: [SCOPE],
  resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(serverUrl),
  expectedResource: serverUrl,
});
if (process.env.PEERS_SESSIONS) app.all('/mcp', guard, express.json(), mcpInSession);
app.post('/mcp', guard, express.json(), mcp);
app.all('/mcp', guard, (_request, response) => response.status(405).set('Allow', 'POST').end());
place.handle(app);

ready({ peer: named('@modelcontextprotocol/sdk'), url: serverUrl.href, issuer: issuerUrl.href }, [place], () => issuer.remember());
