import { parentPort, workerData } from 'node:worker_threads';
import { MetertapError } from '../core/errors.ts';
import type { STOP } from '../ledger/end-worker.ts';
import { ReportBook } from '../ledger/report-book.ts';
import { answerTo, type Request } from '../ledger/worker-calls.ts';
import { ReportDesk } from './report-desk.ts';
import type { ReportQuestion } from './report-question.ts';
import type { ReportCalls, ReportOutcome, ReportThreadStart } from './report-thread.ts';

/** The worker thread that answers reports, one at a time, from a connection of its own that cannot write. */
const { dataDir }: ReportThreadStart = workerData;
const book = new ReportBook(dataDir);
const desk = new ReportDesk((nowMs) => book.at(nowMs));

parentPort?.on('message', (call: Request<ReportCalls> | typeof STOP) => {
  if (call.kind === 'stop') {
    book.close();
    parentPort?.close();
    return;
  }
  void answerCall(call);
});

async function answerCall(call: Request<ReportCalls>): Promise<void> {
  const memory: ArrayBuffer[] = [];
  const answer = await answerTo(call.id, async () => {
    const outcome = await outcomeOf(call.input);
    if (outcome.kind === 'answered' && outcome.json.buffer instanceof ArrayBuffer) memory.push(outcome.json.buffer);
    return outcome;
  });
  parentPort?.postMessage(answer, memory);
}

async function outcomeOf(question: ReportQuestion): Promise<ReportOutcome> {
  try {
    return { kind: 'answered', json: await desk.answer(question) };
  } catch (error) {
    if (!(error instanceof MetertapError)) throw error;
    const { code, message, param } = error;
    return { kind: 'refused', code, message, param };
  }
}
