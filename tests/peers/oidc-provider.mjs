// npm `oidc-provider`, a certified OpenID provider, as the issuer of a small protected MCP endpoint.
//
// The two stand on different ports, as in life. The issuer asks for PKCE, opens dynamic registration,
// issues opaque tokens for exactly one resource (RFC 8707) and refresh tokens only for `offline_access`
// with `prompt=consent`, rotates them for public clients, and ends the whole grant when a spent one comes back.
// Sign-in and consent happen without a person, but through its real interaction redirects and cookies.
//
// Ready line: {"url": the MCP endpoint, "issuer": …}. `GET /_books` beside the endpoint tells what happened.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import Provider, { errors } from 'oidc-provider';
import { bearer, body, json, ready, reserve } from './serve.mjs';

const SCOPE = 'mcp:tools';
const ACCESS_LIFETIME_SECONDS = 3600;

const issuerPlace = await reserve();
const serverPlace = await reserve();
const issuer = issuerPlace.origin;
const resource = `${serverPlace.origin}/mcp`;
const metadataUrl = `${serverPlace.origin}/.well-known/oauth-protected-resource/mcp`;

const books = { registrations: 0, codes_redeemed: 0, refreshes: 0, refused: 0, revocations: 0, calls: 0, errors: [] };
const liveGrants = new Set();

// --- the issuer ------------------------------------------------------------------------------------------

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'peer' };
}

function resourceServer(_context, indicator) {
  if (indicator !== resource) throw new errors.InvalidTarget();
  return { scope: SCOPE, audience: resource, accessTokenFormat: 'opaque', accessTokenTTL: ACCESS_LIFETIME_SECONDS };
}

const provider = new Provider(issuer, {
  clients: [],
  jwks: { keys: [signingKey()] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  scopes: ['openid', 'offline_access', SCOPE],
  pkce: { required: () => true },
  findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub, name: 'Peer Person' }) }),
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: resourceServer,
      // A token request that does not name the resource again gets a token that opens nothing.
      useGrantedResource: () => false,
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

function challenge(response, token) {
  const error = token ? 'error="invalid_token", ' : '';
  json(response, 401, { error: token ? 'invalid_token' : 'unauthorized' }, {
    'WWW-Authenticate': `Bearer ${error}resource_metadata="${metadataUrl}", scope="${SCOPE}"`,
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

async function mcp(request, response) {
  const token = bearer(request);
  const found = token && (await provider.AccessToken.find(token));
  if (!found || found.isExpired || ![].concat(found.aud).includes(resource)) return challenge(response, token);
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

ready({ url: resource, issuer }, [issuerPlace, serverPlace]);
