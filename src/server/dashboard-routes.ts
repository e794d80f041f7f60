import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { MetertapError } from '../core/errors.ts';

/**
 * Nothing but our own files, no inline script or style, no frame, no other origin. Styles that scripts set through the
 * CSSOM are not inline styles in the sense of the policy (https://www.w3.org/TR/CSP3/).
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const PAGE_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
} as const;

/**
 * The page at `/dashboard` (dashboard/, built into static files). It is open, like any sign-in page: whatever it shows
 * it asks of the management API.
 *
 * @param folder the built files: `index.html`, and `assets/` whose names change with their content
 */
export function registerDashboardRoutes(app: FastifyInstance, folder: string): void {
  if (!existsSync(join(folder, 'index.html'))) return;
  void app.register(
    (scope, _options, done) => {
      void scope.register(fastifyStatic, { root: folder, serve: false, dotfiles: 'deny' });
      const sendPage = (reply: FastifyReply) =>
        reply.headers(PAGE_HEADERS).header('cache-control', 'no-cache').sendFile('index.html', { cacheControl: false });

      // Only what was built has a name here; whatever else is asked for is not looked for on the disk.
      const assets = new Set(readdirSync(join(folder, 'assets')));
      scope.get<{ Params: { '*': string } }>('/assets/*', (request, reply) => {
        const name = request.params['*'];
        if (!assets.has(name)) throw new MetertapError('unknown_url', 'The dashboard has no such file.');
        return reply.headers(PAGE_HEADERS).sendFile(join('assets', name), { maxAge: '365d', immutable: true });
      });
      scope.get('/icon.svg', (_request, reply) => reply.headers(PAGE_HEADERS).sendFile('icon.svg', { maxAge: '1h' }));
      // Every view has a path of its own, which the page reads.
      scope.get('/', (_request, reply) => sendPage(reply));
      scope.get('/*', (_request, reply) => sendPage(reply));
      done();
    },
    { prefix: '/dashboard' },
  );
}
