import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { PlainLane } from './plain-lane.ts';

/**
 * Has plain requests to `server` read and answered by the lane in this folder; all others stay Node's. To be called
 * before it listens, and once its times are set. What the server closes is closed in the lane too.
 */
export function takePlainRequests(server: Server, maxHeaderBytes: number): void {
  const [nodeListener] = server.listeners('connection');
  if (nodeListener === undefined) throw new Error('the server has no listener for connections');
  const lane = new PlainLane(server, (socket) => void nodeListener.call(server, socket), maxHeaderBytes);
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
