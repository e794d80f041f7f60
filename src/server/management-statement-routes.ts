import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MetertapError } from '../core/errors.ts';
import { formatUsd } from '../core/money.ts';
import { isPeriod } from '../ledger/period.ts';
import { STATEMENT_FORMATS, type StatementFormat } from '../ledger/statement.ts';
import { badCursor, type PageRequest, pageOf } from '../reporting/list-page.ts';
import { pageRequest } from '../reporting/page-request.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import type { StatementMonth } from '../reporting/statement-months.ts';
import { closeStatement, statementDocument, statementMonths } from '../reporting/statement-report.ts';
import { authorOf } from './management-changes.ts';
import type { ManagementRooms } from './management-rooms.ts';
import { pathId, readerOf, requireAdmin, visibleTeam } from './management-scope.ts';

const LIST_LIMIT = { fallback: 100, max: 1_000 };
const CONTENT_TYPES: Readonly<Record<StatementFormat, string>> = {
  json: 'application/json; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
  html: 'text/html; charset=utf-8',
};

/** `GET /statements`, `GET /statements/{team}/{month}` and `POST /statements/{team}/{month}/close`. */
export function registerStatementRoutes(scope: FastifyInstance, rooms: ManagementRooms): void {
  scope.get('/statements', async (request) => {
    const parameters = new QueryParameters(request.query, ['team', 'limit', 'cursor']);
    const team = visibleTeam(readerOf(request), parameters.text('team'));
    const page = pageRequest(parameters, ['statements', team], LIST_LIMIT);
    const months = await statementMonths(rooms.statements, team, rooms.clock.nowMs());
    return pageOfMonths(months, page);
  });

  scope.get('/statements/:team/:month', async (request, reply) => {
    const parameters = new QueryParameters(request.query, ['format']);
    const format = parameters.choice('format', STATEMENT_FORMATS) ?? 'json';
    const { team, period } = askedStatement(request);
    visibleTeam(readerOf(request), team);
    const question = { team, period, nowMs: rooms.clock.nowMs() };
    const { text, digest } = await statementDocument(rooms.statements, question, format);
    reply.header('content-type', CONTENT_TYPES[format]);
    if (digest !== null) reply.header('etag', `"sha256-${digest}"`);
    if (format === 'html') reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'");
    if (format === 'csv') {
      const name = `statement-${team.replace(/[^A-Za-z0-9._-]/g, '_')}-${period}.csv`;
      reply.header('content-disposition', `attachment; filename="${name}"`);
    }
    return reply.send(text);
  });

  scope.post('/statements/:team/:month/close', async (request) => {
    requireAdmin(readerOf(request));
    new QueryParameters(request.query, []);
    const { team, period } = askedStatement(request);
    const order = { team, period, nowMs: rooms.clock.nowMs(), author: authorOf(request) };
    return viewMonth(await closeStatement(rooms.statements, order));
  });
}

function askedStatement(request: FastifyRequest): { team: string; period: string } {
  const [team, period] = [pathId(request, 'team'), pathId(request, 'month')];
  if (isPeriod(period)) return { team, period };
  throw new MetertapError(
    'invalid_parameter',
    `month ${JSON.stringify(period)} is no calendar month. Write it as 2026-11.`,
    { param: 'month' },
  );
}

function pageOfMonths(months: readonly StatementMonth[], page: PageRequest) {
  const rows = page.position === null ? months : months.slice(positionIn(months, page.position) + 1);
  const { data, next_cursor } = pageOf(rows.slice(0, page.limit + 1), page, ({ team, period }) => [team, period]);
  return { data: data.map(viewMonth), next_cursor };
}

function positionIn(months: readonly StatementMonth[], [team, period]: readonly string[]): number {
  const position = months.findIndex((month) => month.team === team && month.period === period);
  if (position < 0) throw badCursor();
  return position;
}

function viewMonth({ team, period, closed, openingNanoUsd, totalNanoUsd }: StatementMonth) {
  return {
    team,
    period,
    state: closed === null ? 'open' : 'closed',
    opening_balance_usd: formatUsd(openingNanoUsd),
    total_usd: formatUsd(totalNanoUsd),
    closing_balance_usd: formatUsd(openingNanoUsd + totalNanoUsd),
    closed_at: closed?.closed_at ?? null,
    closed_by: closed?.closed_by ?? null,
    sha256: closed?.digests ?? null,
  };
}
