import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { registerDashboardRoutes } from '../../../src/server/dashboard-routes.ts';
import { readRequestHead } from '../../../src/server/http1-server/request-head.ts';
import { registerProxyRoutes } from '../../../src/server/proxy-routes.ts';
import type { ProxyRooms } from '../../../src/server/rooms.ts';
import { readTarget } from '../../../src/server/target.ts';
import { connectRaw } from '../../support/raw-client.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { makeManagementApp } from '../server-management/management-app.ts';

const NO_ROOMS = new Proxy<ProxyRooms>(Object.create(null), {
  get: () => {
    throw new Error('the test serves nothing');
  },
});

/** What paths are made of: what is ours and what is nearly, and what routers treat in ways of their own. */
const PIECES =
  '/ / / /v1/ /v1/ /v1/ /v1 v1/ /V1/ /run/ /run/r.1/v1/ /run/r/v1/ /run//v1/ /run/:run_id/v1/ /run/*/v1/ models chat/completions'
    .split(' ')
    .concat(
      'organization organization/costs organizations /api/v1/ /dashboard/ runs * :id . .. ... ~ @ %2F %2e %zz'.split(
        ' ',
      ),
    )
    .concat(['?', '?a=b', '?a=%zz', '#', ';', '//', '&', '=', '', "'", '$', '(1)', 'x'.repeat(300), 'x'.repeat(5000)]);
const URLS = 3_000;

/**
 * Requests that our own lane takes are served past Fastify's router, so that whatever the lane takes must be what the
 * router would have sent to the proxied API.
 */
it('the router sends to the proxied API whatever is read past it, with the same run and the same path', async () => {
  const { app } = makeManagementApp();
  app.addHook('onRequest', (request, reply) =>
    reply.send({
      route: request.routeOptions.url,
      params: request.params,
      number: Number(request.headers['x-number']),
    }),
  );
  registerProxyRoutes(app, NO_ROOMS);
  registerDashboardRoutes(app, fileURLToPath(new URL('../../../dashboard/dist', import.meta.url)));
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  await using client = await connectRaw(url);
  const random = seededRandom(4);
  const routes: string[] = [];
  for (let i = 0; i < URLS; i++) {
    const pieces = Array.from({ length: random.between(0, 3) }, () => random.pick(PIECES));
    const path = random.pick(['/v1/', '/run/r/v1/', '/', '']) + pieces.join('');
    const method = random.pick(['GET', 'DELETE', 'POST']);
    const length = method === 'POST' ? 'content-length: 0\r\n' : '';
    const head = `${method} ${path} HTTP/1.1\r\nhost: a\r\nx-number: ${i}\r\n${length}\r\n`;
    if (readRequestHead(Buffer.from(head), 16_384, null) === null) continue;
    const before = client.received.length;
    client.send(head);
    const answer = (await client.until(`"number":${i}}`)).slice(before);
    const { route, params } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')));
    const [pathname = ''] = path.split('?');
    const runId = pathname.startsWith('/v1/') ? null : (pathname.split('/')[2] ?? '');
    const rest = pathname.slice(runId === null ? '/v1/'.length : `/run/${runId}/v1/`.length);
    const expected = runId === null ? { '*': rest } : { run_id: runId, '*': rest };
    expect({ path, route, params }).toEqual({
      path,
      route: runId === null ? '/v1/*' : '/run/:run_id/v1/*',
      params: expected,
    });
    if (!rest.split('/').some((segment) => segment === '.' || segment === '..')) {
      expect(readTarget(path)).toMatchObject({ pathRunId: runId });
    }
    routes.push(route);
  }
  await app.close();
  expect(routes.filter((route) => route === '/v1/*').length).toBeGreaterThan(100);
  expect(routes.filter((route) => route !== '/v1/*').length).toBeGreaterThan(100);
});
