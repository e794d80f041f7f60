import type { FastifyInstance } from 'fastify';
import type { ManagementRooms } from './management-rooms.ts';

/**
 * `GET /api/v1/openapi.json`: the description of everything that Metertap itself answers. It is open, so that tools can
 * load it, and says nothing but what is in the documentation. It is written when it is asked for first: most processes
 * never are, and a start should not pay for it.
 */
export function registerOpenApiRoute(app: FastifyInstance, { status }: Pick<ManagementRooms, 'status'>): void {
  let text: Promise<string> | null = null;
  app.get('/api/v1/openapi.json', async (_request, reply) => {
    text ??= writeDocument(status().version);
    return reply
      .header('content-type', 'application/json; charset=utf-8')
      .header('cache-control', 'no-cache')
      .send(await text);
  });
}

async function writeDocument(version: string): Promise<string> {
  const [{ OPERATIONS }, { openApiDocument }] = await Promise.all([
    import('./operations/all-operations.ts'),
    import('./operations/openapi-document.ts'),
  ]);
  return JSON.stringify(openApiDocument(OPERATIONS, version));
}
