import type { FastifyReply } from 'fastify';
import type { ReportQuestion, Reports } from '../reporting/report-question.ts';

/** Sends the answer to a report as it comes: JSON that is written already. */
export async function sendReport(
  reply: FastifyReply,
  reports: Reports,
  question: ReportQuestion,
): Promise<FastifyReply> {
  const { buffer, byteOffset, byteLength } = await reports.answer(question);
  return reply.type('application/json; charset=utf-8').send(Buffer.from(buffer, byteOffset, byteLength));
}
