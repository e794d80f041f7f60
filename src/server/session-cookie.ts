import type { FastifyReply, FastifyRequest } from 'fastify';
import { SESSION_SECONDS, type SignInSession } from './sign-in-sessions.ts';

const NAME = 'metertap_session';
/** Sent to the management API alone: never to proxied paths, and so never to an upstream. */
const PATH = '/api/v1';

/** The session that a request shows; null without a cookie. */
export function sessionOf(request: FastifyRequest): string | null {
  return request.cookies?.[NAME] ?? null;
}

/** Gives the browser a session that scripts cannot read and other sites cannot use. */
export function setSessionCookie(request: FastifyRequest, reply: FastifyReply, session: SignInSession): void {
  void reply.setCookie(NAME, session.value, { ...attributesFor(request), maxAge: SESSION_SECONDS });
}

export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply): void {
  void reply.clearCookie(NAME, attributesFor(request));
}

function attributesFor(request: FastifyRequest) {
  return { path: PATH, httpOnly: true, sameSite: 'strict', secure: isHttps(request) } as const;
}

/** TLS ends before us, if at all. A client that lies with the header only makes its own cookie stricter. */
function isHttps(request: FastifyRequest): boolean {
  return (
    String(request.headers['x-forwarded-proto'] ?? '')
      .split(',')[0]
      ?.trim() === 'https'
  );
}
