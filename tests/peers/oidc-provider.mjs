// npm `oidc-provider`, a certified OpenID provider, as the issuer of a small protected MCP endpoint.
//
// The two stand on different ports, as in life. The issuer asks for PKCE, opens dynamic registration,
// issues opaque tokens for exactly one resource (RFC 8707) and refresh tokens only for `offline_access`
// with `prompt=consent`, rotates them for public clients, and ends the whole grant when a spent one comes back.
// Sign-in and consent happen without a person, but through its real interaction redirects and cookies. Its own
// memory store keeps the state, on storage that is written down at the end.
//
// Two clients are known beforehand: `machine` with the secret `machine-secret`, and `machine-with-key` with the key that
// PEERS_KEY, a PEM file, holds. Both may ask for tokens without a person. Whoever brings a DPoP proof gets tokens that are
// bound to its key, and the endpoint wants a proof for them.
//
// Ready line: {"url": the MCP endpoint, "issuer": …}. `GET /_books` beside the endpoint tells what happened.

import { createHash, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose';
import Provider, { errors } from 'oidc-provider';
import MemoryAdapter from 'oidc-provider/lib/adapters/memory_adapter.js';
import { bearer, body, json, named, ready, remembered, reserve } from './serve.mjs';

const SCOPE = 'mcp:tools';
const FURTHER_SCOPE = 'mcp:more';
const ACCESS_LIFETIME_SECONDS = 3600;

const issuerPlace = await reserve();
const serverPlace = await reserve();
const issuer = issuerPlace.origin;
const resource = `${serverPlace.origin}/mcp`;
const metadataUrl = `${serverPlace.origin}/.well-known/oauth-protected-resource/mcp`;

const books = { registrations: 0, codes_redeemed: 0, refreshes: 0, refused: 0, revocations: 0, calls: 0, errors: [] };
const earlier = remembered();
const liveGrants = new Set(earlier?.liveGrants);

// --- the issuer ------------------------------------------------------------------------------------------

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'peer' };
}

/** Storage for the provider's memory adapter. Nothing lives long enough here to expire; `Map`s are its lists. */
const storage = new Map(earlier?.storage.map(([key, value, isMap]) => [key, isMap ? new Map(value) : value]));


const keys = earlier?.keys ?? { signing: signingKey(), cookie: randomBytes(32).toString('hex') };

function remember() {
  const written = (value) => (value instanceof Map ? [[...value], true] : [value, false]);
  return { storage: [...storage].map(([key, value]) => [key, ...written(value)]), liveGrants: [...liveGrants], keys };
}

// Where a proxy signs people in here, PEERS_CLIENT is its id, its secret and its redirect URI, and PEERS_RESOURCE
// stands for what it protects.
const upstream = process.env.PEERS_CLIENT ? process.env.PEERS_CLIENT.split(' ') : undefined;

/** Clients for whom nobody has to consent. */
function machines() {
  if (!process.env.PEERS_KEY) return [];
  const jwk = createPublicKey(readFileSync(process.env.PEERS_KEY)).export({ format: 'jwk' });
  const machine = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] };
  return [
    { client_id: 'person', token_endpoint_auth_method: 'none', application_type: 'native', redirect_uris: ['http://127.0.0.1/callback'],
      grant_types: ['authorization_code', 'refresh_token'] },
    { ...machine, client_id: 'machine', client_secret: 'machine-secret' },
    {
      ...machine,
      client_id: 'machine-with-key',
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [{ ...jwk, use: 'sig' }] },
    },
  ];
}

function upstreamClients() {
  if (!upstream) return [];
  const [client_id, client_secret, redirect_uri] = upstream;
  return [{ client_id, client_secret, redirect_uris: [redirect_uri], grant_types: ['authorization_code', 'refresh_token'] }];
}

function resourceServer(_context, indicator) {
  if (indicator !== (process.env.PEERS_RESOURCE ?? resource)) throw new errors.InvalidTarget();
  return { scope: `${SCOPE} ${FURTHER_SCOPE}`, audience: indicator, accessTokenFormat: 'opaque', accessTokenTTL: ACCESS_LIFETIME_SECONDS };
}

const provider = new Provider(issuer, {
  adapter: (model) => new MemoryAdapter(model, storage),
  clients: [...upstreamClients(), ...machines()],
  jwks: { keys: [keys.signing] },
  cookies: { keys: [keys.cookie] },
  scopes: ['openid', 'offline_access', SCOPE, FURTHER_SCOPE],
  // A proxy asks for no `offline_access` of its own and expects to be given a refresh token nonetheless.
  ...(upstream && { issueRefreshToken: () => true }),
  pkce: { required: () => true },
  findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub, name: 'Peer Person' }) }),
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    dPoP: { enabled: true },
    introspection: { enabled: true },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: resourceServer,
      // A token request that does not name the resource again gets a token that opens nothing.
      useGrantedResource: () => Boolean(upstream),
    },
    revocation: { enabled: true },
  },
  ttl: { AccessToken: ACCESS_LIFETIME_SECONDS, RefreshToken: 86_400, Grant: 86_400, Session: 3600, Interaction: 600 },
});

provider.on('registration_create.success', () => (books.registrations += 1));
provider.on('grant.success', (context) => {
  if (context.oidc.params.grant_type === 'refresh_token') books.refreshes += 1;
  else books.codes_redeemed += 1;
});
provider.on('grant.error', (_context, error) => {
  books.refused += 1;
  books.errors.push(`token: ${error.error}: ${error.error_detail ?? error.error_description}`);
});
provider.on('authorization.error', (_context, error) => books.errors.push(`authorize: ${error.error}`));
provider.on('registration_create.error', (_context, error) => books.errors.push(`register: ${error.error_description}`));
provider.on('server_error', (_context, error) => books.errors.push(`server: ${error.stack}`));
provider.on('grant.saved', (grant) => liveGrants.add(grant.jti));
provider.on('grant.destroyed', (grant) => liveGrants.delete(grant.jti));
provider.on('grant.revoked', (context, grantId) => {
  liveGrants.delete(grantId);
  if (context.oidc.route === 'revocation') books.revocations += 1;
});

/** Says yes to everything the interaction asks for, as the one account. */
async function consent(request, response) {
  const { params, prompt, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: 'peer-person' } });
  }
  const accountId = session.accountId;
  const grant = (grantId && (await provider.Grant.find(grantId))) || new provider.Grant({ accountId, clientId: params.client_id });
  const { missingOIDCScope = [], missingResourceScopes = {} } = prompt.details;
  if (missingOIDCScope.length > 0) grant.addOIDCScope(missingOIDCScope.join(' '));
  for (const [indicator, scopes] of Object.entries(missingResourceScopes)) {
    grant.addResourceScope(indicator, scopes.join(' '));
  }
  const result = { consent: { grantId: await grant.save() } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

const answer = provider.callback();
issuerPlace.handle((request, response) => {
  if (!request.url.startsWith('/interaction/')) return answer(request, response);
  consent(request, response).catch((error) => {
    books.errors.push(`consent: ${error.message}`);
    json(response, 500, { error: 'server_error' });
  });
});

// --- the protected MCP endpoint --------------------------------------------------------------------------

function challenge(response, status, error) {
  const named = error ? `error="${error}", ` : '';
  json(response, status, { error: error ?? 'unauthorized' }, {
    'WWW-Authenticate': `Bearer ${named}resource_metadata="${metadataUrl}", scope="${SCOPE}"`,
  });
}

const tools = [{ name: 'hello', description: 'says hello', inputSchema: { type: 'object' } }];

const methods = {
  initialize: (params) => ({
    protocolVersion: params?.protocolVersion ?? '2025-11-25',
    capabilities: { tools: {} },
    serverInfo: { name: 'oidc-provider peer', version: '1.0.0' },
  }),
  ping: () => ({}),
  'tools/list': () => ({ tools }),
};

/** Whether a request proves the key that its token is bound to (RFC 9449, section 4.3). */
async function proves(request, token, thumbprint) {
  try {
    const { payload, protectedHeader } = await jwtVerify(request.headers.dpop, EmbeddedJWK, { typ: 'dpop+jwt' });
    const ath = createHash('sha256').update(token).digest('base64url');
    const fits = payload.htm === request.method && payload.htu === resource && payload.ath === ath;
    return fits && (await calculateJwkThumbprint(protectedHeader.jwk)) === thumbprint;
  } catch (error) {
    books.errors.push(`proof: ${error.message}`);
    return false;
  }
}

async function mcp(request, response) {
  const token = bearer(request);
  const found = token && ((await provider.AccessToken.find(token)) ?? (await provider.ClientCredentials.find(token)));
  if (!found || found.isExpired || ![].concat(found.aud).includes(resource)) return challenge(response, 401, token && 'invalid_token');
  if (found.jkt && !(await proves(request, token, found.jkt))) return challenge(response, 401, 'invalid_token');
  if (!found.scopes.has(SCOPE)) return challenge(response, 403, 'insufficient_scope');
  if (request.method !== 'POST') return json(response, 405, { error: 'method not allowed' }, { Allow: 'POST' });
  books.calls += 1;
  const message = JSON.parse(await body(request));
  if (message.id === undefined) return response.writeHead(202).end();
  const method = methods[message.method];
  const outcome = method ? { result: method(message.params) } : { error: { code: -32601, message: 'method not found' } };
  return json(response, 200, { jsonrpc: '2.0', id: message.id, ...outcome });
}

const prm = { resource, authorization_servers: [issuer], scopes_supported: [SCOPE], bearer_methods_supported: ['header'] };

serverPlace.handle((request, response) => {
  const { pathname } = new URL(request.url, serverPlace.origin);
  if (pathname === '/.well-known/oauth-protected-resource/mcp') return json(response, 200, prm);
  if (pathname === '/_books') return json(response, 200, { ...books, live_grants: liveGrants.size });
  if (pathname !== '/mcp') return json(response, 404, { error: 'not found' });
  return mcp(request, response).catch((error) => json(response, 400, { error: error.message }));
});

ready({ peer: named('oidc-provider'), url: resource, issuer }, [issuerPlace, serverPlace], remember);
