// A real authorization server (npm oidc-provider) as a FAPI 2.0 server with headless logins, for the end-to-end tests.
//
// Settings are one JSON object in the first line of standard input:
//   package: path of the installed package, key, cert: PEM of the TLS server, clients: registrations,
//   faults: names of configuration faults, signingKeys: private JWKs of the server
// Prints one JSON line {"issuer": …} when it listens. Ends when standard input ends.

import https from 'node:https';
import { X509Certificate } from 'node:crypto';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const settings = JSON.parse((await lines.next()).value);
const faults = new Set(settings.faults);
const { Provider, errors } = await import(pathToFileURL(join(settings.package, 'lib', 'index.js')));

const server = https.createServer({
  key: settings.key, cert: settings.cert, requestCert: true, rejectUnauthorized: false,
});
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const issuer = `https://127.0.0.1:${server.address().port}`;

function certificateOf(ctx) {
  if (faults.has('certificate-header') && ctx.get('x-client-cert')) {
    return new X509Certificate(decodeURIComponent(ctx.get('x-client-cert')));
  }
  return ctx.socket.getPeerX509Certificate();
}

const provider = new Provider(issuer, {
  clients: settings.clients,
  jwks: { keys: settings.signingKeys },
  scopes: ['openid', 'offline_access', 'accounts', 'payments'],
  responseTypes: ['code'],
  clientAuthMethods: ['private_key_jwt', 'self_signed_tls_client_auth'],
  clientDefaults: {
    id_token_signed_response_alg: 'ES256',
    introspection_signed_response_alg: 'ES256',
    authorization_signed_response_alg: 'ES256',
  },
  enabledJWA: {
    clientAuthSigningAlgValues: ['PS256', 'ES256'],
    idTokenSigningAlgValues: ['PS256', 'ES256'],
    requestObjectSigningAlgValues: ['PS256', 'ES256'],
    introspectionSigningAlgValues: ['PS256', 'ES256'],
    authorizationSigningAlgValues: ['PS256', 'ES256'],
    userinfoSigningAlgValues: ['PS256', 'ES256'],
    dPoPSigningAlgValues: ['PS256', 'ES256'],
  },
  features: {
    devInteractions: { enabled: false },
    fapi: { enabled: !faults.has('fapi-off'), profile: '2.0' },
    dPoP: {
      enabled: true,
      nonceSecret: settings.nonces ? Buffer.alloc(32, 7) : undefined,
      requireNonce: () => Boolean(settings.nonces),
      allowReplay: faults.has('replay'),
    },
    mTLS: {
      enabled: true,
      certificateBoundAccessTokens: !faults.has('mtls-unbound'),
      selfSignedTlsClientAuth: true,
      getCertificate: certificateOf,
    },
    pushedAuthorizationRequests: {
      enabled: true,
      requirePushedAuthorizationRequests: !faults.has('fapi-off'),
    },
    requestObjects: { enabled: true },
    jwtResponseModes: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
  },
  pkce: faults.has('fapi-off') ? { required: () => false } : undefined,
  ttl: {
    AuthorizationCode: faults.has('code-ttl') ? 900 : 60,
    AccessToken: 600,
    Grant: 3600,
    IdToken: 600,
    Interaction: 600,
    Session: 3600,
    RefreshToken: 3600,
  },
  issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: false,
  cookies: { keys: ['a key of the test environment'] },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: async (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
});

async function decide(ctx) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(ctx.req, ctx.res);
  const user = params.login_hint || 'alice';
  if (user === 'nobody') return { error: 'access_denied', error_description: 'the user said no' };
  if (prompt.name === 'login') return { login: { accountId: user } };
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(' '));
  if (prompt.details.missingOIDCClaims) grant.addOIDCClaims(prompt.details.missingOIDCClaims);
  return { consent: { grantId: await grant.save() } };
}

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  try {
    await provider.interactionFinished(ctx.req, ctx.res, await decide(ctx), { mergeWithLastSubmission: true });
    ctx.respond = false;
  } catch (error) {
    if (!(error instanceof errors.SessionNotFound)) throw error;
    ctx.status = 400;
    ctx.body = { error: 'invalid_request' };
  }
  return undefined;
});

if (process.env.OIDC_PROVIDER_DEBUG) {
  provider.on('server_error', (_ctx, error) => { console.error(error); });
  for (const event of ['authorization.error', 'grant.error', 'pushed_authorization_request.error', 'userinfo.error']) {
    provider.on(event, (_ctx, error) => { console.error(event, error.error, error.error_description, error.error_detail); });
  }
}

server.on('request', provider.callback());
console.log(JSON.stringify({ issuer }));
for await (const _ of lines); // eslint-disable-line no-empty
process.exit(0);
