// npm `@cloudflare/workers-oauth-provider`, which stands before the remote MCP servers that run on Cloudflare Workers:
// one `OAuthProvider`, issuer and resource in one, as its documentation shows it.
//
// Outside a Worker it needs two things, and has them here: an object for the module `cloudflare:workers`, and a KV
// namespace, which is a Map that is written down at the end. Consent is given without a page. Known traits: a spent
// refresh token still works until the one that came for it has been used.
//
// Ready line: {"url": the MCP endpoint, "issuer": …}. `GET /_books` tells what happened.

import { register } from 'node:module';
import { Readable } from 'node:stream';
import { json, named, ready, remembered, reserve } from './serve.mjs';

const WORKERS = 'data:text/javascript,export class WorkerEntrypoint { constructor(ctx, env) { this.ctx = ctx; this.env = env; } }';
const HOOK = `export const resolve = (name, context, next) =>
  name === 'cloudflare:workers' ? { url: ${JSON.stringify(WORKERS)}, shortCircuit: true } : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(HOOK)}`);
const { OAuthProvider, insufficientScope } = await import('@cloudflare/workers-oauth-provider');

const SCOPE = 'mcp:tools';
const FURTHER_SCOPE = 'mcp:more';

const place = await reserve();
const resource = `${place.origin}/mcp`;
const books = { registrations: 0, codes_redeemed: 0, refreshes: 0, refused: 0, revocations: 0, calls: 0, errors: [] };

/** What the library uses of a KV namespace. Nothing lives long enough here to expire. */
class Namespace {
  entries = new Map(remembered());

  async get(key, options) {
    const value = this.entries.get(key)?.value;
    if (value === undefined) return null;
    return (options?.type ?? options) === 'json' ? JSON.parse(value) : value;
  }

  async put(key, value, { metadata } = {}) {
    this.entries.set(key, { value, metadata });
  }

  async delete(key) {
    this.entries.delete(key);
  }

  async list({ prefix = '' } = {}) {
    const found = [...this.entries].filter(([key]) => key.startsWith(prefix));
    return { keys: found.map(([name, { metadata }]) => ({ name, metadata })), list_complete: true };
  }

  count(prefix) {
    return [...this.entries.keys()].filter((key) => key.startsWith(prefix)).length;
  }
}

const env = { OAUTH_KV: new Namespace() };

const tools = [{ name: 'hello', description: 'says hello', inputSchema: { type: 'object' } }];

const apiHandler = {
  async fetch(request, _env, context) {
    if (!context.auth.scope.includes(SCOPE)) return insufficientScope(context.auth, [SCOPE]);
    const { id, method } = await request.json();
    books.calls += 1;
    if (method === 'tools/list') return Response.json({ jsonrpc: '2.0', id, result: { tools } });
    return Response.json({ jsonrpc: '2.0', id, error: { code: -32601, message: 'method not found' } });
  },
};

const defaultHandler = {
  async fetch(request, { OAUTH_PROVIDER: provider }) {
    if (new URL(request.url).pathname !== '/authorize') return new Response('not found', { status: 404 });
    const asked = await provider.parseAuthRequest(request);
    const { redirectTo } = await provider.completeAuthorization({
      request: asked,
      userId: 'peer-person',
      metadata: {},
      scope: asked.scope,
      props: {},
    });
    return Response.redirect(redirectTo, 302);
  },
};

const provider = new OAuthProvider({
  apiRoute: '/mcp',
  apiHandler,
  defaultHandler,
  authorizeEndpoint: '/authorize',
  tokenEndpoint: '/oauth/token',
  clientRegistrationEndpoint: '/oauth/register',
  scopesSupported: [SCOPE, FURTHER_SCOPE],
  resourceMetadata: { resource, authorization_servers: [place.origin] },
  requiredScopes: [SCOPE],
  clientRegistrationCallback: () => void (books.registrations += 1),
  tokenExchangeCallback: ({ grantType }) => {
    if (grantType === 'refresh_token') books.refreshes += 1;
    else books.codes_redeemed += 1;
  },
  onError: ({ code, description, status }) => {
    // An unauthenticated first request is answered with 401, too, and is no complaint.
    if (status === 401 && code === 'invalid_token') return;
    books.refused += 1;
    books.errors.push(`${code}: ${description}`);
  },
});

/** Node's request as the Fetch API has it. */
function asRequest(request) {
  const { method, headers, url } = request;
  const body = method === 'GET' || method === 'HEAD' ? undefined : Readable.toWeb(request);
  return new Request(new URL(url, place.origin), { method, headers, body, duplex: 'half' });
}

async function answer(request, response) {
  const context = { waitUntil: (work) => work.catch((error) => books.errors.push(error.message)), props: {} };
  const answered = await provider.fetch(asRequest(request), env, context);
  response.writeHead(answered.status, Object.fromEntries(answered.headers));
  response.end(Buffer.from(await answered.arrayBuffer()));
}

place.handle((request, response) => {
  if (request.url === '/_books') return json(response, 200, { ...books, live_grants: env.OAUTH_KV.count('grant:') });
  answer(request, response).catch((error) => {
    books.errors.push(error.message);
    json(response, 500, { error: 'server_error', error_description: error.message });
  });
});

ready({ peer: named('@cloudflare/workers-oauth-provider'), url: resource, issuer: place.origin }, [place], () => [
  ...env.OAUTH_KV.entries,
]);
