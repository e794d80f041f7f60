import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientResponse } from '../../streaming/client-response.ts';
import type { ClientRequest } from '../client-request.ts';
import { PlainLane } from './plain-lane.ts';

/**
 * Has plain requests to `server` read and answered by the lane in this folder; all others stay Node's. To be called
 * before it listens, and once its times are set. What the server closes is closed in the lane too.
 *
 * @param serve is given the plain requests
 */
export function takePlainRequests(
  server: Server,
  maxHeaderBytes: number,
  serve: (request: ClientRequest, response: ClientResponse) => void,
): void {
  const [nodeListener] = server.listeners('connection');
  if (nodeListener === undefined) throw new Error('the server has no listener for connections');
  const handOver = (socket: Socket) => void nodeListener.call(server, socket);
  const lane = new PlainLane(server, { serve, handOver }, maxHeaderBytes);
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => lane.accept(socket));
  const closeIdle = server.closeIdleConnections.bind(server);
  const closeAll = server.closeAllConnections.bind(server);
  server.closeIdleConnections = () => {
    closeIdle();
    lane.closeIdle();
  };
  server.closeAllConnections = () => {
    closeAll();
    lane.closeAll();
  };
}
